import type { Command } from 'commander';
import { AccountBusyError, eraseAccount, exportAccount } from '../parts/account-data.js';
import { createDatabase } from '../storage/database.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { oneLine } from './table.js';
import { withWorkspace } from './workspace.js';

/** Whole tables may be searched. */
const PATIENCE_MS = 600_000;

const withPatience = <T>(work: (database: ReturnType<typeof createDatabase>) => Promise<T>): Promise<T> =>
  withWorkspace(async ({ config }) => {
    const database = createDatabase({ url: config.databaseUrl, poolSize: 2, statementTimeoutMs: PATIENCE_MS });
    return work(database).finally(() => database.close());
  });

const show = async (accountId: string): Promise<void> => {
  const kept = await withPatience((database) => exportAccount(database, accountId));
  process.stdout.write(`${JSON.stringify({ accountId, ...kept }, undefined, 2)}\n`);
};

const erase = async (accountId: string, options: JsonOption & { readonly yes?: boolean }): Promise<void> => {
  if (!options.yes)
    throw new UsageError('Nothing was erased: it is for good. Export the account first, then say --yes.');
  const { erasedAs, stripeCustomers } = await withPatience((database) => eraseAccount(database, accountId)).catch(
    (error: unknown) => {
      throw error instanceof AccountBusyError ? new UsageError(error.message) : error;
    },
  );
  const left =
    stripeCustomers.length === 0
      ? ''
      : ` Stripe still has the customer ${stripeCustomers.join(', ')}: delete it there.`;
  const words =
    erasedAs === undefined
      ? 'Nothing is kept of this account.'
      : `What was kept stands under ${erasedAs} now, without what tells who it was.${left}`;
  createOutput(options).data({ erasedAs: erasedAs ?? null, stripeCustomers }, oneLine(words, 500));
};

/** Adds the commands for people who ask what is kept of them, or want it gone. */
export const addAccountCommands = (program: Command): void => {
  const account = program.command('account').description('what is kept of an account: docs/privacy.md');
  account
    .command('export')
    .description('print all that is kept of an account, as JSON')
    .argument('<id>', "the account's id")
    .action(show);
  account
    .command('erase')
    .description('make an account unrecognisable in all that is kept; sums, states and ids of Stripe stay')
    .argument('<id>', "the account's id, or what took its place")
    .option('--yes', 'it is for good')
    .option('--json', 'print what it came to as JSON')
    .action(erase);
};
