import type { PaymentStatus, QuarantineReason } from '../../core/states.js';
import { obstacleSql } from '../../flows/owed.js';
import { changeOf, type VersionEntry } from '../../outbox/change-log.js';
import type { Statement, Tx } from '../../storage/database.js';
import { isDue } from '../../storage/due.js';
import { selectList } from '../../storage/select-list.js';
import type { ChargeDetails } from '../../stripe/charge-snapshot.js';
import type { InvoiceSummary } from '../../stripe/translate.js';
import {
  broughtBy,
  isOfSameOrder,
  OPEN_PAYMENT,
  type PaidSums,
  Payment,
  paidBy,
  paidPayment,
  paidSums,
} from './row.js';

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
 * Locks the order, then the referred payment, and reads the payment as it is once both are held, with `held`: null where the
 * order could not be locked. `lockOrder` gives the SQL that locks the order whose id a subquery finds; it runs first, for the
 * payment is locked once it is joined to what it gives.
 */
export const lockByReference = (reference: PaymentReference, lockOrder: (orderIdOf: string) => string): Statement => ({
  name: 'payment_lock_by_reference',
  text: `with o as materialized (${lockOrder(`select order_id from tollgate.payment where ${BY_REFERENCE} limit 1`)})
    select ${PAYMENT_COLUMNS}, o.held from tollgate.payment p left join o on true where ${BY_REFERENCE} limit 1 for update of p`,
  values: referenceValues(reference),
});

/**
 * Locks what is free of the payments of these intents, orders first, each in the order of their keys, and reads them as they are
 * then: what another transaction holds is passed over. `lockOrders` gives the SQL that locks the orders that a subquery finds.
 */
