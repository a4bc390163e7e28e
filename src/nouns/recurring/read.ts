import type { DataSource } from 'typeorm';
import { createBatch } from '../../core/batch.js';
import { type Caller, mayRead } from '../../core/caller.js';
import { denial } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { Page, PageRequest } from '../../core/page.js';
import { assertUsable, type Orders } from '../../orders/orders.js';
import { Change } from '../../outbox/change.js';
import type { Database } from '../../storage/database.js';
import { type Condition, isEqual, isWithin, type Listing, readPage } from '../../storage/listing.js';
import { createRowReads } from '../../storage/row-reads.js';
import { accountsOf, type Sought, soughtBy } from '../payments/list.js';
import type { Payment } from '../payments/row.js';
import { PAYMENT_COLUMNS } from '../payments/rows.js';
import type { Recurring, RecurringFilter } from './recurring.js';
import { LIVE_RECURRING, RecurringPayment } from './row.js';
import { RECURRING_COLUMNS } from './rows.js';

/** The reading half of recurring payments. */
export interface RecurringReads
  extends Pick<Recurring, 'find' | 'list' | 'readFor' | 'paymentsOf' | 'timeline' | 'readMany' | 'versionsOf'> {
  /** The one of the order that lives, else the newest; null where the order has none. Throws ORDER_NOT_FOUND. */
  findOfOrder(orderId: string, caller: Caller): Promise<RecurringPayment | null>;
}

/** The account whose rows the caller may list; undefined for all. Refuses another's without the permission. */
const visibleAccount = (caller: Caller, asked: string | undefined): string | null | undefined => {
  if (caller.permissions.has('RECURRING_READ_ANY')) return asked;
  if (asked !== undefined && asked !== caller.accountId) throw denial(caller, 'RECURRING_READ_ANY');
  return caller.accountId;
};

const LISTING: Listing = {
  table: 'tollgate.recurring_payment',
  alias: 'r',
  columns: RECURRING_COLUMNS,
  time: 'created_at',
  id: 'bigint',
};

/** By what it is called itself, or one of its payments is; each part finds its rows by an index of its own. */
const isSought =
  ({ text, id, orderId }: Sought): Condition =>
  (bind) => {
    const [given, ours, order] = [`${bind(text)}::text`, `${bind(id)}::bigint`, bind(orderId)];
    const payment = (column: string, value: string) =>
      `union all select recurring_payment_id from tollgate.payment where ${column} = ${value} and recurring_payment_id is not null`;
    return `r.id in (select id from tollgate.recurring_payment where id = ${ours}
      union all select id from tollgate.recurring_payment where order_id = ${order}
      union all select id from tollgate.recurring_payment where account_id in ${accountsOf(given)}
      union all select id from tollgate.recurring_payment where stripe_subscription_id = ${given}
      union all select id from tollgate.recurring_payment where stripe_checkout_session_id = ${given}
      ${payment('id', ours)} ${payment('order_id', order)} ${payment('stripe_payment_intent_id', given)}
      ${payment('stripe_invoice_id', given)} ${payment('stripe_charge_id', given)})`;
  };

interface Asked {
  readonly accountId: string | undefined;
  readonly sought: readonly Condition[];
}

const listRows = (
  database: Database,
  { orderId, status, createdFrom, createdTo, ...page }: RecurringFilter,
  { accountId, sought }: Asked,
): Promise<Page<RecurringPayment>> =>
  readPage<RecurringPayment>(
    database,
    LISTING,
    [
      ...isEqual('r.account_id', accountId),
      ...isEqual('r.order_id', orderId),
      ...isEqual('r.status', status),
      ...isWithin('r.created_at', createdFrom, createdTo),
      ...sought,
    ],
    page,
  );

const NONE: Page<never> = { rows: [], hasNextPage: false };

/** Rows that the caller may not see are as if they weren't there. */
export const createRecurringReads = ({
  source,
  database,
  orders,
}: {
  source: DataSource;
  database: Database;
  orders: Orders;
}): RecurringReads => {
  const rows = source.getRepository(RecurringPayment);

  const byId = createRowReads(database, 'recurring_payment', RecurringPayment);

  const readPages = createBatch(
    async (questions: readonly (PageRequest & { id: string })[]): Promise<Page<Payment>[]> => {
      const found = await database.query<Payment & { place: number }>({
        name: 'recurring_payment_pages',
        text: `select q.place::integer as "place", ${PAYMENT_COLUMNS}
        from unnest($1::bigint[], $2::integer[], $3::bigint[]) with ordinality as q (recurring_id, first, after, place)
        cross join lateral (select * from tollgate.payment
          where recurring_payment_id = q.recurring_id and (q.after is null or id < q.after)
          order by id desc limit q.first + 1) p
        order by q.place, p.id desc`,
        values: [
          questions.map(({ id }) => id),
          questions.map(({ first }) => first),
          questions.map(({ after }) => after ?? null),
        ],
      });
      const pages = questions.map((): Payment[] => []);
      for (const { place, ...payment } of found) pages[place - 1]?.push(payment);
      return questions.map(({ first }, index) => {
        const payments = pages[index] ?? [];
        return { rows: payments.slice(0, first), hasNextPage: payments.length > first };
      });
    },
  );

  return {
    timeline: (id) =>
      source
        .getRepository(Change)
        .find({ where: { nodeType: 'RECURRING_PAYMENT', nodeId: id }, order: { version: 'ASC' } }),

    async find(id, caller) {
      if (!isNodeId(id)) return null;
      const row = await byId.one(id);
      return row && mayRead(caller, row, 'RECURRING_READ_ANY') ? row : null;
    },

    async findOfOrder(orderId, caller) {
      const order = assertUsable(await orders.find(orderId), orderId, caller, 'RECURRING_READ_ANY');
      return rows
        .createQueryBuilder('r')
        .where('r.order_id = :orderId', { orderId: order.id })
        .orderBy(`(${LIVE_RECURRING})`, 'DESC')
        .addOrderBy('r.id', 'DESC')
        .limit(1)
        .getOne();
    },

    async list(filter, caller) {
      const accountId = visibleAccount(caller, filter.accountId);
      if (accountId === null) return NONE;
      const sought = await soughtBy(filter.search, orders, isSought);
      if (!sought) return NONE;
      if (filter.orderId === undefined) return listRows(database, filter, { accountId, sought });
      const orderId = await orders.keyOf(filter.orderId);
      return orderId === undefined ? NONE : listRows(database, { ...filter, orderId }, { accountId, sought });
    },

    async readFor(id, caller) {
      const row = await byId.one(id);
      return row && mayRead(caller, row, 'RECURRING_READ_ANY') ? row : null;
    },

    paymentsOf: async (row, page, caller) =>
      mayRead(caller, row, 'PAYMENT_READ_ANY') ? readPages({ id: row.id, ...page }) : NONE,

    readMany: byId.many,

    versionsOf: (ids) =>
      rows
        .createQueryBuilder('r')
        .select(['r.id::text as id', 'r.version as version'])
        .where('r.id = any(:ids)', { ids })
        .getRawMany<{ id: string; version: number }>(),
  };
};
