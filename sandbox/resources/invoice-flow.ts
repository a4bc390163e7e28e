import { checkChargeAmount } from '../currencies.js';
import { ApiError, invalidRequest } from '../errors.js';
import type { Scope } from '../scope.js';
import { dueOf, moveCustomerBalance } from './customer-balance.js';
import { customers } from './customer-row.js';
import { type InvoicePayment, invoicePayments } from './invoice-payment-row.js';
import { type Collection, collections, type Invoice, invoices, subscriptionOf } from './invoice-row.js';
import { numberFor, recompute } from './new-invoice.js';
import { confirmWith } from './payment-confirmation.js';
import { createIntent } from './payment-intent.js';
import { cancelIntent } from './payment-intent-flow.js';
import { type PaymentIntent, paymentIntents } from './payment-intent-row.js';
import { type PaymentMethod, paymentMethods } from './payment-method.js';
import { subscriptions } from './subscription-row.js';

/** How an invoice moves (Stripe: "How invoicing works", "Status transitions and finalization", "Smart Retries"). */

const DAY = 24 * 60 * 60;
/** The intents that an attempt may confirm; others are under way, over or cancelled. */
const PAYABLE: readonly string[] = ['requires_payment_method', 'requires_confirmation', 'requires_action'];

/** Days from a failed attempt to the next one; after the last of them nothing is tried any more. */
const RETRY_DAYS: readonly number[] = [3, 5, 7];

export const collectionOf = (scope: Scope, invoice: Invoice): Collection => scope.get(collections, invoice.id);

/** The invoice's payment that isn't over, with its intent. */
export const openPayment = (
  scope: Scope,
  invoice: Invoice,
): { payment: InvoicePayment; intent: PaymentIntent } | undefined => {
  const payment = scope.all(invoicePayments, 'invoice', invoice.id).find(({ status }) => status === 'open');
  const intent = payment && scope.find(paymentIntents, payment.payment.payment_intent);
  return payment && intent && { payment, intent };
};

/** What the invoice is charged to: its own method, the subscription's, the customer's (Stripe: "The Invoice object": default_payment_method). */
const methodFor = (scope: Scope, invoice: Invoice): PaymentMethod | undefined => {
  const owner = subscriptionOf(invoice);
  const id =
    invoice.default_payment_method ??
    (owner === null ? undefined : scope.find(subscriptions, owner)?.default_payment_method) ??
    scope.find(customers, invoice.customer)?.invoice_settings.default_payment_method;
  const method = typeof id === 'string' ? scope.find(paymentMethods, id) : undefined;
  return method?.customer === invoice.customer ? method : undefined;
};

/** Ends the invoice as paid. An attempt that took the money is told by `invoice.payment_succeeded` too. */
export const markPaid = (scope: Scope, invoice: Invoice, how: 'charged' | 'nothing due' | 'out of band'): void => {
  invoice.status = 'paid';
  invoice.attempted = true;
  invoice.auto_advance = false;
  invoice.next_payment_attempt = null;
  invoice.amount_paid = invoice.amount_due;
  invoice.amount_remaining = 0;
  invoice.status_transitions.paid_at = scope.now();
  if (how === 'out of band') invoice.amount_paid_off_stripe = invoice.amount_due;
  scope.save(invoices, invoice);
  scope.emit('invoice.paid', invoice);
  if (how !== 'out of band') scope.emit('invoice.payment_succeeded', invoice);
};

const addPayment = (scope: Scope, invoice: Invoice): void => {
  const isRecurring = subscriptionOf(invoice) !== null;
  const method = methodFor(scope, invoice);
  const reason = {
    subscription_create: 'creation',
    subscription_update: 'update',
    subscription_cycle: 'renewal',
    manual: '',
  };
  const intent = createIntent(scope, {
    amount: invoice.amount_due,
    currency: invoice.currency,
    ...(scope.find(customers, invoice.customer) ? { customer: invoice.customer } : {}),
    description: isRecurring
      ? `Subscription ${reason[invoice.billing_reason]}`
      : `Payment for Invoice ${invoice.number}`,
    ...(isRecurring ? { setup_future_usage: 'off_session' as const } : {}),
    ...(method ? { payment_method: method.id } : {}),
  });
  scope.save<InvoicePayment>(invoicePayments, {
    id: scope.newId('inpay'),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: scope.now(),
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: scope.livemode,
    payment: { payment_intent: intent.id, type: 'payment_intent' },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  });
};

