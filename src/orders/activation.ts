import pg from 'pg';
import { AlreadyActivatedError, BadUserInputError } from '../core/errors.js';
import type { FlowFile, FlowFiles } from '../flows/flow-files.js';
import { readFlowTarget } from '../flows/flow-target.js';
import type { Database, Queryable, Tx } from '../storage/database.js';
import { OPEN_GUARD } from '../storage/definition-guard.js';
import { ORDER_KEY_TYPES, type OrderBinding, type OrderKeyType, parseTableName } from '../storage/order-binding.js';
import { type Protection, protect } from '../storage/protection.js';
import { rowRulesSql } from '../storage/row-rules.js';
import type { Orders } from './orders.js';

/** The table and columns to bind. */
export interface ActivationRequest {
  /** `schema.table`, or `table` in the schema public; each part may be quoted. */
  readonly orderTable: string;
  readonly idColumn: string;
  readonly ownerColumn?: string;
  /** Minor units, a whole-number column. */
  readonly amountColumn?: string;
  readonly currencyColumn?: string;
}

/** What an activation came to. */
export interface Activated {
  readonly binding: OrderBinding;
  /** What the database itself refuses from now on, with the SQL for an administrator where something is missing. */
  readonly protection: Protection;
  /** What became of each callback flow's file; empty where there are no sources. */
  readonly flowFiles: readonly FlowFile[];
}

/** Binds the app's order table, once and for good. */
export interface Activation {
  /**
   * Binds the table, links payments to it with foreign keys, protects both as far as the role may, and writes the
   * callback flows' files where they are not the developer's yet. The same request again mends what is missing of these,
   * and changes nothing else.
   *
   * @throws BadUserInputError naming what of the table can't be used, AlreadyActivatedError for another binding
   */
  activate(request: ActivationRequest): Promise<Activated>;
}

interface Parts {
  readonly database: Database;
  readonly orders: Orders;
  /** Left out: no file is written. */
  readonly flowFiles?: FlowFiles | undefined;
}

const quote = pg.escapeIdentifier;
const WHOLE_NUMBER_TYPES = ['smallint', 'integer', 'bigint'];
const TEXT_TYPES = /^(text|character varying|character|citext|name|USER-DEFINED)/;
/** Waiting behind a long transaction on the order table would queue the app's own writes. */
const LOCK_TIMEOUT = '5s';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly isKey: boolean;
}

/** The table's columns with their types; `isKey`: a primary or unique key of that column alone. */
const readColumns = (on: Queryable, relation: string): Promise<Column[]> =>
  on.query<Column>({
    text: `select a.attname as "name", format_type(a.atttypid, a.atttypmod) as "type",
        exists (select from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indpred is null
          and i.indnkeyatts = 1 and i.indkey[0] = a.attnum) as "isKey"
      from pg_attribute a where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped`,
    values: [relation],
  });

const assertTable = async (tx: Tx, relation: string, shown: string): Promise<void> => {
  const [found] = await tx.query<{ kind: string | null }>({
    text: `select c.relkind::text as "kind" from pg_class c where c.oid = to_regclass($1)`,
    values: [relation],
  });
  if (!found) throw new BadUserInputError(`There is no table ${shown}. Create it first, or check its schema.`);
  if (found.kind !== 'r' && found.kind !== 'p')
    throw new BadUserInputError(`${shown} is no table: payments need a foreign key to it.`);
};

const columnNamed = (columns: readonly Column[], name: string, table: string): Column => {
  const column = columns.find((candidate) => candidate.name === name);
  if (!column)
    throw new BadUserInputError(
      `${table} has no column ${name}. It has: ${columns.map((candidate) => candidate.name).join(', ')}.`,
    );
  return column;
};

