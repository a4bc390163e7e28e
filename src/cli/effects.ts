import type { Command } from 'commander';
import { createEffectJobs } from '../flows/effect-jobs.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { oneLine, toTable } from './table.js';
import { withWorkspace } from './workspace.js';

const MOST = 1_000;

interface ListOptions extends JsonOption {
  readonly dead?: boolean;
  readonly of?: string;
}

const listEffects = async ({ dead, of: nodeId, ...options }: ListOptions): Promise<void> => {
  const { rows: effects } = await withWorkspace(({ database }) =>
    createEffectJobs(database).list({ dead, nodeId, first: MOST }),
  );
  const stateOf = ({ dead: isDead, running }: (typeof effects)[number]): string =>
    isDead ? 'DEAD' : running ? 'RUNNING' : 'WAITING';
  const lines = effects.map((effect) => [
    effect.id,
    effect.name,
    stateOf(effect),
    `${effect.attempts}/${effect.maxAttempts}`,
    effect.dead ? '' : effect.nextAttemptAt.toISOString(),
    oneLine(effect.lastError),
  ]);
  const table = toTable([['ID', 'EFFECT', 'STATE', 'ATTEMPTS', 'NEXT', 'LAST ERROR'], ...lines]);
  createOutput(options).data({ effects }, effects.length === 0 ? 'No effect waits.' : table);
};

interface RetryOptions extends JsonOption {
  readonly name?: string;
  readonly reason?: string;
}

const retryEffects = async (ids: string[], options: RetryOptions): Promise<void> => {
  if (ids.some((id) => !/^\d{1,18}$/.test(id)))
    throw new UsageError('An id is a number; "tollgate effects list" has them.');
  const retried = await withWorkspace(({ database }) =>
    createEffectJobs(database).retry(ids.length > 0 ? { ids } : { name: options.name }, {
      actor: 'operator',
      reason: options.reason,
    }),
  );
  createOutput(options).data({ retried }, `${retried.length} effect(s) are tried again at once by a running server.`);
};

/** Adds the commands over the queue of effects. */
export const addEffectCommands = (program: Command): void => {
  const effects = program.command('effects').description('what callback flows asked for outside of the database');
  effects
    .command('list')
    .description('those that wait, run, or were given up on')
    .option('--dead', 'only those that were given up on')
    .option('--of <id>', 'only those of this payment, its refunds and its disputes, or of this recurring payment')
    .option('--json', 'print it as JSON')
    .action(listEffects);
  effects
    .command('retry')
    .description('try again: these, or all that were given up on')
    .argument('[ids...]', 'which')
    .option('--name <effect>', 'all of this name that were given up on')
    .option('--reason <text>', 'why, for the audit')
    .option('--json', 'print it as JSON')
    .action(retryEffects);
};
