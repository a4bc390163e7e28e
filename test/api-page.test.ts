import fs from 'node:fs';
import { expect, test } from 'vitest';
import { PAYMENT_STATUSES } from '../src/core/states.js';

const read = (file: string): string => fs.readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

test('docs/api.md tells every error code that a client may meet, and every status of a payment', () => {
  const page = read('docs/api.md');
  const sources = ['src/core/errors.ts', 'src/graphql/rate-limits.ts'].map(read).join('\n');
  const codes = [...sources.matchAll(/readonly code = '([A-Z_]+)'/g)].map(([, code]) => code ?? '');
  expect(codes.length).toBeGreaterThan(20);
  for (const word of [...codes, ...PAYMENT_STATUSES]) expect(page).toContain(`\`${word}\``);
});
