import { PaymentDisputedError, StripeDeclinedError } from '../../core/errors.js';
import { createInFlight } from '../../core/in-flight.js';
import { REFUND_NEXT } from '../../core/states.js';
import type { Who } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { StripeCallError } from '../../stripe/answer.js';
import { type AppliedOrMoved, applyOrReadAgain } from '../../stripe/apply-or-read-again.js';
import type { Marks } from '../../stripe/marks.js';
import { type RefundSnapshot, refundSnapshot } from '../../stripe/refund-snapshot.js';
import type { Payment } from '../payments/row.js';
import { sourceOf } from '../payments/settle.js';
import type { HeldRefunds, RefundTransitions } from './apply.js';
import { assertOwnRefund, listRefunds, makeRefund, type RefundOf, type RefundTiming } from './make.js';
import type { Refund } from './row.js';

/** The calls to Stripe that one refund needs; each may be repeated, at once or after a crash, without a second refund. */
export interface RefundAttempts {
  /** Brings the payment's refunds to Stripe's present state, others' included; one whose row moved meanwhile is left alone. */
  refresh(subject: RefundOf, who: Who): Promise<void>;
  /**
   * Makes the refund of a reservation that was written just now. An unknown outcome gives the PENDING refund back.
   *
   * @throws PaymentDisputedError or StripeDeclinedError when Stripe refused it for good: the refund is FAILED then
   */
  make(subject: RefundOf, who: Who): Promise<Refund>;
  /**
   * Finds out what became of a PENDING refund without a Stripe id: read first; absent, repeat under the same key where
   * that is safe; else a new attempt, once two reads minutes apart found nothing. Still unknown: the refund as it is.
   *
   * @throws PaymentDisputedError or StripeDeclinedError when Stripe refused it for good: the refund is FAILED then
   */
  findOut(subject: RefundOf, who: Who): Promise<Refund>;
}

/** The calls end within 100 s at the longest (three tries of 30 s); what Stripe made is listed within minutes. */
export const REFUND_TIMING: RefundTiming = { leaseMs: 120_000, readsApartMs: 180_000 };

/** What a client is told of a refund that Stripe refused with this code. */
export const refundRefusal = (refund: Refund, cause?: unknown): PaymentDisputedError | StripeDeclinedError => {
  const code = refund.failureReason ?? 'refused';
  if (code === 'charge_disputed') return new PaymentDisputedError(refund.paymentId, { cause });
  const why = code === 'charge_already_refunded' ? 'the whole payment has been refunded already' : code;
  return new StripeDeclinedError(`Stripe refused the refund of payment ${refund.paymentId}: ${why}.`, code, { cause });
};

interface Answered {
  readonly answer: RefundSnapshot;
}

interface Refused {
  readonly refusal: StripeCallError;
}

interface Parts {
  readonly database: Database;
  readonly transitions: RefundTransitions;
  readonly marks: Marks;
  /** Tells every process of committed changes. */
  readonly publish: (changed: HeldRefunds['changed']) => void;
  readonly timing: RefundTiming;
}

const findIn = ({ refunds }: HeldRefunds, { id }: Refund): Refund | undefined =>
  refunds.find((other) => other.id === id);

/** Applies a snapshot under the locks, unless a webhook moved the row since the call began. */
const applyOnce = async (
  { database, transitions, publish }: Parts,
  { refund, payment }: RefundOf,
  { snapshot, actor }: { readonly snapshot: RefundSnapshot; readonly actor: string },
): Promise<AppliedOrMoved<Refund, Refund>> => {
  const { held, moved } = await database.transaction(async (tx) => {
    const locked = await transitions.lock(tx, payment);
    if (findIn(locked, refund)?.version !== refund.version) return { held: locked, moved: true };
    const cause = { actor, source: 'API' as const, current: true };
    return { held: (await transitions.apply(tx, locked, { snapshots: [snapshot], cause })).held, moved: false };
  }, payment.orderId);
  publish(held.changed);
  const row = findIn(held, refund) ?? refund;
  return moved && row.status !== REFUND_NEXT.PENDING[snapshot.signal]
    ? { moved: true, row }
    : { moved: false, done: row };
};

