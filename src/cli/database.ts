import type { Command } from 'commander';
import { createFlowFiles, type FlowFile } from '../flows/flow-files.js';
import { flowSources } from '../flows/flow-loader.js';
import { createPayloadKeeping } from '../inbox/payload-keeping.js';
import { createPlans, includesPayments } from '../installation/plan.js';
import { createActivation } from '../orders/activation.js';
import { createOrders } from '../orders/orders.js';
import { migrate } from '../storage/migrate.js';
import type { Protection } from '../storage/protection.js';
import { createOutput, type JsonOption } from './output.js';
import { withWorkspace } from './workspace.js';

const runMigrate = async (options: JsonOption): Promise<void> => {
  const output = createOutput(options);
  output.progress('Bringing the database to the newest migration …');
  const names = await withWorkspace(async ({ config, database }) => {
    const ran = await migrate(config.databaseUrl);
    await createPayloadKeeping(database, 0).redactStored();
    return ran;
  });
  output.data(
    { migrations: names },
    names.length === 0
      ? 'The database was at the newest migration already.'
      : `${names.length} migration(s) ran:\n${names.map((name) => `  ${name}`).join('\n')}`,
  );
};

interface ActivateOptions extends JsonOption {
  readonly orderTable: string;
  readonly idColumn: string;
  readonly ownerColumn?: string;
  readonly amountColumn?: string;
  readonly currencyColumn?: string;
  readonly flowFiles: boolean;
}

const FILE_STATES: Readonly<Record<FlowFile['state'], string>> = {
  written: 'Written, for the next start:',
  current: 'As generated:',
  outdated: 'As generated earlier:',
  edited: 'Yours, left as it is:',
  absent: 'Missing:',
  foreign: 'Generated for another table:',
  failed: 'Not written:',
};

const fileLines = ({ file, state, problem }: FlowFile): string[] => {
  const line = `${FILE_STATES[state]} ${file}`;
  if (problem === undefined) return [line];
  return state === 'failed' ? [`${line}: ${problem}`] : [line, `  For you to finish: ${problem}.`];
};

const protectionLines = ({ level, missing, sql }: Protection): string[] =>
  level === 'full'
    ? ['The database refuses to drop or alter the order table and the tables of Tollgate.']
    : [
        'Not protected yet, because this role may not:',
        ...missing.map((line) => `  ${line}`),
        'An administrator (a superuser) applies this once; then run activate again:',
        '',
        sql,
      ];

const runActivate = async ({ json, flowFiles: writesFiles, ...request }: ActivateOptions): Promise<void> => {
  const output = createOutput(json === undefined ? {} : { json });
  const { binding, protection, flowFiles, plan } = await withWorkspace(async ({ database }) => ({
    ...(await createActivation({
      database,
      orders: createOrders(database),
      flowFiles: writesFiles ? createFlowFiles(flowSources()) : undefined,
    }).activate(request)),
    plan: await createPlans({ database }).current(),
  }));
  output.data(
    { ...binding, protection, flowFiles, plan },
    [
      `Payments are bound to ${binding.tableName} for good.`,
      `  key       ${binding.idColumn} (${binding.idType})`,
      `  owner     ${binding.ownerColumn ?? 'none: everyone with the permission may pay for any order'}`,
      `  amount    ${binding.amountColumn ?? 'none: pay takes any amount'}`,
      `  currency  ${binding.currencyColumn ?? 'none: pay takes any currency'}`,
      ...flowFiles.flatMap(fileLines),
      ...(includesPayments(plan)
        ? []
        : [`The plan is ${plan}: payment actions answer FEATURE_INACTIVE until "npx tollgate plan PRO".`]),
      ...protectionLines(protection),
    ].join('\n'),
  );
};

/** Adds the commands that prepare the database. */
export const addDatabaseCommands = (program: Command): void => {
  program
    .command('migrate')
    .description('bring the database to the newest migration; safe to run twice and from several processes at once')
    .option('--json', 'print the names of the migrations that ran as JSON')
    .action(runMigrate);
  program
    .command('activate')
    .description('bind the order table of your app, once and for good; the same binding again changes nothing')
    .requiredOption('--order-table <table>', 'schema.table, for example public.shop_order')
    .option('--id-column <column>', 'its key: integer, bigint or uuid', 'id')
    .option('--owner-column <column>', "the owner's account id; others can't pay for the order")
    .option('--amount-column <column>', "what is due in the currency's smallest unit; pay refuses another amount")
    .option('--currency-column <column>', 'its ISO 4217 code; pay refuses another currency')
    .option('--no-flow-files', "leave the callback flows' files as they are")
    .option('--json', 'print the binding as JSON')
    .action(runActivate);
};
