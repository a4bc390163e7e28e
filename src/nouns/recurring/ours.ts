import { NotAnAnswerError } from '../../stripe/answer.js';
import type { CheckoutSnapshot } from '../../stripe/checkout-snapshot.js';
import type { Owner } from '../../stripe/metadata.js';
import { assertWhose } from '../../stripe/ours.js';
import type { SubscriptionSnapshot } from '../../stripe/subscription-snapshot.js';
import type { RecurringPayment } from './row.js';

/**
 * Refuses a Checkout Session that isn't the one that the recurring payment begins with; a trial's comes to nothing.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertSubscriptionSessionOf = (row: RecurringPayment, owner: Owner, snapshot: CheckoutSnapshot): void => {
  const { stripeCheckoutSessionId: knownId, livemode } = row;
  assertWhose('the Checkout Session', { ...snapshot, id: snapshot.sessionId }, { owner, livemode, knownId });
};

/**
 * The same for a subscription; one that was made just now has the customer, where it is told, and the price and quantity that
 * were asked for.
 */
export const assertSubscriptionOf = (
  row: RecurringPayment,
  { owner, customerId }: { readonly owner: Owner; readonly customerId?: string | undefined },
  snapshot: SubscriptionSnapshot,
): void => {
  const { stripeSubscriptionId: knownId, livemode } = row;
  assertWhose('the subscription', { ...snapshot, id: snapshot.subscriptionId }, { owner, livemode, knownId });
  if (snapshot.currency !== row.currency) throw new NotAnAnswerError(`a subscription in ${snapshot.currency}`);
  if (knownId !== null) return;
  if (customerId !== undefined && snapshot.customerId !== customerId)
    throw new NotAnAnswerError(`a subscription of customer ${snapshot.customerId}`);
  if (snapshot.priceId !== row.priceId || snapshot.quantity !== row.quantity)
    throw new NotAnAnswerError(`a subscription to ${snapshot.quantity} of ${snapshot.priceId}`);
};
