import type { DataSource } from 'typeorm';
import { type Caller, mayRead } from '../../core/caller.js';
import { denial } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { Page } from '../../core/page.js';
import { mayUseOrder, type Orders } from '../../orders/orders.js';
import { Change } from '../../outbox/change.js';
import type { Database } from '../../storage/database.js';
import { createRowReads } from '../../storage/row-reads.js';
import { isSoughtPayment, listPayments, soughtBy } from './list.js';
import type { Payments, PaymentVersion } from './payments.js';
import { Payment } from './row.js';
import { readPaymentTotals } from './totals.js';

/** The reading half of payments. */
export type PaymentReads = Pick<
  Payments,
  'find' | 'list' | 'totals' | 'timeline' | 'readMany' | 'readOfOrder' | 'versionsOf' | 'changedLast' | 'findWatchable'
>;

/** The account whose rows the caller may list; undefined for all. Refuses another's without the permission. */
const visibleAccount = (caller: Caller, asked: string | undefined): string | null | undefined => {
  if (caller.permissions.has('PAYMENT_READ_ANY')) return asked;
  if (asked !== undefined && asked !== caller.accountId) throw denial(caller, 'PAYMENT_READ_ANY');
  return caller.accountId;
};

/** More changes than a few seconds bring. */
const CHANGED_LAST = 2_000;

const NONE: Page<never> = { rows: [], hasNextPage: false };

/** Rows that the caller may not see are as if they weren't there. */
export const createPaymentReads = ({
  source,
  database,
  orders,
}: {
  source: DataSource;
  database: Database;
  orders: Orders;
}): PaymentReads => {
  const payments = source.getRepository(Payment);
  const rows = createRowReads(database, 'payment', Payment);
  return {
    async find(id, caller) {
      if (!isNodeId(id)) return null;
      const payment = await rows.one(id);
      return payment && mayRead(caller, payment, 'PAYMENT_READ_ANY') ? payment : null;
    },

    async list(filter, caller) {
      const accountId = visibleAccount(caller, filter.accountId);
      if (accountId === null) return NONE;
      const sought = await soughtBy(filter.search, orders, isSoughtPayment);
      if (!sought) return NONE;
      if (filter.orderId === undefined) return listPayments(database, filter, { accountId, sought });
      const orderId = await orders.keyOf(filter.orderId);
      return orderId === undefined ? NONE : listPayments(database, { ...filter, orderId }, { accountId, sought });
    },

    totals: (span) => readPaymentTotals(database, span),

    timeline: (id) =>
      source.getRepository(Change).find({ where: { nodeType: 'PAYMENT', nodeId: id }, order: { version: 'ASC' } }),

    readMany: rows.many,

    readOfOrder: (orderId) =>
      payments.createQueryBuilder('p').where('p.order_id = :orderId', { orderId }).orderBy('p.id').getMany(),

    versionsOf: (ids, orderIds) =>
      payments
        .createQueryBuilder('p')
        .select(['p.id::text as id', 'p.order_id::text as "orderId"', 'p.version as version'])
        .where('p.id = any(:ids) or p.order_id = any(:orderIds)', { ids, orderIds })
        .getRawMany<PaymentVersion>(),

    changedLast: () =>
      database.query<PaymentVersion>({
        name: 'payment_changed_last',
        text: `select c.node_id::text as "id", max(c.version) as "version", max(p.order_id::text) as "orderId" from (
            select node_id, version from tollgate.change where node_type = 'PAYMENT' order by id desc limit $1) c
          join tollgate.payment p on p.id = c.node_id group by c.node_id`,
        values: [CHANGED_LAST],
      }),

    async findWatchable(orderId, caller) {
      const order = await orders.find(orderId);
      return order && mayUseOrder(caller, order) ? order.id : undefined;
    },
  };
};
