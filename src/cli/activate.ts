import fs from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { wordsOf } from '../core/errors.js';
import { createFlowFiles, type FlowFile } from '../flows/flow-files.js';
import { includesPayments } from '../installation/plan.js';
import { type Activated, type Activation, createActivation, type Rehearsed } from '../orders/activation.js';
import type { AddedColumns } from '../orders/added-columns.js';
import { AMOUNT_UNITS, type AmountUnit, type OrderBinding } from '../storage/order-binding.js';
import type { Protection } from '../storage/protection.js';
import { confirmDeed } from './confirmation.js';
import { createOutput, type JsonOption, type Output, UsageError } from './output.js';
import { type Parts, withParts } from './parts.js';

interface ActivateOptions extends JsonOption {
  readonly orderTable?: string;
  readonly idColumn: string;
  readonly ownerColumn?: string;
  readonly amountColumn?: string;
  readonly amountUnit?: string;
  readonly currencyColumn?: string;
  readonly currency?: string;
  readonly addOwnerColumn?: string;
  readonly addAmountColumn?: string;
  readonly addCurrencyColumn?: string;
  readonly addCurrency?: string;
  readonly flowFiles: boolean;
  readonly adminSql: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** What is asked for: a table to bind, or columns to add. */
interface Wish {
  readonly rehearse: () => Promise<Rehearsed>;
  readonly activate: () => Promise<Activated>;
  /** What a person types once more. */
  readonly expectedOf: (binding: OrderBinding) => string;
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

const futureLines = ({ file, state, problem }: FlowFile): string[] => {
  if (state === 'current' || state === 'edited') return fileLines({ file, state });
  return [`Would be written: ${file}`, ...(problem === undefined ? [] : [`  For you to finish: ${problem}.`])];
};

const NO_OWNER = 'none: everyone with the permission may pay for any order';

const amountWords = ({ amountColumn, amountUnit }: OrderBinding): string => {
  if (amountColumn === null) return 'none: pay takes any amount';
  return amountUnit === 'major' ? `${amountColumn}, in the currency's major unit (10.00)` : amountColumn;
};

const bindingLines = (binding: OrderBinding): string[] => [
  `  key       ${binding.idColumn} (${binding.idType})`,
  `  owner     ${binding.ownerColumn ?? NO_OWNER}`,
  `  amount    ${amountWords(binding)}`,
  `  currency  ${binding.currencyColumn ?? (binding.currency === null ? 'none: pay takes any currency' : `${binding.currency}, for all orders`)}`,
];

const rehearsedWords = ({ binding, isBound, flowFiles }: Rehearsed): string =>
  [
    isBound ? `${binding.tableName} is bound already, like this:` : `${binding.tableName} would be bound for good:`,
    ...bindingLines(binding),
    ...(isBound
      ? []
      : [
          `  payment, recurring_payment and renewal of the schema tollgate get foreign keys to its ${binding.idColumn}, so that no`,
          '  order with payments is deleted; the database keeps it from being dropped, renamed or moved',
        ]),
    ...flowFiles.flatMap(futureLines),
  ].join('\n');

/** Writes the administrator's SQL where something lacks; gives the file, or undefined where none is needed or can be written. */
const writeSql = async ({ level, sql }: Protection, file: string, output: Output): Promise<string | undefined> => {
  if (level === 'full') return undefined;
  const target = path.resolve(file);
  try {
    await fs.writeFile(target, sql);
    return target;
  } catch (error) {
    output.progress(`${target} could not be written (${wordsOf(error)}); --admin-sql names another place.`);
    return undefined;
  }
};

const protectionLines = ({ level, missing, sql }: Protection, file: string | undefined): string[] => {
  if (level === 'full') return ['The database refuses to drop or alter the order table and the tables of Tollgate.'];
  return [
    'Not protected yet, because this role may not:',
    ...missing.map((line) => `  ${line}`),
    ...(file === undefined
      ? ['An administrator (a superuser) applies this once; then run activate again:', '', sql]
      : [
          'An administrator (a superuser) applies this file once; then run activate again:',
          `  psql --set ON_ERROR_STOP=1 --file ${/\s/.test(file) ? `"${file}"` : file} <database>`,
        ]),
  ];
};

const unitOf = ({ amountUnit }: ActivateOptions): AmountUnit | undefined => {
  const unit = AMOUNT_UNITS.find((known) => known === amountUnit);
  if (unit === amountUnit) return unit;
  throw new UsageError(`--amount-unit is ${AMOUNT_UNITS.join(' or ')}, not ${amountUnit}.`);
};

const addedOf = (options: ActivateOptions): AddedColumns | undefined => {
  const { addOwnerColumn, addAmountColumn, addCurrencyColumn, addCurrency } = options;
  const amountUnit = unitOf(options);
  const columns = {
    ...(addOwnerColumn !== undefined && { ownerColumn: addOwnerColumn }),
    ...(addAmountColumn !== undefined && { amountColumn: addAmountColumn }),
    ...(addCurrencyColumn !== undefined && { currencyColumn: addCurrencyColumn }),
    ...(addCurrency !== undefined && { currency: addCurrency }),
  };
  if (Object.keys(columns).length === 0) return undefined;
  if (options.ownerColumn ?? options.amountColumn ?? options.currencyColumn ?? options.currency)
    throw new UsageError(
      '--owner-column and the like bind a table, --add-owner-column and the like add to it: give one kind.',
    );
  return { ...columns, ...(amountUnit !== undefined && { amountUnit }) };
};

/** What a person names of the columns: their names and the currency. */
const namedIn = ({ amountUnit: _, ...columns }: AddedColumns): string[] => Object.values(columns);

const wishOf = (activation: Activation, options: ActivateOptions): Wish => {
  const columns = addedOf(options);
  if (columns)
    return {
      rehearse: () => activation.rehearseAdd(columns),
      activate: () => activation.add(columns, 'operator'),
      expectedOf: () => namedIn(columns).join(' '),
    };
  const { orderTable, idColumn, ownerColumn, amountColumn, currencyColumn, currency } = options;
  const amountUnit = unitOf(options);
  if (orderTable === undefined)
    throw new UsageError('--order-table is missing: schema.table, for example public.shop_order.');
  const request = {
    orderTable,
    idColumn,
    ...(ownerColumn !== undefined && { ownerColumn }),
    ...(amountColumn !== undefined && { amountColumn }),
    ...(amountUnit !== undefined && { amountUnit }),
    ...(currencyColumn !== undefined && { currencyColumn }),
    ...(currency !== undefined && { currency }),
  };
  return {
    rehearse: () => activation.rehearse(request),
    activate: () => activation.activate(request),
    expectedOf: ({ tableName }) => tableName,
  };
};

const confirm = ({ binding, ...rehearsed }: Rehearsed, wish: Wish, { yes = false }: ActivateOptions): Promise<void> =>
  confirmDeed(
    {
      words: rehearsedWords({ binding, ...rehearsed }),
      expected: wish.expectedOf(binding),
      doubt:
        binding.ownerColumn === null
          ? 'No owner column: everyone with the permission PAYMENT_CREATE may pay for any order. Is this right?'
          : undefined,
    },
    yes,
  );

const tell = async (
  { plans }: Parts,
  activated: Activated,
  options: ActivateOptions,
  output: Output,
): Promise<void> => {
  const { binding, protection, flowFiles, barriers } = activated;
  const plan = await plans.current();
  const protectionFile = await writeSql(protection, options.adminSql, output);
  if (barriers.length > 0) process.exitCode = 1;
  output.data(
    { ...binding, protection, protectionFile: protectionFile ?? null, flowFiles, barriers, plan },
    [
      `Payments are bound to ${binding.tableName} for good.`,
      ...bindingLines(binding),
      ...barriers.flatMap(({ message, remedy }) => [`PROBLEM  ${message} [ORDER_UNREADABLE]`, `         ${remedy}`]),
      ...flowFiles.flatMap(fileLines),
      ...(includesPayments(plan)
        ? []
        : [`The plan is ${plan}: payment actions answer FEATURE_INACTIVE until "npx tollgate plan PRO".`]),
      ...protectionLines(protection, protectionFile),
    ].join('\n'),
  );
};

const runActivate = (options: ActivateOptions): Promise<void> =>
  withParts(async (parts) => {
    const { config, database, orders, changed } = parts;
    const output = createOutput(options);
    const flowFiles = options.flowFiles ? createFlowFiles(config.flowFolder) : undefined;
    const wish = wishOf(createActivation({ database, orders, flowFiles, changed }), options);
    const rehearsed = await wish.rehearse();
    if (options.dryRun) {
      output.data({ ...rehearsed, dryRun: true }, `${rehearsedWords(rehearsed)}\nNothing was changed.`);
      return;
    }
    if (!rehearsed.isBound) await confirm(rehearsed, wish, options);
    await tell(parts, await wish.activate(), options, output);
  });

/** Adds the command that binds the order table. */
export const addActivateCommand = (program: Command): void => {
  program
    .command('activate')
    .description('bind the order table of your app, once and for good; the same binding again changes nothing')
    .option('--order-table <table>', 'schema.table, for example public.shop_order')
    .option('--id-column <column>', 'its key: integer, bigint, uuid, text or varchar', 'id')
    .option('--owner-column <column>', "the owner's account id; others can't pay for the order")
    .option('--amount-column <column>', 'what is due; pay refuses another amount')
    .option(
      '--amount-unit <unit>',
      "minor: whole smallest units (1000), unless told; major: the currency's unit (10.00)",
    )
    .option('--currency-column <column>', 'its ISO 4217 code, text or an enum; pay refuses another currency')
    .option('--currency <code>', 'the one currency of all orders, in the place of a column')
    .option('--add-owner-column <column>', 'bind the owner later, where it was left out; never changed again')
    .option('--add-amount-column <column>', 'bind the amount later, where it was left out')
    .option('--add-currency-column <column>', 'bind the currency later, where it was left out')
    .option('--add-currency <code>', 'the same, where it is one for all orders')
    .option('--dry-run', 'print what would be made, and change nothing')
    .option('--yes', 'bind without asking; needed where there is no terminal')
    .option('--no-flow-files', "leave the callback flows' files as they are")
    .option(
      '--admin-sql <file>',
      'where the SQL for an administrator goes, if any is needed',
      'tollgate-protection.sql',
    )
    .option('--json', 'print the binding as JSON')
    .action(runActivate);
};
