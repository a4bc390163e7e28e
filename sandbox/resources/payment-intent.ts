import type { Caller } from '../accounts.js';
import { checkChargeAmount, checkCurrency } from '../currencies.js';
import { invalidRequest } from '../errors.js';
import type { FormValue } from '../form.js';
import { randomText } from '../ids.js';
import {
  anything,
  boolean,
  clearable,
  createdFilter,
  expandParam,
  fullShipping,
  hash,
  integer,
  listOf,
  metadata,
  oneOf,
  type Param,
  pageParams,
  required,
  shipping,
  text,
  unsupported,
  type Values,
  withMetadata,
} from '../params.js';
import { methodType, otherTypes } from '../payment-method-types.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { customers } from './customer-row.js';
import {
  authenticateIntent,
  cancelIntent,
  captureIntent,
  checkConfirmable,
  confirmIntent,
  expireIntent,
  settleIntent,
  succeedLate,
  unexpectedState,
} from './payment-intent-flow.js';
import { type PaymentIntent, paymentIntents } from './payment-intent-row.js';
import { usePaymentMethod } from './payment-method.js';
import { createFromData, paymentMethodData } from './payment-method-routes.js';

const methodTypes = listOf(methodType);

const cardOptions = clearable(
  hash({
    capture_method: clearable(oneOf('manual')),
    request_three_d_secure: oneOf('any', 'automatic', 'challenge'),
    setup_future_usage: clearable(oneOf('none', 'off_session', 'on_session')),
    moto: boolean,
    network: text,
    cvc_token: unsupported('CVC tokens'),
    installments: unsupported('installments'),
    mandate_options: unsupported('mandates of cards'),
    request_extended_authorization: oneOf('if_available', 'never'),
    request_incremental_authorization: oneOf('if_available', 'never'),
    request_multicapture: oneOf('if_available', 'never'),
    request_overcapture: oneOf('if_available', 'never'),
    require_cvc_recollection: boolean,
    setup_credential_usage: text,
    statement_descriptor_suffix_kana: clearable(text),
    statement_descriptor_suffix_kanji: clearable(text),
    stored_credential_usage: text,
    three_d_secure: unsupported('authentication by others'),
  }),
);
const methodOptions = hash({
  ...otherTypes,
  card: cardOptions,
  card_present: unsupported("payment methods of type 'card_present'"),
  us_bank_account: anything,
  sepa_debit: anything,
  link: anything,
});

const descriptor: Param<string> = {
  parse: (value, path) => {
    const parsed = text.parse(value, path);
    if (parsed.length > 22)
      throw invalidRequest(`The ${path.replaceAll('_', ' ')} must be at most 22 characters.`, { param: path });
    return parsed;
  },
};

/** What create, update and confirm have in common. */
const shared = {
  allowed_payment_method_types: methodTypes,
  amount_details: unsupported('amount details'),
  capture_method: oneOf('automatic', 'automatic_async', 'manual'),
  excluded_payment_method_types: clearable(listOf(text)),
  hooks: unsupported('hooks'),
  payment_details: anything,
  payment_method: text,
  payment_method_data: paymentMethodData,
  payment_method_options: methodOptions,
  receipt_email: clearable(text),
  setup_future_usage: clearable(oneOf('off_session', 'on_session')),
  shipping: clearable(shipping),
  ...expandParam,
} as const;

const attributes = {
  amount: integer(1),
  currency: text,
  customer: text,
  customer_account: unsupported('customer accounts'),
  description: clearable(text),
  metadata,
  application_fee_amount: unsupported('Connect'),
  transfer_data: unsupported('Connect'),
  transfer_group: text,
  payment_method_configuration: text,
  statement_descriptor: descriptor,
  statement_descriptor_suffix: descriptor,
} as const;

const confirmation = {
  confirmation_token: unsupported('confirmation tokens'),
  error_on_requires_action: boolean,
  mandate: unsupported('mandates'),
  mandate_data: anything,
  off_session: {
    parse: (value: FormValue): boolean => value === 'true' || value === 'one_off' || value === 'recurring',
  },
  radar_options: anything,
  return_url: text,
  use_stripe_sdk: boolean,
} as const;

