import type { Command } from 'commander';
import type { Drift } from '../inbox/drift.js';
import type { Reconciliation } from '../inbox/reconciler.js';
import { parseSince } from './duration.js';
import { withOperations } from './operations.js';
import { createOutput, type JsonOption } from './output.js';
import { oneLine, toTable } from './table.js';

interface ReconcileOptions extends JsonOption {
  readonly since?: Date;
  readonly dryRun?: boolean;
}

const wordsOf = (value: unknown): string => (value === null || value === undefined ? 'nothing' : String(value));

const driftTable = (drift: readonly Drift[]): string =>
  toTable([
    ['ROW', 'ID', 'STRIPE', 'OURS', "STRIPE'S", 'CHANGE'],
    ...drift.map(({ kind, id, stripeId, ours, stripes, changes }) => [
      kind,
      id ?? 'new',
      stripeId ?? '',
      ours ?? 'none',
      stripes,
      Object.entries(changes)
        .map(([field, [from, to]]) => `${field}: ${oneLine(wordsOf(from), 40)} → ${oneLine(wordsOf(to), 40)}`)
        .join('; '),
    ]),
  ]);

const report = (found: Reconciliation, drift: readonly Drift[], rehearsed: boolean): string => {
  const { eventsListed, missing, rowsAsked, unanswered } = found;
  return [
    `${eventsListed} event(s) since ${found.since.toISOString()}, ${missing.length} of them missing here; ${rowsAsked} open row(s) asked about.`,
    ...missing.flatMap(({ id, type, error }) =>
      error === undefined ? [] : [`  ${id} (${type}) failed: ${oneLine(error, 200)}`],
    ),
    ...unanswered.map(({ kind, id, error }) => `  ${kind} ${id} was not answered: ${oneLine(error, 200)}`),
    drift.length === 0 ? 'Nothing differs from Stripe.' : driftTable(drift),
    ...(rehearsed ? ['Nothing was written. Without --dry-run the changes above are made.'] : []),
  ].join('\n');
};

const runReconcile = async (options: ReconcileOptions): Promise<void> => {
  const { since, dryRun = false } = options;
  const output = createOutput(options);
  const { found, drift } = await withOperations({ asksStripe: true, rehearses: dryRun }, async (operations) => ({
    found: await operations.reconciler.reconcile({ since, everyRow: true, tell: output.progress }),
    drift: await operations.drift(),
  }));
  output.data({ dryRun, ...found, drift }, report(found, drift, dryRun));
  if (found.unanswered.length > 0 || found.missing.some(({ error }) => error !== undefined)) process.exitCode = 1;
};

/** Adds the command that compares with Stripe. */
export const addReconcileCommand = (program: Command): void => {
  program
    .command('reconcile')
    .description('find webhooks that never came and rows that stopped short, and bring both to what Stripe says')
    .option('--since <when>', 'list events since then: 1h, 7d, or a time; Stripe keeps 30 days', parseSince)
    .option('--dry-run', 'print what differs and what would change, and write nothing')
    .option('--json', 'print it as JSON')
    .action(runReconcile);
};
