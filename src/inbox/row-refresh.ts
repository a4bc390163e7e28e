import type { StripeAccess } from '../installation/stripe-connection.js';
import type { Cause } from '../nouns/payments/apply.js';
import type { PaymentAttempts } from '../nouns/payments/attempts.js';
import { assertInvoiceOf } from '../nouns/payments/ours.js';
import type { Payment } from '../nouns/payments/row.js';
import type { RecurringAttempts } from '../nouns/recurring/attempts.js';
import { isOnPage, type SubscriptionCheckouts } from '../nouns/recurring/checkout.js';
import type { RecurringPayment } from '../nouns/recurring/row.js';
import type { Refund } from '../nouns/refunds/row.js';
import type { RefundAttempts } from '../nouns/refunds/settle.js';
import type { InvoicePayments } from '../nouns/renewals/invoice-payments.js';
import type { Renewal } from '../nouns/renewals/row.js';
import type { Database } from '../storage/database.js';
import { invoiceSnapshot } from '../stripe/invoice-snapshot.js';

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
  readonly attempts: Pick<PaymentAttempts, 'refresh'>;
  readonly refunds: Pick<RefundAttempts, 'refresh'>;
  readonly recurring: Pick<RecurringAttempts, 'refresh'>;
  readonly invoices: InvoicePayments;
  readonly subscriptionCheckouts: SubscriptionCheckouts;
  readonly publish: (payment: Payment) => void;
  /** Goes on with a decided amount after the commit. */
  readonly lower: (renewal: Renewal) => void;
}

const ACTOR = 'job';

const causeOf = (object: object): Cause => ({ actor: ACTOR, body: { source: 'FETCH', object }, current: true });

/** Builds the questions over the calls that people's own actions use. */
export const createRowRefresh = (parts: Parts): RowRefresh => {
  const { database, attempts, refunds, recurring, invoices } = parts;

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
      assertInvoiceOf(target.recurring, invoiceId, snapshot);
      return invoices.apply(tx, target, snapshot, causeOf(invoice));
    }, row.orderId);
    if (outcome?.payment) parts.publish(outcome.payment);
    if (outcome?.lowering) parts.lower(outcome.lowering);
  };

  return {
    async payment(row, access) {
      if (row.stripeInvoiceId !== null) {
        await askInvoice(row, row.stripeInvoiceId, access);
        return row.stripeInvoiceId;
      }
      const { stripeCheckoutSessionId, stripePaymentIntentId } = await attempts.refresh(row, access, ACTOR);
      return stripeCheckoutSessionId ?? stripePaymentIntentId;
    },

    async refund(row, payment, access) {
      if (row.stripeRefundId !== null) await refunds.refresh(row, payment, access, ACTOR);
      return row.stripeRefundId;
    },

    async recurringPayment(row, access) {
      if (row.stripeCheckoutSessionId !== null && isOnPage(row)) {
        await parts.subscriptionCheckouts.settle(row, access, ACTOR);
        return row.stripeCheckoutSessionId;
      }
      return (await recurring.refresh(row, access, ACTOR)).stripeSubscriptionId;
    },
  };
};