/** Why the invoice can't be finalised: the control door says so, or no charge of its amount is possible. */
const finalizationError = (scope: Scope, invoice: Invoice): ApiError | undefined => {
  const collection = collectionOf(scope, invoice);
  if (collection.failingFinalizations > 0) {
    scope.save(collections, { ...collection, failingFinalizations: collection.failingFinalizations - 1 });
    return invalidRequest('The invoice could not be finalized (asked for by the sandbox control).');
  }
  try {
    if (invoice.amount_due > 0) checkChargeAmount(invoice.amount_due, invoice.currency);
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
};

const refuseFinalization = (scope: Scope, invoice: Invoice, error: ApiError): ApiError => {
  invoice.last_finalization_error = { type: 'invalid_request_error', message: error.message };
  invoice.automatically_finalizes_at = null;
  invoice.next_payment_attempt = null;
  scope.save(invoices, invoice);
  scope.emit('invoice.finalization_failed', invoice);
  return error;
};

/**
 * Turns a draft into an open invoice, or a paid one where nothing is due. Gives the error of a finalisation that
 * failed, after telling of it. Throws unless it is a draft.
 */
export const finalize = (scope: Scope, invoice: Invoice): ApiError | undefined => {
  if (invoice.status !== 'draft')
    throw invalidRequest("This invoice is already finalized, you can't re-finalize a non-draft invoice.", {
      code: 'invoice_not_editable',
    });
  recompute(scope, invoice);
  const refusal = finalizationError(scope, invoice);
  if (refusal) return refuseFinalization(scope, invoice, refusal);
  const customer = scope.find(customers, invoice.customer);
  const { endingBalance } = dueOf(invoice.total, invoice.starting_balance, invoice.currency);
  Object.assign(invoice, {
    status: 'open',
    number: numberFor(scope, customer),
    automatically_finalizes_at: null,
    next_payment_attempt: null,
    last_finalization_error: null,
    effective_at: scope.now(),
    ending_balance: endingBalance,
    hosted_invoice_url: `${scope.baseUrl}/_sandbox/invoices/${invoice.id}`,
  });
  invoice.status_transitions.finalized_at = scope.now();
  scope.save(invoices, invoice);
  const moved = endingBalance - invoice.starting_balance;
  if (customer)
    moveCustomerBalance(scope, customer, {
      amount: moved,
      currency: invoice.currency,
      type: moved > 0 ? 'invoice_too_small' : invoice.total < 0 ? 'invoice_too_large' : 'applied_to_invoice',
      invoice: invoice.id,
    });
  if (invoice.amount_due > 0) addPayment(scope, invoice);
  scope.emit('invoice.finalized', invoice);
  if (invoice.amount_due === 0) markPaid(scope, invoice, 'nothing due');
  return undefined;
};

const scheduleRetry = (scope: Scope, invoice: Invoice, collection: Collection): void => {
  const days = RETRY_DAYS[invoice.attempt_count - 1];
  collection.isExhausted = days === undefined || !invoice.auto_advance;
  scope.save(collections, collection);
  invoice.next_payment_attempt = collection.isExhausted || days === undefined ? null : scope.now() + days * DAY;
  scope.save(invoices, invoice);
  if (invoice.next_payment_attempt !== null) scope.schedule('invoice.retry', (days ?? 0) * DAY, invoice.id);
};

/** Counts an attempt: the first one of any kind, then Stripe's own retries (Stripe: "The Invoice object": attempt_count). */
export const noteAttempt = (scope: Scope, invoice: Invoice): boolean => {
  const collection = collectionOf(scope, invoice);
  const { isAutomatic, isCounted } = collection;
  if (!isCounted && (isAutomatic || !invoice.attempted)) invoice.attempt_count += 1;
  invoice.attempted = true;
  scope.save(invoices, invoice);
  scope.save(collections, { ...collection, isAutomatic: false, isCounted: false });
  return isAutomatic;
};

/** Records that an attempt failed, and when Stripe tries again. */
export const noteFailure = (scope: Scope, invoice: Invoice): void => {
  if (noteAttempt(scope, invoice)) scheduleRetry(scope, invoice, collectionOf(scope, invoice));
  scope.emit('invoice.payment_failed', invoice);
};

/** Records that the customer must authenticate; where Stripe itself tried, that counts as a failed attempt too. */
export const noteActionRequired = (scope: Scope, invoice: Invoice): void => {
  const isAutomatic = noteAttempt(scope, invoice);
  if (isAutomatic) scheduleRetry(scope, invoice, collectionOf(scope, invoice));
  scope.emit('invoice.payment_action_required', invoice);
  if (isAutomatic) scope.emit('invoice.payment_failed', invoice);
};

export interface Attempt {
  readonly method?: PaymentMethod | undefined;
  /** Is it one of Stripe's own attempts? */
  readonly isAutomatic: boolean;
  readonly isOffSession: boolean;
}

/** Tries to take the money of an open invoice. Gives the card error of a decline; does nothing while a payment is under way. */
export const collect = (scope: Scope, invoice: Invoice, attempt: Attempt): ApiError | undefined => {
  const open = openPayment(scope, invoice);
  if (!open || !PAYABLE.includes(open.intent.status)) return undefined;
  const method = attempt.method ?? methodFor(scope, invoice);
  scope.save(collections, { ...collectionOf(scope, invoice), isAutomatic: attempt.isAutomatic, isCounted: false });
  if (method && open.intent.payment_method_types.includes(method.type))
    return confirmWith(scope, open.intent, method, { offSession: attempt.isOffSession, waitsForCustomer: true });
  if (!attempt.isAutomatic) return noMethod();
  noteFailure(scope, invoice);
  return undefined;
};

/** Stripe's refusal to charge a customer who has nothing to be charged to. */
export const noMethod = (): ApiError =>
  invalidRequest(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.',
    { code: 'resource_missing' },
  );

const dropPayment = (scope: Scope, invoice: Invoice): void => {
  const open = openPayment(scope, invoice);
  if (!open) return;
  scope.save(invoicePayments, {
    ...open.payment,
    status: 'canceled',
    status_transitions: { ...open.payment.status_transitions, canceled_at: scope.now() },
  });
  const { intent } = open;
  if (intent.status !== 'processing' && intent.status !== 'canceled' && intent.status !== 'succeeded')
    cancelIntent(scope, intent, 'void_invoice');
};

const wrongStatus = (invoice: Invoice, what: string): ApiError =>
  invalidRequest(`You can only ${what} of open invoices; this one has the status ${invoice.status}.`, {
    code: 'invoice_not_editable',
  });

/** Voids an open or uncollectible invoice and cancels its payment (Stripe: "Void an invoice"). */
export const voidInvoice = (scope: Scope, invoice: Invoice): void => {
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible') throw wrongStatus(invoice, 'void the amounts');
  dropPayment(scope, invoice);
  Object.assign(invoice, { status: 'void', auto_advance: false, next_payment_attempt: null });
  invoice.status_transitions.voided_at = scope.now();
  scope.save(invoices, invoice);
  scope.emit('invoice.voided', invoice);
};

/** Gives up on an open invoice; it can still be paid (Stripe: "Mark an invoice as uncollectible"). */
export const markUncollectible = (scope: Scope, invoice: Invoice, reason = 'user_forgiven'): void => {
  if (invoice.status !== 'open') throw wrongStatus(invoice, 'write off the amounts');
  Object.assign(invoice, { status: 'uncollectible', auto_advance: false, next_payment_attempt: null });
  invoice.status_details = { uncollectible: { reason } };
  invoice.status_transitions.marked_uncollectible_at = scope.now();
  scope.save(invoices, invoice);
  scope.emit('invoice.marked_uncollectible', invoice);
};

/** Records money that came another way; the invoice's own payment is cancelled (Stripe: "Pay an invoice": paid_out_of_band). */
export const payOutOfBand = (scope: Scope, invoice: Invoice): void => {
  dropPayment(scope, invoice);
  markPaid(scope, invoice, 'out of band');
};

/** The automatic end of a draft: finalised, then charged, or left as the subscription's pause says (Stripe: "Pause payment collection"). */
export const finalizeAutomatically = (scope: Scope, id: string): void => {
  const invoice = scope.find(invoices, id);
  const at = invoice?.automatically_finalizes_at;
  if (invoice?.status !== 'draft' || !invoice.auto_advance || at === null || at === undefined || at > scope.now())
    return;
  if (finalize(scope, invoice) || !openPayment(scope, invoice)) return;
  const owner = subscriptionOf(invoice);
  const pause = owner === null ? null : (scope.find(subscriptions, owner)?.pause_collection ?? null);
  if (pause?.behavior === 'void') voidInvoice(scope, invoice);
  else if (pause?.behavior === 'mark_uncollectible') markUncollectible(scope, invoice, 'subscription_paused');
  else collect(scope, invoice, { isAutomatic: true, isOffSession: true });
};

/** A retry that is due; it does nothing once the invoice is settled or the retry was moved. */
export const retry = (scope: Scope, id: string): void => {
  const invoice = scope.find(invoices, id);
  const at = invoice?.next_payment_attempt;
  if (invoice?.status !== 'open' || !invoice.auto_advance || at === null || at === undefined || at > scope.now())
    return;
  collect(scope, invoice, { isAutomatic: true, isOffSession: true });
};
