import type Stripe from 'stripe';
import type { RecurringTransitions } from '../payments/recurring-transitions.js';
import type { StripeConnection } from '../payments/stripe-connection.js';
import type { RecurringPayment } from '../storage/recurring-payment.js';
import { subscriptionSnapshot } from '../stripe/subscription-snapshot.js';
import type { Applied, EventHandler, Fetched } from './handler.js';

/** The events of a subscription; each is a hint to fetch it. Source: Stripe docs, "Types of events". */
export const SUBSCRIPTION_EVENTS = [
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'customer.subscription.paused',
  'customer.subscription.resumed',
  'customer.subscription.trial_will_end',
] as const;

interface Parts {
  readonly transitions: RecurringTransitions;
  readonly connection: StripeConnection;
  /** This installation's id. */
  readonly installation: () => string;
  readonly publish: (row: RecurringPayment) => void;
}

const UNMATCHED = 'No recurring payment of this installation has this subscription.';

/** Builds the handler of subscriptions: none is applied from a payload, Stripe's present one decides. */
export const createSubscriptionEvents = (parts: Parts): EventHandler => {
  const { transitions, connection, installation, publish } = parts;
  const subscriptionOf = (event: Stripe.Event): Stripe.Subscription => event.data.object as Stripe.Subscription;

  return {
    ignore(event) {
      const { owner } = subscriptionSnapshot(subscriptionOf(event), event.created);
      return owner && owner.installation !== installation()
        ? 'The subscription belongs to another installation on this Stripe account.'
        : undefined;
    },

    async prepare(tx, event, actor) {
      const { subscriptionId, owner, amount, currency, livemode } = subscriptionSnapshot(
        subscriptionOf(event),
        event.created,
      );
      const recurringId = owner?.installation === installation() ? owner.id : null;
      const row = await transitions.lockByReference(tx, { subscriptionId, recurringId, amount, currency, livemode });
      return async (fetched: Fetched | undefined): Promise<Applied> => {
        if (!row) return { kind: 'ended', end: { status: 'IGNORED', reason: UNMATCHED }, publish: () => undefined };
        // An answer that was read before the row was known may be older than the row.
        if (fetched?.version !== row.revision) return { kind: 'ask', version: row.revision };
        const subscription = fetched.answer.object as Stripe.Subscription;
        const outcome = await transitions.apply(tx, row, subscriptionSnapshot(subscription, fetched.answer.at), {
          actor,
          eventId: event.id,
          body: { source: 'FETCH', event, object: subscription },
          current: true,
        });
        const publishIt = (): void => {
          if (outcome.kind === 'changed') publish(outcome.recurringPayment);
        };
        return { kind: 'ended', end: { status: 'PROCESSED' }, publish: publishIt };
      };
    },

    // A duplicate of a processed event is fetched by nobody; the flow sees repeated states through other events.
    deliversDuplicates: false,

    fetch: async (event) => (await connection.access()).gateway.retrieveSubscription(subscriptionOf(event).id),
  };
};
