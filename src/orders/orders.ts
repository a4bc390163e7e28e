import pg from 'pg';
import type { Caller } from '../core/caller.js';
import { NotActivatedError, OrderNotFoundError, OrderUnreadableError } from '../core/errors.js';
import type { Database, Queryable, Tx } from '../storage/database.js';
import type { OrderBinding, OrderKeyType } from '../storage/order-binding.js';
import { isForbidden } from '../storage/rights.js';
import { amountSql, currencySql } from './order-money.js';

/** What we know of an order of the app's own table; a column that isn't bound is undefined, a null in it is null. */
export interface Order {
  readonly id: string;
  readonly owner?: string | null;
  /** Minor units as text; with a fraction where the app keeps more digits than the currency has. */
  readonly amount?: string | null;
  /** Upper case. */
  readonly currency?: string | null;
}

/** The app's order table, read through the binding. */
export interface Orders {
  /** @throws NotActivatedError while no table is bound */
  binding(): Promise<OrderBinding>;
  /** The binding, or undefined while there is none. Once there is one it is known for some seconds: columns may be added to it. */
  findBinding(): Promise<OrderBinding | undefined>;
  /** Forgets what was read: another process added a column. */
  forget(): void;
  /** An order's key as the database writes it: "007" is "7", a uuid is in lower case. Undefined for no key, or while no table is bound. */
  keyOf(orderId: string): Promise<string | undefined>;
  /** Reads one order; undefined where there is none or the key has the wrong form. */
  find(orderId: string): Promise<Order | undefined>;
  /** Locks the order's row for the rest of the transaction (FOR NO KEY UPDATE) and reads it. Always the first lock. */
  lock(tx: Tx, orderId: string): Promise<Order | undefined>;
  /** Locks the order that a row of ours leads to; a foreign key holds it, so it is there. @throws OrderUnreadableError where it can't be seen */
  hold(tx: Tx, orderId: string): Promise<Order>;
  /** Gives what makes SQL for an order's amount in minor units, from SQL for its id; null where no amount is bound. */
  amountSql(): Promise<(orderId: string) => string>;
  /** Gives what makes SQL that locks the order whose id `orderIdOf` (a subquery) finds: one row with `held`, none where it can't. */
  lockSql(): Promise<(orderIdOf: string) => string>;
  /** The same for the orders whose ids a subquery finds, in the order of their keys: gives `id` of each; what others hold is passed over. */
  lockFreeSql(): Promise<(orderIdsOf: string) => string>;
}

const quote = pg.escapeIdentifier;

const wholeNumber = (text: string, bits: number): string | undefined => {
  if (!/^-?\d{1,40}$/.test(text)) return undefined;
  const number = BigInt(text);
  return BigInt.asIntN(bits, number) === number ? number.toString() : undefined;
};

/** Longer than any generated id; keys are part of published topics. */
const LONGEST_KEY = 255;

/** What a client may write for a key, in the one form that the database writes: rows are found, compared and announced by it. */
export const ORDER_KEYS: Readonly<Record<OrderKeyType, (text: string) => string | undefined>> = {
  integer: (text) => wholeNumber(text, 32),
  bigint: (text) => wholeNumber(text, 64),
  uuid: (text) => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : undefined),
  text: (text) => (text !== '' && text.length <= LONGEST_KEY ? text : undefined),
};

const FIND_BINDING = `select table_name as "tableName", id_column as "idColumn", id_type as "idType",
  owner_column as "ownerColumn", amount_column as "amountColumn",
  case when amount_column is not null then coalesce(amount_unit, 'minor') end as "amountUnit",
  currency_column as "currencyColumn", currency,
  bound_at as "boundAt" from tollgate.order_binding`;

/** The binding as it is now; undefined while there is none. */
export const readBinding = async (on: Queryable): Promise<OrderBinding | undefined> =>
  (await on.query<OrderBinding>({ text: FIND_BINDING }))[0];

/** Should the word of an added column be lost, the binding is read again after this. */
const KEPT_MS = 5_000;

