import { nextPeriodEnd } from '../billing-period.js';
import { type ApiError, invalidRequest, leftOut } from '../errors.js';
import { withMetadata } from '../params.js';
import type { Scope } from '../scope.js';
import { type Customer, customers } from './customer-row.js';
import { collect, finalize, noMethod, openPayment } from './invoice-flow.js';
import { invoiceItems } from './invoice-item-row.js';
import { invoices } from './invoice-row.js';
import { behaviourOf, cardError, instruments, paymentMethods } from './payment-method.js';
import { createSetup } from './setup-intent-flow.js';
import { defaultMethodOf, draftInvoice, schedulePeriodEnd } from './subscription-flow.js';
import { checkTogether, newItem, priceFor } from './subscription-item.js';
import type { CreateValues } from './subscription-params.js';
import { hasEnded, periodOf, type Subscription, type SubscriptionItem, subscriptions } from './subscription-row.js';

const DAY = 24 * 60 * 60;
const FIRST_PAYMENT_SECONDS = 23 * 60 * 60;

/** Throws unless the method is attached to the customer. */
export const checkMethod = (scope: Scope, customer: string, method: string, param = 'default_payment_method'): void => {
  if (scope.get(paymentMethods, method, param).customer === customer) return;
  throw invalidRequest(
    `The customer does not have a payment method with the ID ${method}. The payment method must be attached to the customer.`,
    { code: 'resource_missing', param },
  );
};

const trialEnd = (scope: Scope, values: CreateValues): number | null => {
  if (values.trial_end !== undefined && values.trial_period_days !== undefined)
    throw invalidRequest('You may only specify one of these parameters: trial_end, trial_period_days.', {
      code: 'parameters_exclusive',
    });
  if (values.trial_from_plan) throw leftOut('trials set on prices (trial_from_plan)', 'trial_from_plan');
  if (values.trial_period_days !== undefined) return scope.now() + values.trial_period_days * DAY;
  if (values.trial_end === undefined || values.trial_end === 'now') return null;
  if (values.trial_end <= scope.now())
    throw invalidRequest('Invalid timestamp: must be an integer Unix timestamp in the future', { param: 'trial_end' });
  return values.trial_end;
};

/**
 * Whether something that lives keeps the customer to their currency (Stripe: "Set or change currency for an invoice or customer in
 * Stripe Billing"). A balance too, which is kept in one currency here.
 */
const isKept = (scope: Scope, { id, balance, currency }: Customer): boolean =>
  balance !== 0 ||
  scope.all(subscriptions, 'customer', id).some((other) => !hasEnded(other)) ||
  scope.all(invoiceItems, 'customer', id).some((item) => item.invoice === null && item.currency === currency);

const checkCurrency = (scope: Scope, customer: Customer, currency: string, given: string | undefined): void => {
  if (given !== undefined && given.toLowerCase() !== currency)
    throw invalidRequest(`The price specified does not support the currency ${given}.`, { param: 'currency' });
  if (customer.currency !== null && customer.currency !== currency && isKept(scope, customer))
    throw invalidRequest(
      `You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, discount, quote, or invoice item with currency ${customer.currency}.`,
    );
};

/** The cancellation that creation or an update asks for. */
export const cancellation = (
  scope: Scope,
  end: number,
  values: { cancel_at?: number | 'period_end' | null; cancel_at_period_end?: boolean },
): Pick<Subscription, 'cancel_at' | 'cancel_at_period_end' | 'canceled_at'> | undefined => {
  const { cancel_at: at, cancel_at_period_end: atEnd } = values;
  if (at === undefined && atEnd === undefined) return undefined;
  if (typeof at === 'number' && at <= scope.now())
    throw invalidRequest('The `cancel_at` date must be in the future.', { param: 'cancel_at' });
  if (at !== undefined && at !== null && atEnd)
    throw invalidRequest('You may only specify one of these parameters: cancel_at, cancel_at_period_end.', {
      code: 'parameters_exclusive',
    });
  if (atEnd) return { cancel_at: end, cancel_at_period_end: true, canceled_at: scope.now() };
  if (at === undefined || at === null) return { cancel_at: null, cancel_at_period_end: false, canceled_at: null };
  return { cancel_at: at === 'period_end' ? end : at, cancel_at_period_end: false, canceled_at: scope.now() };
};

/** The card error that a first payment would meet, asked for before anything is made (`error_if_incomplete`). */
const foresee = (scope: Scope, methodId: string, isOffSession: boolean): ApiError | undefined => {
  const method = scope.get(paymentMethods, methodId);
  const behaviour = behaviourOf(scope, method);
  const { isSetUp } = scope.get(instruments, method.id);
  const { authentication } = behaviour;
  if (authentication === 'always' || (authentication === 'untilSetUp' && !(isOffSession && isSetUp)))
    return cardError({
      code: 'subscription_payment_intent_requires_action',
      message:
        'Payment for this subscription requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with subscription.latest_invoice.payment_intent.',
    });
  return behaviour.decline && behaviour.settlesAfterSeconds === undefined ? cardError(behaviour.decline) : undefined;
};

type CancellationFields = 'cancel_at' | 'cancel_at_period_end' | 'canceled_at' | 'cancellation_details';

const cancellationFields = (stop: ReturnType<typeof cancellation>): Pick<Subscription, CancellationFields> => ({
  cancel_at: stop?.cancel_at ?? null,
  cancel_at_period_end: stop?.cancel_at_period_end ?? false,
  canceled_at: stop?.canceled_at ?? null,
  cancellation_details: {
    comment: null,
    feedback: null,
    feedback_option: null,
    reason: stop?.canceled_at ? 'cancellation_requested' : null,
  },
});

