import type { Command } from 'commander';
import { formatMoney } from '../core/money.js';
import type { ImportLine } from '../nouns/recurring/imports.js';
import { readImportMap } from './import-map.js';
import { withOperations } from './operations.js';
import { createOutput, type JsonOption } from './output.js';
import { oneLine, toTable } from './table.js';

interface ImportOptions extends JsonOption {
  readonly map: string;
  readonly dryRun?: boolean;
}

type Outcome = ImportLine['outcome'];
const WORDS: Readonly<Record<Outcome, string>> = { BOUND: 'bound', KNOWN: 'known', LEFT: 'left', FAILED: 'failed' };

const money = ({ amount, currency }: ImportLine): string => {
  if (amount === null) return '';
  try {
    return formatMoney(amount, currency);
  } catch {
    return `${amount} ${currency}`;
  }
};

const tableOf = (lines: readonly ImportLine[]): string =>
  toTable([
    ['SUBSCRIPTION', 'STATUS', 'A PERIOD', 'ORDER', 'ACCOUNT', 'RESULT', 'WHY'],
    ...lines.map((line) => [
      line.subscriptionId,
      line.status,
      money(line),
      oneLine(line.orderId, 40),
      oneLine(line.accountId, 40),
      WORDS[line.outcome],
      oneLine(line.reason, 120),
    ]),
  ]);

const runImport = async (options: ImportOptions): Promise<void> => {
  const { dryRun = false } = options;
  const output = createOutput(options);
  const map = readImportMap(options.map);
  const counts: Record<Outcome, number> = { BOUND: 0, KNOWN: 0, LEFT: 0, FAILED: 0 };
  const shown: ImportLine[] = [];
  const say = () =>
    `${counts.BOUND} ${dryRun ? 'would be bound' : 'bound'}, ${counts.KNOWN} known already, ${counts.LEFT} left, ${counts.FAILED} failed`;
  await withOperations({ asksStripe: true, rehearses: dryRun }, ({ imports }) =>
    imports.run(map.locate, (lines) => {
      for (const line of lines) {
        counts[line.outcome] += 1;
        // What was bound is in the database; a rehearsal has nothing else to show.
        if (dryRun || line.outcome === 'LEFT' || line.outcome === 'FAILED') shown.push(line);
      }
      output.progress(`${say()} …`);
    }),
  );
  const unmet = map.unmet();
  const report = [
    ...(shown.length === 0 ? [] : [tableOf(shown)]),
    `${say()}.`,
    ...(unmet.length === 0
      ? []
      : [
          `The map names ${unmet.length} that are no living subscriptions at Stripe: ${oneLine(unmet.join(', '), 500)}`,
        ]),
    ...(dryRun ? ['Nothing was written.'] : []),
  ];
  const { BOUND: bound, KNOWN: known, LEFT: left, FAILED: failed } = counts;
  output.data({ dryRun, bound, known, left, failed, subscriptions: shown, unmet }, report.join('\n'));
  if (failed > 0) process.exitCode = 1;
};

/** Adds the command that takes over the subscriptions that Stripe has already. */
export const addImportCommand = (program: Command): void => {
  program
    .command('import')
    .description(
      'bind customers and subscriptions that Stripe has already to accounts and orders; twice changes nothing',
    )
    .requiredOption(
      '--map <keys or file>',
      'order=KEY,account=KEY: keys of the metadata of the subscription, or else of its customer; or a CSV file of subscription,order,account',
    )
    .option('--dry-run', "print what would be bound, and what can't be and why, and write nothing")
    .option('--json', 'print it as JSON')
    .action(runImport);
};