const createParams = {
  ...shared,
  ...attributes,
  ...confirmation,
  amount: required(integer(1)),
  currency: required(text),
  automatic_payment_methods: hash({ enabled: required(boolean), allow_redirects: oneOf('always', 'never') }),
  confirm: boolean,
  confirmation_method: oneOf('automatic', 'manual'),
  on_behalf_of: unsupported('Connect'),
} as const;
const updateParams = { ...shared, ...attributes } as const;
const confirmParams = { ...shared, ...confirmation, amount_to_confirm: integer(1), client_secret: text } as const;

type SharedValues = Values<typeof shared>;
type ConfirmValues = Values<typeof confirmation> & SharedValues;

const defaultTypes = (currency: string): string[] =>
  currency === 'usd' ? ['card', 'us_bank_account'] : currency === 'eur' ? ['card', 'sepa_debit'] : ['card'];

const defaultOptions = (types: readonly string[]): Record<string, unknown> =>
  types.includes('card')
    ? { card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' } }
    : {};

const mergeOptions = (intent: PaymentIntent, options: SharedValues['payment_method_options']): void => {
  if (!options?.card) return;
  const { request_three_d_secure: wish, setup_future_usage: usage, capture_method: capture } = options.card;
  const before: unknown = intent.payment_method_options['card'];
  intent.payment_method_options['card'] = {
    ...(typeof before === 'object' ? before : {}),
    ...(wish ? { request_three_d_secure: wish } : {}),
    ...(usage ? { setup_future_usage: usage } : {}),
    ...(capture ? { capture_method: capture } : {}),
  };
};

const applyShared = (scope: Scope, intent: PaymentIntent, values: SharedValues): void => {
  if (values.allowed_payment_method_types !== undefined) {
    intent.allowed_payment_method_types = values.allowed_payment_method_types;
    intent.payment_method_types = values.allowed_payment_method_types;
  }
  if (values.excluded_payment_method_types !== undefined) {
    const excluded = values.excluded_payment_method_types;
    intent.excluded_payment_method_types = excluded;
    intent.payment_method_types = intent.payment_method_types.filter((type) => !excluded?.includes(type));
  }
  if (values.capture_method !== undefined) intent.capture_method = values.capture_method;
  if (values.receipt_email !== undefined) intent.receipt_email = values.receipt_email;
  if (values.setup_future_usage !== undefined) intent.setup_future_usage = values.setup_future_usage;
  if (values.shipping !== undefined) intent.shipping = fullShipping(values.shipping);
  mergeOptions(intent, values.payment_method_options);
  if (values.payment_method !== undefined && values.payment_method_data !== undefined)
    throw invalidRequest('You may only specify one of these parameters: payment_method, payment_method_data.', {
      code: 'parameters_exclusive',
    });
  const method =
    values.payment_method_data !== undefined
      ? createFromData(scope, values.payment_method_data)
      : values.payment_method !== undefined
        ? usePaymentMethod(scope, values.payment_method)
        : undefined;
  if (!method) return;
  intent.payment_method = method.id;
  if (intent.status === 'requires_payment_method' || intent.status === 'requires_action') {
    intent.status = 'requires_confirmation';
    intent.next_action = null;
  }
};

const newIntent = (scope: Scope, values: Values<typeof createParams>): PaymentIntent => {
  const currency = checkCurrency(values.currency);
  checkChargeAmount(values.amount, currency);
  const id = `pi_3${randomText(23)}`;
  const automatic = values.automatic_payment_methods;
  if (automatic?.enabled && values.allowed_payment_method_types)
    throw invalidRequest(
      'You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types.',
      {
        code: 'parameters_exclusive',
      },
    );
  const isAutomatic = automatic ? automatic.enabled : !values.allowed_payment_method_types;
  const types = isAutomatic ? defaultTypes(currency) : ['card'];
  const intent: PaymentIntent = {
    id,
    object: 'payment_intent',
    allowed_payment_method_types: null,
    amount: values.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: isAutomatic
      ? { allow_redirects: automatic?.allow_redirects ?? 'always', enabled: true }
      : null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: `${id}_secret_${randomText(25)}`,
    confirmation_method: values.confirmation_method ?? 'automatic',
    created: scope.now(),
    currency,
    customer: values.customer === undefined ? null : scope.get(customers, values.customer, 'customer').id,
    customer_account: null,
    description: values.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: scope.livemode,
    managed_payments: { enabled: false },
    metadata: withMetadata({}, values.metadata),
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: isAutomatic ? { id: 'pmc_1Sandbox', parent: null } : null,
    payment_method_options: defaultOptions(types),
    payment_method_types: types,
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: values.statement_descriptor ?? null,
    statement_descriptor_suffix: values.statement_descriptor_suffix ?? null,
    status: 'requires_payment_method',
    transfer_data: null,
    transfer_group: values.transfer_group ?? null,
  };
  applyShared(scope, intent, values);
  return intent;
};

const wantsAuthentication = (intent: PaymentIntent): boolean => {
  const card: unknown = intent.payment_method_options['card'];
  const wish: unknown =
    typeof card === 'object' && card !== null ? Reflect.get(card, 'request_three_d_secure') : undefined;
  return wish === 'any' || wish === 'challenge';
};

const confirm = (scope: Scope, intent: PaymentIntent, values: ConfirmValues): void =>
  confirmIntent(scope, intent, {
    offSession: values.off_session ?? false,
    errorOnRequiresAction: values.error_on_requires_action ?? false,
    returnUrl: values.return_url,
    wantsAuthentication: wantsAuthentication(intent),
  });

/**
 * Makes a payment intent, and confirms it where asked (Stripe: "Create a PaymentIntent"). Throws the card error of a
 * decline; the intent exists then too.
 */
export const createIntent = (scope: Scope, values: Values<typeof createParams>): PaymentIntent => {
  if (!values.confirm)
    for (const name of ['off_session', 'error_on_requires_action', 'return_url', 'mandate_data'] as const)
      if (values[name] !== undefined)
        throw invalidRequest(
          `The parameter \`${name}\` cannot be passed when creating a PaymentIntent unless \`confirm\` is set to true.`,
          {
            param: name,
          },
        );
  const intent = newIntent(scope, values);
  scope.save(paymentIntents, intent);
  scope.emit('payment_intent.created', intent);
  if (values.confirm) confirm(scope, intent, values);
  return intent;
};

const CHANGEABLE = ['requires_payment_method', 'requires_confirmation', 'requires_action'];
const ALWAYS_CHANGEABLE = [
  'description',
  'metadata',
  'expand',
  'receipt_email',
  'transfer_group',
  'shipping',
  'payment_details',
];

const update = (scope: Scope, intent: PaymentIntent, values: Values<typeof updateParams>): PaymentIntent => {
  const bound = Object.keys(values).find((name) => !ALWAYS_CHANGEABLE.includes(name));
  if (bound !== undefined && !CHANGEABLE.includes(intent.status))
    throw unexpectedState(
      intent,
      `This PaymentIntent's ${bound} could not be updated because it has a status of ${intent.status}. You may only update the ${bound} of a PaymentIntent with one of the following statuses: ${CHANGEABLE.join(', ')}.`,
    );
  const currency = values.currency === undefined ? intent.currency : checkCurrency(values.currency);
  const amount = values.amount ?? intent.amount;
  const isMoneyChanged = currency !== intent.currency || amount !== intent.amount;
  if (isMoneyChanged) checkChargeAmount(amount, currency);
  const customer =
    values.customer === undefined ? intent.customer : scope.get(customers, values.customer, 'customer').id;
  Object.assign(intent, {
    amount,
    currency,
    customer,
    description: values.description === undefined ? intent.description : values.description,
    metadata: withMetadata(intent.metadata, values.metadata),
    statement_descriptor: values.statement_descriptor ?? intent.statement_descriptor,
    statement_descriptor_suffix: values.statement_descriptor_suffix ?? intent.statement_descriptor_suffix,
    transfer_group: values.transfer_group ?? intent.transfer_group,
  });
  applyShared(scope, intent, values);
  if (isMoneyChanged && intent.status === 'requires_action')
    Object.assign(intent, { status: 'requires_confirmation', next_action: null });
  return scope.save(paymentIntents, intent);
};

/** Stripe shows a browser this much of an intent (Stripe: "The client secret"). */
const BROWSER_FIELDS = [
  'id',
  'object',
  'allowed_payment_method_types',
  'amount',
  'amount_details',
  'automatic_payment_methods',
  'canceled_at',
  'cancellation_reason',
  'capture_method',
  'client_secret',
  'confirmation_method',
  'created',
  'currency',
  'description',
  'excluded_payment_method_types',
  'last_payment_error',
  'livemode',
  'next_action',
  'payment_method',
  'payment_method_configuration_details',
  'payment_method_types',
  'processing',
  'receipt_email',
  'setup_future_usage',
  'shipping',
  'source',
  'status',
] as const satisfies readonly (keyof PaymentIntent)[];

const view = (intent: PaymentIntent, caller: Caller): object =>
  caller.publishable ? Object.fromEntries(BROWSER_FIELDS.map((name) => [name, intent[name]])) : intent;

const checkSecret = (expected: string, given: string | undefined, caller: Caller): void => {
  if (given === undefined && caller.publishable)
    throw invalidRequest('Missing required param: client_secret.', {
      code: 'parameter_missing',
      param: 'client_secret',
    });
  if (given !== undefined && given !== expected)
    throw invalidRequest(
      'The client_secret provided does not match any associated PaymentIntent on this account. Ensure the publishable key used belongs to the same account that created the PaymentIntent.',
      { code: 'payment_intent_invalid_parameter', param: 'client_secret' },
    );
};

/** Payment intents (Stripe: "The PaymentIntent object"). */
export const paymentIntentResource: Resource = {
  kinds: [paymentIntents],
  routes: [
    route({
      method: 'POST',
      path: '/v1/payment_intents',
      params: createParams,
      handle: (scope, { params }) => createIntent(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/payment_intents',
      params: {
        ...pageParams,
        created: createdFilter,
        customer: text,
        customer_account: unsupported('customer accounts'),
      },
      handle: (scope, { params }) =>
        scope.list(paymentIntents, {
          url: '/v1/payment_intents',
          page: params,
          index: params.customer === undefined ? undefined : { field: 'customer', value: params.customer },
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/payment_intents/:id',
      publishable: true,
      params: { ...expandParam, client_secret: text },
      handle: (scope, { id, params, caller }) => {
        const intent = scope.get(paymentIntents, id);
        checkSecret(intent.client_secret, params.client_secret, caller);
        return view(intent, caller);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/payment_intents/:id',
      params: updateParams,
      handle: (scope, { id, params }) => update(scope, scope.get(paymentIntents, id), params),
    }),
    route({
      method: 'POST',
      path: '/v1/payment_intents/:id/confirm',
      publishable: true,
      params: confirmParams,
      handle: (scope, { id, params, caller }) => {
        const intent = scope.get(paymentIntents, id);
        checkSecret(intent.client_secret, params.client_secret, caller);
        checkConfirmable(intent);
        if (params.amount_to_confirm !== undefined && params.amount_to_confirm !== intent.amount)
          throw invalidRequest('The amount_to_confirm does not match the amount of the PaymentIntent.', {
            param: 'amount_to_confirm',
          });
        applyShared(scope, intent, params);
        scope.save(paymentIntents, intent);
        confirm(scope, intent, params);
        return view(intent, caller);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/payment_intents/:id/capture',
      params: {
        amount_to_capture: integer(1),
        amount_details: unsupported('amount details'),
        application_fee_amount: unsupported('Connect'),
        final_capture: boolean,
        hooks: unsupported('hooks'),
        metadata,
        payment_details: anything,
        statement_descriptor: descriptor,
        statement_descriptor_suffix: descriptor,
        transfer_data: unsupported('Connect'),
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const intent = scope.get(paymentIntents, id);
        captureIntent(scope, intent, params.amount_to_capture);
        intent.metadata = withMetadata(intent.metadata, params.metadata);
        return scope.save(paymentIntents, intent);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/payment_intents/:id/cancel',
      params: {
        cancellation_reason: oneOf('abandoned', 'duplicate', 'fraudulent', 'requested_by_customer'),
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const intent = scope.get(paymentIntents, id);
        cancelIntent(scope, intent, params.cancellation_reason ?? null);
        return intent;
      },
    }),
  ],
  tasks: { 'payment_intent.settle': { run: settleIntent }, 'payment_intent.expire': { run: expireIntent } },
};

/** The cancelled intent of this id, paid all the same (the control API). */
export const payLate = (scope: Scope, id: string, paymentMethod: string): PaymentIntent => {
  const intent = scope.get(paymentIntents, id);
  succeedLate(scope, intent, usePaymentMethod(scope, paymentMethod));
  return intent;
};

/** The intent of this id, authenticated or refused by its customer (the control API and the 3-D Secure page). */
export const authenticate = (scope: Scope, id: string, outcome: 'complete' | 'fail'): PaymentIntent => {
  const intent = scope.get(paymentIntents, id);
  authenticateIntent(scope, intent, outcome);
  return intent;
};
