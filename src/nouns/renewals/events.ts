import type Stripe from 'stripe';
import type { Applied, EventHandler } from '../../inbox/handler.js';
import { assertSame, hintOf, ignored, processed } from '../../inbox/hints.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import { invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import type { Marks } from '../../stripe/marks.js';
import { readInvoice } from '../../stripe/said-twice.js';
import type { Payment } from '../payments/row.js';
import { findBySubscriptionOrMark } from '../recurring/rows.js';
import type { InvoicePayments } from './invoice-payments.js';
import { assertInvoiceOf } from './ours.js';
import type { Renewal } from './row.js';

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
  readonly marks: Marks;
  readonly publish: (payment: Payment) => void;
  /** Goes on with a decided amount after the commit. */
  readonly lower: (renewal: Renewal) => void;
}

const UNMATCHED = 'No recurring payment of this installation has its subscription.';

/** Builds the handler of invoices: none is applied from a payload, Stripe's present one decides. */
export const createInvoiceEvents = (parts: Parts): EventHandler => {
  const { invoices, connection, marks, publish, lower } = parts;
  return {
    unmatched: UNMATCHED,

    ignore(event) {
      const hint = hintOf(event);
      if (hint.subscriptionId === null) return 'The invoice belongs to no subscription.';
      return marks.isAnothers(hint.ownerOf('recurring'))
        ? 'The invoice belongs to another installation on this Stripe account.'
        : undefined;
    },

    async isKnown(on, event) {
      const hint = hintOf(event);
      const mark = marks.rowOf(hint.ownerOf('recurring'));
      return (await on.query(findBySubscriptionOrMark(hint.subscriptionId ?? '', mark))).length > 0;
    },

    async prepare(tx, { event, actor }, fetched) {
      const invoice = (fetched?.answer.object ?? event.data.object) as Stripe.Invoice;
      const snapshot = invoiceSnapshot(invoice, fetched?.answer.at ?? event.created);
      if (!snapshot) return async () => ignored('The invoice belongs to no subscription any more.');
      if (fetched) assertSame(event, 'recurring', { ...snapshot, id: snapshot.invoiceId });
      const { invoiceId, subscriptionId, owner, currency, livemode } = snapshot;
      const target = await invoices.lock(tx, invoiceId, {
        subscriptionId,
        recurringId: marks.rowOf(owner),
        amount: null,
        currency,
        livemode,
      });
      return async (): Promise<Applied> => {
        if (!target) return ignored(UNMATCHED);
        if (target === 'moved') return { kind: 'ask', version: -1 };
        const version = target.payment?.version ?? 0;
        // An answer that was read before the row was known may be older than the row.
        if (fetched?.version !== version) return { kind: 'ask', version };
        assertInvoiceOf(target.recurring, hintOf(event).id, snapshot);
        const { payment, lowering } = await invoices.apply(tx, target, {
          invoice: snapshot,
          cause: { actor, eventId: event.id, body: { source: 'FETCH', event, object: invoice }, current: true },
        });
        return processed(() => {
          if (payment) publish(payment);
          if (lowering) lower(lowering);
        });
      };
    },

    deliversDuplicates: false,

    fetch: async (event) => readInvoice((await connection.access()).gateway, hintOf(event).id),
  };
};
