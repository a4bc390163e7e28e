import type Stripe from 'stripe';
import { isOpen } from '../../core/states.js';
import type { Redirects } from '../../installation/redirects.js';
import type { StripeAccess, Who } from '../../installation/stripe-connection.js';
import { type Answer, StripeCallError } from '../../stripe/answer.js';
import { checkoutSnapshot } from '../../stripe/checkout-snapshot.js';
import type { Marks } from '../../stripe/marks.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import type { SettledAttempt } from './attempts.js';
import { writeSession } from './checkout-rows.js';
import type { PaymentCustomers } from './customer.js';
import type { PaymentObject } from './object.js';
import { assertSessionOf } from './ours.js';
import type { Payment } from './row.js';
import type { PaymentObjects } from './settle.js';

/** The calls to Stripe that a payment on Stripe's own page needs; each may be repeated. */
export interface CheckoutAttempts {
  /** Makes sure that the payment's page exists, once, and brings our row to Stripe's present state; gives the page's address while it is open. */
  settle(payment: Payment, who: Who, isFresh: boolean): Promise<SettledAttempt>;
  /** Closes the page where it is open. The payment comes back as Stripe has it; it may have gone through meanwhile. */
  expire(payment: Payment, who: Who): Promise<Payment>;
}

const snapshotOf = ({ object, at }: Answer<Stripe.Checkout.Session>) => checkoutSnapshot(object, at);

interface Parts {
  readonly objects: PaymentObjects;
  readonly redirects: Redirects;
  readonly customers: PaymentCustomers;
  readonly marks: Marks;
}

/** A Checkout Session as the object of a payment. */
const sessionObject = (
  { redirects, customers }: Pick<Parts, 'redirects' | 'customers'>,
  access: StripeAccess,
): PaymentObject<Stripe.Checkout.Session> => ({
  column: 'stripe_checkout_session_id',
  idOf: ({ stripeCheckoutSessionId }) => stripeCheckoutSessionId,
  retrieve: access.gateway.retrieveCheckout,
  find: access.gateway.findCheckout,
  create(payment, owner, idempotencyKey) {
    const { orderId, amount, currency, captureMethod, description } = payment;
    const request = { owner, orderId, amount, currency, captureMethod, description, idempotencyKey };
    const { metadata, receiptEmail, statementDescriptorSuffix, locale } = payment;
    const handedOn = { metadata, receiptEmail, statementDescriptorSuffix, locale };
    const paying = { customerId: payment.stripeCustomerId, savesMethod: payment.savesMethod };
    const addresses = redirects.addressesOf(payment, 'payment');
    return access.gateway.createPaymentCheckout({ ...request, ...handedOn, ...paying, ...addresses });
  },
  complete: (row) => customers.complete(row, access),
  mend: (row, failure, actor) => customers.mend(row, failure, { access, actor }),
  assertOurs: (row, owner, answer) => assertSessionOf(row, owner, snapshotOf(answer)),
  facts: (answer) => snapshotOf(answer).payment,
  note(tx, row, { id }) {
    if (row.stripeCheckoutSessionId === null) tx.send(writeSession('payment', row.id, id));
  },
});

/** Builds the calls over the rules that every kind of object shares. */
export const createCheckoutAttempts = ({ objects, marks, ...pages }: Parts): CheckoutAttempts => ({
  async settle(payment, { access, actor }, isFresh) {
    const settled = await objects.settle(payment, sessionObject(pages, access), { actor, isFresh });
    return { payment: settled.payment, clientSecret: null, checkoutUrl: snapshotOf(settled).url };
  },

  async expire(payment, { access, actor }) {
    const { gateway } = access;
    const object = sessionObject(pages, access);
    const settled = await objects.settle(payment, object, { actor });
    const { sessionId, isOpen: isPageOpen } = snapshotOf(settled);
    if (!isOpen(settled.payment) || !isPageOpen) return settled.payment;
    // A key of its own for each reading, so that a stored 5xx is not replayed.
    const action = `expire:${settled.payment.version}:${settled.at}`;
    const key = idempotencyKey(marks.of('payment', payment.id), payment.attempt, action);
    // Whatever it answers, Stripe's present state decides: the customer may have paid meanwhile.
    const expireAndRead = async () => {
      await gateway.expireCheckout(sessionId, key).catch((error: unknown) => {
        if (!(error instanceof StripeCallError) || error.failure !== 'refused') throw error;
      });
      return gateway.retrieveCheckout(sessionId);
    };
    return (await objects.applyPresent(settled.payment, object, { actor, read: expireAndRead })).payment;
  },
});
