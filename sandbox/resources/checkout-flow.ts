import { ApiError, invalidRequest } from '../errors.js';
import type { Scope } from '../scope.js';
import { type CheckoutPlan, type CheckoutSession, checkoutPlans, checkoutSessions } from './checkout-session-row.js';
import { createCustomer } from './customer.js';
import { customers } from './customer-row.js';
import { openPayment } from './invoice-flow.js';
import { invoices } from './invoice-row.js';
import { createSubscription } from './new-subscription.js';
import { confirmWith } from './payment-confirmation.js';
import { createIntent } from './payment-intent.js';
import { cancelIntent } from './payment-intent-flow.js';
import { type PaymentIntent, paymentIntents } from './payment-intent-row.js';
import { type PaymentMethod, usePaymentMethod } from './payment-method.js';
import { confirmSetup, createSetup } from './setup-intent-flow.js';
import { setupIntents } from './setup-intent-row.js';
import { cancelNow } from './subscription-flow.js';
import { type Subscription, subscriptions } from './subscription-row.js';

/** How a Checkout Session moves (Stripe: "How Checkout works", "Fulfill orders": delayed methods). */

export interface Confirmation {
  /** The id of a payment method or the name of a test one; may be left out where nothing is due. */
  readonly paymentMethod?: string | undefined;
  readonly email?: string | undefined;
  readonly name?: string | undefined;
}

const planOf = (scope: Scope, { id }: CheckoutSession): CheckoutPlan => scope.get(checkoutPlans, id);

const finish = (scope: Scope, session: CheckoutSession, status: CheckoutSession['payment_status']): void => {
  const { pendingSubscription } = planOf(scope, session);
  const subscription = pendingSubscription === null ? undefined : scope.find(subscriptions, pendingSubscription);
  Object.assign(session, {
    status: 'complete',
    url: null,
    payment_status: status,
    ...(subscription ? { subscription: subscription.id, invoice: subscription.latest_invoice } : {}),
  });
  scope.save(checkoutSessions, session);
  scope.emit('checkout.session.completed', session);
};

const takeDetails = (scope: Scope, session: CheckoutSession, { email, name }: Confirmation): void => {
  const known = session.customer_details;
  session.customer_details = {
    address: null,
    business_name: null,
    individual_name: null,
    phone: null,
    tax_exempt: 'none',
    tax_ids: [],
    ...known,
    email: email ?? known?.email ?? null,
    name: name ?? known?.name ?? null,
  };
  scope.save(checkoutSessions, session);
};

/** The session's customer, made now where the mode needs one. */
const customerFor = (scope: Scope, session: CheckoutSession, isNeeded: boolean): string | null => {
  if (session.customer !== null || !isNeeded) return session.customer;
  const { email, name } = session.customer_details ?? {};
  const made = createCustomer(scope, { ...(email ? { email } : {}), ...(name ? { name } : {}) });
  session.customer = made.id;
  scope.save(checkoutSessions, session);
  return made.id;
};

const remember = (scope: Scope, plan: CheckoutPlan, intent: string, subscription: string | null = null): void => {
  plan.intent = intent;
  plan.pendingSubscription = subscription;
  scope.save(checkoutPlans, plan);
};

const intentToPay = (scope: Scope, session: CheckoutSession, plan: CheckoutPlan): PaymentIntent => {
  if (plan.intent !== null) return scope.get(paymentIntents, plan.intent);
  const isKept = session.customer_creation === 'always' || plan.payment.setup_future_usage !== undefined;
  const customer = customerFor(scope, session, isKept);
  const intent = createIntent(scope, {
    ...plan.payment,
    amount: session.amount_total ?? 0,
    currency: session.currency ?? '',
    ...(customer === null ? {} : { customer }),
    ...(session.allowed_payment_method_types
      ? { allowed_payment_method_types: session.payment_method_types as ('card' | 'us_bank_account' | 'sepa_debit')[] }
      : {}),
  });
  remember(scope, plan, intent.id);
  session.payment_intent = intent.id;
  scope.save(checkoutSessions, session);
  return intent;
};

const subscribe = (scope: Scope, session: CheckoutSession, plan: CheckoutPlan): Subscription => {
  const known = plan.pendingSubscription === null ? undefined : scope.find(subscriptions, plan.pendingSubscription);
  if (known) return known;
  const customer = customerFor(scope, session, true);
  const subscription = createSubscription(
    scope,
    {
      ...plan.subscription,
      customer: customer ?? '',
      items: plan.items.map(({ price, quantity }) => ({ price: price.id, quantity })),
      payment_behavior: 'default_incomplete',
      payment_settings: { save_default_payment_method: 'on_subscription' },
    },
    true,
  );
  const invoice = subscription.latest_invoice === null ? undefined : scope.find(invoices, subscription.latest_invoice);
  const intent = (invoice && openPayment(scope, invoice)?.intent.id) ?? subscription.pending_setup_intent;
  remember(scope, plan, intent ?? '', subscription.id);
  return subscription;
};

const setUp = (scope: Scope, session: CheckoutSession, plan: CheckoutPlan): string => {
  if (plan.intent !== null) return plan.intent;
  const intent = createSetup(scope, {
    ...plan.setup,
    ...(session.customer === null ? {} : { customer: session.customer }),
    usage: 'off_session',
  });
  remember(scope, plan, intent.id);
  session.setup_intent = intent.id;
  scope.save(checkoutSessions, session);
  return intent.id;
};

