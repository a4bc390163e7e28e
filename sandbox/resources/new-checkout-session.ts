import { checkChargeAmount, checkCurrency, minimumCharge, money } from '../currencies.js';
import { invalidRequest, leftOut } from '../errors.js';
import { randomText } from '../ids.js';
import {
  anything,
  boolean,
  expandParam,
  hash,
  integer,
  listOf,
  metadata,
  oneOf,
  required,
  shipping,
  text,
  unsupported,
  type Values,
  withMetadata,
} from '../params.js';
import { methodType } from '../payment-method-types.js';
import type { Scope } from '../scope.js';
import {
  type CheckoutItem,
  type CheckoutPlan,
  type CheckoutSession,
  checkoutPlans,
  checkoutSessions,
} from './checkout-session-row.js';
import { customers } from './customer-row.js';
import { amountParams, checkActive, newPrice, plainAmount, productName, recurring } from './new-price.js';
import { type Price, prices } from './price-row.js';
import { newProduct } from './product-row.js';
import { empty, switchedOff } from './subscription-params.js';

const HALF_HOUR = 30 * 60;
const DAY = 24 * 60 * 60;

const lineItem = hash({
  adjustable_quantity: switchedOff('adjustable quantities'),
  metadata,
  price: text,
  price_data: hash({
    ...amountParams,
    product: text,
    product_data: hash({
      name: required(text),
      description: text,
      images: listOf(text, 8),
      metadata,
      tax_code: text,
      tax_details: unsupported('tax'),
      unit_label: text,
    }),
    recurring,
  }),
  quantity: integer(1),
  tax_rates: empty('tax rates'),
});

/** The parameters of `POST /v1/checkout/sessions`. */
export const createParams = {
  adaptive_pricing: anything,
  after_expiration: unsupported('recovery of expired sessions'),
  allow_promotion_codes: boolean,
  allowed_payment_method_types: listOf(methodType),
  automatic_tax: switchedOff('automatic tax'),
  billing_address_collection: oneOf('auto', 'required'),
  branding_settings: anything,
  cancel_url: text,
  client_reference_id: text,
  consent_collection: unsupported('consent'),
  currency: text,
  custom_fields: empty('custom fields'),
  custom_text: unsupported('custom text'),
  customer: text,
  customer_account: unsupported('customer accounts'),
  customer_creation: oneOf('always', 'if_required'),
  customer_email: text,
  customer_update: anything,
  discounts: empty('discounts'),
  excluded_payment_method_types: empty('excluded payment method types of sessions'),
  expires_at: integer(0),
  integration_identifier: text,
  invoice_creation: switchedOff('invoices for one-off payments'),
  line_items: listOf(lineItem, 100),
  locale: text,
  managed_payments: switchedOff('managed payments'),
  metadata,
  mode: oneOf('payment', 'setup', 'subscription'),
  name_collection: unsupported('collecting names'),
  optional_items: empty('optional items'),
  origin_context: oneOf('mobile_app', 'web'),
  payment_intent_data: hash({
    application_fee_amount: unsupported('Connect'),
    capture_method: oneOf('automatic', 'automatic_async', 'manual'),
    description: text,
    metadata,
    on_behalf_of: unsupported('Connect'),
    receipt_email: text,
    setup_future_usage: oneOf('off_session', 'on_session'),
    shipping,
    statement_descriptor: text,
    statement_descriptor_suffix: text,
    transfer_data: unsupported('Connect'),
    transfer_group: text,
  }),
  payment_method_collection: oneOf('always', 'if_required'),
  payment_method_configuration: text,
  payment_method_data: anything,
  payment_method_options: anything,
  permissions: unsupported('permissions'),
  phone_number_collection: switchedOff('collecting phone numbers'),
  redirect_on_completion: unsupported('embedded pages'),
  return_url: unsupported('embedded pages'),
  saved_payment_method_options: anything,
  setup_intent_data: hash({ description: text, metadata, on_behalf_of: unsupported('Connect') }),
  shipping_address_collection: unsupported('collecting shipping addresses'),
  shipping_options: empty('shipping options'),
  submit_type: oneOf('auto', 'book', 'donate', 'pay', 'subscribe'),
  subscription_data: hash({
    application_fee_percent: unsupported('Connect'),
    billing_cycle_anchor: unsupported('billing cycle anchors'),
    billing_cycle_anchor_config: unsupported('billing cycle anchors'),
    billing_mode: anything,
    default_tax_rates: empty('tax rates'),
    description: text,
    invoice_settings: unsupported('invoice settings of subscriptions'),
    metadata,
    on_behalf_of: unsupported('Connect'),
    pending_invoice_item_interval: unsupported('intervals of pending invoice items'),
    proration_behavior: oneOf('create_prorations', 'none'),
    transfer_data: unsupported('Connect'),
    trial_end: integer(0),
    trial_period_days: integer(1),
    trial_settings: hash({
      end_behavior: required(
        hash({
          billing_cycle_anchor: unsupported('billing cycle anchors'),
          missing_payment_method: required(oneOf('cancel', 'create_invoice', 'pause')),
        }),
      ),
    }),
  }),
  success_url: text,
  tax_id_collection: switchedOff('tax ids'),
  ui_mode: oneOf('elements', 'embedded_page', 'form', 'hosted_page'),
  wallet_options: anything,
  ...expandParam,
} as const;
export type SessionValues = Values<typeof createParams>;

