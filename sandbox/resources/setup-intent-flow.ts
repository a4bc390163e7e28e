import { ApiError, invalidRequest } from '../errors.js';
import { randomText } from '../ids.js';
import { withMetadata } from '../params.js';
import type { Scope } from '../scope.js';
import { customers } from './customer-row.js';
import {
  attach,
  behaviourOf,
  cardError,
  instruments,
  type PaymentMethod,
  paymentMethods,
  usePaymentMethod,
} from './payment-method.js';
import { createFromData } from './payment-method-routes.js';
import { abandonAttempt, noteAttempt } from './setup-attempt.js';
import type { MethodValues, SetupValues } from './setup-intent-params.js';
import { type SetupIntent, setupIntents } from './setup-intent-row.js';

/** How a set-up intent moves (Stripe: "How PaymentIntents and SetupIntents work", "Events": setup_intent.*). */

/** The error of a set-up in the wrong state, with the set-up in it. */
export const wrongState = (intent: SetupIntent, message: string): ApiError =>
  invalidRequest(message, { code: 'setup_intent_unexpected_state', setup_intent: structuredClone(intent) });

/** Puts the method that is named or typed on the set-up; it has to be confirmed then. */
export const takeMethod = (scope: Scope, intent: SetupIntent, values: MethodValues): void => {
  const method = values.payment_method_data
    ? createFromData(scope, values.payment_method_data)
    : values.payment_method !== undefined
      ? usePaymentMethod(scope, values.payment_method)
      : undefined;
  if (values.allowed_payment_method_types) {
    intent.allowed_payment_method_types = values.allowed_payment_method_types;
    intent.payment_method_types = values.allowed_payment_method_types;
  }
  if (!method) return;
  abandonAttempt(scope, intent);
  intent.payment_method = method.id;
  if (intent.status !== 'succeeded' && intent.status !== 'canceled')
    Object.assign(intent, { status: 'requires_confirmation', next_action: null });
};

const fail = (scope: Scope, intent: SetupIntent, method: PaymentMethod, error: ApiError): void => {
  const { type, code, message, decline_code } = error.body;
  const told = {
    type,
    code,
    message,
    ...(decline_code ? { decline_code } : {}),
    payment_method: structuredClone(method),
  };
  noteAttempt(scope, intent, method, 'failed', told);
  Object.assign(intent, {
    status: 'requires_payment_method',
    next_action: null,
    payment_method: null,
    last_setup_error: told,
  });
  scope.save(setupIntents, intent);
  scope.emit('setup_intent.setup_failed', intent);
};

const succeed = (scope: Scope, intent: SetupIntent, method: PaymentMethod): void => {
  const { attachDecline } = behaviourOf(scope, method);
  if (attachDecline) {
    const error = cardError(attachDecline);
    fail(scope, intent, method, error);
    throw cardError(attachDecline, { setup_intent: structuredClone(intent), payment_method: structuredClone(method) });
  }
  if (intent.customer !== null) attach(scope, method, intent.customer);
  const instrument = scope.get(instruments, method.id);
  instrument.isSetUp = intent.usage === 'off_session';
  scope.save(instruments, instrument);
  noteAttempt(scope, intent, method, 'succeeded');
  Object.assign(intent, { status: 'succeeded', next_action: null, last_setup_error: null });
  scope.save(setupIntents, intent);
  scope.emit('setup_intent.succeeded', intent);
};

/** Confirms with the set-up's method. Throws the card error of one that can't be saved, after recording it. */
export const confirm = (scope: Scope, intent: SetupIntent, returnUrl: string | undefined): void => {
  if (intent.status === 'succeeded' || intent.status === 'canceled')
    throw wrongState(
      intent,
      `You cannot confirm this SetupIntent because it has already ${intent.status === 'canceled' ? 'been canceled' : 'succeeded'}.`,
    );
  if (intent.payment_method === null)
    throw wrongState(
      intent,
      "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm it again.",
    );
  const method = scope.get(paymentMethods, intent.payment_method);
  const { authentication } = behaviourOf(scope, method);
  if (authentication !== 'always' && authentication !== 'untilSetUp') {
    succeed(scope, intent, method);
    return;
  }
  const url = `${scope.baseUrl}/_sandbox/3ds/${intent.id}`;
  abandonAttempt(scope, intent);
  noteAttempt(scope, intent, method, 'requires_action');
  intent.status = 'requires_action';
  intent.next_action =
    returnUrl === undefined
      ? { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url } }
      : { type: 'redirect_to_url', redirect_to_url: { return_url: returnUrl, url } };
  scope.save(setupIntents, intent);
  scope.emit('setup_intent.requires_action', intent);
};

