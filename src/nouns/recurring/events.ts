import type Stripe from 'stripe';
import type { EventHandler } from '../../inbox/handler.js';
import { assertSame, hintOf, ignored, processed } from '../../inbox/hints.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import type { Marks } from '../../stripe/marks.js';
import { saidTwice } from '../../stripe/said-twice.js';
import { type SubscriptionSnapshot, subscriptionSnapshot } from '../../stripe/subscription-snapshot.js';
import type { RecurringTransitions } from './apply.js';
import { endOfSubscription, type RecurringAttempts } from './attempts.js';
import type { RecurringPayment } from './row.js';
import { findBySubscriptionOrMark, findClaimedSubscription, type RecurringReference } from './rows.js';

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
  readonly database: Database;
  readonly transitions: RecurringTransitions;
  readonly attempts: Pick<RecurringAttempts, 'forgetUnknown'>;
  readonly connection: StripeConnection;
  readonly marks: Marks;
  readonly publish: (row: RecurringPayment) => void;
}

const UNMATCHED = 'No recurring payment of this installation has this subscription.';

/** How a subscription leads to our row: another installation's mark is no mark. */
const recurringReferenceOf = (
  { subscriptionId, owner, amount, currency, livemode }: SubscriptionSnapshot,
  marks: Marks,
): RecurringReference => ({
  subscriptionId,
  recurringId: marks.rowOf(owner),
  amount,
  currency,
  livemode,
});

/** Builds the handler of subscriptions: none is applied from a payload, Stripe's present one decides. */
export const createSubscriptionEvents = (parts: Parts): EventHandler => {
  const { database, transitions, attempts, connection, marks, publish } = parts;

  return {
    unmatched: UNMATCHED,

    ignore: (event) =>
      marks.isAnothers(hintOf(event).ownerOf('recurring'))
        ? 'The subscription belongs to another installation on this Stripe account.'
        : undefined,

    async isKnown(on, event) {
      const hint = hintOf(event);
      return (await on.query(findBySubscriptionOrMark(hint.id, marks.rowOf(hint.ownerOf('recurring'))))).length > 0;
    },

    async prepare(tx, { event, actor }, fetched) {
      const subscription = (fetched?.answer.object ?? event.data.object) as Stripe.Subscription;
      const snapshot = subscriptionSnapshot(subscription, fetched?.answer.at ?? event.created);
      if (fetched) assertSame(event, 'recurring', { ...snapshot, id: snapshot.subscriptionId });
      const reference = recurringReferenceOf(snapshot, marks);
      const row = await transitions.lockByReference(tx, reference);
      return async () => {
        if (!row) {
          const [claimed] = fetched ? [] : await tx.query(findClaimedSubscription(reference));
          return claimed ? { kind: 'ask', version: undefined } : ignored(UNMATCHED);
        }
        // An answer that was read before the row was known may be older than the row.
        if (fetched?.version !== row.revision) return { kind: 'ask', version: row.revision };
        const outcome = await transitions.apply(tx, row, {
          snapshot,
          cause: { actor, eventId: event.id, body: { source: 'FETCH', event, object: subscription }, current: true },
        });
        return processed(() => outcome.kind === 'changed' && publish(outcome.recurringPayment));
      };
    },

    // A duplicate of a processed event is fetched by nobody; the flow sees repeated states through other events.
    deliversDuplicates: false,

    /** A row that names another subscription than the one that carries its mark may be wrong: Stripe is asked about that one too. */
    async fetch(event) {
      const access = await connection.access();
      const read = () => access.gateway.retrieveSubscription(hintOf(event).id);
      const answer = await saidTwice(await read(), {
        endOf: ({ object, at }) => endOfSubscription(subscriptionSnapshot(object, at)),
        read,
      });
      const reference = recurringReferenceOf(subscriptionSnapshot(answer.object, answer.at), marks);
      const [claimed] = await database.query<RecurringPayment>(findClaimedSubscription(reference));
      if (claimed) await attempts.forgetUnknown(claimed, { access, actor: 'stripe' });
      return answer;
    },
  };
};