const listOf = (subscription: string, data: SubscriptionItem[]): Subscription['items'] => ({
  object: 'list',
  data,
  has_more: false,
  total_count: data.length,
  url: `/v1/subscription_items?subscription=${subscription}`,
});

const build = (
  scope: Scope,
  values: CreateValues,
  customer: Customer,
  items: (id: string, period: { start: number; end: number }) => SubscriptionItem[],
): Subscription => {
  const now = scope.now();
  const id = scope.newId('sub');
  const trial = trialEnd(scope, values);
  const draft = items(id, { start: now, end: now });
  const recurring = draft[0]?.price.recurring;
  const end = trial ?? (recurring ? nextPeriodEnd(now, recurring, now) : now);
  const data = draft.map((item) => ({ ...item, current_period_end: end }));
  return {
    id,
    object: 'subscription',
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: trial ?? now,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: { proration_discounts: 'included' }, type: 'flexible', updated_at: now },
    billing_schedules: [],
    billing_thresholds: null,
    ...cancellationFields(cancellation(scope, end, values)),
    collection_method: 'charge_automatically',
    created: now,
    currency: data[0]?.price.currency ?? '',
    customer: customer.id,
    customer_account: null,
    days_until_due: null,
    default_payment_method: values.default_payment_method ?? null,
    default_source: null,
    default_tax_rates: [],
    description: values.description ?? null,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    items: listOf(id, data),
    latest_invoice: null,
    livemode: scope.livemode,
    managed_payments: { enabled: false },
    metadata: withMetadata({}, values.metadata),
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: values.payment_settings?.payment_method_types ?? null,
      save_default_payment_method: values.payment_settings?.save_default_payment_method ?? 'off',
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: now,
    status: trial === null ? 'incomplete' : 'trialing',
    test_clock: null,
    transfer_data: null,
    trial_end: trial,
    trial_settings: {
      end_behavior: {
        billing_cycle_anchor: null,
        missing_payment_method: values.trial_settings?.end_behavior.missing_payment_method ?? 'create_invoice',
      },
    },
    trial_start: trial === null ? null : now,
  };
};

const check = (scope: Scope, values: CreateValues, customer: Customer, subscription: Subscription): void => {
  checkTogether(subscription.items.data);
  checkCurrency(scope, customer, subscription.currency, values.currency);
  if (values.payment_behavior === 'pending_if_incomplete')
    throw invalidRequest('`pending_if_incomplete` can only be used when updating a subscription.', {
      param: 'payment_behavior',
    });
  if (values.default_payment_method !== undefined) checkMethod(scope, customer.id, values.default_payment_method);
  const isFree = subscription.items.data.every(({ price, quantity }) => (price.unit_amount ?? 0) * quantity === 0);
  const method = defaultMethodOf(scope, subscription);
  if (isFree || subscription.status === 'trialing' || values.payment_behavior === 'default_incomplete') return;
  if (method === null) throw noMethod();
  if (values.payment_behavior !== 'error_if_incomplete') return;
  const error = foresee(scope, method, values.off_session ?? false);
  if (error) throw error;
};

const addSetup = (scope: Scope, subscription: Subscription): void => {
  subscription.pending_setup_intent = createSetup(scope, { customer: subscription.customer, usage: 'off_session' }).id;
};

/**
 * Makes a subscription with its first invoice (Stripe: "Create a subscription", "Subscription payment behaviors"): open
 * with a payment to be confirmed, paid at once, or free during a trial, with a set-up intent where a method is missing.
 * Throws before anything is made; a decline leaves it incomplete unless `error_if_incomplete`. Checkout accepts inactive
 * prices, since its inline ones are.
 */
export const createSubscription = (scope: Scope, values: CreateValues, acceptsInactive = false): Subscription => {
  const customer = scope.get(customers, values.customer, 'customer');
  const wanted = values.items.map((item, at) => ({ item, price: priceFor(scope, item, at, acceptsInactive) }));
  const subscription = build(scope, values, customer, (id, period) =>
    wanted.map(({ item, price }) => newItem(scope, id, item, price, period)),
  );
  check(scope, values, customer, subscription);

  if (customer.currency !== subscription.currency)
    scope.save(customers, { ...customer, currency: subscription.currency });
  const isTrial = subscription.status === 'trialing';
  if (isTrial && !values.off_session && defaultMethodOf(scope, subscription) === null) addSetup(scope, subscription);
  scope.save(subscriptions, subscription);
  const invoice = draftInvoice(scope, subscription, {
    reason: 'subscription_create',
    hasItems: true,
  });
  if (!invoice) throw new Error('the customer is gone');
  const isFree = invoice.amount_due === 0;
  if (isFree && !isTrial) subscription.status = 'active';
  scope.save(subscriptions, subscription);
  scope.emit('customer.subscription.created', subscription);
  scope.emit('invoice.created', scope.get(invoices, invoice.id));
  schedulePeriodEnd(scope, subscription);
  if (isTrial && periodOf(subscription).end - scope.now() <= 3 * DAY)
    scope.emit('customer.subscription.trial_will_end', subscription);
  if (subscription.cancel_at !== null)
    scope.schedule('subscription.cancel', subscription.cancel_at - scope.now(), subscription.id);
  if (subscription.status === 'incomplete')
    scope.schedule('subscription.expire', FIRST_PAYMENT_SECONDS, subscription.id);
  finalize(scope, invoice);
  if (values.payment_behavior !== 'default_incomplete' && openPayment(scope, invoice))
    collect(scope, invoice, { isAutomatic: false, isOffSession: values.off_session ?? false });
  return scope.get(subscriptions, subscription.id);
};
