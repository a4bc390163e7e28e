import type { Scope } from '../scope.js';
import { billingSettings } from './billing-setting.js';
import { customers } from './customer-row.js';
import { collectionOf } from './invoice-flow.js';
import { invoicePayments } from './invoice-payment-row.js';
import { type Invoice, invoices, subscriptionOf } from './invoice-row.js';
import { paymentIntents } from './payment-intent-row.js';
import { paymentMethods } from './payment-method.js';
import { applyPendingUpdate, isPendingInvoice } from './pending-update.js';
import { setupIntents } from './setup-intent-row.js';
import { cancelNow, changeSubscription, expireIncomplete } from './subscription-flow.js';
import { hasEnded, type Subscription, subscriptions } from './subscription-row.js';

const ownerOf = (scope: Scope, invoiceId: string): { invoice: Invoice; subscription: Subscription } | undefined => {
  const invoice = scope.find(invoices, invoiceId);
  const id = invoice && subscriptionOf(invoice);
  const subscription = id ? scope.find(subscriptions, id) : undefined;
  return invoice && subscription && { invoice, subscription };
};

/** The method of the payment that settled the invoice, where the subscription wants to keep it. */
const methodToKeep = (scope: Scope, subscription: Subscription, invoice: Invoice): string | null => {
  if (subscription.payment_settings.save_default_payment_method !== 'on_subscription') return null;
  const [payment] = scope.all(invoicePayments, 'invoice', invoice.id);
  const id = payment && scope.find(paymentIntents, payment.payment.payment_intent)?.payment_method;
  const method = id ? scope.find(paymentMethods, id) : undefined;
  return method?.customer === subscription.customer ? method.id : null;
};

/** Is the newest finalised invoice of the subscription settled, so that it is in good standing? */
const isSettled = (scope: Scope, subscription: Subscription): boolean => {
  const newest = scope
    .all(invoices, 'parent.subscription_details.subscription', subscription.id)
    .find(({ id, status }) => status !== 'draft' && !isPendingInvoice(scope, subscription, id));
  return newest?.status !== 'open';
};

const onSettled = (scope: Scope, invoiceId: string): void => {
  const found = ownerOf(scope, invoiceId);
  if (!found || hasEnded(found.subscription)) return;
  const { invoice, subscription } = found;
  if (isPendingInvoice(scope, subscription, invoice.id)) {
    if (invoice.status === 'paid') applyPendingUpdate(scope, subscription);
    return;
  }
  const isBehind = subscription.status === 'past_due' || subscription.status === 'unpaid';
  const isStarted = subscription.status === 'incomplete' && invoice.status === 'paid';
  const kept = invoice.status === 'paid' ? methodToKeep(scope, subscription, invoice) : null;
  changeSubscription(scope, subscription, {
    ...(isStarted || (isBehind && isSettled(scope, subscription)) ? { status: 'active' as const } : {}),
    ...(kept === null ? {} : { default_payment_method: kept }),
  });
};

const onVoided = (scope: Scope, invoiceId: string): void => {
  const found = ownerOf(scope, invoiceId);
  if (found?.subscription.status === 'incomplete') expireIncomplete(scope, found.subscription);
  else onSettled(scope, invoiceId);
};

/** A failed renewal: past due, and after the last retry what the settings say (Stripe: "Automate payment retries"). */
const onFailed = (scope: Scope, invoiceId: string): void => {
  const found = ownerOf(scope, invoiceId);
  if (!found || found.subscription.status === 'incomplete' || hasEnded(found.subscription)) return;
  const { invoice, subscription } = found;
  // The subscription goes on as it was: the change alone waits.
  if (isPendingInvoice(scope, subscription, invoice.id)) return;
  const after = collectionOf(scope, invoice).isExhausted
    ? (scope.find(billingSettings, 'billing')?.afterRetries ?? 'cancel')
    : 'past_due';
  if (after === 'cancel') cancelNow(scope, subscription, 'payment_failed');
  else if (subscription.status !== 'paused') changeSubscription(scope, subscription, { status: after });
};

const onActionRequired = (scope: Scope, invoiceId: string): void => {
  const found = ownerOf(scope, invoiceId);
  if (found && isPendingInvoice(scope, found.subscription, invoiceId)) return;
  if (found?.subscription.status === 'active') changeSubscription(scope, found.subscription, { status: 'past_due' });
};

/** A delayed first payment is under way: the subscription starts (Stripe: "Set up a subscription with ACH Direct Debit"). */
const onProcessing = (scope: Scope, intent: string): void => {
  const [payment] = scope.all(invoicePayments, 'payment.payment_intent', intent);
  const found = payment && ownerOf(scope, payment.invoice);
  if (found?.subscription.status !== 'incomplete') return;
  const kept = methodToKeep(scope, found.subscription, found.invoice);
  changeSubscription(scope, found.subscription, {
    status: 'active',
    ...(kept === null ? {} : { default_payment_method: kept }),
  });
};

const onSetUp = (scope: Scope, setup: string): void => {
  const method = scope.find(setupIntents, setup)?.payment_method ?? null;
  for (const subscription of scope.all(subscriptions, 'pending_setup_intent', setup))
    changeSubscription(scope, subscription, { pending_setup_intent: null, default_payment_method: method });
};

const onCustomerDeleted = (scope: Scope, customer: string): void => {
  for (const subscription of scope.all(subscriptions, 'customer', customer))
    cancelNow(scope, subscription, 'cancellation_requested');
};

/** A method that was detached is nobody's default any more (Stripe: "Detach a PaymentMethod"). */
const onDetached = (scope: Scope, method: string): void => {
  for (const customer of scope.all(customers, 'invoice_settings.default_payment_method', method)) {
    customer.invoice_settings.default_payment_method = null;
    scope.save(customers, customer);
  }
  for (const subscription of scope.all(subscriptions, 'default_payment_method', method))
    changeSubscription(scope, subscription, { default_payment_method: null });
};

/** What the fate of invoices, set-ups and customers means for subscriptions. */
export const billingReactions = {
  'invoice.paid': onSettled,
  'invoice.voided': onVoided,
  'invoice.marked_uncollectible': onSettled,
  'invoice.payment_failed': onFailed,
  'invoice.payment_action_required': onActionRequired,
  'payment_intent.processing': onProcessing,
  'setup_intent.succeeded': onSetUp,
  'customer.deleted': onCustomerDeleted,
  'payment_method.detached': onDetached,
} as const;
