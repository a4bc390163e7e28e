import type { Statement } from '../../storage/database.js';
import { isDue } from '../../storage/due.js';
import { selectList } from '../../storage/select-list.js';
import { Renewal, type RenewalProblem } from './row.js';

/** The columns of a renewal, for SQL that names the table `n`. */
const RENEWAL_COLUMNS = selectList(Renewal, 'n');

/** Makes the row of a later invoice where there is none; the recurring payment's lock makes the rest one at a time. */
export const insertRenewal = (invoiceId: string, recurringId: string): Statement => ({
  name: 'renewal_insert',
  text: `insert into tollgate.renewal (stripe_invoice_id, recurring_payment_id) values ($1, $2)
    on conflict (stripe_invoice_id) do nothing`,
  values: [invoiceId, recurringId],
});

/** Locks and reads one renewal. */
export const lockRenewal = (invoiceId: string): Statement => ({
  name: 'renewal_lock',
  text: `select ${RENEWAL_COLUMNS} from tollgate.renewal n where stripe_invoice_id = $1 for update`,
  values: [invoiceId],
});

/** Remembers the order that the flow made; once. */
export const writeOrder = (invoiceId: string, orderId: string): Statement => ({
  name: 'renewal_write_order',
  text: `update tollgate.renewal set order_id = $2 where stripe_invoice_id = $1 and order_id is null returning 1 as "one"`,
  values: [invoiceId, orderId],
});

/** What the flow decided; amounts in minor units. */
export interface Decision {
  /** Null: the invoice is left alone. */
  readonly decidedAmount: number | null;
  readonly originalAmount: number;
  /** Why the wish can't be met; then `wanted` says what it was. */
  readonly problem: RenewalProblem | null;
  readonly wanted: number | null;
  /** Seconds until a job goes on with it; null when nothing is left to do. */
  readonly dueSeconds: number | null;
}

/** Writes the decision and gives the row. */
export const writeDecision = (invoiceId: string, decision: Decision): Statement => ({
  name: 'renewal_write_decision',
  text: `update tollgate.renewal n set decided_at = now(), decided_amount = $2, original_amount = $3, problem = $4,
      problem_amount = $5, problem_at = case when $4::text is null then null else now() end,
      due_at = now() + $6 * interval '1 second'
    where stripe_invoice_id = $1 returning ${RENEWAL_COLUMNS}`,
  values: [
    invoiceId,
    decision.decidedAmount,
    decision.originalAmount,
    decision.problem,
    decision.wanted,
    decision.dueSeconds,
  ],
});

/** What is asleep waits for an hour. */
const LONGEST_WAIT = '90 minutes';

/** Takes up to `limit` renewals that are due; each comes back by itself if this process dies with it. */
export const claimDueRenewals = (limit: number, leaseSeconds: number): Statement => ({
  text: `update tollgate.renewal n set due_at = now() + $2 * interval '1 second'
    where stripe_invoice_id in (
      select stripe_invoice_id from tollgate.renewal where ${isDue('due_at', LONGEST_WAIT)}
      order by due_at limit $1 for update skip locked)
    returning ${RENEWAL_COLUMNS}`,
  values: [limit, leaseSeconds],
});

/** A call is about to be made under the present attempt's key; later ones know that it may have been. */
export const writeAttempted = (invoiceId: string): Statement => ({
  text: `update tollgate.renewal set attempted_at = coalesce(attempted_at, now()) where stripe_invoice_id = $1`,
  values: [invoiceId],
});

/** The next call uses a new key. */
export const writeNextRenewalAttempt = (invoiceId: string, attempt: number): Statement => ({
  text: `update tollgate.renewal n set attempt = attempt + 1, attempted_at = now()
    where stripe_invoice_id = $1 and attempt = $2 returning ${RENEWAL_COLUMNS}`,
  values: [invoiceId, attempt],
});

/** The invoice shows the decided amount: nothing is left to do. */
export const writeLowered = (invoiceId: string): Statement => ({
  text: `update tollgate.renewal set lowered_at = coalesce(lowered_at, now()), due_at = null
    where stripe_invoice_id = $1`,
  values: [invoiceId],
});

/** The lowering failed for good; `dueSeconds` as in a decision. */
export const writeProblem = (invoiceId: string, problem: RenewalProblem, dueSeconds: number | null): Statement => ({
  text: `update tollgate.renewal set problem = $2, problem_amount = decided_amount, problem_at = coalesce(problem_at, now()),
      due_at = now() + $3 * interval '1 second'
    where stripe_invoice_id = $1`,
  values: [invoiceId, problem, dueSeconds],
});

/** Its invoice isn't paid yet: the job looks again much later, unless the row was woken since it was taken. */
export const writeAsleep = (invoiceId: string, takenUntil: Date | null): Statement => ({
  text: `update tollgate.renewal set due_at = now() + interval '1 hour'
    where stripe_invoice_id = $1 and date_trunc('milliseconds', due_at) = $2`,
  values: [invoiceId, takenUntil],
});

/** Its invoice was paid: what was charged too much can go back. */
export const wakeTooLate = (invoiceId: string): Statement => ({
  text: `update tollgate.renewal set due_at = now()
    where stripe_invoice_id = $1 and problem = 'TOO_LATE' and due_at is not null`,
  values: [invoiceId],
});

/** Nothing is charged too much, because the difference went back or the invoice was voided: there is no problem any more. */
export const writeMadeGood = (invoiceId: string): Statement => ({
  text: `update tollgate.renewal set problem = null, due_at = null where stripe_invoice_id = $1`,
  values: [invoiceId],
});
