import { actorOf, type Caller } from '../../core/caller.js';
import {
  BadUserInputError,
  IllegalTransitionError,
  NotFoundError,
  PaymentInProgressError,
  StripeDeclinedError,
} from '../../core/errors.js';
import { assertChargeable, findCurrency, type MinorUnits } from '../../core/money.js';
import type { Page, PageRequest } from '../../core/page.js';
import { isOpen, type PaymentStatus } from '../../core/states.js';
import type { Redirects, ReturnAddresses } from '../../installation/redirects.js';
import { assertReachable, type StripeAccess, type StripeConnection } from '../../installation/stripe-connection.js';
import type { Change } from '../../outbox/change.js';
import type { Database } from '../../storage/database.js';
import { type IdempotentRequest, idempotentRequest } from '../../storage/idempotent-request.js';
import type { PaymentAttempts } from './attempts.js';
import type { PaymentEndings } from './cancel-and-capture.js';
import type { PaymentReads } from './read.js';
import type { PaymentReservations } from './reserve.js';
import type { Payment } from './row.js';

/** What a client asks for with `pay`. */
export interface PayRequest {
  readonly orderId: string;
  readonly currency: string;
  readonly amount: MinorUnits;
  readonly mode: 'ELEMENTS' | 'CHECKOUT';
  readonly captureMethod: 'AUTOMATIC' | 'MANUAL';
  readonly description?: string;
  readonly successUrl?: string;
  readonly cancelUrl?: string;
  readonly idempotencyKey?: string;
}

/** A payment and what the browser needs to go on with it. */
export interface PayAnswer {
  readonly payment: Payment;
  /** For Stripe.js; undefined when nothing is left to confirm. */
  readonly clientSecret?: string;
  readonly clientSecretType?: 'PAYMENT' | 'SETUP';
  /** Stripe's page, for the mode CHECKOUT; undefined once it is closed. */
  readonly checkoutUrl?: string;
  readonly publishableKey: string;
}

/** What a list of payments may be narrowed to. */
export interface PaymentFilter extends PageRequest {
  readonly orderId?: string;
  readonly accountId?: string;
  readonly status?: PaymentStatus;
}

/** Which version a payment is at. */
export interface PaymentVersion {
  readonly id: string;
  readonly orderId: string;
  readonly version: number;
}

/** One-off payments: every rule of who, what and when lives behind these calls. */
export interface Payments extends PaymentEndings {
  pay(request: PayRequest, caller: Caller): Promise<PayAnswer>;
  /**
   * A fresh client secret or page for an open payment, in Stripe's present state: one that went through meanwhile comes
   * without. ILLEGAL_TRANSITION when it isn't open. One that no longer fits its order is cancelled at Stripe, and refused with what
   * changed: AMOUNT_MISMATCH, CURRENCY_MISMATCH, ORDER_ALREADY_PAID, ORDER_NOT_FOUND; pay begins the right one.
   */
  continuePayment(id: string, caller: Caller): Promise<PayAnswer>;
  /** The payment, or null where there is none that the caller may see. */
  find(id: string, caller: Caller): Promise<Payment | null>;
  list(filter: PaymentFilter, caller: Caller): Promise<Page<Payment>>;
  timeline(id: string): Promise<Change[]>;
  /** Current rows of payments, whoever asks: for live status, which checks the caller at each message. */
  readMany(ids: readonly string[]): Promise<Payment[]>;
  /** Current payments of an order, oldest first: for live status. */
  readOfOrder(orderId: string): Promise<Payment[]>;
  /** The newest versions of these payments and of all payments of these orders, in one query: for live status. */
  versionsOf(ids: readonly string[], orderIds: readonly string[]): Promise<PaymentVersion[]>;
  /** The order's key as the database writes it; undefined unless it exists and is the caller's, or they may read any. */
  findWatchable(orderId: string, caller: Caller): Promise<string | undefined>;
}

/** Longest description; Stripe takes 1000 characters. */
const DESCRIPTION_LENGTH = 1000;
/** Rounds of cancelling an attempt for another amount and reserving again, before the client is asked to come back. */
const ROUNDS = 4;

/** Statuses in which the browser still has something to confirm. */
const CONFIRMABLE: ReadonlySet<PaymentStatus> = new Set(['PENDING', 'REQUIRES_ACTION', 'FAILED']);

const checkRequest = (request: PayRequest, redirects: Redirects): PayRequest => {
  const currency = findCurrency(request.currency);
  assertChargeable(request.amount, currency);
  if (request.description !== undefined && request.description.length > DESCRIPTION_LENGTH)
    throw new BadUserInputError(`A description has at most ${DESCRIPTION_LENGTH} characters.`);
  return { ...request, ...checkAddresses(request, redirects), currency: currency.code };
};

/** Checks where people come back to: with CHECKOUT alone they go anywhere. */
export const checkAddresses = (
  request: ReturnAddresses & Pick<PayRequest, 'mode'>,
  redirects: Redirects,
): ReturnAddresses => {
  if (request.mode === 'CHECKOUT') return redirects.check(request);
  if (request.successUrl !== undefined || request.cancelUrl !== undefined)
    throw new BadUserInputError('successUrl and cancelUrl belong to the mode CHECKOUT; leave them out with ELEMENTS.');
  return {};
};