export const lockFree = (intentIds: readonly string[], lockOrders: (orderIdsOf: string) => string): Statement => ({
  name: 'payment_lock_free',
  text: `with o as materialized (
      ${lockOrders(`select order_id from tollgate.payment where stripe_payment_intent_id = any($1::text[])`)})
    select ${PAYMENT_COLUMNS} from tollgate.payment p
    where stripe_payment_intent_id = any($1::text[]) and order_id = any(array(select id from o))
    order by p.id for update of p skip locked`,
  values: [intentIds],
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

/** Events of an intent, of its refunds and disputes, that matched nothing when they came are tried again, now that its payment is known. */
export const reviveEvents = (intentId: string): Statement => ({
  text: `update tollgate.stripe_event set status = 'RECEIVED', reason = null, next_attempt_at = now()
    where object_id = $1 and status = 'IGNORED' and payload is not null
      and (type like 'payment_intent.%' or type like 'refund.%' or type like 'charge.%')`,
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
  readonly status: PaymentStatus;
  readonly intentId: string | null;
  readonly amountReceived: number;
  readonly settledElsewhere: number | null;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly chargeId: string | null;
  /** What the charge tells, and the invoice of itself, where they came along; what is left out stays. */
  readonly charge?: ChargeDetails | undefined;
  readonly invoice?: InvoiceSummary | undefined;
  readonly at: number;
}

/** Gives SQL for the amount of the order with this id, in minor units; SQL's null where none is bound. */
export type AmountOf = (orderId: string) => string;

/** A new version of a payment, and what the timeline says of it. */
export interface VersionWrite {
  readonly update: PaymentUpdate;
  readonly entry: VersionEntry;
}

/** What keeps a payment's flow from running now. */
const OBSTACLE = obstacleSql({
  flow: 'u.flow',
  order: 't.order_id::text',
  type: `'PAYMENT'`,
  id: 't.id::text',
  status: 'u.status',
});

/** What a version may change, besides columns that no reader sees. */
const WRITTEN = [
  'id',
  'status',
  'version',
  'stripePaymentIntentId',
  'amountReceived',
  'amountSettledElsewhere',
  'failureCode',
  'failureMessage',
  'stripeChargeId',
  'paymentMethod',
  'receiptUrl',
  'invoice',
  'quarantinedFor',
  'receivedCurrency',
  'seenAt',
  'updatedAt',
] as const satisfies readonly (keyof Payment)[];
const WRITTEN_COLUMNS = selectList(Payment, 'p', new Set(WRITTEN));

/** What was written of a payment, what its order has, and why its flow is owed; null where it may run. */
interface WrittenPayment extends Pick<Payment, (typeof WRITTEN)[number]>, PaidSums {
  readonly obstacle: string | null;
}

/** A payment in its new version. */
export interface NewVersion extends PaidSums {
  readonly changed: Payment;
  readonly obstacle: string | null;
}

/** Writes new versions of locked payments (see `writeVersions`); each comes as it is then, in the order given. */
export const writeNewVersions = async (
  tx: Tx,
  moves: readonly { readonly payment: Payment; readonly write: VersionWrite }[],
  amountOf: AmountOf,
): Promise<NewVersion[]> => {
  const statement = writeVersions(
    moves.map(({ write }) => write),
    amountOf,
  );
  const rows = new Map((await tx.query<WrittenPayment>(statement)).map((row) => [row.id, row]));
  return moves.map(({ payment }) => {
    const row = rows.get(payment.id);
    if (!row) throw new Error(`Payment ${payment.id} is gone, although rows are never deleted.`);
    const { paid, covered, obstacle, ...written } = row;
    return { changed: { ...payment, ...written }, paid, covered, obstacle };
  });
};
/** Whether the charge that is known beside the row `t` is the one that the version `u` brings. */
const KNOWN_CHARGE = "t.charge ->> 'id' = coalesce(u.charge, t.stripe_charge_id)";

/** What came along, else what is known of the version's charge, else, while that is the same one, what the row says. */
const DETAILS = `payment_method = case when u.method is not null then u.method
            when ${KNOWN_CHARGE} then coalesce(nullif(t.charge -> 'method', 'null'), t.payment_method)
            when u.charge is null or u.charge = t.stripe_charge_id then t.payment_method end,
        receipt_url = coalesce(u.receipt, case when ${KNOWN_CHARGE} then t.charge ->> 'receiptUrl' end,
          case when u.charge is null or u.charge = t.stripe_charge_id then t.receipt_url end),
        invoice = coalesce(u.invoice, t.invoice)`;

const jsonOf = (value: object | null | undefined): string | null => (value ? JSON.stringify(value) : null);

/** What a version is made of, with its type in SQL. */
const PARTS: readonly (readonly [name: string, type: string, of: (write: VersionWrite) => unknown])[] = [
  ['id', 'bigint', ({ update }) => update.id],
  ['status', 'text', ({ update }) => update.status],
  ['intent', 'text', ({ update }) => update.intentId],
  ['received', 'bigint', ({ update }) => update.amountReceived],
  ['failure', 'text', ({ update }) => update.failureCode],
  ['message', 'text', ({ update }) => update.failureMessage],
  ['charge', 'text', ({ update }) => update.chargeId],
  ['at', 'float8', ({ update }) => update.at],
  ['was', 'text', ({ entry }) => entry.fromStatus],
  ['actor', 'text', ({ entry }) => entry.actor],
  ['event', 'text', ({ entry }) => entry.eventId ?? null],
  ['flow', 'text', ({ entry }) => entry.flow ?? null],
  ['elsewhere', 'bigint', ({ update }) => update.settledElsewhere],
  ['note', 'text', ({ entry }) => entry.note ?? null],
  ['method', 'jsonb', ({ update }) => jsonOf(update.charge?.method)],
  ['receipt', 'text', ({ update }) => update.charge?.receiptUrl ?? null],
  ['invoice', 'jsonb', ({ update }) => jsonOf(update.invoice)],
];
const partsOf = (write: VersionWrite): unknown[] => PARTS.map(([, , of]) => of(write));
const listsOf = (writes: readonly VersionWrite[]): unknown[] => PARTS.map(([, , of]) => writes.map(of));
/** One has values of its own: for a list of unknown length PostgreSQL would plan the whole statement anew each time. */
const ONE = `select ${PARTS.map(([name, type], at) => `$${at + 1}::${type} as ${name}`).join(', ')}`;
const SEVERAL = `select * from unnest(${PARTS.map(([, type], at) => `$${at + 1}::${type}[]`).join(', ')})
  as u (${PARTS.map(([name]) => name).join(', ')})`;

/**
 * Writes new versions of payments of different orders with their entries in the timeline, and gives what was written with what their
 * orders have (see sumPaid) and what keeps their flows from running; what is beyond an order's amount is marked. The orders' and the payments' locks must be held.
 */
const writeVersions = (writes: readonly VersionWrite[], amountOf: AmountOf): Statement => ({
  // without a name of its own: what is compared changes once an amount is bound
  text: `with u as (${writes.length === 1 ? ONE : SEVERAL}),
    p as (
      update tollgate.payment t set status = u.status, version = t.version + 1,
        excess_at = case when ${paidPayment('u.status')}
          and other.covered + u.received - t.amount_refunded + coalesce(u.elsewhere, 0) > ${amountOf('t.order_id')} then now() else t.excess_at end,
        stripe_payment_intent_id = coalesce(t.stripe_payment_intent_id, u.intent), amount_received = u.received,
        amount_settled_elsewhere = u.elsewhere, failure_code = u.failure, failure_message = u.message,
        stripe_charge_id = coalesce(u.charge, t.stripe_charge_id), ${DETAILS},
        seen_at = greatest(t.seen_at, to_timestamp(u.at)), updated_at = now()
      from u cross join lateral (
          select ${paidSums('o')} from tollgate.payment mine
            join tollgate.payment o on ${isOfSameOrder('mine', 'o')} and o.id <> mine.id and ${paidPayment('o.status')}
          where mine.id = u.id) other
      where t.id = u.id${writes.length === 1 ? '' : ' and t.id = any($1::bigint[])'}
      returning t.*, u.was, u.actor, u.event, u.flow, u.note, other.paid as order_paid, other.covered as order_covered,
        case when u.flow is not null then ${OBSTACLE} end as obstacle),
    entry as (
      insert into tollgate.change (node_type, node_id, version, from_status, to_status, actor, event_id, flow, flow_outcome, note, published_at)
      select 'PAYMENT', p.id, p.version, p.was, p.status, p.actor, p.event, p.flow,
        case when p.flow is not null then case when p.obstacle is null then 'done' else 'owed' end end,
        nullif(concat_ws('; ', p.note, 'the flow is owed: ' || p.obstacle), ''), now() from p)
    select ${WRITTEN_COLUMNS}, p.obstacle as "obstacle",
      p.order_paid + case when ${paidPayment('p.status')} then ${paidBy('p')} else 0 end as "paid",
      p.order_covered + case when ${paidPayment('p.status')} then ${broughtBy('p')} else 0 end as "covered"
    from p`,
  values: writes.length === 1 ? writes.flatMap(partsOf) : listsOf(writes),
});

/** Drops the id of an object that Stripe doesn't know, and the failure that it told of, with an entry in the timeline; gives the row. */
export const writeForgotten = (
  id: string,
  column: 'stripe_payment_intent_id' | 'stripe_checkout_session_id',
  entry: VersionEntry,
): Statement => {
  const change = changeOf('PAYMENT', 'p', entry, 1);
  return {
    text: `with p as (
      update tollgate.payment set ${column} = null, status = case status when 'FAILED' then 'PENDING' else status end,
        failure_code = null, failure_message = null, version = version + 1, updated_at = now()
      where id = $1 returning *),
    entry as (${change.text})
    select ${PAYMENT_COLUMNS} from p`,
    values: [id, ...change.values],
  };
};

/** Begins the attempt after this one, under a new key; a second call for the same attempt changes nothing. */
export const writeNextAttempt = (id: string, attempt: number): Statement => ({
  text: 'update tollgate.payment set attempt = attempt + 1, attempted_at = now() where id = $1 and attempt = $2',
  values: [id, attempt],
});

/** Open one-off attempts of the payment's order, itself aside: a job asks whether the order still needs them. */
export const markOthers = (payment: Pick<Payment, 'id' | 'orderId' | 'livemode' | 'stripeAccount'>): Statement => ({
  text: `update tollgate.payment set withdraw_at = now() where order_id = $1 and livemode = $2 and stripe_account = $3
    and id <> $4 and stripe_invoice_id is null and ${OPEN_PAYMENT}`,
  values: [payment.orderId, payment.livemode, payment.stripeAccount, payment.id],
});

/** Marks a payment whose order has more than its amount, now that a refund of it was undone. */
export const markExcess = (payment: Payment, amountOf: AmountOf): Statement => ({
  text: `update tollgate.payment t set excess_at = now() where id = $1 and (
      select sum(${broughtBy('o')}) from tollgate.payment o where ${isOfSameOrder('t', 'o')}
        and ${paidPayment('o.status')}) > ${amountOf('t.order_id')}`,
  values: [payment.id],
});

/** Open payments of a recurring payment's invoices. */
export const readUnpaid = (recurringPaymentId: string): Statement => ({
  text: `select ${PAYMENT_COLUMNS} from tollgate.payment p
    where recurring_payment_id = $1 and stripe_invoice_id is not null and ${OPEN_PAYMENT} order by id`,
  values: [recurringPaymentId],
});

/** A job looks at them after `seconds`, unless they have ended by then. */
export const markUnpaid = (recurringPaymentId: string, seconds: number): Statement => ({
  text: `update tollgate.payment set withdraw_at = now() + $2 * interval '1 second'
    where recurring_payment_id = $1 and stripe_invoice_id is not null and ${OPEN_PAYMENT}`,
  values: [recurringPaymentId, seconds],
});

/** A lease is a minute, and what could not be voided at once waits for as long. */
const LONGEST_WAIT = '5 minutes';

/** Takes up payments that a job is to ask about; each comes back by itself after `leaseSeconds` if this process dies with it. */
export const claimMarked = (limit: number, leaseSeconds: number): Statement => ({
  text: `update tollgate.payment p set withdraw_at = now() + $2 * interval '1 second' where id in (
      select id from tollgate.payment where ${isDue('withdraw_at', LONGEST_WAIT)} order by withdraw_at limit $1 for update skip locked)
    returning ${PAYMENT_COLUMNS}`,
  values: [limit, leaseSeconds],
});

/** The payment is needed, or has ended: a job has nothing more to ask. */
export const clearMark = (id: string): Statement => ({
  text: 'update tollgate.payment set withdraw_at = null where id = $1',
  values: [id],
});

/** Remembers who asks Stripe for which status, before that is done; without a new version. */
export const writeAsked = (id: string, status: 'CANCELED' | 'SUCCESSFUL', actor: string): Statement => ({
  name: 'payment_write_asked',
  text: 'update tollgate.payment set asked_for = $2, asked_by = $3 where id = $1',
  values: [id, status, actor],
});

/** Remembers why money is set aside, what it is in, and whether a job sends it back; the version that does so is written beside. */
export const writeQuarantine = (
  id: string,
  { reason, currency, sendsBack }: { reason: QuarantineReason; currency: string; sendsBack: boolean },
): Statement => ({
  text: `update tollgate.payment set quarantined_for = $2, received_currency = nullif($3, currency),
      send_back_at = case when $4::boolean then now() end
    where id = $1`,
  values: [id, reason, currency, sendsBack],
});

/** Takes up quarantined payments whose money is to go back; each comes back by itself after `leaseSeconds` if this process dies with it. */
export const claimSendBack = (limit: number, leaseSeconds: number): Statement => ({
  text: `update tollgate.payment p set send_back_at = now() + $2 * interval '1 second' where id in (
      select id from tollgate.payment where send_back_at <= now() order by send_back_at limit $1 for update skip locked)
    returning ${PAYMENT_COLUMNS}`,
  values: [limit, leaseSeconds],
});

/** It was decided, or can't be sent back by itself: a job has nothing more to do. */
export const clearSendBack = (id: string): Statement => ({
  text: 'update tollgate.payment set send_back_at = null where id = $1',
  values: [id],
});

/** Remembers that Stripe was seen at `at`, without a new version: nothing that shows has changed. */
export const writeSeen = (id: string, at: number): Statement => ({
  name: 'payment_write_seen',
  text: `update tollgate.payment set seen_at = to_timestamp($2)
    where id = $1 and (seen_at is null or seen_at < to_timestamp($2))`,
  values: [id, at],
});

/** What the order has in each currency: received money less confirmed refunds, and all that covers it; exact while its lock is held. */
export const sumReceived = (order: Pick<Payment, 'orderId' | 'livemode' | 'stripeAccount'>): Statement => ({
  name: 'payment_sum_received',
  text: `select currency, ${paidSums('p')} from tollgate.payment p
    where order_id = $1 and livemode = $2 and stripe_account = $3 and ${paidPayment()} group by currency`,
  values: [order.orderId, order.livemode, order.stripeAccount],
});

/** Whether an order has received anything, with whatever keys. */
export const findReceived = (orderId: string): Statement => ({
  name: 'payment_find_received',
  text: `select 1 as "one" from tollgate.payment where order_id = $1 and ${paidPayment()} limit 1`,
  values: [orderId],
});

/** The same in the payment's currency alone. */
export const sumPaid = (payment: Pick<Payment, 'orderId' | 'currency' | 'livemode' | 'stripeAccount'>): Statement => ({
  name: 'payment_sum_paid',
  text: `select ${paidSums('p')} from tollgate.payment p
    where order_id = $1 and currency = $2 and livemode = $3 and stripe_account = $4 and ${paidPayment()}`,
  values: [payment.orderId, payment.currency, payment.livemode, payment.stripeAccount],
});