const missing = (param: string, message = `Missing required param: ${param}.`): Error =>
  invalidRequest(message, { code: 'parameter_missing', param });

const priceOf = (scope: Scope, values: Values<{ item: typeof lineItem }>['item'], at: number): Price => {
  const path = `line_items[${at}]`;
  if (values?.price !== undefined) {
    const price = scope.get(prices, values.price, `${path}[price]`);
    checkActive(price, `${path}[price]`);
    return price;
  }
  const data = values?.price_data;
  if (!data) throw missing(`${path}[price]`);
  const { product, product_data: newOne, ...amount } = data;
  if ((product === undefined) === (newOne === undefined))
    throw missing(`${path}[price_data][product]`, 'You must specify either `product` or `product_data`.');
  return newPrice(scope, {
    ...amount,
    active: false,
    product: product ?? newProduct(scope, { ...newOne, name: newOne?.name ?? '' }).id,
  });
};

const itemsOf = (scope: Scope, values: SessionValues): CheckoutItem[] =>
  (values.line_items ?? []).map((item, at) => {
    if (item.quantity === undefined) throw missing(`line_items[${at}][quantity]`);
    const price = priceOf(scope, item, at);
    const amount = plainAmount(price, `line_items[${at}][price]`) * item.quantity;
    return {
      id: scope.newId('li'),
      object: 'item',
      adjustable_quantity: null,
      amount_discount: 0,
      amount_subtotal: amount,
      amount_tax: 0,
      amount_total: amount,
      currency: price.currency,
      description: productName(scope, price),
      metadata: withMetadata({}, item.metadata),
      price,
      quantity: item.quantity,
    };
  });

const check = (mode: CheckoutSession['mode'], values: SessionValues): void => {
  if (values.ui_mode !== undefined && values.ui_mode !== 'hosted_page')
    throw leftOut('embedded pages; use ui_mode=hosted_page', 'ui_mode');
  if (values.success_url === undefined) throw missing('success_url');
  for (const param of ['success_url', 'cancel_url'] as const)
    if (values[param] !== undefined && !/^https?:\/\/\S+$/.test(values[param]))
      throw invalidRequest('Not a valid URL', { code: 'url_invalid', param });
  if (mode !== 'setup' && !values.line_items?.length) throw missing('line_items');
  if (values.customer !== undefined && values.customer_email !== undefined)
    throw invalidRequest('You may only specify one of these parameters: customer, customer_email.', {
      code: 'parameters_exclusive',
    });
  const only = {
    payment: 'payment_intent_data',
    setup: 'setup_intent_data',
    subscription: 'subscription_data',
  } as const;
  for (const [other, name] of Object.entries(only))
    if (other !== mode && values[name] !== undefined)
      throw invalidRequest(`You can not pass \`${name}\` in \`${mode}\` mode.`, { param: name });
};

const checkItems = (mode: CheckoutSession['mode'], items: readonly CheckoutItem[]): void => {
  const recurringOnes = items.filter(({ price }) => price.type === 'recurring');
  if (mode === 'payment' && recurringOnes.length > 0)
    throw invalidRequest(
      'You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.',
    );
  if (mode === 'subscription' && recurringOnes.length < items.length)
    throw recurringOnes.length === 0
      ? invalidRequest('You must provide at least one recurring price in `subscription` mode when using prices.')
      : leftOut('one-time prices in `subscription` mode', 'line_items');
  if (new Set(items.map(({ currency }) => currency)).size > 1)
    throw invalidRequest('All line items of a session must have the same currency.', { param: 'line_items' });
};

