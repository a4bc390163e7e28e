import type Stripe from 'stripe';
import { isOpen } from '../core/states.js';
import type { Tx } from '../storage/database.js';
import type { Payment } from '../storage/payment.js';
import { type Answer, StripeCallError } from '../stripe/answer.js';
import { checkoutSnapshot } from '../stripe/checkout-snapshot.js';
import { idempotencyKey } from '../stripe/metadata.js';
import type { Redirects } from './checkout-redirects.js';
import { writeSession } from './checkout-rows.js';
import type { SettledAttempt } from './payment-attempts.js';
import type { PaymentObjects, Settled } from './payment-objects.js';
import type { StripeAccess } from './stripe-connection.js';

/** The calls to Stripe that a payment on Stripe's own page needs; each may be repeated. */
export interface CheckoutAttempts {
  /** Makes sure that the payment's page exists, once, and brings our row to Stripe's present state; gives the page's address while it is open. */
  settle(payment: Payment, access: StripeAccess, actor: string, fresh: boolean): Promise<SettledAttempt>;
  /** Closes the page where it is open. The payment comes back as Stripe has it; it may have gone through meanwhile. */
  expire(payment: Payment, access: StripeAccess, actor: string): Promise<Payment>;
}

const idOf = ({ stripeCheckoutSessionId }: Payment): string | null => stripeCheckoutSessionId;

const facts = ({ object, at }: Answer<Stripe.Checkout.Session>) => checkoutSnapshot(object, at).payment;

const note = (tx: Tx, row: Payment, { id }: Stripe.Checkout.Session): void => {
  if (row.stripeCheckoutSessionId === null) tx.send(writeSession('payment', row.id, id));
};

/** Builds the calls. */
export const createCheckoutAttempts = ({
  objects,
  redirects,
}: {
  objects: PaymentObjects;
  redirects: Redirects;
}): CheckoutAttempts => {
  const create = (payment: Payment, { gateway }: StripeAccess, key: string) => {
    const { orderId, amount, currency, captureMethod, description } = payment;
    return gateway.createPaymentCheckout({
      owner: objects.ownerOf(payment),
      orderId,
      amount,
      currency,
      captureMethod,
      description,
      ...redirects.addressesOf(payment, 'payment'),
      idempotencyKey: key,
    });
  };

  const settle = (
    payment: Payment,
    access: StripeAccess,
    actor: string,
    fresh: boolean,
  ): Promise<Settled<Stripe.Checkout.Session>> => {
    const { gateway } = access;
    const { stripeCheckoutSessionId: id } = payment;
    const making = {
      fresh,
      find: (since: number) => gateway.findCheckout(objects.ownerOf(payment), since),
      create: (key: string) => create(payment, access, key),
    };
    return objects.applyPresent<Stripe.Checkout.Session>(payment, actor, {
      read: () => (id === null ? objects.makeOnce(payment, actor, making) : gateway.retrieveCheckout(id)),
      reread: gateway.retrieveCheckout,
      idOf,
      facts,
      note,
    });
  };

  return {
    async settle(payment, access, actor, fresh) {
      const settled = await settle(payment, access, actor, fresh);
      const { url } = checkoutSnapshot(settled.object, settled.at);
      return { payment: settled.payment, clientSecret: null, checkoutUrl: url };
    },

    async expire(payment, access, actor) {
      const { gateway } = access;
      const settled = await settle(payment, access, actor, false);
      const { id, status } = settled.object;
      if (!isOpen(settled.payment) || status !== 'open') return settled.payment;
      // A key of its own for each reading, so that a stored 5xx is not replayed.
      const action = `expire:${settled.payment.version}:${settled.at}`;
      const key = idempotencyKey(objects.ownerOf(payment), payment.attempt, action);
      // Whatever it answers, Stripe's present state decides: the customer may have paid meanwhile.
      const expireOrRead = () =>
        gateway.expireCheckout(id, key).catch((error: unknown) => {
          if (error instanceof StripeCallError && error.failure === 'refused') return gateway.retrieveCheckout(id);
          throw error;
        });
      const present = { read: expireOrRead, reread: gateway.retrieveCheckout, idOf, facts, note };
      return (await objects.applyPresent<Stripe.Checkout.Session>(settled.payment, actor, present)).payment;
    },
  };
};
