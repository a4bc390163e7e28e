import { DECLINES, type Decline } from '../declines.js';
import { ApiError, invalidRequest } from '../errors.js';
import type { Scope } from '../scope.js';
import type { Behaviour } from '../test-payment-methods.js';
import { bookCharge, newCharge } from './charge.js';
import { type Charge, charges } from './charge-row.js';
import { openDispute } from './dispute.js';
import { type IntentStatus, type PaymentIntent, paymentIntents } from './payment-intent-row.js';
import {
  attach,
  behaviourOf,
  cardError,
  declineOf,
  instruments,
  type PaymentMethod,
  paymentMethods,
} from './payment-method.js';

/** How a payment intent moves (Stripe: "How PaymentIntents and SetupIntents work", "Events": payment_intent.*). */

export interface ConfirmOptions {
  readonly offSession: boolean;
  /** Off session, but the customer may authenticate later, as with invoices: it isn't declined for that. */
  readonly waitsForCustomer?: boolean;
  readonly errorOnRequiresAction: boolean;
  readonly returnUrl: string | undefined;
  /** Asked for by `request_three_d_secure`. */
  readonly wantsAuthentication: boolean;
}

const AUTHORISED_SECONDS = 7 * 24 * 60 * 60;

const docUrl = (code: string): string => `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`;

const setStatus = (
  scope: Scope,
  intent: PaymentIntent,
  status: IntentStatus,
  changes: Partial<PaymentIntent> = {},
): void => {
  Object.assign(intent, { status, next_action: null, ...changes });
  scope.save(paymentIntents, intent);
};

/** The error of an intent in the wrong state, with the intent in it. */
export const unexpectedState = (intent: PaymentIntent, message: string): ApiError =>
  invalidRequest(message, { code: 'payment_intent_unexpected_state', payment_intent: structuredClone(intent) });

/** Records a failed attempt: the method is taken off and the intent can be paid with another one. */
const recordFailure = (
  scope: Scope,
  intent: PaymentIntent,
  method: PaymentMethod,
  { code, decline_code, message, advice_code }: Decline,
  charge: Charge | undefined,
): void => {
  setStatus(scope, intent, 'requires_payment_method', {
    payment_method: null,
    ...(charge ? { latest_charge: charge.id } : {}),
    last_payment_error: {
      ...(advice_code ? { advice_code } : {}),
      ...(charge ? { charge: charge.id } : {}),
      code,
      ...(decline_code ? { decline_code } : {}),
      doc_url: docUrl(code),
      message,
      payment_method: structuredClone(method),
      type:
        method.type === 'card' && code !== 'payment_intent_authentication_failure'
          ? 'card_error'
          : 'invalid_request_error',
    },
  });
  if (charge) scope.emit('charge.failed', charge);
  scope.emit('payment_intent.payment_failed', intent);
};

const declineNow = (
  scope: Scope,
  intent: PaymentIntent,
  method: PaymentMethod,
  decline: Decline,
  isAuthenticated: boolean,
): never => {
  const charge = newCharge(scope, intent, method, { status: 'failed', captured: true, decline, isAuthenticated });
  charge.captured = false;
  charge.amount_captured = 0;
  scope.save(charges, charge);
  recordFailure(scope, intent, method, decline, charge);
  throw cardError(decline, {
    charge: charge.id,
    payment_intent: structuredClone(intent),
    payment_method: structuredClone(method),
  });
};

/** Keeps the method for later where the intent asks for it; otherwise one without a customer is spent. */
const keepMethod = (scope: Scope, intent: PaymentIntent, method: PaymentMethod): void => {
  const instrument = scope.get(instruments, method.id);
  if (intent.setup_future_usage && intent.customer !== null && method.customer === null)
    attach(scope, method, intent.customer);
  if (intent.setup_future_usage === 'off_session') instrument.isSetUp = true;
  if (method.customer === null) instrument.isSpent = true;
  scope.save(instruments, instrument);
};

const finishSuccess = (scope: Scope, intent: PaymentIntent, charge: Charge, behaviour: Behaviour): void => {
  const isAsync = intent.capture_method === 'automatic_async';
  if (!isAsync) bookCharge(scope, charge, false);
  setStatus(scope, intent, 'succeeded', {
    amount_received: charge.amount_captured,
    amount_capturable: 0,
    latest_charge: charge.id,
    last_payment_error: null,
  });
  scope.emit('charge.succeeded', charge);
  scope.emit('payment_intent.succeeded', intent);
  if (isAsync) bookCharge(scope, charge, true);
  if (behaviour.dispute) openDispute(scope, charge, behaviour.dispute);
};

