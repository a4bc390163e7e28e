import type { Statement } from '../storage/database.js';
import { Payment } from '../storage/payment.js';
import { selectList } from '../storage/select-list.js';
import type { ChangeEntry } from './change-log.js';

/** The columns of a payment, for SQL that names the table `p`. */
export const PAYMENT_COLUMNS = selectList(Payment, 'p');

/** How a Stripe object leads to our row: by the payment intent's id, or by our mark while the row has no intent yet. */
export interface PaymentReference {
  readonly intentId: string;
  /** Our row's id from this installation's mark; null when the object carries none. */
  readonly paymentId: string | null;
  readonly amount: number;
  readonly currency: string;
  readonly livemode: boolean;
}

/**
 * The mark alone finds a row only while it has no Stripe id, and with equal amount, currency and mode; another row that names
 * the intent as its own is wrong.
 */
const BY_REFERENCE = `(stripe_payment_intent_id = $1 and (id = coalesce($2::bigint, id) or stripe_invoice_id is not null))
  or (id = $2::bigint and stripe_payment_intent_id is null and amount = $3 and currency = $4 and livemode = $5)`;

const referenceValues = (reference: PaymentReference): unknown[] => [
  reference.intentId,
  reference.paymentId,
  reference.amount,
  reference.currency,
  reference.livemode,
];

/**
 * Locks the order, then the referred payment, and reads the payment as it is once both are held. `lockOrder` gives the SQL
 * that locks the order whose id a subquery finds; it runs first, for the payment is joined to what it gives.
 */
export const lockByReference = (reference: PaymentReference, lockOrder: (orderIdOf: string) => string): Statement => ({
  name: 'payment_lock_by_reference',
  text: `with o as materialized (${lockOrder(`select order_id from tollgate.payment where ${BY_REFERENCE} limit 1`)})
    select ${PAYMENT_COLUMNS} from o, tollgate.payment p where ${BY_REFERENCE} limit 1 for update of p`,
  values: referenceValues(reference),
});

/** Whether an intent, or our mark, leads to a payment at all; without a lock, and whatever the amounts. */
export const findByIntentOrMark = (intentId: string, paymentId: string | null): Statement => ({
  text: `select id::text as "id" from tollgate.payment where stripe_payment_intent_id = $1 or id = $2::bigint limit 1`,
  values: [intentId, paymentId],
});

/** The payment that a reference's mark names, with equal money, but which names another intent as its own. */
export const findClaimed = (reference: PaymentReference): Statement => ({
  text: `select ${PAYMENT_COLUMNS} from tollgate.payment p where id = $2::bigint and stripe_payment_intent_id <> $1
    and stripe_invoice_id is null and amount = $3 and currency = $4 and livemode = $5`,
  values: referenceValues(reference),
});

/**
 * Keeps two apart until the transaction ends: who makes the payment of an intent and looks for events that matched nothing, and
 * who looks for that payment and, finding none, ignores an event.
 */
export const lockIntent = (intentId: string): Statement => ({
  name: 'intent_lock',
  text: `select pg_advisory_xact_lock(hashtextextended('tollgate intent ' || $1, 0))`,
  values: [intentId],
});

/** Events of an intent, and of its refunds, that matched nothing when they came are tried again, now that its payment is known. */
export const reviveEvents = (intentId: string): Statement => ({
  text: `update tollgate.stripe_event set status = 'RECEIVED', reason = null, next_attempt_at = now()
    where object_id = $1 and status = 'IGNORED' and payload is not null
      and (type like 'payment_intent.%' or type like 'refund.%' or type like 'charge.refund%')`,
  values: [intentId],
});

/** Locks and reads one payment; the order's lock must be held. */
export const lockById = (id: string): Statement => ({
  name: 'payment_lock_by_id',
  text: `select ${PAYMENT_COLUMNS} from tollgate.payment p where id = $1 for update`,
  values: [id],
});

