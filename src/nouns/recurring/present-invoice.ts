import type { Database } from '../../storage/database.js';
import type { Answer } from '../../stripe/answer.js';
import { invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import type { Payment } from '../payments/row.js';
import type { InvoicePayments } from '../renewals/invoice-payments.js';
import { assertInvoiceOf } from '../renewals/ours.js';
import type { RecurringPayment } from './row.js';

/** Stripe's present invoice of a recurring payment, just read; its payment is of this order, as far as we know. */
export interface PresentInvoice {
  readonly invoiceId: string;
  readonly orderId: string;
  readonly answer: Answer<{ id: string }>;
  readonly actor: string;
}

/**
 * Applies an invoice that was just read under the locks, its payment's flow included; the same twice changes nothing. One whose rows
 * moved meanwhile is left to the event that moved them.
 *
 * @throws NotOursError, NotAnAnswerError for an invoice of something else
 */
export type ApplyInvoice = (row: RecurringPayment, present: PresentInvoice) => Promise<void>;

export const createApplyInvoice =
  ({
    database,
    invoices,
    publish,
  }: {
    readonly database: Database;
    readonly invoices: InvoicePayments;
    readonly publish: (payment: Payment) => void;
  }): ApplyInvoice =>
  async (row, { invoiceId, orderId, answer: { object, at }, actor }) => {
    const snapshot = invoiceSnapshot(object, at);
    if (!snapshot) return;
    assertInvoiceOf(row, invoiceId, snapshot);
    const reference = {
      subscriptionId: snapshot.subscriptionId,
      recurringId: null,
      amount: null,
      currency: snapshot.currency,
      livemode: row.livemode,
    };
    const outcome = await database.transaction(async (tx) => {
      const target = await invoices.lock(tx, invoiceId, reference);
      if (!target || target === 'moved') return undefined;
      return invoices.apply(tx, target, {
        invoice: snapshot,
        cause: { actor, body: { source: 'API', object }, current: true },
      });
    }, orderId);
    if (outcome?.payment) publish(outcome.payment);
  };
