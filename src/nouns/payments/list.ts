import type { Repository } from 'typeorm';
import { isNodeId } from '../../core/node-id.js';
import type { Page } from '../../core/page.js';
import { REFUND_STATE_SQL } from '../refunds/refundable.js';
import type { PaymentFilter } from './payments.js';
import type { Payment } from './row.js';

/** What is searched for, in each form that it may have. */
interface Sought {
  /** As the client wrote it, without space around it. */
  readonly text: string;
  /** One of our ids; null where it isn't one. */
  readonly id: string | null;
  /** An order's key; null where it isn't one. */
  readonly orderId: string | null;
}

/** Ids of Stripe's and of apps are short: what is longer is none. */
const LONGEST = 255;

/** What a search is for; undefined where nothing can have such an id. `keyOf` gives an order's key in its one form. */
export const soughtBy = async (
  search: string,
  keyOf: (orderId: string) => Promise<string | undefined>,
): Promise<Sought | undefined> => {
  const text = search.trim();
  if (text === '' || text.length > LONGEST) return undefined;
  return { text, id: isNodeId(text) ? text : null, orderId: (await keyOf(text)) ?? null };
};

/** Each part finds its rows by an index of its own. */
const FOUND = `p.id in (
  select id from tollgate.payment where id = :soughtId
  union all select id from tollgate.payment where order_id = :soughtOrder
  union all select id from tollgate.payment where account_id = :sought
  union all select id from tollgate.payment where stripe_payment_intent_id = :sought
  union all select id from tollgate.payment where stripe_checkout_session_id = :sought
  union all select id from tollgate.payment where stripe_invoice_id = :sought
  union all select id from tollgate.payment where stripe_charge_id = :sought
  union all select payment_id from tollgate.refund where stripe_refund_id = :sought or id = :soughtId
  union all select payment_id from tollgate.dispute where stripe_dispute_id = :sought or id = :soughtId
  union all select of.id from tollgate.payment of join tollgate.recurring_payment r on r.id = of.recurring_payment_id
    where r.stripe_subscription_id = :sought or r.id = :soughtId)`;

/** Reads a page of payments, newest first; from the database alone. */
export const listPayments = async (
  payments: Repository<Payment>,
  filter: PaymentFilter,
  { accountId, sought }: { readonly accountId: string | undefined; readonly sought: Sought | undefined },
): Promise<Page<Payment>> => {
  const { orderId, status, refundState, createdFrom, createdTo, after, first } = filter;
  const query = payments
    .createQueryBuilder('p')
    .orderBy('p.id', 'DESC')
    .limit(first + 1);
  if (accountId !== undefined) query.andWhere('p.accountId = :accountId', { accountId });
  if (orderId !== undefined) query.andWhere('p.order_id = :orderId', { orderId });
  if (status !== undefined) query.andWhere('p.status = :status', { status });
  if (refundState !== undefined) query.andWhere(`(${REFUND_STATE_SQL[refundState]})`);
  if (createdFrom !== undefined) query.andWhere('p.created_at >= :createdFrom', { createdFrom });
  if (createdTo !== undefined) query.andWhere('p.created_at < :createdTo', { createdTo });
  if (sought) query.andWhere(FOUND, { sought: sought.text, soughtId: sought.id, soughtOrder: sought.orderId });
  if (after !== undefined) query.andWhere('p.id < :after', { after });
  const rows = await query.getMany();
  return { rows: rows.slice(0, first), hasNextPage: rows.length > first };
};
