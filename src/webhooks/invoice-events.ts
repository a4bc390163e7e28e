import type Stripe from 'stripe';
import type { InvoicePayments } from '../payments/invoice-payments.js';
import type { StripeConnection } from '../payments/stripe-connection.js';
import type { Payment } from '../storage/payment.js';
import type { Renewal } from '../storage/renewal.js';
import { invoiceSnapshot, subscriptionOf } from '../stripe/invoice-snapshot.js';
import type { Applied, EventHandler, Fetched } from './handler.js';

/** The events of an invoice; each is a hint to fetch it. Source: Stripe docs, "Types of events". */
export const INVOICE_EVENTS = [
  'invoice.created',
  'invoice.finalized',
  'invoice.finalization_failed',
  'invoice.paid',
  'invoice.payment_failed',
  'invoice.payment_action_required',
  'invoice.voided',
  'invoice.marked_uncollectible',
] as const;

interface Parts {
  readonly invoices: InvoicePayments;
  readonly connection: StripeConnection;
  /** This installation's id. */
  readonly installation: () => string;
  readonly publish: (payment: Payment) => void;
  /** Goes on with a decided amount after the commit. */
  readonly lower: (renewal: Renewal) => void;
}

const ignored = (reason: string): Applied => ({
  kind: 'ended',
  end: { status: 'IGNORED', reason },
  publish: () => undefined,
});

/** Builds the handler of invoices: none is applied from a payload, Stripe's present one decides. */
export const createInvoiceEvents = (parts: Parts): EventHandler => {
  const { invoices, connection, installation, publish, lower } = parts;
  const invoiceOf = (event: Stripe.Event): Stripe.Invoice => event.data.object as Stripe.Invoice;

  return {
    ignore(event) {
      const subscription = subscriptionOf(invoiceOf(event));
      if (!subscription) return 'The invoice belongs to no subscription.';
      const { owner } = subscription;
      return owner && owner.installation !== installation()
        ? 'The invoice belongs to another installation on this Stripe account.'
        : undefined;
    },

    async prepare(tx, event, actor) {
      const { id, currency, livemode } = invoiceOf(event);
      const subscription = subscriptionOf(invoiceOf(event));
      const owner = subscription?.owner;
      const target = await invoices.lock(tx, id, {
        subscriptionId: subscription?.subscriptionId ?? '',
        recurringId: owner?.installation === installation() ? owner.id : null,
        amount: null,
        currency: currency.toUpperCase(),
        livemode,
      });
      return async (fetched: Fetched | undefined): Promise<Applied> => {
        if (!target) return ignored('No recurring payment of this installation has its subscription.');
        if (target === 'moved') return { kind: 'ask', version: -1 };
        const version = target.payment?.version ?? 0;
        // An answer that was read before the row was known may be older than the row.
        if (fetched?.version !== version) return { kind: 'ask', version };
        const invoice = fetched.answer.object as Stripe.Invoice;
        const snapshot = invoiceSnapshot(invoice, fetched.answer.at);
        if (!snapshot) return ignored('The invoice belongs to no subscription any more.');
        const { payment, lowering } = await invoices.apply(tx, target, snapshot, {
          actor,
          eventId: event.id,
          body: { source: 'FETCH', event, object: invoice },
          current: true,
        });
        const publishAll = (): void => {
          if (payment) publish(payment);
          if (lowering) lower(lowering);
        };
        return { kind: 'ended', end: { status: 'PROCESSED' }, publish: publishAll };
      };
    },

    deliversDuplicates: false,

    fetch: async (event) => (await connection.access()).gateway.retrieveInvoice(invoiceOf(event).id),
  };
};