/** What a transition writes; amounts in minor units, `at` in unix seconds. */
export interface PaymentUpdate {
  readonly id: string;
  readonly status: string;
  readonly intentId: string | null;
  readonly amountReceived: number;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly chargeId: string | null;
  readonly at: number;
}

/** What the timeline says of a version beside what the row says itself. */
type VersionEntry = Pick<ChangeEntry, 'fromStatus' | 'actor' | 'eventId' | 'flow'>;

/**
 * Writes a new version with its entry in the timeline, and gives the row with what its order has been paid (see sumPaid);
 * the order's and the payment's locks must be held.
 */
export const writeVersion = (update: PaymentUpdate, entry: VersionEntry): Statement => ({
  name: 'payment_write_version',
  text: `with p as (
      update tollgate.payment set status = $2, version = version + 1,
        stripe_payment_intent_id = coalesce(stripe_payment_intent_id, $3), amount_received = $4,
        failure_code = $5, failure_message = $6, stripe_charge_id = coalesce($7, stripe_charge_id),
        seen_at = greatest(seen_at, to_timestamp($8)), updated_at = now()
      where id = $1 returning *),
    entry as (
      insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, event_id, flow, flow_outcome)
      select 'PAYMENT', p.id, p.version, $9, p.status, $10, $11, $12, $13 from p)
    select ${PAYMENT_COLUMNS}, (
        select coalesce(sum(other.amount_received - other.amount_refunded), 0)::bigint from tollgate.payment other
        where other.order_id = p.order_id and other.id <> p.id and other.currency = p.currency
          and other.livemode = p.livemode and other.stripe_account = p.stripe_account and other.status = 'SUCCESSFUL'
      ) + case when p.status = 'SUCCESSFUL' then p.amount_received - p.amount_refunded else 0 end as "paid"
    from p`,
  values: [
    update.id,
    update.status,
    update.intentId,
    update.amountReceived,
    update.failureCode,
    update.failureMessage,
    update.chargeId,
    update.at,
    entry.fromStatus,
    entry.actor,
    entry.eventId ?? null,
    entry.flow ?? null,
    entry.flow === undefined ? null : 'done',
  ],
});

/** Drops the id of an object that Stripe doesn't know, with its entry in the timeline, and gives the row. */
export const writeForgotten = (
  id: string,
  column: 'stripe_payment_intent_id' | 'stripe_checkout_session_id',
  entry: Pick<ChangeEntry, 'fromStatus' | 'actor' | 'note'>,
): Statement => ({
  text: `with p as (
      update tollgate.payment set ${column} = null, version = version + 1, updated_at = now() where id = $1 returning *),
    entry as (
      insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, note)
      select 'PAYMENT', p.id, p.version, $2, p.status, $3, $4 from p)
    select ${PAYMENT_COLUMNS} from p`,
  values: [id, entry.fromStatus, entry.actor, entry.note],
});

/** Remembers that Stripe was seen at `at`, without a new version: nothing that shows has changed. */
export const writeSeen = (id: string, at: number): Statement => ({
  name: 'payment_write_seen',
  text: `update tollgate.payment set seen_at = to_timestamp($2)
    where id = $1 and (seen_at is null or seen_at < to_timestamp($2))`,
  values: [id, at],
});

/** The order's received money in this currency and mode, less confirmed refunds; exact while the order's lock is held. */
export const sumPaid = (payment: Pick<Payment, 'orderId' | 'currency' | 'livemode' | 'stripeAccount'>): Statement => ({
  name: 'payment_sum_paid',
  text: `select coalesce(sum(amount_received - amount_refunded), 0)::bigint as "paid" from tollgate.payment
    where order_id = $1 and currency = $2 and livemode = $3 and stripe_account = $4 and status = 'SUCCESSFUL'`,
  values: [payment.orderId, payment.currency, payment.livemode, payment.stripeAccount],
});
