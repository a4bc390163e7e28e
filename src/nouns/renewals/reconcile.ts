import { type OpenRows, readOpenRows } from '../../inbox/open-rows.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import { readInvoice } from '../../stripe/said-twice.js';
import { OPEN_PAYMENT, type Payment } from '../payments/row.js';
import { PAYMENT_COLUMNS } from '../payments/rows.js';
import type { InvoicePayments } from './invoice-payments.js';
import { assertInvoiceOf } from './ours.js';
import type { Renewal } from './row.js';

interface Parts {
  readonly database: Database;
  readonly invoices: InvoicePayments;
  readonly publish: (payment: Payment) => void;
  /** Goes on with a decided amount after the commit. */
  readonly lower: (renewal: Renewal) => void;
}

/** The open payments of invoices, which Stripe is asked about by their invoice. */
export const createOpenInvoicePayments = ({ database, invoices, publish, lower }: Parts): OpenRows<Payment> => {
  const askInvoice = async (row: Payment, invoiceId: string, { gateway }: StripeAccess): Promise<void> => {
    const { object: invoice, at } = await readInvoice(gateway, invoiceId);
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
      const body = { source: 'FETCH' as const, object: invoice };
      return invoices.apply(tx, target, { invoice: snapshot, cause: { actor: 'job', body, current: true } });
    }, row.orderId);
    if (outcome?.payment) publish(outcome.payment);
    if (outcome?.lowering) lower(outcome.lowering);
  };

  return {
    kind: 'payment',

    read: (question) =>
      readOpenRows<Payment>(
        database,
        {
          table: 'tollgate.payment',
          alias: 'p',
          columns: PAYMENT_COLUMNS,
          open: `stripe_invoice_id is not null and ${OPEN_PAYMENT}`,
          ids: ['stripe_invoice_id'],
        },
        question,
      ),

    async ask(row, access) {
      if (row.stripeInvoiceId !== null) await askInvoice(row, row.stripeInvoiceId, access);
      return row.stripeInvoiceId;
    },
  };
};
