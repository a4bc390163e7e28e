import { actorOf, type Caller } from '../../core/caller.js';
import { AmountInvalidError, IllegalTransitionError, NotFoundError, StripeDeclinedError } from '../../core/errors.js';
import { assertMultiple, findCurrency, formatMoney, type MinorUnits } from '../../core/money.js';
import { isOpen } from '../../core/states.js';
import { assertReachable, type StripeAccess, type StripeConnection } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { idempotentRequest, recall, remember } from '../../storage/idempotent-request.js';
import type { PaymentTransitions } from './apply.js';
import type { PaymentAttempts } from './attempts.js';
import type { PaymentReads } from './read.js';
import type { Payment } from './row.js';

/** Which payment is to be cancelled. */
export interface CancelPaymentRequest {
  readonly id: string;
  readonly idempotencyKey?: string;
}

/** Which held money is to be taken; all of it where no amount is given. */
export interface CapturePaymentRequest {
  readonly id: string;
  readonly amount?: MinorUnits;
  readonly idempotencyKey?: string;
}

/** How people end an attempt: they give it up, or take the money that is held. The same key again answers as it is now. */
export interface PaymentEndings {
  /**
   * Cancels an open payment, its page included. One that went through meanwhile comes back as it is.
   *
   * @throws NotFoundError, IllegalTransitionError when it isn't open, is a renewal's, or Stripe can't stop it any more
   */
  cancelPayment(request: CancelPaymentRequest, caller: Caller): Promise<Payment>;
  /**
   * Takes the money that is held for a REQUIRES_CAPTURE payment, whole or in part; the rest is let go.
   *
   * @throws NotFoundError, IllegalTransitionError, AmountInvalidError, StripeDeclinedError
   */
  capturePayment(request: CapturePaymentRequest, caller: Caller): Promise<Payment>;
}

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly transitions: Pick<PaymentTransitions, 'lockById'>;
  readonly attempts: PaymentAttempts;
  readonly reads: Pick<PaymentReads, 'find'>;
}

const assertCancelable = (payment: Payment): void => {
  if (payment.stripeInvoiceId !== null)
    throw new IllegalTransitionError(
      `Payment ${payment.id} is a charge of recurring payment ${payment.recurringPaymentId ?? ''}: cancel that one.`,
    );
  if (!isOpen(payment))
    throw new IllegalTransitionError(
      `Payment ${payment.id} is ${payment.status}; only an open one can be cancelled. Money that was received is refunded.`,
    );
};

const assertCapturable = (payment: Payment): void => {
  if (payment.status !== 'REQUIRES_CAPTURE')
    throw new IllegalTransitionError(
      `Payment ${payment.id} is ${payment.status}; only one that is REQUIRES_CAPTURE holds money to take.`,
    );
};

const assertCapture = (payment: Payment, amount: MinorUnits): void => {
  if (amount === 0) throw new AmountInvalidError('A capture of 0 takes nothing; cancel the payment to let it go.');
  if (amount > payment.amount) {
    const [asked, held] = [amount, payment.amount].map((value) => formatMoney(value, payment.currency));
    throw new AmountInvalidError(`Can't capture ${asked}: ${held} is held for payment ${payment.id}.`);
  }
  assertMultiple(amount, findCurrency(payment.currency));
};

/** Somebody else was faster, or the hold had run out. */
const assertCaptured = ({ id, status, amountReceived, currency }: Payment, amount: MinorUnits): void => {
  if (status === 'CANCELED')
    throw new IllegalTransitionError(`Payment ${id} was cancelled meanwhile: nothing is held any more.`);
  if (status === 'SUCCESSFUL' && amountReceived !== amount)
    throw new IllegalTransitionError(
      `Payment ${id} was captured meanwhile, with ${formatMoney(amountReceived, currency)}.`,
    );
};

/** Builds the calls over their parts. */
export const createPaymentEndings = (parts: Parts): PaymentEndings => {
  const { database, connection, transitions, attempts, reads } = parts;

  const find = async (id: string, caller: Caller): Promise<Payment> => {
    const payment = await reads.find(id, caller);
    if (!payment) throw new NotFoundError('payment', id);
    return payment;
  };

  /** Binds the key to the payment under its lock, where the rule holds; a repeat of the key is not asked again. */
  const claim = (
    payment: Payment,
    { request, operation, caller }: { request: CancelPaymentRequest; operation: string; caller: Caller },
    assertAllowed: (row: Payment) => void,
  ): Promise<Payment> => {
    const idempotency = idempotentRequest(caller, operation, request);
    return database.transaction(async (tx) => {
      const row = await transitions.lockById(tx, payment);
      if ((await recall(tx, idempotency)) !== undefined) return row;
      assertAllowed(row);
      await remember(tx, idempotency, row.id);
      return row;
    }, payment.orderId);
  };

  /** Stripe had refused to make it at all: then nothing is left to cancel. */
  const cancelOrEnded = async (row: Payment, access: StripeAccess, caller: Caller): Promise<Payment> => {
    try {
      return await attempts.cancel(row, { access, actor: actorOf(caller) });
    } catch (error) {
      const present = error instanceof StripeDeclinedError ? await find(row.id, caller) : row;
      if (present.status === 'CANCELED') return present;
      throw error;
    }
  };

  return {
    async cancelPayment(request, caller) {
      const found = await find(request.id, caller);
      const row = await claim(found, { request, operation: 'cancelPayment', caller }, assertCancelable);
      if (!isOpen(row)) return row;
      const access = await connection.access();
      assertReachable('Payment', row, access);
      const after = await cancelOrEnded(row, access, caller);
      if (isOpen(after))
        throw new IllegalTransitionError(
          `Payment ${row.id} is ${after.status}: Stripe can't stop it any more. Wait for its end; what arrives can be refunded.`,
        );
      return after;
    },

    async capturePayment(request, caller) {
      const found = await find(request.id, caller);
      const access = await connection.access();
      assertReachable('Payment', found, access);
      const actor = actorOf(caller);
      // The hold may have been confirmed a moment ago, its webhook still under way.
      const isLate = isOpen(found) && found.captureMethod === 'MANUAL' && found.status !== 'REQUIRES_CAPTURE';
      const known = isLate ? (await attempts.settle(found, { access, actor })).payment : found;
      const amount = request.amount ?? known.amount;
      const row = await claim(known, { request, operation: 'capturePayment', caller }, (locked) => {
        assertCapturable(locked);
        assertCapture(locked, amount);
      });
      if (row.status !== 'REQUIRES_CAPTURE') return row;
      const after = await attempts.capture(row, amount, { access, actor });
      assertCaptured(after, amount);
      return after;
    },
  };
};
