import pg from 'pg';
import { AlreadyActivatedError, BadUserInputError } from '../core/errors.js';
import type { FlowFile, FlowFiles } from '../flows/flow-files.js';
import { readFlowTarget } from '../flows/flow-target.js';
import { writeAudit } from '../storage/audit.js';
import type { Database, Tx } from '../storage/database.js';
import { OPEN_GUARD } from '../storage/definition-guard.js';
import type { AmountUnit, OrderBinding, OrderKeyType, OrderTable } from '../storage/order-binding.js';
import { type Protection, protect } from '../storage/protection.js';
import { createRehearsal } from '../storage/rehearsal.js';
import { rowRulesSql } from '../storage/row-rules.js';
import { type AddedColumns, addColumns, withBound } from './added-columns.js';
import { checkColumns, findBindable, readTableName } from './bindable-table.js';
import {
  findBindingBarriers,
  findBooksBarriers,
  findOrderBarriers,
  type OrderBarrier,
  tryOrderUpdate,
} from './order-access.js';
import { type Orders, readBinding } from './orders.js';

/** The table and columns to bind. */
export interface ActivationRequest {
  /** `schema.table`, or `table` in the schema public; each part may be quoted. */
  readonly orderTable: string;
  readonly idColumn: string;
  readonly ownerColumn?: string;
  /** A whole-number column of minor units, or `numeric` in the currency's major unit. */
  readonly amountColumn?: string;
  /** `minor` unless told; `major` needs a currency. */
  readonly amountUnit?: AmountUnit;
  /** Text or an enum. */
  readonly currencyColumn?: string;
  /** The currency of every order, in the place of a column. */
  readonly currency?: string;
}

/** What an activation came to. */
export interface Activated {
  readonly binding: OrderBinding;
  /** What the database itself refuses from now on, with the SQL for an administrator where something is missing. */
  readonly protection: Protection;
  /** What became of each callback flow's file; empty where there are no sources. */
  readonly flowFiles: readonly FlowFile[];
  /** What keeps this role from the orders of a table that was bound before. */
  readonly barriers: readonly OrderBarrier[];
}

/** What an activation would come to; nothing of it was done. */
export interface Rehearsed {
  readonly binding: OrderBinding;
  /** True where it is bound already: nothing would change but what is missing. */
  readonly isBound: boolean;
  /** The files as they are: one that is absent, outdated or foreign would be written. */
  readonly flowFiles: readonly FlowFile[];
}

/** Binds the app's order table, once and for good. */
export interface Activation {
  /**
   * Binds the table, links payments to it with foreign keys, protects both as far as the role may, and writes the
   * callback flows' files where they are not the developer's yet. The same request again mends what is missing of these,
   * and changes nothing else. The audit keeps who bound it (`actor`; `operator` unless told).
   *
   * @throws BadUserInputError naming what of the table can't be used, or what this role may not; AlreadyActivatedError for
   *   another binding
   */
  activate(request: ActivationRequest, actor?: string): Promise<Activated>;
  /** Does all of it and takes it back: refuses what `activate` would refuse. */
  rehearse(request: ActivationRequest): Promise<Rehearsed>;
  /**
   * Binds columns that were left out; they are compared from then on, and never changed. Kept in the audit. The same again
   * changes nothing.
   *
   * @param actor who adds them, such as `operator`
   * @throws NotActivatedError, AlreadyActivatedError where another column is bound, BadUserInputError
   */
  add(columns: AddedColumns, actor: string): Promise<Activated>;
  /** What `add` would come to. */
  rehearseAdd(columns: AddedColumns): Promise<Rehearsed>;
}

interface Parts {
  readonly database: Database;
  readonly orders: Orders;
  /** Left out: no file is written. */
  readonly flowFiles?: FlowFiles | undefined;
  /** Tells every process that the binding changed. */
  readonly changed?: () => Promise<void>;
}

const quote = pg.escapeIdentifier;
/** Waiting behind a long transaction on the order table would queue the app's own writes. */
const LOCK_TIMEOUT = '5s';

const tableOf = (tableName: string, request: ActivationRequest): OrderTable => ({
  tableName,
  idColumn: request.idColumn,
  ownerColumn: request.ownerColumn ?? null,
  amountColumn: request.amountColumn ?? null,
  amountUnit: request.amountColumn === undefined ? null : (request.amountUnit ?? 'minor'),
  currencyColumn: request.currencyColumn ?? null,
  currency: request.currency?.toUpperCase() ?? null,
});

const COLUMNS = ['ownerColumn', 'amountColumn', 'amountUnit', 'currencyColumn', 'currency'] as const;

/** @throws AlreadyActivatedError where the request is for another binding */
const assertSame = (bound: OrderBinding, wanted: OrderTable): void => {
  const isTable = bound.tableName === wanted.tableName && bound.idColumn === wanted.idColumn;
  const differing = COLUMNS.filter((column) => bound[column] !== wanted[column]);
  if (isTable && differing.length === 0) return;
  const isMore = isTable && differing.every((column) => bound[column] === null);
  throw new AlreadyActivatedError(
    bound.tableName,
    isMore
      ? ' A column that was left out is bound by "tollgate activate --add-owner-column …", or amount, or currency.'
      : '',
  );
};

