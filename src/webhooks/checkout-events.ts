import type Stripe from 'stripe';
import { findByCheckout, writeSession } from '../payments/checkout-rows.js';
import type { PaymentTransitions } from '../payments/payment-transitions.js';
import type { RecurringTransitions } from '../payments/recurring-transitions.js';
import type { StripeConnection } from '../payments/stripe-connection.js';
import type { Tx } from '../storage/database.js';
import type { Payment } from '../storage/payment.js';
import type { RecurringPayment } from '../storage/recurring-payment.js';
import type { Answer } from '../stripe/answer.js';
import { type CheckoutSnapshot, checkoutSnapshot } from '../stripe/checkout-snapshot.js';
import { subscriptionSnapshot } from '../stripe/subscription-snapshot.js';
import type { Applied, EventHandler, Fetched } from './handler.js';

/** The events of a Checkout Session; each is a hint to fetch it. Source: Stripe docs, "Fulfill orders". */
export const CHECKOUT_EVENTS = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
] as const;

interface Parts {
  readonly payments: PaymentTransitions;
  readonly recurring: RecurringTransitions;
  readonly connection: StripeConnection;
  /** This installation's id. */
  readonly installation: () => string;
  readonly publish: (payment: Payment) => void;
  readonly publishRecurring: (row: RecurringPayment) => void;
}

const NOT_OURS = 'The Checkout Session was not made by this installation.';
const UNMATCHED: Applied = {
  kind: 'ended',
  end: { status: 'IGNORED', reason: 'No row of this installation has this Checkout Session.' },
  publish: () => undefined,
};

const processed = (publish: () => void): Applied => ({ kind: 'ended', end: { status: 'PROCESSED' }, publish });

type Apply = (fetched: Fetched | undefined) => Promise<Applied>;

/** Builds the handler of Checkout Sessions: none is applied from a payload, Stripe's present one decides. */
export const createCheckoutEvents = (parts: Parts): EventHandler => {
  const { payments, recurring, connection, installation, publish, publishRecurring } = parts;
  const sessionOf = (event: Stripe.Event): Stripe.Checkout.Session => event.data.object as Stripe.Checkout.Session;
  const snapshotOf = (event: Stripe.Event): CheckoutSnapshot => checkoutSnapshot(sessionOf(event), event.created);

  const lockPayment = async (tx: Tx, snapshot: CheckoutSnapshot): Promise<Payment | undefined> => {
    const { sessionId, owner, amount, currency, livemode } = snapshot;
    if (!owner) return undefined;
    const reference = { sessionId, id: owner.id, amount, currency, livemode };
    const [found] = await tx.query<{ id: string; orderId: string }>(findByCheckout(reference));
    if (!found) return undefined;
    const row = await payments.lockById(tx, found);
    // Between the search and the lock the row may have become another session's.
    return row.stripeCheckoutSessionId === null || row.stripeCheckoutSessionId === sessionId ? row : undefined;
  };

  const preparePayment = async (tx: Tx, event: Stripe.Event, actor: string): Promise<Apply> => {
    const payment = await lockPayment(tx, snapshotOf(event));
    return async (fetched) => {
      if (!payment) return UNMATCHED;
      // An answer that was read before the row was known may be older than the row.
      if (fetched?.version !== payment.version) return { kind: 'ask', version: payment.version };
      const { object, at } = fetched.answer as Answer<Stripe.Checkout.Session>;
      tx.send(writeSession('payment', payment.id, object.id));
      const body = { source: 'FETCH' as const, event, object };
      const cause = { actor, eventId: event.id, body, current: true };
      const outcome = await payments.apply(tx, payment, checkoutSnapshot(object, at).payment, cause);
      return processed(() => outcome.kind === 'changed' && publish(outcome.payment));
    };
  };

  const prepareRecurring = async (tx: Tx, event: Stripe.Event, actor: string): Promise<Apply> => {
    const { sessionId, owner, currency, livemode, subscriptionId } = snapshotOf(event);
    const reference = { subscriptionId: subscriptionId ?? '', recurringId: owner?.id ?? null, amount: null };
    const row = await recurring.lockByReference(tx, { ...reference, currency, livemode });
    return async (fetched) => {
      if (!row || (row.stripeCheckoutSessionId ?? sessionId) !== sessionId) return UNMATCHED;
      if (fetched?.version !== row.revision) return { kind: 'ask', version: row.revision };
      tx.send(writeSession('recurring_payment', row.id, sessionId));
      const { object, at } = fetched.answer as Answer<Stripe.Checkout.Session | Stripe.Subscription>;
      const cause = { actor, eventId: event.id, body: { source: 'FETCH' as const, event, object }, current: true };
      if (object.object === 'checkout.session' && !checkoutSnapshot(object, at).isExpired)
        return processed(() => undefined);
      const outcome =
        object.object === 'subscription'
          ? await recurring.apply(tx, row, subscriptionSnapshot(object, at), cause)
          : await recurring.expire(tx, row, cause);
      return processed(() => outcome.kind === 'changed' && publishRecurring(outcome.recurringPayment));
    };
  };

  return {
    ignore: (event) => (snapshotOf(event).owner?.installation === installation() ? undefined : NOT_OURS),

    prepare: (tx, event, actor) =>
      snapshotOf(event).owner?.noun === 'payment'
        ? preparePayment(tx, event, actor)
        : prepareRecurring(tx, event, actor),

    deliversDuplicates: false,

    /** The session with its payment intent; the subscription that it started, where there is one. */
    async fetch(event) {
      const { gateway } = await connection.access();
      const answer = await gateway.retrieveCheckout(sessionOf(event).id);
      const { subscriptionId } = checkoutSnapshot(answer.object, answer.at);
      return subscriptionId === null ? answer : gateway.retrieveSubscription(subscriptionId);
    },
  };
};
