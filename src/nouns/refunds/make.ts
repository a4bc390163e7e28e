import type { StripeAccess } from '../../installation/stripe-connection.js';
import { readClock } from '../../storage/clock.js';
import type { Database } from '../../storage/database.js';
import { type Answer, NotAnAnswerError, NotOursError, StripeCallError } from '../../stripe/answer.js';
import { AttemptUndecidedError, makeOnce } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import type { StripeRefundReason } from '../../stripe/refund-reasons.js';
import { type RefundSnapshot, refundSnapshot } from '../../stripe/refund-snapshot.js';
import type { Payment } from '../payments/row.js';
import { assertRefundOf } from './ours.js';
import type { Refund } from './row.js';
import { writeAbsent, writeFailedCall, writeLookAgain, writeNextAttempt } from './rows.js';

/** One refund, and the payment that it is of. */
export interface RefundOf {
  readonly refund: Refund;
  readonly payment: Payment;
}

/** What waiting the search for an unknown outcome does. */
export interface RefundTiming {
  /** A first call may take this long before another process looks into it, in milliseconds. */
  readonly leaseMs: number;
  /** How far apart the two reads are that must find nothing, in milliseconds. */
  readonly readsApartMs: number;
}

interface Parts {
  readonly database: Database;
  readonly marks: Marks;
  readonly timing: RefundTiming;
}

/** Refuses a refund that isn't this one, of the amount that was reserved. @throws StripeCallError, `unknown` */
export const assertOwnRefund = (marks: Marks, { refund, payment }: RefundOf, snapshot: RefundSnapshot): void => {
  assertRefundOf(payment, snapshot);
  if (marks.rowOf(snapshot.owner) !== refund.id) throw new NotOursError(`the refund ${snapshot.refundId}`);
  if (snapshot.amount !== refund.amount) throw new NotAnAnswerError(`a refund of ${snapshot.amount}`);
};

/** All of Stripe's refunds of the payment. @throws StripeCallError */
export const listRefunds = async (
  payment: Payment,
  { gateway }: StripeAccess,
): Promise<Answer<readonly RefundSnapshot[]>> => {
  const { refunds, at } = await gateway.listRefunds(payment.stripePaymentIntentId ?? '');
  const snapshots = refunds.map((made) => refundSnapshot(made, at));
  for (const snapshot of snapshots) assertRefundOf(payment, snapshot);
  return { object: snapshots, at };
};

/** The refund that an earlier call made after all; where Stripe can't be read, that is done again soon. */
const find = async (
  { database, marks }: Parts,
  { refund, payment }: RefundOf,
  access: StripeAccess,
): Promise<Answer<RefundSnapshot> | undefined> => {
  try {
    const { object, at } = await listRefunds(payment, access);
    const made = object.find(({ owner }) => marks.rowOf(owner) === refund.id);
    return made && { object: made, at };
  } catch (error) {
    if (!(error instanceof StripeCallError)) throw error;
    await database.query(writeLookAgain(refund.id));
    throw new AttemptUndecidedError({ cause: error });
  }
};

/** Begins the next attempt, once two reads minutes apart found nothing of this one. */
const nextAttempt = async ({ database, timing }: Parts, id: string, attempt: number): Promise<number | undefined> => {
  const [absent] = await database.query<{ isSure: boolean }>(writeAbsent(id, attempt, timing.readsApartMs));
  if (!absent?.isSure) return undefined;
  return (await database.query<Refund>(writeNextAttempt(id, attempt)))[0]?.attempt;
};

/**
 * Makes the refund at Stripe, once, however often it is called. `isFresh`: it was reserved just now and no call can have been
 * made for it yet. The row notes how an unknown outcome came about, and when to look into it.
 *
 * @throws StripeCallError
 */
export const makeRefund = async (
  parts: Parts,
  subject: RefundOf,
  { access, isFresh }: { readonly access: StripeAccess; readonly isFresh: boolean },
): Promise<RefundSnapshot> => {
  const { refund, payment } = subject;
  const { id, amount, reason } = refund;
  const stripeReason = refund.stripeReason as StripeRefundReason | null;
  const owner = parts.marks.of('refund', id);
  const { orderId, stripePaymentIntentId } = payment;
  const request = { owner, orderId, paymentIntentId: stripePaymentIntentId ?? '', amount, reason, stripeReason };
  let { attempt } = refund;
  try {
    const made = await makeOnce<RefundSnapshot>({
      owner,
      attempt,
      attemptedAt: isFresh ? undefined : (refund.attemptedAt ?? refund.createdAt),
      isSpoiled: (refund.lastStatus ?? 0) >= 500,
      now: () => readClock(parts.database),
      find: () => find(parts, subject, access),
      async create(idempotencyKey) {
        const { object, at } = await access.gateway.createRefund({ ...request, idempotencyKey });
        return { object: refundSnapshot(object, at), at };
      },
      assertOurs: ({ object }) => assertOwnRefund(parts.marks, subject, object),
      async nextAttempt(from) {
        const next = await nextAttempt(parts, id, from);
        attempt = next ?? attempt;
        return next;
      },
    });
    return made.object;
  } catch (error) {
    const isNew = error instanceof StripeCallError && !(error instanceof AttemptUndecidedError);
    if (isNew && error.failure !== 'refused') await parts.database.query(writeFailedCall(id, attempt, error.status));
    throw error;
  }
};
