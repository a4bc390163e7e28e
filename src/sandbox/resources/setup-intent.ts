import type { Caller } from '../accounts.js';
import { type ApiError, invalidRequest } from '../errors.js';
import { randomText } from '../ids.js';
import type { Kind, StripeObject } from '../kind.js';
import {
  anything,
  boolean,
  clearable,
  createdFilter,
  expandParam,
  hash,
  listOf,
  metadata,
  oneOf,
  pageParams,
  required,
  text,
  unsupported,
  type Values,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
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
import { createFromData, paymentMethodData } from './payment-method-routes.js';

export interface SetupIntent extends StripeObject {
  readonly object: 'setup_intent';
  allowed_payment_method_types: string[] | null;
  readonly application: null;
  readonly automatic_payment_methods: { allow_redirects: 'always' | 'never'; enabled: boolean } | null;
  cancellation_reason: string | null;
  readonly client_secret: string;
  readonly created: number;
  customer: string | null;
  readonly customer_account: null;
  description: string | null;
  readonly excluded_payment_method_types: null;
  readonly flow_directions: null;
  last_setup_error: object | null;
  readonly latest_attempt: null;
  readonly livemode: boolean;
  readonly mandate: null;
  readonly managed_payments: { enabled: boolean };
  metadata: Record<string, string>;
  next_action: object | null;
  readonly on_behalf_of: null;
  payment_method: string | null;
  readonly payment_method_configuration_details: { id: string; parent: null } | null;
  payment_method_options: object;
  payment_method_types: string[];
  readonly single_use_mandate: null;
  status:
    | 'canceled'
    | 'processing'
    | 'requires_action'
    | 'requires_confirmation'
    | 'requires_payment_method'
    | 'succeeded';
  readonly usage: 'off_session' | 'on_session';
}
export const setupIntents: Kind<SetupIntent> = {
  table: 'setup_intent',
  pathParam: 'intent',
  indexes: ['customer', 'payment_method'],
  expandable: { customer: 'customer', payment_method: 'payment_method' },
};

const METHOD_TYPES = listOf(oneOf('card', 'us_bank_account', 'sepa_debit'));
const shared = {
  allowed_payment_method_types: METHOD_TYPES,
  payment_method: text,
  payment_method_data: paymentMethodData,
  payment_method_options: anything,
  ...expandParam,
} as const;
const attributes = {
  attach_to_self: unsupported('attach_to_self'),
  customer: text,
  customer_account: unsupported('customer accounts'),
  description: clearable(text),
  excluded_payment_method_types: unsupported('excluded payment method types of set-ups'),
  flow_directions: unsupported('flow directions'),
  metadata,
  payment_method_configuration: text,
} as const;
const confirmation = {
  confirmation_token: unsupported('confirmation tokens'),
  mandate_data: anything,
  return_url: text,
  use_stripe_sdk: boolean,
} as const;
const createParams = {
  ...shared,
  ...attributes,
  ...confirmation,
  automatic_payment_methods: hash({ enabled: required(boolean), allow_redirects: oneOf('always', 'never') }),
  confirm: boolean,
  on_behalf_of: unsupported('Connect'),
  single_use: unsupported('single-use mandates'),
  usage: oneOf('off_session', 'on_session'),
} as const;

const wrongState = (intent: SetupIntent, message: string): ApiError =>
  invalidRequest(message, { code: 'setup_intent_unexpected_state', setup_intent: structuredClone(intent) });

const takeMethod = (scope: Scope, intent: SetupIntent, values: Values<typeof shared>): void => {
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
  intent.payment_method = method.id;
  if (intent.status !== 'succeeded' && intent.status !== 'canceled')
    Object.assign(intent, { status: 'requires_confirmation', next_action: null });
};

const fail = (scope: Scope, intent: SetupIntent, method: PaymentMethod, error: ApiError): void => {
  const { type, code, message, decline_code } = error.body;
  Object.assign(intent, {
    status: 'requires_payment_method',
    next_action: null,
    payment_method: null,
    last_setup_error: {
      type,
      code,
      message,
      ...(decline_code ? { decline_code } : {}),
      payment_method: structuredClone(method),
    },
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
  Object.assign(intent, { status: 'succeeded', next_action: null, last_setup_error: null });
  scope.save(setupIntents, intent);
  scope.emit('setup_intent.succeeded', intent);
};

const confirm = (scope: Scope, intent: SetupIntent, returnUrl: string | undefined): void => {
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

/** What the customer does on the bank's page. Throws unless the set-up waits for it. */
export const authenticateSetup = (scope: Scope, id: string, outcome: 'complete' | 'fail'): SetupIntent => {
  const intent = scope.get(setupIntents, id);
  if (intent.status !== 'requires_action' || intent.payment_method === null)
    throw wrongState(intent, `This SetupIntent has a status of ${intent.status} and waits for no authentication.`);
  const method = scope.get(paymentMethods, intent.payment_method);
  if (outcome === 'complete') succeed(scope, intent, method);
  else
    fail(
      scope,
      intent,
      method,
      invalidRequest(
        'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
        {
          code: 'setup_intent_authentication_failure',
        },
      ),
    );
  return intent;
};

/** Makes a set-up intent, and confirms it where asked (Stripe: "Create a SetupIntent"). */
export const createSetup = (scope: Scope, values: Values<typeof createParams>): SetupIntent => {
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

const checkSecret = (intent: SetupIntent, given: string | undefined, caller: Caller): void => {
  if (given === undefined && caller.publishable)
    throw invalidRequest('Missing required param: client_secret.', {
      code: 'parameter_missing',
      param: 'client_secret',
    });
  if (given !== undefined && given !== intent.client_secret)
    throw invalidRequest('The client_secret provided does not match any associated SetupIntent on this account.', {
      code: 'setup_intent_invalid_parameter',
      param: 'client_secret',
    });
};

/** Setup intents (Stripe: "The SetupIntent object"). */
export const setupIntentResource: Resource = {
  kinds: [setupIntents],
  routes: [
    route({
      method: 'POST',
      path: '/v1/setup_intents',
      params: createParams,
      handle: (scope, { params }) => createSetup(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/setup_intents',
      params: {
        ...pageParams,
        created: createdFilter,
        customer: text,
        customer_account: unsupported('customer accounts'),
        payment_method: text,
        attach_to_self: unsupported('attach_to_self'),
      },
      handle: (scope, { params }) => {
        const byMethod =
          params.payment_method === undefined
            ? undefined
            : { field: 'payment_method' as const, value: params.payment_method };
        return scope.list(setupIntents, {
          url: '/v1/setup_intents',
          page: params,
          index: params.customer === undefined ? byMethod : { field: 'customer', value: params.customer },
          where: ({ payment_method: method }) =>
            params.payment_method === undefined || method === params.payment_method,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/setup_intents/:id',
      publishable: true,
      params: { ...expandParam, client_secret: text },
      handle: (scope, { id, params, caller }) => {
        const intent = scope.get(setupIntents, id);
        checkSecret(intent, params.client_secret, caller);
        return intent;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/setup_intents/:id',
      params: { ...shared, ...attributes },
      handle: (scope, { id, params }) => {
        const intent = scope.get(setupIntents, id);
        if (intent.status === 'succeeded' || intent.status === 'canceled')
          if (params.payment_method !== undefined || params.customer !== undefined)
            throw wrongState(
              intent,
              `This SetupIntent could not be updated because it has a status of ${intent.status}.`,
            );
        if (params.customer !== undefined) intent.customer = scope.get(customers, params.customer, 'customer').id;
        if (params.description !== undefined) intent.description = params.description;
        intent.metadata = withMetadata(intent.metadata, params.metadata);
        takeMethod(scope, intent, params);
        return scope.save(setupIntents, intent);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/setup_intents/:id/confirm',
      publishable: true,
      params: { ...shared, ...confirmation, client_secret: text },
      handle: (scope, { id, params, caller }) => {
        const intent = scope.get(setupIntents, id);
        checkSecret(intent, params.client_secret, caller);
        takeMethod(scope, intent, params);
        scope.save(setupIntents, intent);
        confirm(scope, intent, params.return_url);
        return intent;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/setup_intents/:id/cancel',
      params: { cancellation_reason: oneOf('abandoned', 'duplicate', 'requested_by_customer'), ...expandParam },
      handle: (scope, { id, params }) => {
        const intent = scope.get(setupIntents, id);
        if (intent.status === 'succeeded' || intent.status === 'canceled')
          throw wrongState(intent, `You cannot cancel this SetupIntent because it has a status of ${intent.status}.`);
        Object.assign(intent, {
          status: 'canceled',
          next_action: null,
          cancellation_reason: params.cancellation_reason ?? null,
        });
        scope.save(setupIntents, intent);
        scope.emit('setup_intent.canceled', intent);
        return intent;
      },
    }),
  ],
};
