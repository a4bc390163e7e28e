import { statusIn } from '../../core/status-sql.js';
import type { Statement } from '../../storage/database.js';
import { selectList } from '../../storage/select-list.js';
import { PAYMENT_COLUMNS } from '../payments/rows.js';
import { Dispute } from './row.js';
import { BLOCKING_STATUSES, TAKING_STATUSES } from './states.js';

/** The columns of a dispute, for SQL that names the table `d`. */
export const DISPUTE_COLUMNS = selectList(Dispute, 'd');

/** Locks and reads all disputes of a payment, by id; the payment's lock must be held. */
export const lockDisputesOf = (paymentId: string): Statement => ({
  name: 'dispute_lock_of_payment',
  text: `select ${DISPUTE_COLUMNS} from tollgate.dispute d where payment_id = $1 order by id for update`,
  values: [paymentId],
});

/** A dispute that stands against a refund of the payment; the payment's lock must be held, for it keeps disputes as they are. */
export const findBlocking = (paymentId: string): Statement => ({
  name: 'dispute_find_blocking',
  text: `select ${DISPUTE_COLUMNS} from tollgate.dispute d
    where payment_id = $1 and not is_refundable and ${statusIn(BLOCKING_STATUSES)} order by id limit 1`,
  values: [paymentId],
});

/** Whether ids of Stripe's lead to a payment of ours; without a lock. */
export const findDisputed = (disputeId: string, chargeId: string | null): Statement => ({
  text: `select payment_id::text as "id" from tollgate.dispute where stripe_dispute_id = $1
    union all select id::text from tollgate.payment where stripe_charge_id = $2 limit 1`,
  values: [disputeId, chargeId],
});

/** What Stripe says of a dispute; amount in minor units, times in unix seconds. */
export interface DisputeFacts {
  readonly amount: number;
  readonly status: string;
  readonly reason: string;
  readonly isRefundable: boolean;
  readonly evidenceDueBy: number | null;
  readonly at: number;
}

/** What a new row holds beside: never changed again. */
export interface NewDispute extends DisputeFacts {
  readonly paymentId: string;
  readonly currency: string;
  readonly stripeDisputeId: string;
  readonly livemode: boolean;
  readonly stripeAccount: string;
}

/** Inserts the first version and gives the row; a Stripe id is inserted once (unique). */
export const insertDispute = (dispute: NewDispute): Statement => ({
  name: 'dispute_insert',
  text: `insert into tollgate.dispute as d (payment_id, amount, currency, status, reason, is_refundable, evidence_due_by,
      stripe_dispute_id, livemode, stripe_account, seen_at)
    values ($1, $2, $3, $4, $5, $6, to_timestamp($7), $8, $9, $10, to_timestamp($11)) returning ${DISPUTE_COLUMNS}`,
  values: [
    dispute.paymentId,
    dispute.amount,
    dispute.currency,
    dispute.status,
    dispute.reason,
    dispute.isRefundable,
    dispute.evidenceDueBy,
    dispute.stripeDisputeId,
    dispute.livemode,
    dispute.stripeAccount,
    dispute.at,
  ],
});

/** Writes a new version and gives the row. */
export const writeDisputeVersion = (id: string, facts: DisputeFacts): Statement => ({
  name: 'dispute_write_version',
  text: `update tollgate.dispute d set amount = $2, status = $3, reason = $4, is_refundable = $5,
      evidence_due_by = to_timestamp($6), seen_at = greatest(seen_at, to_timestamp($7)), version = version + 1, updated_at = now()
    where id = $1 returning ${DISPUTE_COLUMNS}`,
  values: [id, facts.amount, facts.status, facts.reason, facts.isRefundable, facts.evidenceDueBy, facts.at],
});

/** Remembers that Stripe was seen at `at`, without a new version: nothing that shows has changed. */
export const writeDisputeSeen = (id: string, at: number): Statement => ({
  name: 'dispute_write_seen',
  text: 'update tollgate.dispute set seen_at = to_timestamp($2) where id = $1 and seen_at < to_timestamp($2)',
  values: [id, at],
});

/** Counts anew what the payment's disputes have taken and gives its new version: its timeline tells of each move. */
export const writeDisputeSums = (paymentId: string): Statement => ({
  name: 'payment_write_dispute_sums',
  text: `update tollgate.payment p set version = version + 1, updated_at = now(), amount_disputed = (
      select coalesce(sum(d.amount), 0) from tollgate.dispute d
      where d.payment_id = p.id and d.currency = p.currency and ${statusIn(TAKING_STATUSES, 'd.status')})
    where id = $1 returning ${PAYMENT_COLUMNS}`,
  values: [paymentId],
});
