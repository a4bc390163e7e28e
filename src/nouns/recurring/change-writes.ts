import type Stripe from 'stripe';
import { IllegalTransitionError } from '../../core/errors.js';
import type { Who } from '../../installation/stripe-connection.js';
import { subscriptionSnapshot } from '../../stripe/subscription-snapshot.js';
import { releaseSchedule, type SubscriptionWrite } from './attempts.js';
import type { RecurringPrice } from './prices.js';
import type { RecurringPayment } from './row.js';
import { type ChangeRequest, isSame, itemOf, PRORATION_BEHAVIORS, type Terms, termsOf } from './terms.js';

/** A change that is about to be written: which, its number, and the price that it is to come to. */
interface Writing extends Who {
  readonly request: ChangeRequest;
  readonly number: number;
  readonly price: RecurringPrice;
}

const hasTerms = (items: readonly Stripe.SubscriptionItem[] | null | undefined, terms: Terms): boolean =>
  items?.length === 1 && items[0]?.price.id === terms.priceId && (items[0].quantity ?? 1) === terms.quantity;

const pendingOf = (subscription: Stripe.Subscription): Terms | null =>
  subscriptionSnapshot(subscription, 0).pending ?? null;

/** Whether nothing is left to write: the terms stand or wait for their payment, and nothing else is to follow them. */
const standsOrWaits = (subscription: Stripe.Subscription, terms: Terms): boolean => {
  const { items, pending_update: pending } = subscription;
  return (
    pendingOf(subscription) === null &&
    (pending === null ? hasTerms(items.data, terms) : hasTerms(pending.subscription_items, terms))
  );
};

const isSameRhythm = ({ price: { recurring } }: Stripe.SubscriptionItem, { rhythm }: RecurringPrice): boolean =>
  recurring?.interval === rhythm.interval && recurring.interval_count === rhythm.count;

/** What an operator planned for later periods is not thrown away. @throws IllegalTransitionError */
const assertPlain = ({ schedule }: Stripe.Subscription): void => {
  if (schedule === null || typeof schedule === 'string') return;
  const end = schedule.current_phase?.end_date ?? 0;
  if (schedule.phases.filter(({ start_date: start }) => start >= end).length > 1)
    throw new IllegalTransitionError(
      `Stripe's schedule ${schedule.id} plans several phases for it: change them in Stripe's dashboard.`,
    );
};

type Key = (action: string) => string;

/** Writes the terms at once; they wait for their payment where something is charged at once. Source: Stripe docs, "Pending updates". */
const writeNow = async (
  subscription: Stripe.Subscription,
  key: Key,
  { access, request, number, price, terms }: Writing & { readonly terms: Terms },
) => {
  assertPlain(subscription);
  const { id, schedule, status, pending_update: pending } = subscription;
  const item = itemOf(subscription, terms);
  if (schedule !== null) await releaseSchedule(access, schedule, key);
  if (pending === null && hasTerms([item], terms)) return access.gateway.retrieveSubscription(id);
  const chargesAtOnce =
    request.proration === 'ALWAYS_INVOICE' || !isSameRhythm(item, price) || item.price.unit_amount === 0;
  return access.gateway.changeTerms(
    id,
    {
      itemId: item.id,
      quantity: terms.quantity,
      priceId: item.price.id === terms.priceId ? undefined : terms.priceId,
      proration: PRORATION_BEHAVIORS[request.proration],
      waitsForPayment: chargesAtOnce && status !== 'trialing',
    },
    key(`change:${number}`),
  );
};

/** Lets Stripe's schedule bring the terms with the next period. Source: Stripe docs, "Subscription schedules". */
const writeLater = async (
  subscription: Stripe.Subscription,
  key: Key,
  { access: { gateway }, price, terms }: Who & { readonly price: RecurringPrice; readonly terms: Terms },
) => {
  assertPlain(subscription);
  itemOf(subscription, terms);
  const { id, schedule: known, cancel_at_period_end: ends } = subscription;
  if (ends) throw new IllegalTransitionError(`${id} ends with its period: take that back first.`);
  const schedule =
    known !== null && typeof known === 'object' ? known : (await gateway.createSchedule(id, key('schedule'))).object;
  const { interval, count: intervalCount } = price.rhythm;
  await gateway.scheduleTerms(schedule, { ...terms, interval, intervalCount }, key('phases'));
  return gateway.retrieveSubscription(id);
};

/** How what is asked for is written; what waited until now is replaced by it. */
export const writeOf = (row: RecurringPayment, writing: Writing): SubscriptionWrite => {
  const terms = termsOf(writing.request, row);
  const { access, actor, request } = writing;
  const own = { access, actor, asks: 'CHANGE' as const };
  // To stay with the present terms from the next period on: nothing is to follow them.
  const isLater = request.at === 'PERIOD_END' && !isSame(terms, row);
  return isLater
    ? { ...own, ...laterOf({ access, actor, price: writing.price, terms }) }
    : {
        ...own,
        holds: (subscription) => standsOrWaits(subscription, terms),
        write: (subscription, key) => writeNow(subscription, key, { ...writing, terms }),
      };
};

const laterOf = (
  later: Who & { readonly price: RecurringPrice; readonly terms: Terms },
): Pick<SubscriptionWrite, 'holds' | 'write'> => ({
  holds(subscription) {
    const pending = pendingOf(subscription);
    return pending !== null && isSame(pending, later.terms);
  },
  write: (subscription, key) => writeLater(subscription, key, later),
});

/** How a change that had waited is scheduled again. */
export const restoringOf = (
  later: Who & { readonly price: RecurringPrice; readonly terms: Terms },
): SubscriptionWrite => ({ access: later.access, actor: later.actor, asks: 'CHANGE', ...laterOf(later) });
