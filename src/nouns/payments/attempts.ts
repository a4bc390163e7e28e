import type Stripe from 'stripe';
import { createInFlight } from '../../core/in-flight.js';
import { isOpen } from '../../core/states.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import { type Answer, NotAnAnswerError, StripeCallError } from '../../stripe/answer.js';
import type { StripeGateway } from '../../stripe/gateway.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import { refusalOf } from '../../stripe/refusal.js';
import { type PaymentSnapshot, paymentSnapshot } from '../../stripe/translate.js';
import type { CheckoutAttempts } from './checkout-attempts.js';
import { assertIntentOf } from './ours.js';
import type { Payment } from './row.js';
import type { PaymentObject, PaymentObjects } from './settle.js';

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
  /** Brings the row to Stripe's present state without making anything; one that Stripe has no object of stays as it is. */
  refresh(payment: Payment, access: StripeAccess, actor: string): Promise<Payment>;
  /** Drops the intent that the row names where Stripe doesn't know it, or has another row's under this id. */
  forgetUnknown(payment: Payment, access: StripeAccess): Promise<void>;
  /** Takes an amount of the held money, in minor units; the payment comes back as it is then, whoever captured it first. */
  capture(payment: Payment, amount: number, access: StripeAccess, actor: string): Promise<Payment>;
}

/** One write to a payment intent. */
interface Act {
  readonly access: StripeAccess;
  readonly actor: string;
  /** Whether the write makes sense in the intent's present state. */
  applies(snapshot: PaymentSnapshot): boolean;
  write(id: string, key: (action: string) => string): Promise<Answer<Stripe.PaymentIntent>>;
  /** Whether the answer says what was asked for. */
  isDone(snapshot: PaymentSnapshot): boolean;
}

const snapshotOf = ({ object, at }: Answer<Stripe.PaymentIntent>): PaymentSnapshot => paymentSnapshot(object, at);

/** A payment intent as the object of a payment. */
const intentObject = (gateway: StripeGateway): PaymentObject<Stripe.PaymentIntent> => ({
  column: 'stripe_payment_intent_id',
  idOf: ({ stripePaymentIntentId }) => stripePaymentIntentId,
  retrieve: gateway.retrievePaymentIntent,
  find: gateway.findPaymentIntent,
  create({ orderId, amount, currency, captureMethod, description }, owner, idempotencyKey) {
    const request = { owner, orderId, amount, currency, captureMethod, description, idempotencyKey };
    return gateway.createPaymentIntent(request);
  },
  assertOurs: (row, owner, answer) => assertIntentOf(row, owner, snapshotOf(answer)),
  facts: snapshotOf,
});

/** A renewal's payment is never on a page of its own, however its recurring payment began. */
const isCheckout = ({ mode, stripeInvoiceId }: Payment): boolean => mode === 'CHECKOUT' && stripeInvoiceId === null;

interface Parts {
  readonly objects: PaymentObjects;
  readonly checkouts: CheckoutAttempts;
}

/** Builds the calls; one attempt is settled once at a time within the process. */
export const createPaymentAttempts = ({ objects, checkouts }: Parts): PaymentAttempts => {
  const oneAtATime = createInFlight<SettledAttempt>();

  const settleIntent = async (payment: Payment, { gateway }: StripeAccess, actor: string, isFresh: boolean) => {
    const settled = await objects.settle(payment, intentObject(gateway), { actor, isFresh });
    const { clientSecret } = snapshotOf(settled);
    if (clientSecret === null) throw refusalOf(new NotAnAnswerError(`${settled.object.id} without its client secret`));
    return { payment: settled.payment, clientSecret, checkoutUrl: null };
  };

  const settle: PaymentAttempts['settle'] = (payment, access, actor, fresh = false) => {
    const work = isCheckout(payment) ? checkouts.settle : settleIntent;
    return oneAtATime(payment.id, () => work(payment, access, actor, fresh));
  };

  /** Reads the intent, writes to it, and applies what Stripe says then; a failure is read again: it may be so already. */
  const act = async (
    payment: Payment,
    { access: { gateway }, actor, applies, write, isDone }: Act,
  ): Promise<{ readonly payment: Payment; readonly failure: StripeCallError | undefined }> => {
    const object = intentObject(gateway);
    const settled = await objects.settle(payment, object, { actor });
    if (!applies(snapshotOf(settled))) return { payment: settled.payment, failure: undefined };
    const { id } = settled.object;
    const owner = objects.ownerOf(payment);
    let failure: StripeCallError | undefined;
    // Read just now and harmless twice: a key of its own for each reading, so that a stored 5xx is not replayed.
    const key = (action: string) =>
      idempotencyKey(owner, payment.attempt, `${action}:${settled.payment.version}:${settled.at}`);
    const writeOrRead = async () => {
      try {
        const answer = await write(id, key);
        object.assertOurs(settled.payment, owner, answer);
        if (!isDone(snapshotOf(answer))) throw new NotAnAnswerError(`${id} is not as it was asked for`);
        return answer;
      } catch (error) {
        if (!(error instanceof StripeCallError)) throw error;
        failure = error;
        return gateway.retrievePaymentIntent(id);
      }
    };
    const after = await objects.applyPresent(settled.payment, object, { actor, read: writeOrRead });
    const isDoneAfter = isDone(snapshotOf(after));
    return {
      payment: after.payment,
      failure: failure ?? (isDoneAfter ? undefined : new NotAnAnswerError(`${id} is not as it was answered`)),
    };
  };

  return {
    settle,

    async cancel(payment, access, actor) {
      await objects.noteAsked(payment, 'CANCELED', actor);
      const left = isCheckout(payment) ? await checkouts.expire(payment, access, actor) : payment;
      // A page that nobody has paid on has no intent to cancel.
      if (!isOpen(left) || (isCheckout(payment) && left.stripePaymentIntentId === null)) return left;
      const { payment: after, failure } = await act(left, {
        access,
        actor,
        applies: ({ signal }) => signal !== 'succeed' && signal !== 'cancel',
        write: (id, key) => access.gateway.cancelPaymentIntent(id, key('cancel')),
        isDone: ({ signal }) => signal === 'cancel',
      });
      if (failure && failure.failure !== 'refused' && isOpen(after)) throw refusalOf(failure);
      return after;
    },

    async capture(payment, amount, access, actor) {
      if (payment.stripePaymentIntentId === null) return payment;
      await objects.noteAsked(payment, 'SUCCESSFUL', actor);
      const { payment: after, failure } = await act(payment, {
        access,
        actor,
        applies: ({ signal }) => signal === 'hold',
        write: (id, key) => access.gateway.capturePaymentIntent(id, amount, key(`capture:${amount}`)),
        isDone: ({ signal, amountReceived }) => signal === 'succeed' && amountReceived === amount,
      });
      if (failure && after.status === 'REQUIRES_CAPTURE') throw refusalOf(failure);
      return after;
    },

    async refresh(payment, access, actor) {
      if (payment.stripeCheckoutSessionId !== null)
        return (await checkouts.settle(payment, access, actor, false)).payment;
      const object = intentObject(access.gateway);
      const known = await objects.forgetUnknown(payment, object, actor);
      return (await objects.refresh(known, object, actor)) ?? known;
    },

    async forgetUnknown(payment, { gateway }) {
      await objects.forgetUnknown(payment, intentObject(gateway), 'stripe');
    },
  };
};
