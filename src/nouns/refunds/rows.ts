import type { Statement } from '../../storage/database.js';
import { isDue } from '../../storage/due.js';
import { selectList } from '../../storage/select-list.js';
import { PAYMENT_COLUMNS } from '../payments/rows.js';
import { RESERVES, Refund, UNKNOWN_OUTCOME } from './row.js';

/** The columns of a refund, for SQL that names the table `r`. */
export const REFUND_COLUMNS = selectList(Refund, 'r');

/** Locks and reads all refunds of a payment, by id; the payment's lock must be held. */
export const lockRefundsOf = (paymentId: string): Statement => ({
  name: 'refund_lock_of_payment',
  text: `select ${REFUND_COLUMNS} from tollgate.refund r where payment_id = $1 order by id for update`,
  values: [paymentId],
});

/** Whether ids of Stripe's, or our marks of a refund and of a payment, lead to a payment at all; without a lock. */
export const findRefunded = (
  ids: { readonly id: string; readonly intentId: string | null; readonly chargeId: string },
  [refundId, paymentId]: readonly [string | null, string | null],
): Statement => ({
  // Charges have no index: they count only where an old version names no intent.
  text: `select id::text as "id" from tollgate.payment where stripe_payment_intent_id = $2 or id = $5::bigint
    union all select id::text from tollgate.payment where $2::text is null and stripe_charge_id = $3
    union all select payment_id::text from tollgate.refund where stripe_refund_id = $1 or id = $4::bigint limit 1`,
  values: [ids.id, ids.intentId, ids.chargeId, refundId, paymentId],
});

/** What a new refund row holds: our own reservation, or one that was made at Stripe. Amount in minor units. */
export interface NewRefund {
  readonly paymentId: string;
  readonly amount: number;
  readonly currency: string;
  readonly status: string;
  readonly reason: string | null;
  readonly stripeReason: string | null;
  readonly failureReason: string | null;
  readonly stripeRefundId: string | null;
  readonly livemode: boolean;
  readonly stripeAccount: string;
  /** Unix seconds; 0 for one that Stripe doesn't know yet. */
  readonly at: number;
}

/** Inserts the first version and gives the row; a Stripe id is inserted once (unique). */
export const insertRefund = (refund: NewRefund): Statement => ({
  name: 'refund_insert',
  text: `insert into tollgate.refund as r (payment_id, amount, currency, status, reason, stripe_reason, failure_reason,
      stripe_refund_id, livemode, stripe_account, seen_at, attempted_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8::text, $9, $10, to_timestamp(nullif($11, 0)),
      case when $8::text is null then now() end) returning ${REFUND_COLUMNS}`,
  values: [
    refund.paymentId,
    refund.amount,
    refund.currency,
    refund.status,
    refund.reason,
    refund.stripeReason,
    refund.failureReason,
    refund.stripeRefundId,
    refund.livemode,
    refund.stripeAccount,
    refund.at,
  ],
});

/** What a transition writes; `at` in unix seconds. */
export interface RefundUpdate {
  readonly id: string;
  readonly status: string;
  readonly stripeRefundId: string | null;
  readonly failureReason: string | null;
  readonly at: number;
}

/** Writes a new version and gives the row. */
export const writeRefundVersion = (update: RefundUpdate): Statement => ({
  name: 'refund_write_version',
  text: `update tollgate.refund r set status = $2, version = version + 1,
      stripe_refund_id = coalesce(stripe_refund_id, $3), failure_reason = $4, next_check_at = null,
      seen_at = greatest(seen_at, to_timestamp($5)), updated_at = now()
    where id = $1 returning ${REFUND_COLUMNS}`,
  values: [update.id, update.status, update.stripeRefundId, update.failureReason, update.at],
});

/** Corrects the id that Stripe has the refund under; the version that shows it is written after it. */
export const writeRefundId = (id: string, stripeRefundId: string): Statement => ({
  text: 'update tollgate.refund set stripe_refund_id = $2 where id = $1',
  values: [id, stripeRefundId],
});

/** Remembers that Stripe was seen at `at`, without a new version: nothing that shows has changed. */
export const writeRefundSeen = (id: string, at: number): Statement => ({
  name: 'refund_write_seen',
  text: `update tollgate.refund set seen_at = to_timestamp($2)
    where id = $1 and (seen_at is null or seen_at < to_timestamp($2))`,
  values: [id, at],
});

