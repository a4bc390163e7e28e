import { DEADLINES } from '../../core/deadlines.js';
import { PaymentDisputedError, StripeDeclinedError } from '../../core/errors.js';
import { createInFlight } from '../../core/in-flight.js';
import { REFUND_NEXT } from '../../core/states.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import { readClock } from '../../storage/clock.js';
import type { Database } from '../../storage/database.js';
import { NotAnAnswerError, NotOursError, StripeCallError } from '../../stripe/answer.js';
import { isKeySafe } from '../../stripe/key-in-flight.js';
import type { Marks } from '../../stripe/marks.js';
import { idempotencyKey, type Owner } from '../../stripe/metadata.js';
import type { StripeRefundReason } from '../../stripe/refund-reasons.js';
import { type RefundSnapshot, refundSnapshot } from '../../stripe/refund-snapshot.js';
import type { Payment } from '../payments/row.js';
import { sourceOf } from '../payments/settle.js';
import type { HeldRefunds, RefundTransitions } from './apply.js';
import { assertRefundOf } from './ours.js';
import type { Refund } from './row.js';
import { writeAbsent, writeFailedCall, writeLookAgain, writeNextAttempt } from './rows.js';

/** The calls to Stripe that one refund needs; each may be repeated, at once or after a crash, without a second refund. */
export interface RefundAttempts {
  /** Brings the payment's refunds to Stripe's present state, others' included; one whose row moved meanwhile is left alone. */
  refresh(refund: Refund, payment: Payment, access: StripeAccess, actor: string): Promise<void>;
  /**
   * Makes the refund of a reservation that was written just now. An unknown outcome gives the PENDING refund back.
   *
   * @throws PaymentDisputedError or StripeDeclinedError when Stripe refused it for good: the refund is FAILED then
   */
  make(refund: Refund, payment: Payment, access: StripeAccess, actor: string): Promise<Refund>;
  /**
   * Finds out what became of a PENDING refund without a Stripe id: read first; absent, repeat under the same key where
   * that is safe; else a new attempt, once two reads minutes apart found nothing. Still unknown: the refund as it is.
   *
   * @throws PaymentDisputedError or StripeDeclinedError when Stripe refused it for good: the refund is FAILED then
   */
  findOut(refund: Refund, payment: Payment, access: StripeAccess, actor: string): Promise<Refund>;
}

