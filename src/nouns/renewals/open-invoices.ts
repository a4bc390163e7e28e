import { StripeDeclinedError } from '../../core/errors.js';
import type { Who } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { StripeCallError } from '../../stripe/answer.js';
import { invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import type { Marks } from '../../stripe/marks.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import type { InvoiceCharge, MethodCharge } from '../../stripe/method-calls.js';
import { refusalOf } from '../../stripe/refusal.js';
import type { PaymentAttempts } from '../payments/attempts.js';
import { OPEN_PAYMENT, type Payment } from '../payments/row.js';
import { PAYMENT_COLUMNS } from '../payments/rows.js';
import type { RecurringPayment } from '../recurring/row.js';
import { assertInvoiceOf } from './ours.js';

/** Pays what failed renewals left open. */
export interface OpenInvoices {
  /**
   * Charges the open invoices of a recurring payment that were tried before, oldest first. The same method is tried once in half a minute:
   * many at once, and who repeats a call whose answer was lost, get the same outcome.
   * What Stripe has then is applied; one that asks for its customer is left to `continuePayment`.
   *
   * @throws StripeDeclinedError naming the payment that was declined, StripeUnavailableError
   */
  pay(row: RecurringPayment, charge: MethodCharge, who: Who): Promise<void>;
  /**
   * Charges the open invoice of one payment to whatever Stripe charges it to by itself, once in half a minute; gives the payment as it is
   * then. One that Stripe doesn't wait for is only read again.
   *
   * @throws StripeDeclinedError naming the payment, StripeUnavailableError
   */
  retry(payment: Payment, row: RecurringPayment, who: Who): Promise<Payment>;
}

interface Parts {
  readonly database: Database;
  readonly attempts: Pick<PaymentAttempts, 'refresh'>;
  readonly marks: Marks;
}

const findUnpaid = (row: RecurringPayment) => ({
  name: 'payment_find_unpaid_invoices',
  text: `select ${PAYMENT_COLUMNS} from tollgate.payment p
    where recurring_payment_id = $1 and stripe_invoice_id is not null and ${OPEN_PAYMENT} order by id`,
  values: [row.id],
});

/** How long the same method isn't tried again. */
const APART_SECONDS = 30;

/** A try of its own, under a key of its own, unless the method is being tried or was just now: then that one's. Gives the row. */
const reserveTry = (id: string, methodId: string | null) => {
  const isSame = `saved_method_id is not distinct from $2 and attempted_at > now() - $3 * interval '1 second'`;
  return {
    name: 'payment_reserve_try',
    text: `update tollgate.payment p set saved_method_id = $2,
        attempt = case when ${isSame} then attempt else attempt + 1 end,
        attempted_at = case when ${isSame} then attempted_at else now() end
      where id = $1 returning ${PAYMENT_COLUMNS}`,
    values: [id, methodId, APART_SECONDS],
  };
};

/** Whether Stripe waits for somebody to pay the invoice: it was tried, and its payment is not under way. */
const isUnpaid = async (row: RecurringPayment, invoiceId: string, { access }: Who): Promise<boolean> => {
  const { object, at } = await access.gateway.retrieveInvoice(invoiceId);
  const invoice = invoiceSnapshot(object, at);
  if (!invoice) return false;
  assertInvoiceOf(row, invoiceId, invoice);
  return invoice.status === 'open' && invoice.wasAttempted && invoice.intent?.signal !== 'process';
};

/** The payment after the charge, and why the charge wasn't made, where it wasn't. */
const payOne = async (
  { database, attempts, marks }: Parts,
  payment: Payment,
  { charge, invoiceId, ...who }: Who & { readonly charge: InvoiceCharge; readonly invoiceId: string },
): Promise<{ readonly payment: Payment; readonly failure: StripeCallError | undefined }> => {
  const [reserved = payment] = await database.query<Payment>(reserveTry(payment.id, charge.methodId));
  const action = `pay:${invoiceId}:${charge.methodId ?? 'its own'}`;
  const key = idempotencyKey(marks.of('payment', payment.id), reserved.attempt, action);
  let failure: StripeCallError | undefined;
  await who.access.gateway.payInvoice(invoiceId, charge, key).catch((error: unknown) => {
    if (!(error instanceof StripeCallError)) throw error;
    failure = error;
  });
  // Whatever it answered, Stripe's present state decides.
  return { payment: await attempts.refresh(payment, who), failure };
};

/** @throws StripeDeclinedError, StripeUnavailableError */
const assertPaid = (
  { id, status, ...payment }: Payment,
  { failure, begins }: { readonly failure: StripeCallError | undefined; readonly begins: string },
): void => {
  if (status !== 'FAILED' && status !== 'PENDING') return;
  if (failure === undefined || failure.failure === 'refused')
    throw new StripeDeclinedError(
      `${begins} of payment ${id} was declined: ${payment.failureMessage ?? 'Stripe gave no reason.'}`,
      payment.failureCode ?? undefined,
      { cause: failure, paymentId: id },
    );
  throw refusalOf(failure);
};

/** Builds the rules over the payments' own transitions. */
export const createOpenInvoices = (parts: Parts): OpenInvoices => ({
  async pay(row, charge, who) {
    for (const known of await parts.database.query<Payment>(findUnpaid(row))) {
      const { stripeInvoiceId: invoiceId } = known;
      if (invoiceId === null || !(await isUnpaid(row, invoiceId, who))) continue;
      const { payment, failure } = await payOne(parts, known, { ...who, charge, invoiceId });
      assertPaid(payment, { failure, begins: 'The method is set, but the open invoice' });
    }
  },

  async retry(known, row, who) {
    const { stripeInvoiceId: invoiceId } = known;
    if (invoiceId === null || !(await isUnpaid(row, invoiceId, who))) return parts.attempts.refresh(known, who);
    const charge = { methodId: null, offSession: true };
    const { payment, failure } = await payOne(parts, known, { ...who, charge, invoiceId });
    assertPaid(payment, { failure, begins: 'The open invoice' });
    return payment;
  },
});
