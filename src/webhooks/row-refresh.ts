import type { CheckoutAttempts } from '../payments/checkout-attempts.js';
import { isOnPage, type SubscriptionCheckouts } from '../payments/checkout-subscriptions.js';
import type { InvoicePayments } from '../payments/invoice-payments.js';
import type { Cause, PaymentTransitions } from '../payments/payment-transitions.js';
import type { RecurringTransitions } from '../payments/recurring-transitions.js';
import type { HeldRefunds, RefundTransitions } from '../payments/refund-transitions.js';
import type { StripeAccess } from '../payments/stripe-connection.js';
import type { Database } from '../storage/database.js';
import type { Payment } from '../storage/payment.js';
import type { RecurringPayment } from '../storage/recurring-payment.js';
import type { Refund } from '../storage/refund.js';
import type { Renewal } from '../storage/renewal.js';
import { invoiceSnapshot } from '../stripe/invoice-snapshot.js';
import { refundSnapshot } from '../stripe/refund-snapshot.js';
import { subscriptionSnapshot } from '../stripe/subscription-snapshot.js';
import { paymentSnapshot } from '../stripe/translate.js';

/**
 * Asks Stripe about one row and applies its present state, as a webhook would. Each gives the Stripe id that was asked
 * for, null for a row that Stripe can't be asked about: it has no id yet. A row that moved meanwhile is left alone: it
 * has just been told of. Twice changes nothing more.
 */
export interface RowRefresh {
  payment(row: Payment, access: StripeAccess): Promise<string | null>;
  refund(row: Refund, payment: Payment, access: StripeAccess): Promise<string | null>;
  recurringPayment(row: RecurringPayment, access: StripeAccess): Promise<string | null>;
}

interface Parts {
  readonly database: Database;
  readonly payments: PaymentTransitions;
  readonly refunds: RefundTransitions;
  readonly recurring: RecurringTransitions;
  readonly invoices: InvoicePayments;
  readonly checkouts: CheckoutAttempts;
  readonly subscriptionCheckouts: SubscriptionCheckouts;
  /** This installation's id. */
  readonly installation: () => string;
  readonly publish: (payment: Payment) => void;
  readonly publishRefunds: (changed: HeldRefunds['changed']) => void;
  readonly publishRecurring: (row: RecurringPayment) => void;
  /** Goes on with a decided amount after the commit. */
  readonly lower: (renewal: Renewal) => void;
}

const causeOf = (object: object): Cause => ({ actor: 'job', body: { source: 'FETCH', object }, current: true });

/** Builds the questions over the transitions that webhooks use. */
export const createRowRefresh = (parts: Parts): RowRefresh => {
  const { database, payments, refunds, recurring, invoices, installation } = parts;

  const askInvoice = async (row: Payment, invoiceId: string, { gateway }: StripeAccess): Promise<void> => {
    const { object: invoice, at } = await gateway.retrieveInvoice(invoiceId);
    const snapshot = invoiceSnapshot(invoice, at);
    if (!snapshot) return;
    const outcome = await database.transaction(async (tx) => {
      const target = await invoices.lock(tx, invoiceId, {
        subscriptionId: snapshot.subscriptionId,
        recurringId: null,
        amount: null,
        currency: snapshot.currency,
        livemode: row.livemode,
      });
      if (!target || target === 'moved' || target.payment?.version !== row.version) return undefined;
      return invoices.apply(tx, target, snapshot, causeOf(invoice));
    });
    if (outcome?.payment) parts.publish(outcome.payment);
    if (outcome?.lowering) parts.lower(outcome.lowering);
  };

  const askIntent = async (row: Payment, intentId: string, { gateway }: StripeAccess): Promise<void> => {
    const { object: intent, at } = await gateway.retrievePaymentIntent(intentId);
    const outcome = await database.transaction(async (tx) => {
      const locked = await payments.lockById(tx, row);
      if (locked.version !== row.version) return undefined;
      return payments.apply(tx, locked, paymentSnapshot(intent, at), causeOf(intent));
    });
    if (outcome?.kind === 'changed') parts.publish(outcome.payment);
  };

  return {
    async payment(row, access) {
      const { stripeInvoiceId, stripePaymentIntentId, stripeCheckoutSessionId } = row;
      if (stripeInvoiceId !== null) await askInvoice(row, stripeInvoiceId, access);
      else if (stripeCheckoutSessionId !== null) await parts.checkouts.settle(row, access, 'job', false);
      else if (stripePaymentIntentId !== null) await askIntent(row, stripePaymentIntentId, access);
      return stripeInvoiceId ?? stripeCheckoutSessionId ?? stripePaymentIntentId;
    },

    async refund(row, payment, { gateway }) {
      if (row.stripeRefundId === null) return null;
      const { object: refund, at } = await gateway.retrieveRefund(row.stripeRefundId);
      const outcome = await database.transaction(async (tx) => {
        const held = await refunds.lock(tx, payment);
        if (held.refunds.find(({ id }) => id === row.id)?.version !== row.version) return undefined;
        const cause = { actor: 'job', source: 'FETCH' as const, current: true, installation: installation() };
        return refunds.apply(tx, held, [refundSnapshot(refund, at)], cause);
      });
      if (outcome) parts.publishRefunds(outcome.held.changed);
      return row.stripeRefundId;
    },

    async recurringPayment(row, access) {
      if (row.stripeCheckoutSessionId !== null && isOnPage(row)) {
        await parts.subscriptionCheckouts.settle(row, access, 'job');
        return row.stripeCheckoutSessionId;
      }
      if (row.stripeSubscriptionId === null) return null;
      const { object: subscription, at } = await access.gateway.retrieveSubscription(row.stripeSubscriptionId);
      const outcome = await database.transaction(async (tx) => {
        const locked = await recurring.lockById(tx, row);
        if (locked.revision !== row.revision) return undefined;
        return recurring.apply(tx, locked, subscriptionSnapshot(subscription, at), causeOf(subscription));
      });
      if (outcome?.kind === 'changed') parts.publishRecurring(outcome.recurringPayment);
      return row.stripeSubscriptionId;
    },
  };
};