const checkColumns = (columns: readonly Column[], request: ActivationRequest): OrderKeyType => {
  const table = request.orderTable;
  const key = columnNamed(columns, request.idColumn, table);
  const idType = ORDER_KEY_TYPES.find((type) => type === key.type);
  if (idType === undefined)
    throw new BadUserInputError(`${table}.${key.name} is ${key.type}; an order's key is integer, bigint or uuid.`);
  if (!key.isKey) throw new BadUserInputError(`${table}.${key.name} must be the primary key, or unique by itself.`);
  if (request.ownerColumn !== undefined) columnNamed(columns, request.ownerColumn, table);
  if (request.amountColumn !== undefined) {
    const { name, type } = columnNamed(columns, request.amountColumn, table);
    if (!WHOLE_NUMBER_TYPES.includes(type))
      throw new BadUserInputError(
        `${table}.${name} is ${type}; an amount is a whole number of the smallest unit (bigint: 10000 for 100.00 USD).`,
      );
  }
  if (request.currencyColumn !== undefined) {
    const { name, type } = columnNamed(columns, request.currencyColumn, table);
    if (!TEXT_TYPES.test(type)) throw new BadUserInputError(`${table}.${name} is ${type}; a currency is text.`);
  }
  return idType;
};

const isSame = (bound: OrderBinding, tableName: string, request: ActivationRequest): boolean =>
  bound.tableName === tableName &&
  bound.idColumn === request.idColumn &&
  bound.ownerColumn === (request.ownerColumn ?? null) &&
  bound.amountColumn === (request.amountColumn ?? null) &&
  bound.currencyColumn === (request.currencyColumn ?? null);

/** Gives the empty tables' order ids the key's type, their foreign keys, and the rules that keep them as they are. */
const link = async (tx: Tx, tableName: string, idColumn: string, idType: OrderKeyType): Promise<void> => {
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

/** Builds the activation. */
export const createActivation = ({ database, orders, flowFiles }: Parts): Activation => ({
  async activate(request) {
    const names = parseTableName(request.orderTable);
    if (!names)
      throw new BadUserInputError(
        `"${request.orderTable}" is no table name. Write schema.table, for example public.shop_order.`,
      );
    const { schema, table } = names;
    const quoted = `${quote(schema)}.${quote(table)}`;
    await database.transaction(async (tx) => {
      await tx.query({ text: `set local lock_timeout = '${LOCK_TIMEOUT}'` });
      await tx.query({ text: OPEN_GUARD });
      // One activation at a time: the second sees the first's binding.
      await tx.query({ text: `select pg_advisory_xact_lock(hashtext('tollgate activate'))` });
      const [bound] = await tx.query<OrderBinding>({
        text: `select table_name as "tableName", id_column as "idColumn", owner_column as "ownerColumn",
          amount_column as "amountColumn", currency_column as "currencyColumn" from tollgate.order_binding`,
      });
      if (!bound) await assertTable(tx, quoted, request.orderTable);
      const [named] = await tx.query<{ tableName: string }>({
        text: `select format('%I.%I', n.nspname, c.relname) as "tableName"
          from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($1)`,
        values: [quoted],
      });
      const tableName = named?.tableName ?? quoted;
      if (bound && !isSame(bound, tableName, request)) throw new AlreadyActivatedError(bound.tableName);
      if (bound) return;
      const idType = checkColumns(await readColumns(tx, quoted), request);
      await link(tx, tableName, request.idColumn, idType);
      await tx.query({
        text: `insert into tollgate.order_binding
            (relation, table_name, id_column, id_type, owner_column, amount_column, currency_column)
          values ($1::text::regclass, $1, $2, $3, $4, $5, $6)`,
        values: [
          tableName,
          request.idColumn,
          idType,
          request.ownerColumn ?? null,
          request.amountColumn ?? null,
          request.currencyColumn ?? null,
        ],
      });
    });
    const binding = await orders.binding();
    return {
      binding,
      protection: await protect(database),
      flowFiles: (await flowFiles?.write(await readFlowTarget(database, binding))) ?? [],
    };
  },
});
