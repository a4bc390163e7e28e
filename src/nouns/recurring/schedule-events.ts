import type Stripe from 'stripe';
import type { EventHandler } from '../../inbox/handler.js';
import { idOf } from '../../stripe/translate.js';

/** The event of a subscription's schedule that its subscription's own events don't tell of. Source: Stripe docs, "Types of events". */
export const SCHEDULE_EVENTS = ['subscription_schedule.updated'] as const;

const subscriptionOf = ({ data: { object } }: Stripe.Event): string | null => {
  const { subscription, released_subscription: released } = object as Partial<Stripe.SubscriptionSchedule>;
  return idOf(subscription) ?? idOf(released);
};

/** The same event as a hint to fetch the subscription: what is to follow it shows there. */
const asSubscriptions = (event: Stripe.Event): Stripe.Event =>
  ({
    ...event,
    data: { object: { id: subscriptionOf(event) ?? '', object: 'subscription', metadata: {} } },
  }) as unknown as Stripe.Event;

/** Builds the handler of schedules over that of subscriptions. */
export const createScheduleEvents = (subscriptions: EventHandler): EventHandler => ({
  unmatched: subscriptions.unmatched,
  deliversDuplicates: false,
  ignore: (event) => (subscriptionOf(event) === null ? 'The schedule has no subscription.' : undefined),
  isKnown: (on, event) => subscriptions.isKnown(on, asSubscriptions(event)),
  prepare: (tx, { event, actor }, fetched) =>
    subscriptions.prepare(tx, { event: asSubscriptions(event), actor }, fetched),
  fetch: (event) => subscriptions.fetch(asSubscriptions(event)),
});
