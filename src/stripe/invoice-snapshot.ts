import type Stripe from 'stripe';
import { type Owner, ownerOf } from './metadata.js';
import { idOf, type PaymentSnapshot, paymentSnapshot } from './translate.js';

/** An invoice of a subscription in our words, as it was at `at`. Amounts in minor units. */
export interface InvoiceSnapshot {
  readonly invoiceId: string;
  readonly status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
  /** The subscription's very first invoice: its charge belongs to the order that it was started for. */
  readonly isFirst: boolean;
  /** A new period's invoice, whose amount may be lowered. */
  readonly isCycle: boolean;
  readonly subscriptionId: string;
  readonly customerId: string | null;
  /** Our mark of the subscription, if it carries one of any installation. */
  readonly owner: Owner | undefined;
  /** What it comes to, before the customer's credit. */
  readonly total: number;
  /** What is to be collected; 0 also where credit covers it, or where it is below the smallest charge. */
  readonly amountDue: number;
  /** What payment intents brought; money paid out of band or by credit doesn't count. */
  readonly amountReceived: number;
  /** Upper case. */
  readonly currency: string;
  /** The payment intent that collects it; null before it is finalised, or where nothing is to be collected. */
  readonly intentId: string | null;
  /** The same in our words, where it came with the invoice. */
  readonly intent: PaymentSnapshot | null;
  /** Whether a charge was tried. */
  readonly wasAttempted: boolean;
  /** When Stripe finalises the draft by itself, unix seconds. */
  readonly finalizesAt: number | null;
  readonly periodStart: Date | null;
  readonly periodEnd: Date | null;
  readonly livemode: boolean;
  /** Stripe's time of this state, unix seconds. */
  readonly at: number;
}

const STATUSES = ['draft', 'open', 'paid', 'uncollectible', 'void'] as const;

type IntentPayment = Stripe.InvoicePayment & { payment: { payment_intent: string | Stripe.PaymentIntent } };

const hasIntent = (payment: Stripe.InvoicePayment): payment is IntentPayment =>
  payment.payment.type === 'payment_intent' && payment.payment.payment_intent !== undefined;

/** The payment that counts: the paid one, else the one that is open, else the last that was tried. */
const decisive = (payments: readonly IntentPayment[]): IntentPayment | undefined =>
  payments.find(({ status }) => status === 'paid') ??
  payments.find(({ status, is_default: isDefault }) => status === 'open' && isDefault) ??
  payments.find(({ status }) => status === 'open') ??
  payments.at(-1);

/** The subscription that an invoice belongs to, as the invoice tells it; undefined for any other invoice. */
export const subscriptionOf = (
  invoice: Stripe.Invoice,
): { readonly subscriptionId: string; readonly owner: Owner | undefined } | undefined => {
  const details = invoice.parent?.subscription_details;
  const subscriptionId = idOf(details?.subscription);
  return subscriptionId === null ? undefined : { subscriptionId, owner: ownerOf(details?.metadata, 'recurring') };
};

const dateOf = (seconds: number | undefined): Date | null => (seconds === undefined ? null : new Date(seconds * 1000));

/**
 * Translates an invoice of a subscription; undefined for any other. Source: Stripe docs, "The Invoice object", "The
 * Invoice Payment object" and "Status transitions and finalization".
 */
export const invoiceSnapshot = (invoice: Stripe.Invoice, at: number): InvoiceSnapshot | undefined => {
  const subscription = subscriptionOf(invoice);
  if (!subscription) return undefined;
  const payments = (invoice.payments?.data ?? []).filter(hasIntent);
  const intent = decisive(payments)?.payment.payment_intent;
  const paid = payments.filter(({ status }) => status === 'paid');
  const line = invoice.lines.data.find(({ parent }) => parent?.type === 'subscription_item_details');
  return {
    ...subscription,
    invoiceId: invoice.id,
    status: STATUSES.find((status) => status === invoice.status) ?? 'draft',
    isFirst: invoice.billing_reason === 'subscription_create',
    isCycle: invoice.billing_reason === 'subscription_cycle',
    customerId: idOf(invoice.customer),
    total: invoice.total,
    amountDue: invoice.amount_due,
    amountReceived: paid.reduce((sum, { amount_paid: amount }) => sum + (amount ?? 0), 0),
    currency: invoice.currency.toUpperCase(),
    intentId: idOf(intent),
    intent: intent === undefined || typeof intent === 'string' ? null : paymentSnapshot(intent, at),
    wasAttempted: invoice.attempted,
    finalizesAt: invoice.automatically_finalizes_at,
    periodStart: dateOf(line?.period.start),
    periodEnd: dateOf(line?.period.end),
    livemode: invoice.livemode,
    at,
  };
};
