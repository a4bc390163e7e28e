import { DomainError } from '../../core/errors.js';
import { isLive } from '../../core/states.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { StripeCallError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import { readInvoice } from '../../stripe/said-twice.js';
import type { Payment } from '../payments/row.js';
import { markUnpaid, readUnpaid } from '../payments/rows.js';
import type { InvoicePayments } from '../renewals/invoice-payments.js';
import { createApplyInvoice } from './present-invoice.js';
import type { RecurringPayment } from './row.js';
import { readRecurring } from './rows.js';

/** What a recurring payment that has ended leaves unpaid: its open invoices are voided, so that nobody pays for nothing. */
export interface UnpaidInvoices {
  /** Remembers that the open invoices are to be voided once it has ended, before that is asked of Stripe: a crash loses nothing. */
  announce(row: RecurringPayment): Promise<void>;
  /** Voids them, and brings their payments to CANCELED; what can't be voided now is left to a job. Twice changes nothing more. */
  voidAll(row: RecurringPayment, access: StripeAccess, actor: string): Promise<void>;
  /**
   * Voids the invoice of one payment whose recurring payment has ended, and brings the payment to Stripe's state: money that came
   * first is recorded. One whose recurring payment lives is left alone.
   *
   * @throws StripeCallError
   */
  voidOne(payment: Payment, access: StripeAccess, actor: string): Promise<void>;
}

interface Parts {
  readonly database: Database;
  readonly invoices: InvoicePayments;
  readonly marks: Marks;
  /** An operator's choice: what is unpaid stays payable. */
  readonly keeps: boolean;
  /** Tells every process of a committed change. */
  readonly publish: (payment: Payment) => void;
}

/** A job looks after what the call itself didn't finish. */
const LATER_SECONDS = 60;
const VOIDABLE: ReadonlySet<string> = new Set(['open', 'uncollectible']);

export const createUnpaidInvoices = ({ database, invoices, marks, keeps, publish }: Parts): UnpaidInvoices => {
  const apply = createApplyInvoice({ database, invoices, publish });

  const voidOrRead = async (payment: Payment, invoiceId: string, { gateway }: StripeAccess) => {
    const present = await readInvoice(gateway, invoiceId);
    if (keeps || !VOIDABLE.has(present.object.status ?? '')) return present;
    const owner = marks.of('payment', payment.id);
    // Read just now and harmless twice: a key of its own for each reading, so that a stored 5xx is not replayed.
    const key = idempotencyKey(owner, payment.attempt, `void:${present.at}`);
    try {
      await gateway.voidInvoice(invoiceId, key);
    } catch (error) {
      if (!(error instanceof StripeCallError) || error.failure !== 'refused') throw error; // else it was paid meanwhile
    }
    return readInvoice(gateway, invoiceId);
  };

  const voidOne: UnpaidInvoices['voidOne'] = async (payment, access, actor) => {
    const { stripeInvoiceId: invoiceId, recurringPaymentId } = payment;
    if (invoiceId === null || recurringPaymentId === null) return;
    const [row] = await database.query<RecurringPayment>(readRecurring(recurringPaymentId));
    if (!row || isLive(row)) return;
    const answer = await voidOrRead(payment, invoiceId, access);
    await apply(row, { invoiceId, orderId: payment.orderId, answer, actor });
  };

  return {
    voidOne,

    async announce(row) {
      if (!keeps) await database.query(markUnpaid(row.id, LATER_SECONDS));
    },

    async voidAll(row, access, actor) {
      for (const payment of await database.query<Payment>(readUnpaid(row.id)))
        await voidOne(payment, access, actor).catch((error: unknown) => {
          // The end itself is done; a job voids the rest.
          if (!(error instanceof StripeCallError || error instanceof DomainError)) throw error;
        });
    },
  };
};