/** Confirms with this payment method (Stripe: "Confirm a SetupIntent"). Throws the card error of a method that can't be saved. */
export const confirmSetup = (scope: Scope, intent: SetupIntent, method: string, returnUrl?: string): void => {
  takeMethod(scope, intent, { payment_method: method });
  scope.save(setupIntents, intent);
  confirm(scope, intent, returnUrl);
};

const notAuthenticated = (): ApiError =>
  invalidRequest(
    'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
    { code: 'setup_intent_authentication_failure' },
  );

/** What the customer does on the bank's page. A refusal after it is recorded, not thrown. Throws unless the set-up waits for it. */
export const authenticateSetup = (scope: Scope, id: string, outcome: 'complete' | 'fail'): SetupIntent => {
  const intent = scope.get(setupIntents, id);
  if (intent.status !== 'requires_action' || intent.payment_method === null)
    throw wrongState(intent, `This SetupIntent has a status of ${intent.status} and waits for no authentication.`);
  const method = scope.get(paymentMethods, intent.payment_method);
  if (outcome === 'fail') {
    fail(scope, intent, method, notAuthenticated());
    return intent;
  }
  try {
    succeed(scope, intent, method);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 402) throw error;
  }
  return intent;
};

/** Cancels a set-up that isn't over (Stripe: "Cancel a SetupIntent"). */
export const cancelSetup = (scope: Scope, intent: SetupIntent, reason: string | null): void => {
  if (intent.status === 'succeeded' || intent.status === 'canceled')
    throw wrongState(intent, `You cannot cancel this SetupIntent because it has a status of ${intent.status}.`);
  abandonAttempt(scope, intent);
  Object.assign(intent, { status: 'canceled', next_action: null, cancellation_reason: reason });
  scope.save(setupIntents, intent);
  scope.emit('setup_intent.canceled', intent);
};

/** Makes a set-up intent, and confirms it where asked (Stripe: "Create a SetupIntent"). */
export const createSetup = (scope: Scope, values: SetupValues): SetupIntent => {
  const id = scope.newId('seti');
  const isAutomatic = values.automatic_payment_methods
    ? values.automatic_payment_methods.enabled
    : !values.allowed_payment_method_types;
  const intent: SetupIntent = {
    id,
    object: 'setup_intent',
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: isAutomatic
      ? { allow_redirects: values.automatic_payment_methods?.allow_redirects ?? 'always', enabled: true }
      : null,
    cancellation_reason: null,
    client_secret: `${id}_secret_${randomText(25)}`,
    created: scope.now(),
    customer: values.customer === undefined ? null : scope.get(customers, values.customer, 'customer').id,
    customer_account: null,
    description: values.description ?? null,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: scope.livemode,
    mandate: null,
    managed_payments: { enabled: false },
    metadata: withMetadata({}, values.metadata),
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: isAutomatic ? { id: 'pmc_1Sandbox', parent: null } : null,
    payment_method_options: { card: { mandate_options: null, network: null, request_three_d_secure: 'automatic' } },
    payment_method_types: ['card', 'us_bank_account', 'sepa_debit'],
    single_use_mandate: null,
    status: 'requires_payment_method',
    usage: values.usage ?? 'off_session',
  };
  takeMethod(scope, intent, values);
  scope.save(setupIntents, intent);
  scope.emit('setup_intent.created', intent);
  if (values.confirm) confirm(scope, intent, values.return_url);
  return intent;
};
