import { actorOf, type Caller } from '../../core/caller.js';
import { IllegalTransitionError, NotFoundError, StripeDeclinedError } from '../../core/errors.js';
import { readReason } from '../../core/reason.js';
import { isLive, isOpen } from '../../core/states.js';
import { assertReachable, type StripeConnection, type Who } from '../../installation/stripe-connection.js';
import { writeAudit } from '../../storage/audit.js';
import type { Database } from '../../storage/database.js';
import { type IdempotentRequest, idempotentRequest, recall, remember } from '../../storage/idempotent-request.js';
import { refusalOf } from '../../stripe/refusal.js';
import type { PaymentTransitions } from '../payments/apply.js';
import type { Payments } from '../payments/payments.js';
import type { Payment } from '../payments/row.js';
import type { RecurringAttempts } from '../recurring/attempts.js';
import type { RecurringReads } from '../recurring/read.js';
import type { RecurringPayment } from '../recurring/row.js';
import type { OpenInvoices } from '../renewals/open-invoices.js';

/** Which failed charge of a recurring payment is tried again. */
export interface RetryRenewalRequest {
  readonly paymentId: string;
  /** Why, for the audit. */
  readonly reason?: string;
  readonly idempotencyKey?: string;
}

/**
 * Charges the open invoice of a failed renewal now, to what Stripe would charge it to by itself; gives the payment as it is then. The same key
 * again gives it as it is now, and many at once try it once.
 *
 * @throws NotFoundError, IllegalTransitionError where nothing is open, StripeDeclinedError, StripeUnavailableError
 */
export type RetryRenewal = (request: RetryRenewalRequest, caller: Caller, actor?: string) => Promise<Payment>;

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly payments: Pick<Payments, 'find'>;
  readonly transitions: Pick<PaymentTransitions, 'lockById'>;
  readonly reads: Pick<RecurringReads, 'readMany'>;
  readonly attempts: Pick<RecurringAttempts, 'refresh'>;
  readonly openInvoices: Pick<OpenInvoices, 'retry'>;
}

const assertRetried = (payment: Payment, row: RecurringPayment | undefined): RecurringPayment => {
  if (!row || payment.stripeInvoiceId === null)
    throw new IllegalTransitionError(
      `Payment ${payment.id} is no charge of a recurring payment; pay its order instead.`,
    );
  if (payment.status !== 'FAILED')
    throw new IllegalTransitionError(
      isOpen(payment)
        ? `Payment ${payment.id} is ${payment.status}: it waits for its customer or for Stripe, not for another try.`
        : `Payment ${payment.id} is ${payment.status}: nothing is left to charge.`,
    );
  if (!isLive(row))
    throw new IllegalTransitionError(`Recurring payment ${row.id} is ${row.status}: it charges nothing any more.`);
  return row;
};

/** Builds the call over the invoices that failed renewals left open. */
export const createRetryRenewal = (parts: Parts): RetryRenewal => {
  const { database, connection, payments, transitions, reads, attempts, openInvoices } = parts;

  const rowOf = async ({ recurringPaymentId }: Payment): Promise<RecurringPayment | undefined> =>
    recurringPaymentId === null ? undefined : (await reads.readMany([recurringPaymentId]))[0];

  const charge = async (payment: Payment, row: RecurringPayment, who: Who): Promise<Payment> => {
    try {
      const after = await openInvoices.retry(payment, row, who);
      await attempts.refresh(row, who);
      return after;
    } catch (error) {
      throw refusalOf(error);
    }
  };

  const answer = (idempotency: IdempotentRequest | undefined, id: string): Promise<void> =>
    database.transaction((tx) => remember(tx, idempotency, id));

  return async (request, caller, actor = actorOf(caller)) => {
    const reason = readReason(request.reason);
    const found = await payments.find(request.paymentId, caller);
    if (!found) throw new NotFoundError('payment', request.paymentId);
    const row = await rowOf(found);
    const access = await connection.access();
    const idempotency = idempotentRequest(caller, 'retryRenewal', { ...request });
    const beginning = idempotency && { ...idempotency, operation: `${idempotency.operation}:begun` };
    const begun = await database.transaction(async (tx) => {
      const payment = await transitions.lockById(tx, found);
      if ((await recall(tx, idempotency)) !== undefined) return { payment };
      // A key whose answer was lost goes on; what was paid meanwhile is only read.
      if ((await recall(tx, beginning)) !== undefined) return { payment, recurring: row };
      const recurring = assertRetried(payment, row);
      assertReachable('Payment', payment, access);
      tx.send(
        writeAudit(actor, 'RENEWAL_RETRIED', { paymentId: payment.id, recurringPaymentId: recurring.id, reason }),
      );
      await remember(tx, beginning, payment.id);
      return { payment, recurring };
    }, found.orderId);
    if (!begun.recurring) return begun.payment;
    const after = await charge(begun.payment, begun.recurring, { access, actor }).catch(async (error: unknown) => {
      // A decline is an answer: the same key doesn't charge again.
      if (error instanceof StripeDeclinedError) await answer(idempotency, found.id);
      throw error;
    });
    await answer(idempotency, after.id);
    return after;
  };
};
