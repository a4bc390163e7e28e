import { NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { RefundSnapshot } from '../../stripe/refund-snapshot.js';
import type { Payment } from '../payments/row.js';

/**
 * Refuses a refund that isn't one of the payment's intent, in its currency.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertRefundOf = (payment: Payment, snapshot: RefundSnapshot): void => {
  if (snapshot.intentId !== payment.stripePaymentIntentId)
    throw new NotOursError(`the refund ${snapshot.refundId} of ${snapshot.intentId}`);
  if (snapshot.currency !== payment.currency) throw new NotAnAnswerError(`a refund in ${snapshot.currency}`);
};
