import { NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { RefundSnapshot } from '../../stripe/refund-snapshot.js';
import { type Payment, receivedIn } from '../payments/row.js';

/**
 * Refuses a refund that isn't one of the payment's intent, in the currency that it received.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertRefundOf = (payment: Payment, snapshot: RefundSnapshot): void => {
  if (snapshot.intentId !== payment.stripePaymentIntentId)
    throw new NotOursError(`the refund ${snapshot.refundId} of ${snapshot.intentId}`);
  if (snapshot.currency !== receivedIn(payment)) throw new NotAnAnswerError(`a refund in ${snapshot.currency}`);
};