/** What waiting the search for an unknown outcome does. */
export interface RefundTiming {
  /** A first call may take this long before another process looks into it, in milliseconds. */
  readonly leaseMs: number;
  /** How far apart the two reads are that must find nothing, in milliseconds. */
  readonly readsApartMs: number;
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

interface Parts {
  readonly database: Database;
  readonly transitions: RefundTransitions;
  readonly marks: Marks;
  /** Tells every process of committed changes. */
  readonly publish: (changed: HeldRefunds['changed']) => void;
  readonly timing: RefundTiming;
}

interface Who {
  readonly access: StripeAccess;
  readonly actor: string;
}

/** Builds the calls; one refund is worked on once at a time within the process. */
export const createRefundAttempts = (parts: Parts): RefundAttempts => {
  const { database, transitions, marks, publish, timing } = parts;
  const oneAtATime = createInFlight<Refund>();
  const ownerOfRefund = (refund: Refund): Owner => marks.of('refund', refund.id);

  /** Applies what Stripe answered; if a webhook moved the row since the call began, Stripe is read again. */
  const applyAnswer = async (
    refund: Refund,
    payment: Payment,
    { answer, access, actor }: { answer: RefundSnapshot; access: StripeAccess; actor: string },
  ): Promise<Refund> => {
    let known = refund;
    let snapshot = answer;
    for (let tries = 1; tries <= DEADLINES.applyTries; tries += 1) {
      const { held, moved } = await database.transaction(async (tx) => {
        const locked = await transitions.lock(tx, payment);
        const row = locked.refunds.find(({ id }) => id === refund.id);
        if (row?.version !== known.version) return { held: locked, moved: true };
        const cause = { actor, source: 'API' as const, current: true };
        return { held: (await transitions.apply(tx, locked, [snapshot], cause)).held, moved: false };
      }, payment.orderId);
      publish(held.changed);
      known = held.refunds.find(({ id }) => id === refund.id) ?? known;
      if (!moved || known.status === REFUND_NEXT.PENDING[snapshot.signal]) return known;
      const read = await access.gateway.retrieveRefund(answer.refundId);
      snapshot = refundSnapshot(read.object, read.at);
      assertOwn(refund, payment, snapshot);
    }
    return known; // webhooks move it, and know the rest
  };

  /** Where Stripe can't be read again, webhooks tell the rest. */
  const applyOrLeave: typeof applyAnswer = (refund, payment, from) =>
    applyAnswer(refund, payment, from).catch((error: unknown) => {
      if (error instanceof StripeCallError) return refund;
      throw error;
    });

  /** Stripe said no for good: the refund ends and frees what it reserved, unless a webhook knows better. */
  const end = async (refund: Refund, payment: Payment, refusal: StripeCallError, actor: string): Promise<Refund> => {
    const held = await database.transaction(async (tx) => {
      const locked = await transitions.lock(tx, payment);
      const row = locked.refunds.find(({ id }) => id === refund.id);
      if (row?.status !== 'PENDING' || row.stripeRefundId !== null) return locked;
      return transitions.refuse(tx, locked, row, { code: refusal.stripeCode ?? 'refused', actor });
    }, payment.orderId);
    publish(held.changed);
    return held.refunds.find(({ id }) => id === refund.id) ?? refund;
  };

  const create = async (refund: Refund, payment: Payment, { gateway }: StripeAccess): Promise<RefundSnapshot> => {
    const owner = ownerOfRefund(refund);
    const { object, at } = await gateway.createRefund({
      owner,
      orderId: payment.orderId,
      paymentIntentId: payment.stripePaymentIntentId ?? '',
      amount: refund.amount,
      reason: refund.reason,
      stripeReason: refund.stripeReason as StripeRefundReason | null,
      idempotencyKey: idempotencyKey(owner, refund.attempt),
    });
    const snapshot = refundSnapshot(object, at);
    assertOwn(refund, payment, snapshot);
    return snapshot;
  };

  /** All of Stripe's refunds of the payment. */
  const list = async (payment: Payment, { gateway }: StripeAccess): Promise<readonly RefundSnapshot[]> => {
    const { refunds, at } = await gateway.listRefunds(payment.stripePaymentIntentId ?? '');
    const snapshots = refunds.map((made) => refundSnapshot(made, at));
    for (const snapshot of snapshots) assertRefundOf(payment, snapshot);
    return snapshots;
  };

  const isOwn = (refund: Refund, { owner }: RefundSnapshot): boolean => marks.rowOf(owner) === refund.id;

  const assertOwn = (refund: Refund, payment: Payment, snapshot: RefundSnapshot): void => {
    assertRefundOf(payment, snapshot);
    if (!isOwn(refund, snapshot)) throw new NotOursError(`the refund ${snapshot.refundId}`);
    if (snapshot.amount !== refund.amount) throw new NotAnAnswerError(`a refund of ${snapshot.amount}`);
  };

  /** The refund that an earlier call made after all. */
  const find = async (refund: Refund, payment: Payment, access: StripeAccess): Promise<RefundSnapshot | undefined> => {
    const made = (await list(payment, access)).find((snapshot) => isOwn(refund, snapshot));
    if (made) assertOwn(refund, payment, made);
    return made;
  };

  /** Takes up all refunds of the payment, also those that were made elsewhere. */
  const takeAll = async (payment: Payment, { access, actor }: Who, known?: Refund): Promise<void> => {
    const snapshots = await list(payment, access);
    const held = await database.transaction(async (tx) => {
      const locked = await transitions.lock(tx, payment);
      if (known && locked.refunds.find(({ id }) => id === known.id)?.version !== known.version) return locked;
      const listed = new Set(snapshots.map(({ refundId }) => refundId));
      const cause = { actor, source: sourceOf(actor), current: true, listed };
      return (await transitions.apply(tx, locked, snapshots, cause)).held;
    }, payment.orderId);
    publish(held.changed);
  };

  const refused = async (refund: Refund, payment: Payment, refusal: StripeCallError, { access, actor }: Who) => {
    // All of it went back already, by the dashboard: without those refunds something would seem left.
    if (refusal.stripeCode === 'charge_already_refunded')
      await takeAll(payment, { access, actor }).catch((error: unknown) => {
        // Reconciliation takes them up.
        if (!(error instanceof StripeCallError)) throw error;
      });
    const ended = await end(refund, payment, refusal, actor);
    if (ended.status === 'FAILED' && ended.stripeRefundId === null) throw refundRefusal(ended, refusal);
    return ended;
  };

  const call = async (refund: Refund, payment: Payment, access: StripeAccess, actor: string): Promise<Refund> => {
    let answer: RefundSnapshot | undefined;
    try {
      answer = await create(refund, payment, access).catch((error: unknown) => {
        // What was made is marked all the same, whatever the answer was about.
        if (error instanceof NotAnAnswerError) return find(refund, payment, access);
        throw error;
      });
      if (!answer) throw new NotAnAnswerError('the refund is not listed');
    } catch (error) {
      if (!(error instanceof StripeCallError)) throw error;
      if (error.failure === 'refused') return refused(refund, payment, error, { access, actor });
      await database.query(writeFailedCall(refund.id, refund.attempt, error.status));
      return refund;
    }
    return applyOrLeave(refund, payment, { answer, access, actor });
  };

  /** Stripe has no such refund: the same key again, or a new one once it is sure that nothing comes of the old. */
  const again = async (refund: Refund, payment: Payment, access: StripeAccess, actor: string): Promise<Refund> => {
    const hasSafeKey = isKeySafe(refund.attemptedAt ?? refund.createdAt, await readClock(database));
    if (hasSafeKey && (refund.lastStatus ?? 0) < 500) return call(refund, payment, access, actor);
    const { id, attempt } = refund;
    const [absent] = await database.query<{ isSure: boolean }>(writeAbsent(id, attempt, timing.readsApartMs));
    if (!absent?.isSure) return refund;
    const [next] = await database.query<Refund>(writeNextAttempt(id, attempt));
    return next ? call(next, payment, access, actor) : refund;
  };

  const findOut = async (refund: Refund, payment: Payment, access: StripeAccess, actor: string): Promise<Refund> => {
    let answer: RefundSnapshot | undefined;
    try {
      answer = await find(refund, payment, access);
    } catch (error) {
      if (!(error instanceof StripeCallError)) throw error;
      await database.query(writeLookAgain(refund.id));
      return refund;
    }
    return answer ? applyOrLeave(refund, payment, { answer, access, actor }) : again(refund, payment, access, actor);
  };

  return {
    make: (refund, payment, access, actor) => oneAtATime(refund.id, () => call(refund, payment, access, actor)),
    refresh: (refund, payment, access, actor) => takeAll(payment, { access, actor }, refund),
    findOut: (refund, payment, access, actor) => oneAtATime(refund.id, () => findOut(refund, payment, access, actor)),
  };
};