/** Charges the method: succeeds, waits for capture, or begins processing. Throws the card error of a decline. */
const charge = (scope: Scope, intent: PaymentIntent, method: PaymentMethod, isAuthenticated: boolean): void => {
  const behaviour = behaviourOf(scope, method);
  if (behaviour.settlesAfterSeconds !== undefined) {
    const pending = newCharge(scope, intent, method, { status: 'pending', captured: true, isAuthenticated });
    keepMethod(scope, intent, method);
    setStatus(scope, intent, 'processing', { latest_charge: pending.id, last_payment_error: null });
    scope.emit('payment_intent.processing', intent);
    scope.emit('charge.pending', pending);
    if (!behaviour.neverSettles) scope.schedule('payment_intent.settle', behaviour.settlesAfterSeconds, intent.id);
    return;
  }
  const decline = declineOf(scope, method);
  if (decline) declineNow(scope, intent, method, decline, isAuthenticated);
  const isManual = intent.capture_method === 'manual';
  keepMethod(scope, intent, method);
  const made = newCharge(scope, intent, method, { status: 'succeeded', captured: !isManual, isAuthenticated });
  if (!isManual) {
    finishSuccess(scope, intent, made, behaviour);
    return;
  }
  setStatus(scope, intent, 'requires_capture', {
    amount_capturable: intent.amount,
    latest_charge: made.id,
    last_payment_error: null,
  });
  scope.emit('charge.succeeded', made);
  scope.emit('payment_intent.amount_capturable_updated', intent);
  scope.schedule('payment_intent.expire', AUTHORISED_SECONDS, intent.id);
};

const needsAuthentication = (scope: Scope, method: PaymentMethod, options: ConfirmOptions): boolean => {
  const { authentication } = behaviourOf(scope, method);
  const { isSetUp } = scope.get(instruments, method.id);
  if (authentication === 'always') return true;
  if (authentication === 'untilSetUp') return !(options.offSession && isSetUp);
  return authentication === 'optional' && options.wantsAuthentication;
};

const nextAction = (scope: Scope, intent: PaymentIntent, returnUrl: string | undefined): object => {
  const url = `${scope.baseUrl}/_sandbox/3ds/${intent.id}`;
  return returnUrl === undefined
    ? {
        type: 'use_stripe_sdk',
        use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url, source: `src_${intent.id.slice(3)}` },
      }
    : { type: 'redirect_to_url', redirect_to_url: { return_url: returnUrl, url } };
};

const checkMethod = (scope: Scope, intent: PaymentIntent, method: PaymentMethod): void => {
  if (!intent.payment_method_types.includes(method.type))
    throw invalidRequest(
      `The PaymentMethod provided (${method.type}) is not allowed for this PaymentIntent. Please attach a PaymentMethod of one of the following types: ${intent.payment_method_types.join(', ')}.`,
      {
        code: 'payment_intent_incompatible_payment_method',
        param: 'payment_method',
        payment_intent: structuredClone(intent),
      },
    );
  if (method.customer !== null && method.customer !== intent.customer)
    throw invalidRequest(
      intent.customer === null
        ? `The PaymentMethod ${method.id} belongs to the Customer ${method.customer}. Please include the Customer in the \`customer\` parameter on the PaymentIntent.`
        : `The PaymentMethod ${method.id} does not belong to the Customer you supplied ${intent.customer}. Please use this PaymentMethod with the Customer that it belongs to instead.`,
      { code: 'payment_intent_invalid_parameter', param: 'payment_method' },
    );
  if (scope.get(instruments, method.id).isSpent)
    throw invalidRequest(
      'The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.',
      { code: 'payment_intent_unexpected_state', param: 'payment_method' },
    );
};

const CONFIRMABLE: readonly IntentStatus[] = ['requires_payment_method', 'requires_confirmation', 'requires_action'];

/** Throws unless the intent may be confirmed now (Stripe: "Confirm a PaymentIntent"). */
export const checkConfirmable = (intent: PaymentIntent): void => {
  if (intent.status === 'succeeded')
    throw unexpectedState(
      intent,
      'You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.',
    );
  if (!CONFIRMABLE.includes(intent.status))
    throw unexpectedState(
      intent,
      `You cannot confirm this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action.`,
    );
};

/** Confirms with the intent's method. Throws the card error of a decline after recording it. */
export const confirmIntent = (scope: Scope, intent: PaymentIntent, options: ConfirmOptions): void => {
  checkConfirmable(intent);
  if (intent.payment_method === null)
    throw unexpectedState(
      intent,
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
    );
  const method = scope.get(paymentMethods, intent.payment_method, 'payment_method');
  checkMethod(scope, intent, method);
  if (!needsAuthentication(scope, method, options)) {
    charge(scope, intent, method, false);
    return;
  }
  if ((options.offSession && !options.waitsForCustomer) || options.errorOnRequiresAction)
    declineNow(scope, intent, method, DECLINES.authenticationRequired, false);
  setStatus(scope, intent, 'requires_action', {
    next_action: nextAction(scope, intent, options.returnUrl),
    last_payment_error: null,
  });
  scope.emit('payment_intent.requires_action', intent);
};