/** Applies what Stripe answered; where Stripe can't be read again, or the row keeps moving, webhooks know the rest. */
const applyAnswer = async (parts: Parts, subject: RefundOf, { answer, access, actor }: Who & Answered) => {
  try {
    const outcome = await applyOrReadAgain<Refund, RefundSnapshot, Refund>(subject.refund, {
      read: async () => answer,
      apply: (refund, snapshot) => applyOnce(parts, { ...subject, refund }, { snapshot, actor }),
      async readAgain() {
        const { object, at } = await access.gateway.retrieveRefund(answer.refundId);
        const snapshot = refundSnapshot(object, at);
        assertOwnRefund(parts.marks, subject, snapshot);
        return snapshot;
      },
    });
    return outcome.moved ? outcome.row : outcome.done;
  } catch (error) {
    if (error instanceof StripeCallError) return subject.refund;
    throw error;
  }
};

/** Stripe said no for good: the refund ends and frees what it reserved, unless a webhook knows better. */
const end = async (
  { database, transitions, publish }: Parts,
  { refund, payment }: RefundOf,
  { refusal, actor }: { readonly refusal: StripeCallError; readonly actor: string },
): Promise<Refund> => {
  const held = await database.transaction(async (tx) => {
    const locked = await transitions.lock(tx, payment);
    const row = findIn(locked, refund);
    if (row?.status !== 'PENDING' || row.stripeRefundId !== null) return locked;
    return transitions.refuse(tx, locked, { refund: row, code: refusal.stripeCode ?? 'refused', actor });
  }, payment.orderId);
  publish(held.changed);
  return findIn(held, refund) ?? refund;
};

/** Takes up all refunds of the payment, also those that were made elsewhere; none where `known` moved meanwhile. */
const takeAll = async (
  { database, transitions, publish }: Parts,
  payment: Payment,
  { access, actor, known }: Who & { readonly known?: Refund },
): Promise<void> => {
  const { object: snapshots } = await listRefunds(payment, access);
  const held = await database.transaction(async (tx) => {
    const locked = await transitions.lock(tx, payment);
    if (known && findIn(locked, known)?.version !== known.version) return locked;
    const listed = new Set(snapshots.map(({ refundId }) => refundId));
    const cause = { actor, source: sourceOf(actor), current: true, listed };
    return (await transitions.apply(tx, locked, { snapshots, cause })).held;
  }, payment.orderId);
  publish(held.changed);
};

/** @throws PaymentDisputedError or StripeDeclinedError, unless a webhook knows better */
const refuse = async (parts: Parts, subject: RefundOf, { refusal, access, actor }: Who & Refused): Promise<Refund> => {
  // All of it went back already, by the dashboard: without those refunds something would seem left.
  if (refusal.stripeCode === 'charge_already_refunded')
    await takeAll(parts, subject.payment, { access, actor }).catch((error: unknown) => {
      // Reconciliation takes them up.
      if (!(error instanceof StripeCallError)) throw error;
    });
  const ended = await end(parts, subject, { refusal, actor });
  if (ended.status === 'FAILED' && ended.stripeRefundId === null) throw refundRefusal(ended, refusal);
  return ended;
};

/** Makes the refund where that is still to be done, and applies what Stripe answers; still unknown: the refund as it is. */
const settle = async (
  parts: Parts,
  subject: RefundOf,
  { access, actor, isFresh }: Who & { readonly isFresh: boolean },
): Promise<Refund> => {
  let answer: RefundSnapshot;
  try {
    answer = await makeRefund(parts, subject, { access, isFresh });
  } catch (error) {
    if (!(error instanceof StripeCallError)) throw error;
    if (error.failure === 'refused') return refuse(parts, subject, { refusal: error, access, actor });
    return subject.refund;
  }
  return applyAnswer(parts, subject, { answer, access, actor });
};

/** Builds the calls; one refund is worked on once at a time within the process. */
export const createRefundAttempts = (parts: Parts): RefundAttempts => {
  const oneAtATime = createInFlight<Refund>();
  return {
    make: (subject, who) => oneAtATime(subject.refund.id, () => settle(parts, subject, { ...who, isFresh: true })),
    findOut: (subject, who) => oneAtATime(subject.refund.id, () => settle(parts, subject, { ...who, isFresh: false })),
    refresh: ({ refund, payment }, who) => takeAll(parts, payment, { ...who, known: refund }),
  };
};
