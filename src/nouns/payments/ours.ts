import type { CheckoutSnapshot } from '../../stripe/checkout-snapshot.js';
import type { Owner } from '../../stripe/metadata.js';
import { assertForCustomer, assertMoney, assertWhose } from '../../stripe/ours.js';
import type { PaymentSnapshot } from '../../stripe/translate.js';
import type { Payment } from './row.js';

/**
 * Refuses a payment intent that isn't the payment's. Its money may have been changed at Stripe since the row knows it: that is
 * judged when money arrives.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertIntentOf = (payment: Payment, owner: Owner, snapshot: PaymentSnapshot): void => {
  const { stripePaymentIntentId: knownId, livemode, stripeInvoiceId } = payment;
  const expected = { owner, livemode, knownId };
  // An invoice's intent is Stripe's own making: it carries no mark.
  const marked = stripeInvoiceId === null ? snapshot : { ...snapshot, owner: undefined };
  assertWhose('the payment intent', { ...marked, id: snapshot.intentId }, expected);
  if (knownId !== null) return;
  assertMoney('a payment intent', snapshot, payment);
  assertForCustomer('a payment intent', snapshot.customerId, payment.stripeCustomerId);
};

/** The same for the Checkout Session of a payment. */
export const assertSessionOf = (payment: Payment, owner: Owner, snapshot: CheckoutSnapshot): void => {
  const { stripeCheckoutSessionId: knownId, livemode } = payment;
  assertWhose('the Checkout Session', { ...snapshot, id: snapshot.sessionId }, { owner, livemode, knownId });
  if (knownId !== null) return;
  assertMoney('a Checkout Session', snapshot, payment);
  assertForCustomer('a Checkout Session', snapshot.customerId, payment.stripeCustomerId);
};
