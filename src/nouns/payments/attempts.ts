import type Stripe from 'stripe';
import { PaymentMethodNotFoundError } from '../../core/errors.js';
import { createInFlight } from '../../core/in-flight.js';
import { isOpen } from '../../core/states.js';
import type { StripeAccess, Who } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { type Answer, NotAnAnswerError, StripeCallError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import { refusalOf } from '../../stripe/refusal.js';
import { type PaymentSnapshot, paymentSnapshot } from '../../stripe/translate.js';
import type { CheckoutAttempts } from './checkout-attempts.js';
import type { PaymentCustomers } from './customer.js';
import type { PaymentObject } from './object.js';
import { assertIntentOf } from './ours.js';
import type { Payment } from './row.js';
import { writeNextAttempt } from './rows.js';
import type { PaymentObjects, Settled } from './settle.js';

/** A payment brought to Stripe's present state, and what the browser needs to go on with it. */
export interface SettledAttempt {
  readonly payment: Payment;
  /** For Stripe.js; null for a payment on Stripe's page. */
  readonly clientSecret: string | null;
  /** Stripe's page; null for any other payment, and once the page is closed. */
  readonly checkoutUrl: string | null;
}

/** How an attempt is settled. */
export interface Settle {
  readonly isFresh?: boolean;
  readonly charges?: boolean;
}

/** The calls to Stripe that one attempt needs; each may be repeated, at once or after a crash, without a second object. */
export interface PaymentAttempts {
  /**
   * Makes sure that the payment exists at Stripe and brings our row to Stripe's present state.
   * `isFresh`: the row was written just now and no call can have been made for it yet. `charges`: one that was begun with a saved method is
   * confirmed with it, once; a decline leaves it FAILED.
   *
   * @throws StripeDeclinedError when Stripe refuses it for good (the row is ended), StripeUnavailableError when the outcome is unknown
   */
  settle(payment: Payment, who: Who, how?: Settle): Promise<SettledAttempt>;
  /**
   * Cancels the attempt at Stripe; the payment comes back as it ended: SUCCESSFUL if it went through meanwhile, still open
   * where Stripe refuses to cancel it.
   */
  cancel(payment: Payment, who: Who): Promise<Payment>;
  /** Brings the row to Stripe's present state without making anything; one that Stripe has no object of stays as it is. */
  refresh(payment: Payment, who: Who): Promise<Payment>;
  /** Drops the intent that the row names where Stripe doesn't know it, or has another row's under this id. */
  forgetUnknown(payment: Payment, access: StripeAccess): Promise<void>;
  /** Takes an amount of the held money, in minor units; the payment comes back as it is then, whoever captured it first. */
  capture(payment: Payment, amount: number, who: Who): Promise<Payment>;
}

/** One write to a payment intent. */
interface Act extends Who {
  /** Whether the write makes sense in the intent's present state. */
  applies(snapshot: PaymentSnapshot): boolean;
  write(id: string, key: (action: string) => string): Promise<Answer<Stripe.PaymentIntent>>;
  /** Whether the answer says what was asked for. */
  isDone(snapshot: PaymentSnapshot): boolean;
}

const snapshotOf = ({ object, at }: Answer<Stripe.PaymentIntent>): PaymentSnapshot => paymentSnapshot(object, at);

/** A payment intent as the object of a payment. */
const intentObject = (customers: PaymentCustomers, access: StripeAccess): PaymentObject<Stripe.PaymentIntent> => ({
  column: 'stripe_payment_intent_id',
  idOf: ({ stripePaymentIntentId }) => stripePaymentIntentId,
  retrieve: access.gateway.retrievePaymentIntent,
  find: access.gateway.findPaymentIntent,
  create(payment, owner, idempotencyKey) {
    const { orderId, amount, currency, captureMethod, description } = payment;
    const { metadata, receiptEmail, statementDescriptorSuffix } = payment;
    const handedOn = { metadata, receiptEmail, statementDescriptorSuffix };
    const request = { owner, orderId, amount, currency, captureMethod, description, idempotencyKey };
    const { stripeCustomerId: customerId, savesMethod, savedMethodId } = payment;
    const paying = { customerId, savesMethod, confirmedByUs: savedMethodId !== null };
    return access.gateway.createPaymentIntent({ ...request, ...handedOn, ...paying });
  },
  complete: (row) => customers.complete(row, access),
  mend: (row, failure, actor) => customers.mend(row, failure, { access, actor }),
  assertOurs: (row, owner, answer) => assertIntentOf(row, owner, snapshotOf(answer)),
  facts: snapshotOf,
});

/** A renewal's payment is never on a page of its own, however its recurring payment began. */
const isCheckout = ({ mode, stripeInvoiceId }: Payment): boolean => mode === 'CHECKOUT' && stripeInvoiceId === null;

interface Parts {
  readonly database: Database;
  readonly objects: PaymentObjects;
  readonly checkouts: CheckoutAttempts;
  readonly customers: PaymentCustomers;
  readonly marks: Marks;
}

/** Whether it was begun with a saved method that was never tried. */
const isToConfirm = (settled: Settled<Stripe.PaymentIntent>): boolean =>
  settled.payment.savedMethodId !== null &&
  settled.payment.status === 'PENDING' &&
  snapshotOf(settled).signal === 'await';

/** Whether Stripe says that the method can't be used at all: it was removed meanwhile. */
const isGoneMethod = ({ failure, status }: StripeCallError): boolean => failure === 'refused' && status !== 402;

/**
 * Confirms with the saved method: the same key however often it is asked, so that a card is tried once. What Stripe has then is
 * applied, a decline too; one whose outcome is unknown stays as it is, and may be repeated.
 *
 * @throws PaymentMethodNotFoundError, StripeUnavailableError
 */
const confirmSaved = async (
  { objects, customers, marks, database }: Parts,
  { payment, object: intent }: Settled<Stripe.PaymentIntent>,
  { access, actor }: Who,
): Promise<Settled<Stripe.PaymentIntent>> => {
  const object = intentObject(customers, access);
  const owner = marks.of('payment', payment.id);
  const { savedMethodId: methodId, offSession, attempt } = payment;
  if (methodId === null) throw new Error(`Payment ${payment.id} was begun without a saved method.`);
  let failure: StripeCallError | undefined;
  const confirmOrRead = async () => {
    try {
      const key = idempotencyKey(owner, attempt, `confirm:${intent.id}`);
      const answer = await access.gateway.confirmPaymentIntent(intent.id, { methodId, offSession }, key);
      object.assertOurs(payment, owner, answer);
      if (snapshotOf(answer).signal === 'await') throw new NotAnAnswerError(`${intent.id} is not confirmed`);
      return answer;
    } catch (error) {
      if (!(error instanceof StripeCallError)) throw error;
      failure = error;
      // Stripe would replay its 5xx to this key for a day.
      if ((error.status ?? 0) >= 500) await database.query(writeNextAttempt(payment.id, attempt));
      return access.gateway.retrievePaymentIntent(intent.id);
    }
  };
  const after = await objects.applyPresent(payment, object, { actor, read: confirmOrRead });
  if (!failure || !isToConfirm(after)) return after;
  throw isGoneMethod(failure) ? new PaymentMethodNotFoundError(methodId) : refusalOf(failure);
};

const settleIntent = async (
  parts: Parts,
  payment: Payment,
  { access, actor, isFresh = false, charges = false }: Who & Settle,
): Promise<SettledAttempt> => {
  const object = intentObject(parts.customers, access);
  const made = await parts.objects.settle(payment, object, { actor, isFresh });
  const settled = charges && isToConfirm(made) ? await confirmSaved(parts, made, { access, actor }) : made;
  const { clientSecret } = snapshotOf(settled);
  if (clientSecret === null) throw refusalOf(new NotAnAnswerError(`${settled.object.id} without its client secret`));
  return { payment: settled.payment, clientSecret, checkoutUrl: null };
};

/** A payment after a write to its intent, and why that wasn't done, where it wasn't. */
interface Acted {
  readonly payment: Payment;
  readonly failure: StripeCallError | undefined;
}

/** Reads the intent, writes to it, and applies what Stripe says then; a failure is read again: it may be so already. */
const act = async (
  { objects, customers, marks }: Pick<Parts, 'objects' | 'customers' | 'marks'>,
  payment: Payment,
  { access, actor, applies, write, isDone }: Act,
): Promise<Acted> => {
  const object = intentObject(customers, access);
  const settled = await objects.settle(payment, object, { actor });
  if (!applies(snapshotOf(settled))) return { payment: settled.payment, failure: undefined };
  const { id } = settled.object;
  const owner = marks.of('payment', payment.id);
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
      return access.gateway.retrievePaymentIntent(id);
    }
  };
  const after = await objects.applyPresent(settled.payment, object, { actor, read: writeOrRead });
  const isDoneAfter = isDone(snapshotOf(after));
  return {
    payment: after.payment,
    failure: failure ?? (isDoneAfter ? undefined : new NotAnAnswerError(`${id} is not as it was answered`)),
  };
};