const confirmAny = (scope: Scope, intent: string, method: PaymentMethod, returnUrl: string): ApiError | undefined => {
  if (!intent.startsWith('seti_')) return confirmWith(scope, scope.get(paymentIntents, intent), method, { returnUrl });
  try {
    confirmSetup(scope, scope.get(setupIntents, intent), method.id, returnUrl);
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.status === 402) return error;
    throw error;
  }
};

const intentFor = (scope: Scope, session: CheckoutSession): string => {
  const plan = planOf(scope, session);
  if (session.mode === 'payment') return intentToPay(scope, session, plan).id;
  if (session.mode === 'setup') return setUp(scope, session, plan);
  subscribe(scope, session, plan);
  return plan.intent ?? '';
};

/**
 * The customer confirms. Gives the card error of a decline, after which another method may be tried; the session is
 * complete, or waits for an authentication that leads back to its page. Throws unless it is open.
 */
export const confirmCheckout = (scope: Scope, session: CheckoutSession, values: Confirmation): ApiError | undefined => {
  if (session.status !== 'open')
    throw invalidRequest(`This Checkout Session is ${session.status}: it can't be confirmed.`);
  const isFree = session.mode === 'payment' && session.amount_total === 0;
  const needsMethod =
    !isFree && !(session.mode === 'subscription' && session.payment_method_collection === 'if_required');
  if (values.paymentMethod === undefined && needsMethod)
    throw invalidRequest('Missing required param: payment_method.', {
      code: 'parameter_missing',
      param: 'payment_method',
    });
  const method = values.paymentMethod === undefined ? undefined : usePaymentMethod(scope, values.paymentMethod);
  if (method && session.mode !== 'setup' && !session.payment_method_types.includes(method.type))
    throw invalidRequest(`A payment method of type ${method.type} can't be used for this session.`, {
      param: 'payment_method',
    });
  takeDetails(scope, session, values);
  const returnUrl = `${scope.baseUrl}/_sandbox/checkout/${session.id}`;
  const intent = isFree ? '' : intentFor(scope, session);
  if (intent !== '' && method) return confirmAny(scope, intent, method, returnUrl);
  const invoiceId = planOf(scope, session).pendingSubscription;
  if (intent !== '' && !intent.startsWith('seti_') && invoiceId !== null)
    throw invalidRequest('Missing required param: payment_method.', {
      code: 'parameter_missing',
      param: 'payment_method',
    });
  finish(scope, session, 'no_payment_required');
  return undefined;
};

/** What the intent under way asks of the customer, such as a page to go to. */
export const nextActionOf = (scope: Scope, session: CheckoutSession): object | null => {
  const { intent } = planOf(scope, session);
  if (!intent) return null;
  return intent.startsWith('seti_')
    ? (scope.find(setupIntents, intent)?.next_action ?? null)
    : (scope.find(paymentIntents, intent)?.next_action ?? null);
};

/** Ends an open session; what it had begun is cancelled (Stripe: "Expire a Checkout Session"). */
export const expireCheckout = (scope: Scope, session: CheckoutSession): void => {
  if (session.status !== 'open')
    throw invalidRequest(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
    );
  Object.assign(session, { status: 'expired', url: null });
  scope.save(checkoutSessions, session);
  scope.emit('checkout.session.expired', session);
  const { intent, pendingSubscription } = planOf(scope, session);
  const begun = pendingSubscription === null ? undefined : scope.find(subscriptions, pendingSubscription);
  if (begun) cancelNow(scope, begun, 'cancellation_requested');
  const payment = intent && !begun ? scope.find(paymentIntents, intent) : undefined;
  if (payment) cancelIntent(scope, payment, 'automatic');
};

export const expireWhenDue = (scope: Scope, id: string): void => {
  const session = scope.find(checkoutSessions, id);
  if (session?.status === 'open' && session.expires_at <= scope.now()) expireCheckout(scope, session);
};

const sessionOf = (scope: Scope, intent: string): CheckoutSession | undefined => {
  const [plan] = scope.all(checkoutPlans, 'intent', intent);
  return plan && scope.find(checkoutSessions, plan.id);
};

const onPaid = (scope: Scope, intent: string): void => {
  const session = sessionOf(scope, intent);
  if (session?.status === 'open') finish(scope, session, 'paid');
  if (session?.status !== 'complete' || session.payment_status !== 'unpaid') return;
  session.payment_status = 'paid';
  scope.save(checkoutSessions, session);
  // A capture is the seller's own act: Stripe tells of delayed methods only.
  if (scope.get(paymentIntents, intent).capture_method !== 'manual')
    scope.emit('checkout.session.async_payment_succeeded', session);
};

const onTaken = (scope: Scope, intent: string): void => {
  const session = sessionOf(scope, intent);
  if (session?.status === 'open') finish(scope, session, 'unpaid');
};

const onFailed = (scope: Scope, intent: string): void => {
  const session = sessionOf(scope, intent);
  if (session?.status === 'complete' && session.payment_status === 'unpaid')
    scope.emit('checkout.session.async_payment_failed', session);
};

const onSetUp = (scope: Scope, intent: string): void => {
  const session = sessionOf(scope, intent);
  if (session?.status === 'open') finish(scope, session, 'no_payment_required');
};

/** What the intents of sessions mean for the sessions. */
export const checkoutReactions = {
  'payment_intent.succeeded': onPaid,
  'payment_intent.processing': onTaken,
  'payment_intent.amount_capturable_updated': onTaken,
  'payment_intent.payment_failed': onFailed,
  'setup_intent.succeeded': onSetUp,
} as const;

/** The saved methods a customer may choose from on the page. */
export const customerOf = (scope: Scope, session: CheckoutSession) =>
  session.customer === null ? undefined : scope.find(customers, session.customer);
