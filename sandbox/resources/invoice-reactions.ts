import type { Scope } from '../scope.js';
import { collectionOf, markPaid, noteActionRequired, noteAttempt, noteFailure } from './invoice-flow.js';
import { type InvoicePayment, invoicePayments } from './invoice-payment-row.js';
import { collections, type Invoice, invoices } from './invoice-row.js';

const invoiceOf = (scope: Scope, intent: string): { invoice: Invoice; payment: InvoicePayment } | undefined => {
  const [payment] = scope.all(invoicePayments, 'payment.payment_intent', intent);
  const invoice = payment && scope.find(invoices, payment.invoice);
  return payment && invoice && { invoice, payment };
};

const onSuccess = (scope: Scope, intent: string): void => {
  const found = invoiceOf(scope, intent);
  if (!found || found.payment.status === 'paid') return;
  const { invoice, payment } = found;
  noteAttempt(scope, invoice);
  const paid = scope.save<InvoicePayment>(invoicePayments, {
    ...payment,
    status: 'paid',
    amount_paid: payment.amount_requested,
    status_transitions: { canceled_at: null, paid_at: scope.now() },
  });
  scope.emit('invoice_payment.paid', paid);
  if (invoice.status === 'open' || invoice.status === 'uncollectible') markPaid(scope, invoice, 'charged');
};

const onFailure = (scope: Scope, intent: string): void => {
  const found = invoiceOf(scope, intent);
  if (found?.invoice.status === 'open') noteFailure(scope, found.invoice);
};

const onAction = (scope: Scope, intent: string): void => {
  const found = invoiceOf(scope, intent);
  if (found?.invoice.status === 'open') noteActionRequired(scope, found.invoice);
};

/** A delayed method was taken: when it fails later, Stripe tries again by itself (Stripe: "Delayed notification payment methods"). */
const onProcessing = (scope: Scope, intent: string): void => {
  const found = invoiceOf(scope, intent);
  if (!found) return;
  noteAttempt(scope, found.invoice);
  scope.save(collections, { ...collectionOf(scope, found.invoice), isAutomatic: true, isCounted: true });
};

/** What the intents of invoices mean for the invoices. */
export const paymentReactions = {
  'payment_intent.succeeded': onSuccess,
  'payment_intent.payment_failed': onFailure,
  'payment_intent.requires_action': onAction,
  'payment_intent.processing': onProcessing,
} as const;