const selectOrder = (binding: OrderBinding): string => {
  const amount = amountSql(binding, 'o');
  const currency = currencySql(binding, 'o');
  const columns = [
    `o.${quote(binding.idColumn)}::text as "id"`,
    ...(binding.ownerColumn === null ? [] : [`o.${quote(binding.ownerColumn)}::text as "owner"`]),
    ...(amount === null ? [] : [`(${amount})::text as "amount"`]),
    ...(currency === null ? [] : [`${currency} as "currency"`]),
  ];
  return `select ${columns.join(', ')} from ${binding.tableName} o where o.${quote(binding.idColumn)} = $1`;
};

/** What it means for the order when the database forbids a statement that reads it; anything else stays as it is. */
export const unreadableOr = (error: unknown, what: string): unknown =>
  isForbidden(error) ? new OrderUnreadableError(what, { cause: error }) : error;

/** Builds the reader over the one binding. */
export const createOrders = (database: Database): Orders => {
  let known: { readonly binding: OrderBinding; readonly until: number } | undefined;

  const findBinding = async (): Promise<OrderBinding | undefined> => {
    if (known && performance.now() < known.until) return known.binding;
    const until = performance.now() + KEPT_MS;
    const binding = await readBinding(database);
    known = binding && { binding, until };
    return binding;
  };
  const binding = async (): Promise<OrderBinding> => {
    const found = await findBinding();
    if (!found) throw new NotActivatedError();
    return found;
  };
  const read = async (on: Queryable, orderId: string, suffix: string): Promise<Order | undefined> => {
    const found = await binding();
    const key = ORDER_KEYS[found.idType](orderId);
    if (key === undefined) return undefined;
    const rows = await on
      .query<Order>({ text: `${selectOrder(found)}${suffix}`, values: [key] })
      .catch((error: unknown) => {
        throw unreadableOr(error, `Order ${key}`);
      });
    return rows[0];
  };
  const lock = (tx: Tx, orderId: string): Promise<Order | undefined> => read(tx, orderId, ' for no key update of o');

  return {
    binding,
    findBinding,
    forget() {
      known = undefined;
    },
    async keyOf(orderId) {
      const found = await findBinding();
      return found && ORDER_KEYS[found.idType](orderId);
    },
    find: (orderId) => read(database, orderId, ''),
    lock,
    async hold(tx, orderId) {
      const order = await lock(tx, orderId);
      if (!order) throw new OrderUnreadableError(`Order ${orderId}`);
      return order;
    },
    async amountSql() {
      const bound = await binding();
      const amount = amountSql(bound, 'due');
      return (orderId) =>
        amount === null
          ? 'null::bigint'
          : `(select ${amount} from ${bound.tableName} due where due.${quote(bound.idColumn)} = ${orderId})`;
    },
    async lockSql() {
      const { tableName, idColumn } = await binding();
      return (orderIdOf) =>
        `select true as "held" from ${tableName} o where o.${quote(idColumn)} = (${orderIdOf}) for no key update of o`;
    },
    async lockFreeSql() {
      const { tableName, idColumn } = await binding();
      const id = `o.${quote(idColumn)}`;
      return (orderIdsOf) =>
        `select ${id} as id from ${tableName} o where ${id} = any(array(${orderIdsOf})) order by ${id} for no key update of o skip locked`;
    },
  };
};

/** What lets a caller act on another account's order: reading any row of the kind that is about it. */
type AnyPermission = 'PAYMENT_READ_ANY' | 'RECURRING_READ_ANY';

/** Whether the caller may act on the order: it is theirs, nobody's (no owner column bound), or they may read any. */
export const mayUseOrder = (caller: Caller, order: Order, any: AnyPermission = 'PAYMENT_READ_ANY'): boolean =>
  order.owner === undefined ||
  (caller.accountId !== null && order.owner === caller.accountId) ||
  caller.permissions.has(any);

/** Gives the order back, or throws ORDER_NOT_FOUND where it doesn't exist or isn't the caller's to use. */
export const assertUsable = (order: Order | undefined, orderId: string, caller: Caller, any?: AnyPermission): Order => {
  if (!order || !mayUseOrder(caller, order, any)) throw new OrderNotFoundError(orderId);
  return order;
};
