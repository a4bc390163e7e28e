import type Stripe from 'stripe';
import type { Applied, EventHandler, Told } from '../../inbox/handler.js';
import { assertSame, hintOf, ignored, processed } from '../../inbox/hints.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Tx } from '../../storage/database.js';
import type { Answer } from '../../stripe/answer.js';
import { type CheckoutSnapshot, checkoutSnapshot } from '../../stripe/checkout-snapshot.js';
import type { Marks } from '../../stripe/marks.js';
import { endOfFacts, saidTwice } from '../../stripe/said-twice.js';
import { subscriptionSnapshot } from '../../stripe/subscription-snapshot.js';
import type { PaymentTransitions } from '../payments/apply.js';
import { findByCheckout, writeSession } from '../payments/checkout-rows.js';
import type { Payment } from '../payments/row.js';
import { findByIntentOrMark } from '../payments/rows.js';
import type { RecurringTransitions } from './apply.js';
import { endOfSubscription } from './attempts.js';
import type { RecurringPayment } from './row.js';
import { findBySubscriptionOrMark } from './rows.js';

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
  readonly marks: Marks;
  readonly publish: (payment: Payment) => void;
  readonly publishRecurring: (row: RecurringPayment) => void;
}

const NOT_OURS = 'The Checkout Session was not made by this installation.';
const UNMATCHED = 'No row of this installation has this Checkout Session.';

type Apply = () => Promise<Applied>;

/** A session, and its subscription, as Stripe has them now. */
interface SessionWithSubscription {
  readonly object: 'checkout_with_subscription';
  readonly session: Stripe.Checkout.Session;
  readonly subscription: Answer<Stripe.Subscription> | undefined;
}

type FetchedSession =
  | { readonly answer: Answer<SessionWithSubscription>; readonly version: number | undefined }
  | undefined;

/** The session that was fetched, else the payload's. */
const sessionOf = (event: Stripe.Event, fetched: FetchedSession) => {
  const session = fetched?.answer.object.session ?? (event.data.object as Stripe.Checkout.Session);
  const snapshot = checkoutSnapshot(session, fetched?.answer.at ?? event.created);
  if (fetched) assertSame(event, snapshot.owner?.noun ?? 'payment', { ...snapshot, id: snapshot.sessionId });
  return { session, snapshot, subscription: fetched?.answer.object.subscription };
};

/** The end of a row that the session, or its subscription, would be. */
const endOf = ({ object: { session, subscription }, at }: Answer<SessionWithSubscription>): string | undefined => {
  const { isExpired, payment } = checkoutSnapshot(session, at);
  const own = endOfFacts(payment) ?? (isExpired ? 'expired' : undefined);
  return own ?? (subscription && endOfSubscription(subscriptionSnapshot(subscription.object, subscription.at)));
};

/** Builds the handler of Checkout Sessions: none is applied from a payload, Stripe's present one decides. */
export const createCheckoutEvents = (parts: Parts): EventHandler => {
  const { payments, recurring, connection, marks, publish, publishRecurring } = parts;

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

  const preparePayment = async (tx: Tx, { event, actor }: Told, fetched: FetchedSession): Promise<Apply> => {
    const { snapshot, session } = sessionOf(event, fetched);
    const payment = await lockPayment(tx, snapshot);
    return async () => {
      if (!payment) return ignored(UNMATCHED);
      // An answer that was read before the row was known may be older than the row.
      if (fetched?.version !== payment.version) return { kind: 'ask', version: payment.version };
      tx.send(writeSession('payment', payment.id, snapshot.sessionId));
      const body = { source: 'FETCH' as const, event, object: session };
      const cause = { actor, eventId: event.id, body, current: true };
      const outcome = await payments.apply(tx, payment, { snapshot: snapshot.payment, cause });
      return processed(() => outcome.kind === 'changed' && publish(outcome.payment));
    };
  };

  const prepareRecurring = async (tx: Tx, { event, actor }: Told, fetched: FetchedSession): Promise<Apply> => {
    const { snapshot, session, subscription } = sessionOf(event, fetched);
    const { sessionId, owner, currency, livemode, subscriptionId } = snapshot;
    const reference = { subscriptionId: subscriptionId ?? '', recurringId: owner?.id ?? null, amount: null };
    const row = await recurring.lockByReference(tx, { ...reference, currency, livemode });
    return async () => {
      if (!row || (row.stripeCheckoutSessionId ?? sessionId) !== sessionId) return ignored(UNMATCHED);
      if (fetched?.version !== row.revision) return { kind: 'ask', version: row.revision };
      tx.send(writeSession('recurring_payment', row.id, sessionId));
      const object = subscription?.object ?? session;
      const cause = { actor, eventId: event.id, body: { source: 'FETCH' as const, event, object }, current: true };
      if (!subscription && !snapshot.isExpired) return processed(() => undefined);
      const outcome = subscription
        ? await recurring.apply(tx, row, {
            snapshot: subscriptionSnapshot(subscription.object, subscription.at),
            cause,
          })
        : await recurring.expire(tx, row, cause);
      return processed(() => outcome.kind === 'changed' && publishRecurring(outcome.recurringPayment));
    };
  };

  return {
    unmatched: UNMATCHED,

    ignore(event) {
      const hint = hintOf(event);
      const marked = [marks.rowOf(hint.ownerOf('payment')), marks.rowOf(hint.ownerOf('recurring'))];
      return marked.some((id) => id !== null) ? undefined : NOT_OURS;
    },

    async isKnown(on, event) {
      const hint = hintOf(event);
      const payment = marks.rowOf(hint.ownerOf('payment'));
      const found = await on.query(
        payment === null
          ? findBySubscriptionOrMark('', marks.rowOf(hint.ownerOf('recurring')))
          : findByIntentOrMark('', payment),
      );
      return found.length > 0;
    },

    prepare: (tx, told, fetched) =>
      (marks.rowOf(hintOf(told.event).ownerOf('payment')) === null ? prepareRecurring : preparePayment)(
        tx,
        told,
        fetched as FetchedSession,
      ),

    deliversDuplicates: false,

    /** The session with its payment intent, and the subscription that it started, where there is one. */
    async fetch(event): Promise<Answer<SessionWithSubscription>> {
      const { gateway } = await connection.access();
      const read = async (): Promise<Answer<SessionWithSubscription>> => {
        const { object: session, at } = await gateway.retrieveCheckout(hintOf(event).id);
        const { subscriptionId } = checkoutSnapshot(session, at);
        const subscription = subscriptionId === null ? undefined : await gateway.retrieveSubscription(subscriptionId);
        return { object: { object: 'checkout_with_subscription', session, subscription }, at };
      };
      return saidTwice(await read(), { endOf, read });
    },
  };
};