/**
 * What the customer does on the bank's page (Stripe: "3D Secure authentication"). A decline after it is recorded, not
 * thrown. Throws unless the intent waits for it.
 */
export const authenticateIntent = (scope: Scope, intent: PaymentIntent, outcome: 'complete' | 'fail'): void => {
  if (intent.status !== 'requires_action' || intent.payment_method === null)
    throw unexpectedState(
      intent,
      `This PaymentIntent has a status of ${intent.status} and waits for no authentication.`,
    );
  const method = scope.get(paymentMethods, intent.payment_method);
  if (outcome === 'fail') {
    recordFailure(
      scope,
      intent,
      method,
      {
        code: 'payment_intent_authentication_failure',
        message:
          'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
      },
      undefined,
    );
    return;
  }
  try {
    charge(scope, intent, method, true);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 402) throw error;
  }
};

/** Captures all or less of what was authorised; the rest is released (Stripe: "Place a hold on a payment method"). */
export const captureIntent = (scope: Scope, intent: PaymentIntent, amount = intent.amount_capturable): void => {
  if (intent.status !== 'requires_capture' || intent.latest_charge === null)
    throw unexpectedState(
      intent,
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
    );
  if (amount > intent.amount_capturable)
    throw invalidRequest(
      `The amount to capture (${amount}) is greater than the amount capturable (${intent.amount_capturable}) of the PaymentIntent.`,
      { code: 'amount_too_large', param: 'amount_to_capture' },
    );
  const captured = scope.get(charges, intent.latest_charge);
  const before = structuredClone(captured);
  captured.captured = true;
  captured.amount_captured = amount;
  scope.save(charges, captured);
  const isAsync = intent.capture_method === 'automatic_async';
  if (!isAsync) bookCharge(scope, captured, false);
  setStatus(scope, intent, 'succeeded', { amount_received: amount, amount_capturable: 0 });
  scope.emit('charge.captured', captured, before);
  scope.emit('payment_intent.succeeded', intent);
  const { dispute } = behaviourOf(scope, scope.get(paymentMethods, captured.payment_method));
  if (dispute) openDispute(scope, captured, dispute);
};

const CANCELABLE: readonly IntentStatus[] = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
];

/** Cancels; an authorised amount is released without a refund (Stripe: "Cancel a PaymentIntent"). */
export const cancelIntent = (scope: Scope, intent: PaymentIntent, reason: string | null): void => {
  if (!CANCELABLE.includes(intent.status))
    throw unexpectedState(
      intent,
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be canceled: ${CANCELABLE.join(', ')}.`,
    );
  setStatus(scope, intent, 'canceled', {
    amount_capturable: 0,
    canceled_at: scope.now(),
    cancellation_reason: reason,
  });
  scope.emit('payment_intent.canceled', intent);
};

/**
 * Money that comes although the intent was cancelled, as from a bank that was too late to stop it; Stripe itself has no call for that.
 * Throws unless it was cancelled.
 */
export const succeedLate = (scope: Scope, intent: PaymentIntent, method: PaymentMethod): void => {
  if (intent.status !== 'canceled')
    throw unexpectedState(
      intent,
      `This PaymentIntent has a status of ${intent.status}; only a canceled one succeeds late.`,
    );
  Object.assign(intent, { canceled_at: null, cancellation_reason: null, payment_method: method.id });
  const made = newCharge(scope, intent, method, { status: 'succeeded', captured: true, isAuthenticated: false });
  keepMethod(scope, intent, method);
  finishSuccess(scope, intent, made, behaviourOf(scope, method));
};

/** Ends a delayed payment (Stripe: "Delayed notification payment methods"). Does nothing once it ended. */
export const settleIntent = (scope: Scope, id: string): void => {
  const intent = scope.find(paymentIntents, id);
  if (intent?.status !== 'processing' || intent.latest_charge === null) return;
  const pending = scope.get(charges, intent.latest_charge);
  const method = scope.get(paymentMethods, pending.payment_method);
  const behaviour = behaviourOf(scope, method);
  if (!behaviour.decline) {
    pending.status = 'succeeded';
    pending.paid = true;
    scope.save(charges, pending);
    finishSuccess(scope, intent, pending, behaviour);
    return;
  }
  Object.assign(pending, {
    status: 'failed',
    paid: false,
    captured: false,
    amount_captured: 0,
    failure_code: behaviour.decline.code,
    failure_message: behaviour.decline.message,
  });
  scope.save(charges, pending);
  recordFailure(scope, intent, method, behaviour.decline, pending);
};

/** An authorisation that nobody captured in seven days ends (Stripe: "Place a hold on a payment method"). */
export const expireIntent = (scope: Scope, id: string): void => {
  const intent = scope.find(paymentIntents, id);
  if (intent?.status !== 'requires_capture' || intent.latest_charge === null) return;
  scope.emit('charge.expired', scope.get(charges, intent.latest_charge));
  cancelIntent(scope, intent, 'automatic');
};