const expiry = (scope: Scope, at: number | undefined): number => {
  const now = scope.now();
  if (at === undefined) return now + DAY;
  if (at < now + HALF_HOUR || at > now + DAY)
    throw invalidRequest(
      'The `expires_at` timestamp must be less than 24 hours and at least 30 minutes from Checkout Session creation.',
      {
        param: 'expires_at',
      },
    );
  return at;
};

const typesFor = (currency: string | null, allowed: string[] | undefined): string[] =>
  allowed ??
  (currency === 'usd' ? ['card', 'us_bank_account'] : currency === 'eur' ? ['card', 'sepa_debit'] : ['card']);

const noDetails = {
  address: null,
  business_name: null,
  individual_name: null,
  name: null,
  phone: null,
  tax_exempt: 'none',
  tax_ids: [],
};

const build = (scope: Scope, values: SessionValues, items: readonly CheckoutItem[]): CheckoutSession => {
  const mode = values.mode ?? 'payment';
  const id = `cs_${scope.livemode ? 'live' : 'test'}_a1${randomText(27)}${randomText(27)}`;
  const total = mode === 'setup' ? null : items.reduce((sum, item) => sum + item.amount_total, 0);
  const currency = items[0]?.currency ?? (values.currency === undefined ? null : checkCurrency(values.currency));
  const customer = values.customer === undefined ? null : scope.get(customers, values.customer, 'customer');
  const email = customer?.email ?? values.customer_email ?? null;
  return {
    id,
    object: 'checkout.session',
    adaptive_pricing: { enabled: false },
    after_expiration: null,
    allow_promotion_codes: values.allow_promotion_codes ?? null,
    allowed_payment_method_types: values.allowed_payment_method_types ?? null,
    amount_subtotal: total,
    amount_total: total,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: values.billing_address_collection ?? null,
    cancel_url: values.cancel_url ?? null,
    client_reference_id: values.client_reference_id ?? null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: scope.now(),
    currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: { after_submit: null, shipping_address: null, submit: null, terms_of_service_acceptance: null },
    customer: customer?.id ?? null,
    customer_account: null,
    customer_creation: mode === 'payment' ? (values.customer_creation ?? 'if_required') : customer ? null : 'always',
    customer_details: email === null ? null : { ...noDetails, email, name: customer?.name ?? null },
    customer_email: values.customer_email ?? null,
    discounts: [],
    expires_at: expiry(scope, values.expires_at),
    integration_identifier: values.integration_identifier ?? null,
    invoice: null,
    invoice_creation: null,
    livemode: scope.livemode,
    locale: values.locale ?? null,
    managed_payments: { enabled: false },
    metadata: withMetadata({}, values.metadata),
    mode,
    origin_context: values.origin_context ?? null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: mode === 'payment' ? 'if_required' : (values.payment_method_collection ?? 'always'),
    payment_method_configuration_details: values.allowed_payment_method_types
      ? null
      : { id: 'pmc_1Sandbox', parent: null },
    payment_method_options: {},
    payment_method_types: typesFor(currency, values.allowed_payment_method_types),
    payment_status: total === 0 || mode === 'setup' ? 'no_payment_required' : 'unpaid',
    permissions: null,
    phone_number_collection: { enabled: false },
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open',
    submit_type: values.submit_type ?? null,
    subscription: null,
    success_url: values.success_url ?? '',
    total_details: mode === 'setup' ? null : { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: `${scope.baseUrl}/_sandbox/checkout/${id}`,
    wallet_options: null,
  };
};

/** Makes a session and the page behind it (Stripe: "Create a Checkout Session"); nothing is charged until the customer confirms. */
export const createCheckoutSession = (scope: Scope, values: SessionValues): CheckoutSession => {
  const mode = values.mode ?? 'payment';
  check(mode, values);
  const items = itemsOf(scope, values);
  checkItems(mode, items);
  const session = build(scope, values, items);
  const { amount_total: total, currency } = session;
  if (mode === 'payment' && total !== null && total > 0 && currency !== null) {
    if (total < minimumCharge(currency))
      throw invalidRequest(
        `The Checkout Session's total amount due must add up to at least ${money(minimumCharge(currency), currency)} ${currency}`,
        { code: 'amount_too_small' },
      );
    checkChargeAmount(total, currency, 'line_items');
  }
  scope.save(checkoutSessions, session);
  scope.save<CheckoutPlan>(checkoutPlans, {
    id: session.id,
    object: 'checkout_plan',
    items,
    payment: values.payment_intent_data ?? {},
    subscription: values.subscription_data ?? {},
    setup: values.setup_intent_data ?? {},
    intent: null,
    pendingSubscription: null,
  });
  scope.schedule('checkout.session.expire', session.expires_at - scope.now(), session.id);
  return session;
};
