import { actorOf, type Caller } from '../../core/caller.js';
import {
  BadUserInputError,
  denial,
  IllegalTransitionError,
  PaymentInProgressError,
  StripeDeclinedError,
} from '../../core/errors.js';
import { assertChargeable, findCurrency, type MinorUnits } from '../../core/money.js';
import { isOpen, type PaymentStatus } from '../../core/states.js';
import type { Redirects, ReturnAddresses } from '../../installation/redirects.js';
import {
  assertReachable,
  type StripeAccess,
  type StripeConnection,
  type Who,
} from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { type IdempotentRequest, idempotentRequest } from '../../storage/idempotent-request.js';
import { refusalOf } from '../../stripe/refusal.js';
import type { Methods, OwnedMethod } from '../customers/methods.js';
import type { PaymentAttempts } from './attempts.js';
import { checkHandedOn, type HandedOnInput } from './handed-on.js';
import type { PaymentReservations } from './reserve.js';
import type { Payment } from './row.js';

/** What a client asks for with `pay`. */
export interface PayRequest extends HandedOnInput {
  readonly orderId: string;
  /** Left out where the order says it: what is due then. */
  readonly currency?: string;
  readonly amount?: MinorUnits;
  readonly mode: 'ELEMENTS' | 'CHECKOUT';
  readonly captureMethod: 'AUTOMATIC' | 'MANUAL';
  readonly description?: string;
  readonly successUrl?: string;
  readonly cancelUrl?: string;
  /** Keeps the method that pays for the account's later payments. */
  readonly savePaymentMethod?: true;
  /** A saved method of whom the order is paid for: the server confirms with it. */
  readonly paymentMethodId?: string;
  /** The customer isn't there. */
  readonly offSession?: true;
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

/** Longest description; Stripe takes 1000 characters. */
const DESCRIPTION_LENGTH = 1000;
/** Rounds of cancelling an attempt for another amount and reserving again, before the client is asked to come back. */
const ROUNDS = 4;

/** Statuses in which the browser still has something to confirm. */
const CONFIRMABLE: ReadonlySet<PaymentStatus> = new Set(['PENDING', 'REQUIRES_ACTION', 'FAILED']);

/** @throws BadUserInputError for a saved method on Stripe's page */
export const assertNotOnPage = ({ mode, paymentMethodId }: Pick<PayRequest, 'mode' | 'paymentMethodId'>): void => {
  if (paymentMethodId !== undefined && mode === 'CHECKOUT')
    throw new BadUserInputError(
      "paymentMethodId belongs to the mode ELEMENTS: on Stripe's page customers choose for themselves.",
    );
};

/** @throws BadUserInputError, ForbiddenError for who may not charge a customer that isn't there */
const checkMethod = ({ mode, paymentMethodId, offSession }: PayRequest, caller: Caller): void => {
  assertNotOnPage({ mode, ...(paymentMethodId !== undefined && { paymentMethodId }) });
  if (!offSession) return;
  if (!caller.permissions.has('PAYMENT_MANAGE')) throw denial(caller, 'PAYMENT_MANAGE');
  if (paymentMethodId === undefined) throw new BadUserInputError('offSession needs paymentMethodId: what to charge.');
};

const checkRequest = (request: PayRequest, redirects: Redirects): PayRequest => {
  const currency = request.currency === undefined ? undefined : findCurrency(request.currency);
  if (currency && request.amount !== undefined) assertChargeable(request.amount, currency);
  if (request.description !== undefined && request.description.length > DESCRIPTION_LENGTH)
    throw new BadUserInputError(`A description has at most ${DESCRIPTION_LENGTH} characters.`);
  const handedOn = checkHandedOn(request, request.mode);
  return {
    ...request,
    ...handedOn,
    ...checkAddresses(request, redirects),
    ...(currency && { currency: currency.code }),
  };
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

/** What beginning a payment, and going on with one, need. */
export interface PayParts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly reservations: PaymentReservations;
  readonly attempts: PaymentAttempts;
  readonly methods: Methods;
  readonly redirects: Redirects;
  readonly publish: (payment: Payment) => void;
}

/** How an attempt is gone on with. */
interface GoingOn extends Who {
  readonly isFresh?: boolean;
  /** Whether the caller asks for the charge of the saved method that it was begun with. */
  readonly charges?: boolean;
}

/** @throws StripeDeclinedError when the saved method was declined: the customer may still continue the payment */
const assertNotDeclined = ({ id, status, savedMethodId, failureCode, failureMessage }: Payment): void => {
  if (status !== 'FAILED' || savedMethodId === null) return;
  throw new StripeDeclinedError(
    `${failureMessage ?? 'The saved method was declined.'} The customer can go on with another one: continuePayment.`,
    failureCode ?? undefined,
    { paymentId: id },
  );
};

const goOn = async (
  { attempts }: PayParts,
  payment: Payment,
  { access, actor, isFresh = false, charges = false }: GoingOn,
): Promise<PayAnswer> => {
  const { publishableKey } = access;
  if (!isOpen(payment)) return { payment, publishableKey };
  assertReachable('Payment', payment, access);
  const settled = await attempts.settle(payment, { access, actor }, { isFresh, charges });
  if (charges) assertNotDeclined(settled.payment);
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
const repeat = async (parts: PayParts, payment: Payment, who: Who): Promise<PayAnswer> => {
  const { status, stripePaymentIntentId, stripeCheckoutSessionId } = payment;
  if (status === 'CANCELED' && stripePaymentIntentId === null && stripeCheckoutSessionId === null)
    throw new StripeDeclinedError('Stripe refused this payment. Use a new idempotency key to try again.', undefined);
  // Whatever became of the order meanwhile, nobody is charged who would not be asked to pay.
  return payment.savedMethodId !== null && isOpen(payment)
    ? goOnOrEnd(parts, payment, { ...who, charges: true })
    : goOn(parts, payment, who);
};

/**
 * Cancels an attempt that can't serve; undefined when the order is free for another one, the payment where it went through
 * meanwhile.
 *
 * @throws PaymentInProgressError when Stripe can't stop it any more
 */
const replace = async (
  { attempts }: PayParts,
  payment: Payment,
  { access, actor }: Who,
): Promise<PayAnswer | undefined> => {
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
export const goOnOrEnd = async (parts: PayParts, payment: Payment, who: GoingOn): Promise<PayAnswer> => {
  const { database, reservations } = parts;
  const misfit = await database.transaction((tx) => reservations.resume(tx, payment), payment.orderId);
  if (!misfit) return goOn(parts, payment, who);
  const wentThrough = await replace(parts, payment, who);
  if (wentThrough) return wentThrough;
  throw misfit;
};

interface Round extends Who {
  readonly caller: Caller;
  readonly method: OwnedMethod | undefined;
  readonly idempotency: IdempotentRequest | undefined;
  /** False in the first round. */
  readonly again: boolean;
}

/** Reserves, and does what the reservation says; undefined where the order is free for another round. */
const payOnce = async (
  parts: PayParts,
  request: PayRequest,
  { access, actor, ...round }: Round,
): Promise<PayAnswer | undefined> => {
  const { database, reservations, publish } = parts;
  const who = { access, actor };
  const reserved = await database.transaction(
    (tx) => reservations.reserve(tx, { request, ...who, ...round }),
    request.orderId,
  );
  switch (reserved.kind) {
    case 'made':
      publish(reserved.payment);
      return goOn(parts, reserved.payment, { ...who, isFresh: true, charges: true });
    case 'repeated':
      return repeat(parts, reserved.payment, who);
    case 'open': {
      const answer = await goOn(parts, reserved.payment, { ...who, charges: true });
      if (isDeadEnd(answer)) return replace(parts, answer.payment, who);
      // Stripe had cancelled the attempt: the order is free for another one.
      return answer.payment.status === 'CANCELED' ? undefined : answer;
    }
    case 'differs':
      return replace(parts, reserved.payment, who);
  }
};

/** The saved method that a request names; undefined where it names none, or one that is nobody's. @throws StripeUnavailableError */
export const findMethod = async (
  methods: Methods,
  { paymentMethodId: id }: { readonly paymentMethodId?: string },
  access: StripeAccess,
): Promise<OwnedMethod | undefined> => {
  if (id === undefined) return undefined;
  try {
    return await methods.find(id, access);
  } catch (error) {
    throw refusalOf(error);
  }
};

/** Begins a payment, or goes on with the order's open one. A repeated key answers as before, whatever became of the order. */
export const pay = async (parts: PayParts, input: PayRequest, caller: Caller): Promise<PayAnswer> => {
  const { connection, reservations, redirects, methods } = parts;
  const request = checkRequest(input, redirects);
  checkMethod(request, caller);
  const idempotency = idempotentRequest(caller, 'pay', request);
  if (!idempotency) await reservations.check(request, caller);
  const access = await connection.access();
  const who = { access, actor: actorOf(caller) };
  const method = await findMethod(methods, request, access);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const answer = await payOnce(parts, request, { ...who, caller, method, idempotency, again: round > 1 });
    if (answer) return answer;
  }
  throw new IllegalTransitionError(`The payments of order ${request.orderId} keep changing; try again.`);
};
