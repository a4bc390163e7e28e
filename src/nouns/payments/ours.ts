import { NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { CheckoutSnapshot } from '../../stripe/checkout-snapshot.js';
import type { InvoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import type { Owner } from '../../stripe/metadata.js';
import type { RefundSnapshot } from '../../stripe/refund-snapshot.js';
import type { SubscriptionSnapshot } from '../../stripe/subscription-snapshot.js';
import type { PaymentSnapshot } from '../../stripe/translate.js';
import type { RecurringPayment } from '../recurring/row.js';
import type { Payment } from './row.js';

/** What every object of Stripe's tells of whose it is. */
interface Marked {
  readonly owner: Owner | undefined;
  readonly livemode: boolean;
}

/** Who the answer must be about: our row's mark and mode, and the object's id once the row knows it. */
interface Expected {
  readonly owner: Owner;
  readonly livemode: boolean;
  readonly knownId: string | null;
}

const isSameOwner = (a: Owner | undefined, b: Owner): boolean =>
  a?.installation === b.installation && a.noun === b.noun && a.id === b.id;

/** An operator may take the metadata off an object whose id the row knows: then the id says whose it is. */
const assertWhose = (what: string, id: string, { owner, livemode }: Marked, expected: Expected): void => {
  const { knownId } = expected;
  if (knownId !== null && id !== knownId) throw new NotAnAnswerError(`${what} ${id} in place of ${knownId}`);
  if (!(owner === undefined && knownId !== null) && !isSameOwner(owner, expected.owner))
    throw new NotOursError(`${what} ${id} isn't that of ${expected.owner.noun} ${expected.owner.id}`);
  if (livemode !== expected.livemode) throw new NotAnAnswerError(`${what} ${id} is of the other mode`);
};

const assertMoney = (
  what: string,
  found: { readonly amount: number; readonly currency: string },
  row: { readonly amount: number; readonly currency: string },
): void => {
  if (found.amount !== row.amount || found.currency !== row.currency)
    throw new NotAnAnswerError(
      `${what} of ${found.amount} ${found.currency} in place of ${row.amount} ${row.currency}`,
    );
};

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
  assertWhose('the payment intent', snapshot.intentId, marked, expected);
  if (knownId === null) assertMoney('a payment intent', snapshot, payment);
};

/** The same for the Checkout Session of a payment. */
export const assertSessionOf = (payment: Payment, owner: Owner, snapshot: CheckoutSnapshot): void => {
  const { stripeCheckoutSessionId: knownId, livemode } = payment;
  assertWhose('the Checkout Session', snapshot.sessionId, snapshot, { owner, livemode, knownId });
  if (knownId === null) assertMoney('a Checkout Session', snapshot, payment);
};

/** The same for an invoice: that of the recurring payment's subscription, in its currency. */
export const assertInvoiceOf = (row: RecurringPayment, knownId: string, snapshot: InvoiceSnapshot): void => {
  if (snapshot.invoiceId !== knownId) throw new NotOursError(`the invoice ${snapshot.invoiceId}`);
  if (row.stripeSubscriptionId !== null && snapshot.subscriptionId !== row.stripeSubscriptionId)
    throw new NotOursError(`an invoice of the subscription ${snapshot.subscriptionId}`);
  if (snapshot.currency !== row.currency || snapshot.livemode !== row.livemode)
    throw new NotAnAnswerError(`an invoice in ${snapshot.currency}`);
};

/** The same for a refund: of the payment's intent, in its currency. One of ours has the amount that was reserved. */
export const assertRefundOf = (payment: Payment, snapshot: RefundSnapshot): void => {
  if (snapshot.intentId !== payment.stripePaymentIntentId)
    throw new NotOursError(`the refund ${snapshot.refundId} of ${snapshot.intentId}`);
  if (snapshot.currency !== payment.currency) throw new NotAnAnswerError(`a refund in ${snapshot.currency}`);
};

/** The same for the Checkout Session that a recurring payment begins with; a trial's comes to nothing. */
export const assertSubscriptionSessionOf = (row: RecurringPayment, owner: Owner, snapshot: CheckoutSnapshot): void => {
  const { stripeCheckoutSessionId: knownId, livemode } = row;
  assertWhose('the Checkout Session', snapshot.sessionId, snapshot, { owner, livemode, knownId });
};

/** The same for a subscription; one that was made just now has the customer, price and quantity that were asked for. */
export const assertSubscriptionOf = (
  row: RecurringPayment,
  owner: Owner,
  snapshot: SubscriptionSnapshot,
  customerId?: string,
): void => {
  const { stripeSubscriptionId: knownId, livemode } = row;
  assertWhose('the subscription', snapshot.subscriptionId, snapshot, { owner, livemode, knownId });
  if (snapshot.currency !== row.currency) throw new NotAnAnswerError(`a subscription in ${snapshot.currency}`);
  if (knownId !== null) return;
  if (customerId !== undefined && snapshot.customerId !== customerId)
    throw new NotAnAnswerError(`a subscription of customer ${snapshot.customerId}`);
  if (snapshot.priceId !== row.priceId || snapshot.quantity !== row.quantity)
    throw new NotAnAnswerError(`a subscription to ${snapshot.quantity} of ${snapshot.priceId}`);
};