const cancel = async (parts: Parts, payment: Payment, who: Who): Promise<Payment> => {
  const { objects, checkouts } = parts;
  await objects.noteAsked(payment, 'CANCELED', who.actor);
  const left = isCheckout(payment) ? await checkouts.expire(payment, who) : payment;
  // A page that nobody has paid on has no intent to cancel.
  if (!isOpen(left) || (isCheckout(payment) && left.stripePaymentIntentId === null)) return left;
  const { payment: after, failure } = await act(parts, left, {
    ...who,
    applies: ({ signal }) => signal !== 'succeed' && signal !== 'cancel',
    write: (id, key) => who.access.gateway.cancelPaymentIntent(id, key('cancel')),
    isDone: ({ signal }) => signal === 'cancel',
  });
  if (failure && failure.failure !== 'refused' && isOpen(after)) throw refusalOf(failure);
  return after;
};

const capture = async (
  parts: Parts,
  payment: Payment,
  { amount, ...who }: Who & { readonly amount: number },
): Promise<Payment> => {
  if (payment.stripePaymentIntentId === null) return payment;
  await parts.objects.noteAsked(payment, 'SUCCESSFUL', who.actor);
  const { payment: after, failure } = await act(parts, payment, {
    ...who,
    applies: ({ signal }) => signal === 'hold',
    write: (id, key) => who.access.gateway.capturePaymentIntent(id, amount, key(`capture:${amount}`)),
    isDone: ({ signal, amountReceived }) => signal === 'succeed' && amountReceived === amount,
  });
  if (failure && after.status === 'REQUIRES_CAPTURE') throw refusalOf(failure);
  return after;
};

/** Builds the calls; one attempt is settled once at a time within the process. */
export const createPaymentAttempts = (parts: Parts): PaymentAttempts => {
  const { objects, checkouts, customers } = parts;
  const oneAtATime = createInFlight<SettledAttempt>();
  return {
    settle: (payment, who, how = {}) =>
      oneAtATime(`${payment.id} ${how.charges ?? false}`, () =>
        isCheckout(payment)
          ? checkouts.settle(payment, who, how.isFresh ?? false)
          : settleIntent(parts, payment, { ...who, ...how }),
      ),

    cancel: (payment, who) => cancel(parts, payment, who),
    capture: (payment, amount, who) => capture(parts, payment, { ...who, amount }),

    async refresh(payment, who) {
      if (payment.stripeCheckoutSessionId !== null) return (await checkouts.settle(payment, who, false)).payment;
      const object = intentObject(customers, who.access);
      const known = await objects.forgetUnknown(payment, object, who.actor);
      return (await objects.refresh(known, object, who.actor)) ?? known;
    },

    async forgetUnknown(payment, access) {
      await objects.forgetUnknown(payment, intentObject(customers, access), 'stripe');
    },
  };
};
