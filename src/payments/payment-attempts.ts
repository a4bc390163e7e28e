import type Stripe from 'stripe';
import { isOpen } from '../core/states.js';
import type { Payment } from '../storage/payment.js';
import { type Answer, StripeCallError } from '../stripe/answer.js';
import { idempotencyKey } from '../stripe/metadata.js';
import { paymentSnapshot } from '../stripe/translate.js';
import type { CheckoutAttempts } from './checkout-attempts.js';
import type { PaymentObjects, Settled } from './payment-objects.js';
import type { StripeAccess } from './stripe-connection.js';
import { refusalOf } from './stripe-refusal.js';

/** A payment brought to Stripe's present state, and what the browser needs to go on with it. */
export interface SettledAttempt {
  readonly payment: Payment;
  /** For Stripe.js; null for a payment on Stripe's page. */
  readonly clientSecret: string | null;
  /** Stripe's page; null for any other payment, and once the page is closed. */
  readonly checkoutUrl: string | null;
}

/** The calls to Stripe that one attempt needs; each may be repeated, at once or after a crash, without a second object. */
export interface PaymentAttempts {
  /**
   * Makes sure that the payment exists at Stripe and brings our row to Stripe's present state.
   * `fresh`: the row was written just now and no call can have been made for it yet.
   *
   * @throws StripeDeclinedError when Stripe refuses it for good (the row is ended), StripeUnavailableError when the outcome is unknown
   */
  settle(payment: Payment, access: StripeAccess, actor: string, fresh?: boolean): Promise<SettledAttempt>;
  /**
   * Cancels the attempt at Stripe; the payment comes back as it ended: SUCCESSFUL if it went through meanwhile, still open
   * where Stripe refuses to cancel it.
   */
  cancel(payment: Payment, access: StripeAccess, actor: string): Promise<Payment>;
  /** Takes an amount of the held money, in minor units; the payment comes back as it is then, whoever captured it first. */
  capture(payment: Payment, amount: number, access: StripeAccess, actor: string): Promise<Payment>;
}

interface Parts {
  readonly objects: PaymentObjects;
  readonly checkouts: CheckoutAttempts;
}

/** One write to a payment intent. */
interface Act {
  readonly access: StripeAccess;
  readonly actor: string;
  /** Whether the write makes sense in the intent's present state. */
  applies(intent: Stripe.PaymentIntent): boolean;
  write(id: string, key: (action: string) => string): Promise<Answer<Stripe.PaymentIntent>>;
}

const idOf = ({ stripePaymentIntentId }: Payment): string | null => stripePaymentIntentId;

const facts = ({ object, at }: Answer<Stripe.PaymentIntent>) => paymentSnapshot(object, at);

/** A renewal's payment is never on a page of its own, however its recurring payment began. */
const isCheckout = ({ mode, stripeInvoiceId }: Payment): boolean => mode === 'CHECKOUT' && stripeInvoiceId === null;

/** Builds the calls; one attempt is settled once at a time within the process. */
export const createPaymentAttempts = ({ objects, checkouts }: Parts): PaymentAttempts => {
  const inFlight = new Map<string, Promise<SettledAttempt>>();

  const settleIntent = async (payment: Payment, { gateway }: StripeAccess, actor: string, fresh: boolean) => {
    const owner = objects.ownerOf(payment);
    const { stripePaymentIntentId: id, orderId, amount, currency, captureMethod, description } = payment;
    const request = { owner, orderId, amount, currency, captureMethod, description };
    const making = {
      fresh,
      find: (since: number) => gateway.findPaymentIntent(owner, since),
      create: (key: string) => gateway.createPaymentIntent({ ...request, idempotencyKey: key }),
    };
    const settled = await objects.applyPresent<Stripe.PaymentIntent>(payment, actor, {
      read: () => (id === null ? objects.makeOnce(payment, actor, making) : gateway.retrievePaymentIntent(id)),
      reread: gateway.retrievePaymentIntent,
      idOf,
      facts,
    });
    return { payment: settled.payment, clientSecret: settled.object.client_secret, checkoutUrl: null };
  };

  const settle: PaymentAttempts['settle'] = (payment, access, actor, fresh = false) => {
    const running = inFlight.get(payment.id);
    if (running) return running;
    const work = isCheckout(payment) ? checkouts.settle : settleIntent;
    const started = work(payment, access, actor, fresh).finally(() => inFlight.delete(payment.id));
    inFlight.set(payment.id, started);
    return started;
  };

  /** Reads the intent, writes to it, and applies what Stripe says then; a failure is read again: it may be so already. */
  const act = async (
    payment: Payment,
    id: string,
    { access: { gateway }, actor, applies, write }: Act,
  ): Promise<Settled<Stripe.PaymentIntent> & { readonly failure: StripeCallError | undefined }> => {
    let failure: StripeCallError | undefined;
    const read = async () => {
      const present = await gateway.retrievePaymentIntent(id);
      if (!applies(present.object)) return present;
      // Read just now and harmless twice: a key of its own for each reading, so that a stored 5xx is not replayed.
      const key = (action: string) =>
        idempotencyKey(objects.ownerOf(payment), payment.attempt, `${action}:${payment.version}:${present.at}`);
      return write(id, key).catch((error: unknown) => {
        if (!(error instanceof StripeCallError)) throw error;
        failure = error;
        return gateway.retrievePaymentIntent(id);
      });
    };
    const settled = await objects.applyPresent<Stripe.PaymentIntent>(payment, actor, {
      read,
      reread: gateway.retrievePaymentIntent,
      idOf,
      facts,
    });
    return { ...settled, failure };
  };

  /** Brings it to where only its intent is left to cancel. */
  const withdraw = async (payment: Payment, access: StripeAccess, actor: string): Promise<Payment> => {
    if (isCheckout(payment)) return checkouts.expire(payment, access, actor);
    return payment.stripePaymentIntentId === null ? (await settle(payment, access, actor)).payment : payment;
  };

  return {
    settle,

    async cancel(payment, access, actor) {
      const left = await withdraw(payment, access, actor);
      const { stripePaymentIntentId: intentId } = left;
      if (intentId === null || !isOpen(left)) return left;
      const { payment: after, failure } = await act(left, intentId, {
        access,
        actor,
        applies: ({ status }) => status !== 'succeeded' && status !== 'canceled',
        write: (id, key) => access.gateway.cancelPaymentIntent(id, key('cancel')),
      });
      if (failure && failure.failure !== 'refused' && isOpen(after)) throw refusalOf(failure);
      return after;
    },

    async capture(payment, amount, access, actor) {
      const { stripePaymentIntentId: intentId } = payment;
      if (intentId === null) return payment;
      const { payment: after, failure } = await act(payment, intentId, {
        access,
        actor,
        applies: ({ status }) => status === 'requires_capture',
        write: (id, key) => access.gateway.capturePaymentIntent(id, amount, key(`capture:${amount}`)),
      });
      if (failure && after.status === 'REQUIRES_CAPTURE') throw refusalOf(failure);
      return after;
    },
  };
};
