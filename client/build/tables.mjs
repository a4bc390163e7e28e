// node tables.mjs TO.ts: writes what the client shares with the server, from the server's own tables.
import fs from 'node:fs';
import path from 'node:path';
import { createJiti } from 'jiti';

const root = path.resolve(import.meta.dirname, '..', '..');
const [to = ''] = process.argv.slice(2);
const load = (file) => createJiti(import.meta.url).import(path.join(root, file));
const { CURRENCIES } = await load('src/core/currencies.ts');
const { ENDED_RECURRING_STATUSES, OPEN_PAYMENT_STATUSES } = await load('src/core/states.ts');

const unusual = [...CURRENCIES.values()].filter(({ decimals }) => decimals !== 2);
fs.writeFileSync(
  path.join(root, to),
  `// Written by client/build/tables.mjs from src/core.
/** Decimals of a currency's smallest unit, where they aren't 2. */
export const DECIMALS: Readonly<Record<string, number>> = ${JSON.stringify(
    Object.fromEntries(unusual.map(({ code, decimals }) => [code, decimals])),
  )};
/** Statuses in which a payment may still bring money; withIntent: only while Stripe has an intent for it. */
export const OPEN_STATUSES: Readonly<Record<'always' | 'withIntent', readonly string[]>> = ${JSON.stringify(
    OPEN_PAYMENT_STATUSES,
  )};
/** Statuses of a recurring payment that charges nothing more. */
export const ENDED_STATUSES: readonly string[] = ${JSON.stringify(ENDED_RECURRING_STATUSES)};
`,
);