/** A payment on Stripe's page whose delayed method failed: that page takes no other one. */
const isDeadEnd = ({ payment, checkoutUrl }: PayAnswer): boolean =>
  payment.mode === 'CHECKOUT' && payment.status === 'FAILED' && checkoutUrl === undefined;

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly reservations: PaymentReservations;
  readonly attempts: PaymentAttempts;
  readonly endings: PaymentEndings;
  readonly reads: PaymentReads;
  readonly redirects: Redirects;
  readonly publish: (payment: Payment) => void;
}

/** Builds the calls over their parts: reservations lock and write, attempts call Stripe, reads read. */
export const createPayments = (parts: Parts): Payments => {
  const { database, connection, reservations, attempts, endings, reads, redirects, publish } = parts;

  const goOn = async (payment: Payment, access: StripeAccess, actor: string, fresh = false): Promise<PayAnswer> => {
    const { publishableKey } = access;
    if (!isOpen(payment)) return { payment, publishableKey };
    assertReachable('Payment', payment, access);
    const settled = await attempts.settle(payment, { access, actor }, fresh);
    const answer = { payment: settled.payment, publishableKey };
    if (!CONFIRMABLE.has(settled.payment.status)) return answer;
    const { clientSecret, checkoutUrl } = settled;
    return {
      ...answer,
      ...(clientSecret !== null && { clientSecret, clientSecretType: 'PAYMENT' as const }),
      ...(checkoutUrl !== null && { checkoutUrl }),
    };
  };

  /** The same key again: the same payment as it is now; one that Stripe had refused is refused again. */
  const repeat = async (payment: Payment, access: StripeAccess, actor: string): Promise<PayAnswer> => {
    const { status, stripePaymentIntentId, stripeCheckoutSessionId } = payment;
    if (status === 'CANCELED' && stripePaymentIntentId === null && stripeCheckoutSessionId === null)
      throw new StripeDeclinedError('Stripe refused this payment. Use a new idempotency key to try again.', undefined);
    return goOn(payment, access, actor);
  };

  /**
   * Cancels an attempt that can't serve; undefined when the order is free for another one, the payment where it went through
   * meanwhile.
   *
   * @throws PaymentInProgressError when Stripe can't stop it any more
   */
  const replace = async (payment: Payment, access: StripeAccess, actor: string): Promise<PayAnswer | undefined> => {
    assertReachable('Payment', payment, access);
    const ended = await attempts.cancel(payment, { access, actor });
    if (ended.status === 'CANCELED') return undefined;
    if (isOpen(ended))
      throw new PaymentInProgressError(
        `Payment ${ended.id} is ${ended.status} and can't be replaced any more; wait for its end.`,
        ended.id,
      );
    return { payment: ended, publishableKey: access.publishableKey };
  };

  /** Goes on with an attempt that fits its order; one that doesn't is cancelled, and the caller told why. */
  const goOnOrEnd = async (payment: Payment, access: StripeAccess, actor: string): Promise<PayAnswer> => {
    const misfit = await database.transaction((tx) => reservations.review(tx, payment), payment.orderId);
    if (!misfit) return goOn(payment, access, actor);
    const wentThrough = await replace(payment, access, actor);
    if (wentThrough) return wentThrough;
    throw misfit;
  };

  const payOnce = async (
    request: PayRequest,
    caller: Caller,
    access: StripeAccess,
    { idempotency, again }: { idempotency: IdempotentRequest | undefined; again: boolean },
  ): Promise<PayAnswer | undefined> => {
    const actor = actorOf(caller);
    const reserved = await database.transaction(
      (tx) => reservations.reserve(tx, { request, caller, access, actor, idempotency, again }),
      request.orderId,
    );
    switch (reserved.kind) {
      case 'made':
        publish(reserved.payment);
        return goOn(reserved.payment, access, actor, true);
      case 'repeated':
        return repeat(reserved.payment, access, actor);
      case 'open': {
        const answer = await goOn(reserved.payment, access, actor);
        if (isDeadEnd(answer)) return replace(answer.payment, access, actor);
        // Stripe had cancelled the attempt: the order is free for another one.
        return answer.payment.status === 'CANCELED' ? undefined : answer;
      }
      case 'differs':
        return replace(reserved.payment, access, actor);
    }
  };

  return {
    ...reads,
    ...endings,

    async pay(input, caller) {
      const request = checkRequest(input, redirects);
      const idempotency = idempotentRequest(caller, 'pay', request);
      // A repeated key answers as before, whatever became of the order.
      if (!idempotency) await reservations.check(request, caller);
      const access = await connection.access();
      for (let round = 1; round <= ROUNDS; round += 1) {
        const answer = await payOnce(request, caller, access, { idempotency, again: round > 1 });
        if (answer) return answer;
      }
      throw new IllegalTransitionError(`The payments of order ${request.orderId} keep changing; try again.`);
    },

    async continuePayment(id, caller) {
      const payment = await reads.find(id, caller);
      if (!payment) throw new NotFoundError('payment', id);
      if (!isOpen(payment))
        throw new IllegalTransitionError(
          `Payment ${id} is ${payment.status}; only an open one can go on. Start another with pay.`,
        );
      if (payment.stripeInvoiceId !== null && payment.stripePaymentIntentId === null)
        throw new IllegalTransitionError(`The invoice of payment ${id} has nothing to confirm yet.`);
      return goOnOrEnd(payment, await connection.access(), actorOf(caller));
    },
  };
};
