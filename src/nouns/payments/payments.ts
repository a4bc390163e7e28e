import { actorOf, type Caller } from '../../core/caller.js';
import { IllegalTransitionError, NotFoundError } from '../../core/errors.js';
import type { Page, PageOfBoth } from '../../core/page.js';
import { isOpen, type PaymentStatus } from '../../core/states.js';
import type { TimeSteps } from '../../core/time-steps.js';
import type { Change } from '../../outbox/change.js';
import type { RefundState } from '../refunds/refundable.js';
import type { PaymentEndings } from './cancel-and-capture.js';
import { goOnOrEnd, type PayAnswer, type PayParts, type PayRequest, pay } from './pay.js';
import type { PaymentReads } from './read.js';
import type { Payment } from './row.js';
import type { PaymentTotals } from './totals.js';

/** What a list of payments may be narrowed to. */
export interface PaymentFilter extends PageOfBoth {
  readonly orderId?: string;
  readonly accountId?: string;
  readonly status?: PaymentStatus;
  readonly refundState?: RefundState;
  /** The whole id of a payment, order, account or object of Stripe's. */
  readonly search?: string;
  /** Made at this time or later, and before that one. */
  readonly createdFrom?: Date;
  readonly createdTo?: Date;
}

/** Which version a payment is at. */
export interface PaymentVersion {
  readonly id: string;
  readonly orderId: string;
  readonly version: number;
}

/** One-off payments: every rule of who, what and when lives behind these calls. */
export interface Payments extends PaymentEndings {
  pay(request: PayRequest, caller: Caller): Promise<PayAnswer>;
  /**
   * A fresh client secret or page for an open payment, in Stripe's present state: one that went through meanwhile comes
   * without. ILLEGAL_TRANSITION when it isn't open. One that no longer fits its order is cancelled at Stripe, and refused with what
   * changed: AMOUNT_MISMATCH, CURRENCY_MISMATCH, ORDER_ALREADY_PAID, ORDER_NOT_FOUND; pay begins the right one.
   */
  continuePayment(id: string, caller: Caller): Promise<PayAnswer>;
  /** The payment, or null where there is none that the caller may see. */
  find(id: string, caller: Caller): Promise<Payment | null>;
  list(filter: PaymentFilter, caller: Caller): Promise<Page<Payment>>;
  /** Sums over all payments, whoever asks. */
  totals(span: TimeSteps): Promise<PaymentTotals[]>;
  timeline(id: string): Promise<Change[]>;
  /** Current rows of payments, whoever asks: for live status, which checks the caller at each message. */
  readMany(ids: readonly string[]): Promise<Payment[]>;
  /** Current payments of an order, oldest first: for live status. */
  readOfOrder(orderId: string): Promise<Payment[]>;
  /** The newest versions of these payments and of all payments of these orders, in one query: for live status. */
  versionsOf(ids: readonly string[], orderIds: readonly string[]): Promise<PaymentVersion[]>;
  /** The newest versions of the payments that changed last, of many at the most: for live status. */
  changedLast(): Promise<PaymentVersion[]>;
  /** The order's key as the database writes it; undefined unless it exists and is the caller's, or they may read any. */
  findWatchable(orderId: string, caller: Caller): Promise<string | undefined>;
}

interface Parts extends PayParts {
  readonly endings: PaymentEndings;
  readonly reads: PaymentReads;
}

/** Builds the calls over their parts: reservations lock and write, attempts call Stripe, reads read. */
export const createPayments = (parts: Parts): Payments => ({
  ...parts.reads,
  ...parts.endings,

  pay: (request, caller) => pay(parts, request, caller),

  async continuePayment(id, caller) {
    const payment = await parts.reads.find(id, caller);
    if (!payment) throw new NotFoundError('payment', id);
    if (!isOpen(payment))
      throw new IllegalTransitionError(
        `Payment ${id} is ${payment.status}; only an open one can go on. Start another with pay.`,
      );
    if (payment.stripeInvoiceId !== null && payment.stripePaymentIntentId === null)
      throw new IllegalTransitionError(`The invoice of payment ${id} has nothing to confirm yet.`);
    return goOnOrEnd(parts, payment, { access: await parts.connection.access(), actor: actorOf(caller) });
  },
});