/** Gives the empty tables' order ids the key's type, their foreign keys, and the rules that keep them as they are. */
const link = async (tx: Tx, { tableName, idColumn }: OrderTable, idType: OrderKeyType): Promise<void> => {
  for (const table of ['payment', 'recurring_payment', 'renewal']) {
    if (idType !== 'bigint')
      await tx.query({ text: `alter table tollgate.${table} alter column order_id type ${idType} using null` });
    await tx.query({
      text: `alter table tollgate.${table} add constraint ${table}_order_fk foreign key (order_id)
        references ${tableName} (${quote(idColumn)}) on delete restrict`,
    });
  }
  for (const text of rowRulesSql(true)) await tx.query({ text });
};

const insertBinding = (tx: Tx, table: OrderTable, idType: OrderKeyType): Promise<object[]> =>
  tx.query({
    text: `insert into tollgate.order_binding
        (relation, table_name, id_column, id_type, owner_column, amount_column, amount_unit, currency_column, currency)
      values ($1::text::regclass, $1, $2, $3, $4, $5, $6, $7, $8)`,
    values: [
      table.tableName,
      table.idColumn,
      idType,
      table.ownerColumn,
      table.amountColumn,
      table.amountUnit,
      table.currencyColumn,
      table.currency,
    ],
  });

const findBarriers = async (database: Database, table: OrderTable): Promise<OrderBarrier[]> => [
  ...(await findOrderBarriers(database, table)),
  ...(await tryOrderUpdate(database, table)),
];

/** A binding is for good, so it is made when this role can make it, and work with the orders. */
const assertReachable = async (database: Database, table: OrderTable): Promise<void> => {
  const lacks = await findBindingBarriers(database, table);
  assertNone(lacks.length > 0 ? lacks : await findBarriers(database, table));
};

/** @throws BadUserInputError with every remedy */
const assertNone = (barriers: readonly OrderBarrier[]): void => {
  if (barriers.length === 0) return;
  const words = barriers.map(({ message, remedy }) => `${message} ${remedy}`).join('\n');
  throw new BadUserInputError(`Nothing was bound.\n${words}`);
};

/** Opens the guard for this transaction, alone among activations: the second sees what the first bound. */
const begin = async (tx: Tx): Promise<OrderBinding | undefined> => {
  await tx.query({ text: `set local lock_timeout = '${LOCK_TIMEOUT}'` });
  await tx.query({ text: OPEN_GUARD });
  await tx.query({ text: `select pg_advisory_xact_lock(hashtext('tollgate activate'))` });
  return readBinding(tx);
};

const bind = async (
  database: Database,
  request: ActivationRequest,
  actor: string,
): Promise<Omit<Rehearsed, 'flowFiles'>> => {
  const known = await readBinding(database);
  if (known) {
    assertSame(known, tableOf(await readTableName(database, request.orderTable), request));
    return { binding: known, isBound: true };
  }
  const tableName = await findBindable(database, request.orderTable);
  const table = tableOf(tableName, request);
  const idType = await checkColumns(database, tableName, request);
  const bindOnce = async (tx: Tx) => {
    const other = await begin(tx);
    if (other) assertSame(other, table);
    if (other) return { binding: other, isBound: true };
    await link(tx, table, idType);
    await insertBinding(tx, table, idType);
    tx.send(writeAudit(actor, 'ORDERS_BOUND', table));
    const binding = await readBinding(tx);
    if (!binding) throw new Error('The binding was not stored.');
    return { binding, isBound: false };
  };
  await assertReachable(database, table);
  return database.transaction(bindOnce);
};

export const createActivation = ({ database, orders, flowFiles, changed }: Parts): Activation => {
  /** What follows the binding, and is done again with each activation. */
  const complete = async (binding: OrderBinding): Promise<Activated> => {
    orders.forget();
    return {
      binding,
      barriers: await findBarriers(database, binding),
      protection: await protect(database),
      flowFiles: (await flowFiles?.write(await readFlowTarget(database, binding))) ?? [],
    };
  };
  const look = async (done: Omit<Rehearsed, 'flowFiles'>): Promise<Rehearsed> => ({
    ...done,
    flowFiles: (await flowFiles?.inspect(await readFlowTarget(database, done.binding))) ?? [],
  });
  const add = async (on: Database, columns: AddedColumns, actor: string) => {
    const bound = await orders.binding();
    await checkColumns(on, bound.tableName, withBound(bound, columns));
    assertNone(await findBooksBarriers(on, bound));
    return on.transaction(async (tx) => addColumns(tx, (await begin(tx)) ?? bound, columns, actor));
  };

  return {
    activate: async (request, actor = 'operator') => complete((await bind(database, request, actor)).binding),
    rehearse: async (request) => look(await bind(createRehearsal(database), request, 'nobody')),
    async add(columns, actor) {
      const { binding, isBound } = await add(database, columns, actor);
      if (!isBound) await changed?.();
      return complete(binding);
    },
    rehearseAdd: async (columns) => look(await add(createRehearsal(database), columns, 'nobody')),
  };
};
