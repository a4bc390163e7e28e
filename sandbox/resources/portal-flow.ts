import { ApiError, invalidRequest } from '../errors.js';
import type { Scope } from '../scope.js';
import type { PortalSession } from './billing-portal.js';
import { type Customer, customers } from './customer-row.js';
import { collect, openPayment } from './invoice-flow.js';
import { type Invoice, invoices } from './invoice-row.js';
import { type PaymentMethod, paymentMethods } from './payment-method.js';
import { portalPlans } from './portal-plan.js';
import { confirmSetup, createSetup } from './setup-intent-flow.js';
import { setupIntents } from './setup-intent-row.js';
import { hasEnded, type Subscription, subscriptions } from './subscription-row.js';
import { updateSubscription } from './subscription-update.js';

/** What a customer does in the portal (Stripe: "Customers manage their subscriptions and payment details"). */

/** What the portal shows. */
export interface PortalState {
  readonly customer: Customer;
  readonly subscriptions: readonly Subscription[];
  readonly methods: readonly PaymentMethod[];
  readonly unpaid: readonly Invoice[];
}

const customerOf = (scope: Scope, session: PortalSession): Customer => scope.get(customers, session.customer);

const liveOf = (scope: Scope, customer: string): Subscription[] =>
  scope.all(subscriptions, 'customer', customer).filter((subscription) => !hasEnded(subscription));

/** Lets what is charged later go to this method: the customer's, and their subscriptions'. */
const useFromNow = (scope: Scope, customer: Customer, method: string): void => {
  const before = structuredClone(customer);
  customer.invoice_settings.default_payment_method = method;
  scope.save(customers, customer);
  scope.emit('customer.updated', customer, before);
  for (const subscription of liveOf(scope, customer.id))
    updateSubscription(scope, subscription, { default_payment_method: method });
};

/** Goes on with a card whose bank was asked: once that agreed, it is the one that is charged. */
const finishSetup = (scope: Scope, session: PortalSession): void => {
  const plan = scope.find(portalPlans, session.id);
  const intent = plan?.setup ? scope.find(setupIntents, plan.setup) : undefined;
  if (intent?.status !== 'succeeded' || intent.payment_method === null) return;
  scope.save(portalPlans, { id: session.id, object: 'portal_plan', setup: null });
  useFromNow(scope, customerOf(scope, session), intent.payment_method);
};

/** What the customer sees; a card whose bank has agreed meanwhile is taken first. */
export const openPortal = (scope: Scope, session: PortalSession): PortalState => {
  finishSetup(scope, session);
  const customer = customerOf(scope, session);
  return {
    customer,
    subscriptions: liveOf(scope, customer.id),
    methods: scope.all(paymentMethods, 'customer', customer.id),
    unpaid: scope.all(invoices, 'customer', customer.id).filter(({ status }) => status === 'open'),
  };
};

const ownSubscription = (scope: Scope, session: PortalSession, id: string): Subscription => {
  const subscription = scope.get(subscriptions, id);
  if (subscription.customer !== session.customer || hasEnded(subscription))
    throw invalidRequest('This subscription is not yours, or has ended.');
  return subscription;
};

/** Ends a subscription with its period, or takes that back. */
export const setPortalEnd = (scope: Scope, session: PortalSession, id: string, ends: boolean): void => {
  updateSubscription(scope, ownSubscription(scope, session, id), { cancel_at_period_end: ends });
};

/** Saves a card and lets later charges go to it. Gives what its bank asks, such as a page to go to. */
export const saveInPortal = (scope: Scope, session: PortalSession, method: string, pageUrl: string): object | null => {
  const intent = createSetup(scope, { customer: session.customer, usage: 'off_session' });
  scope.save(portalPlans, { id: session.id, object: 'portal_plan', setup: intent.id });
  confirmSetup(scope, intent, method, pageUrl);
  finishSetup(scope, session);
  return intent.next_action;
};

/** Pays an open invoice with what the customer has saved. Throws the card error of a decline. */
export const payInPortal = (scope: Scope, session: PortalSession, id: string): object | null => {
  const invoice = scope.get(invoices, id);
  if (invoice.customer !== session.customer || invoice.status !== 'open')
    throw invalidRequest('This invoice is not yours, or is not open.');
  const error = collect(scope, invoice, { isAutomatic: false, isOffSession: false });
  if (error instanceof ApiError) throw error;
  const intent = openPayment(scope, invoice)?.intent;
  return intent?.status === 'requires_action'
    ? { redirect_to_url: { url: `${scope.baseUrl}/_sandbox/3ds/${intent.id}` } }
    : null;
};

/** The subscription's name for people. */
export const nameOf = ({ items }: Subscription): string =>
  items.data[0]?.price.nickname ?? items.data[0]?.price.id ?? '';