/**
 * Counts the payment's refunds anew and gives its new version; no row when the sums stay as they are. Never more than was
 * received: Stripe can't give back more, so a surplus is a refund whose failure we haven't heard of.
 */
export const writeRefundSums = (paymentId: string): Statement => ({
  name: 'payment_write_refund_sums',
  text: `update tollgate.payment p set amount_refunded = least(p.amount_received, s.refunded),
      amount_refund_pending = s.pending, version = version + 1, updated_at = now()
    from (select coalesce(sum(amount) filter (where status = 'REFUNDED'), 0) as refunded,
        coalesce(sum(amount) filter (where ${RESERVES}), 0) as pending
      from tollgate.refund where payment_id = $1) s
    where p.id = $1 and (p.amount_refunded, p.amount_refund_pending)
      is distinct from (least(p.amount_received, s.refunded), s.pending)
    returning ${PAYMENT_COLUMNS}`,
  values: [paymentId],
});

/** A refund of unknown outcome that a job took up, with its payment's order. */
export interface DueRefund {
  readonly id: string;
  readonly paymentId: string;
}

/** The waits grow to ten minutes. */
const LONGEST_WAIT = '20 minutes';

/**
 * Takes up refunds whose outcome is to be looked for; each comes back by itself after `leaseMs` if this process dies with
 * it. One that was never looked for waits the same time: its first call may still be under way.
 */
export const claimUnknown = (limit: number, leaseMs: number): Statement => ({
  name: 'refund_claim_unknown',
  text: `update tollgate.refund r set checks = checks + 1, next_check_at = now() + $2 * interval '1 millisecond'
    where id in (
      select id from tollgate.refund where ${UNKNOWN_OUTCOME}
        and ${isDue("coalesce(next_check_at, created_at + $2 * interval '1 millisecond')", LONGEST_WAIT)}
      order by id limit $1 for update skip locked)
    returning id::text as "id", payment_id::text as "paymentId"`,
  values: [limit, leaseMs],
});

/** Lets a job make a refund at once that was only reserved. */
export const wakeRefund = (id: string): Statement => ({
  name: 'refund_wake',
  text: `update tollgate.refund set next_check_at = now() where id = $1 and ${UNKNOWN_OUTCOME}`,
  values: [id],
});

/** The waits double from a second to ten minutes. */
const LOOK_AGAIN = `next_check_at = now() + least(600, power(2, least(checks, 10))) * interval '1 second'`;

/** Remembers how the present attempt's call failed (HTTP status, undefined: no answer), and looks again soon. */
export const writeFailedCall = (id: string, attempt: number, status: number | undefined): Statement => ({
  name: 'refund_write_failed_call',
  text: `update tollgate.refund set last_status = $3, ${LOOK_AGAIN} where id = $1 and attempt = $2 and ${UNKNOWN_OUTCOME}`,
  values: [id, attempt, status ?? null],
});

/** Stripe couldn't be read: looks again soon. */
export const writeLookAgain = (id: string): Statement => ({
  name: 'refund_write_look_again',
  text: `update tollgate.refund set ${LOOK_AGAIN} where id = $1 and ${UNKNOWN_OUTCOME}`,
  values: [id],
});

/** Remembers that Stripe was read and had no such refund; gives since when (a time that is yet to come is none), and the next read is `apartMs` away. */
export const writeAbsent = (id: string, attempt: number, apartMs: number): Statement => ({
  name: 'refund_write_absent',
  text: `update tollgate.refund set absent_since = least(coalesce(absent_since, now()), now()),
      next_check_at = now() + $3 * interval '1 millisecond'
    where id = $1 and attempt = $2 and ${UNKNOWN_OUTCOME}
    returning (now() - absent_since) >= $3 * interval '1 millisecond' as "isSure"`,
  values: [id, attempt, apartMs],
});

/** Begins the next attempt, under a new key; no row when someone else did. */
export const writeNextAttempt = (id: string, attempt: number): Statement => ({
  name: 'refund_write_next_attempt',
  text: `update tollgate.refund r set attempt = attempt + 1, attempted_at = now(), last_status = null, absent_since = null
    where id = $1 and attempt = $2 and ${UNKNOWN_OUTCOME} returning ${REFUND_COLUMNS}`,
  values: [id, attempt],
});
