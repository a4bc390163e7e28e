import { nextPeriodEnd } from '../billing-period.js';
import { invalidRequest, leftOut } from '../errors.js';
import { withMetadata } from '../params.js';
import type { Scope } from '../scope.js';
import { cancellation, checkMethod } from './new-subscription.js';
import { changeOncePaid, checkPending, dropPendingUpdate } from './pending-update.js';
import { planOf } from './price-row.js';
import { addProrations, prorationsOf } from './proration.js';
import { phaseItems, scheduleOf, schedules } from './schedule-row.js';
import { beginPeriod, billNow, changeSubscription, endUnpaidTrial, schedulePeriodEnd } from './subscription-flow.js';
import { checkTogether, newItem, priceFor } from './subscription-item.js';
import type { ItemValues, UpdateValues } from './subscription-params.js';
import {
  hasEnded,
  itemsIn,
  periodOf,
  rhythmOf,
  type Subscription,
  type SubscriptionItem,
  subscriptions,
} from './subscription-row.js';

const changedItem = (scope: Scope, item: SubscriptionItem, values: ItemValues, at: number): SubscriptionItem => {
  const hasPrice = values.price !== undefined || values.price_data !== undefined;
  const price = hasPrice ? structuredClone(priceFor(scope, values, at)) : item.price;
  return {
    ...item,
    price,
    plan: planOf(price),
    quantity: values.quantity ?? item.quantity,
    metadata: withMetadata(item.metadata, values.metadata),
  };
};

/** Whether the items come in another rhythm than the subscription's: its period begins anew then (Stripe: "Change subscriptions"). */
const changesRhythm = (subscription: Subscription, items: readonly SubscriptionItem[]): boolean => {
  const rhythm = items[0]?.price.recurring;
  const { interval, interval_count: count } = rhythmOf(subscription);
  return rhythm?.interval !== interval || rhythm.interval_count !== count;
};

/** What a change of the items comes to: the items after it, and the anchor of a period that begins anew. */
export interface ItemsChange {
  readonly data: SubscriptionItem[];
  readonly anchor: number | undefined;
}

/** Reads the items that an update asks for; a trial goes on whatever its rhythm will be. Throws before anything is changed. */
export const itemsChange = (scope: Scope, subscription: Subscription, wanted: readonly ItemValues[]): ItemsChange => {
  const data = nextItems(scope, subscription, wanted);
  if (subscription.status === 'trialing' || !changesRhythm(subscription, data)) return { data, anchor: undefined };
  const { recurring } = data[0]?.price ?? {};
  const now = scope.now();
  const end = recurring ? nextPeriodEnd(now, recurring, now) : now;
  return { data: itemsIn(data, now, end), anchor: now };
};

/** The items after the change: those named by id are changed or removed, others are added (Stripe: "Change subscriptions"). */
const nextItems = (scope: Scope, subscription: Subscription, wanted: readonly ItemValues[]): SubscriptionItem[] => {
  let items = [...subscription.items.data];
  wanted.forEach((values, at) => {
    if (values.id === undefined) {
      items.push(newItem(scope, subscription.id, values, priceFor(scope, values, at), periodOf(subscription)));
      return;
    }
    const found = items.find(({ id }) => id === values.id);
    if (!found)
      throw invalidRequest(`No such subscription item: '${values.id}'`, {
        code: 'resource_missing',
        param: `items[${at}][id]`,
      });
    items = values.deleted
      ? items.filter((item) => item !== found)
      : items.map((item) => (item === found ? changedItem(scope, item, values, at) : item));
  });
  checkTogether(items);
  if (items[0]?.price.currency !== subscription.currency)
    throw invalidRequest('The currency of a subscription cannot be changed.', { param: 'items' });
  return items;
};

const INCOMPLETE_MAY_CHANGE = ['metadata', 'expand', 'payment_settings', 'default_payment_method', 'description'];

const checkState = (subscription: Subscription, values: UpdateValues): void => {
  if (hasEnded(subscription)) {
    const isHarmless = Object.keys(values).every((name) =>
      ['metadata', 'cancellation_details', 'expand'].includes(name),
    );
    if (subscription.status === 'canceled' && isHarmless) return;
    throw invalidRequest('A canceled subscription can only update its cancellation_details and metadata.');
  }
  const other = Object.keys(values).find((name) => !INCOMPLETE_MAY_CHANGE.includes(name));
  if (subscription.status === 'incomplete' && other !== undefined)
    throw invalidRequest(
      `You cannot update \`${other}\` of a subscription with an \`incomplete\` status: it must be paid first.`,
      { param: other },
    );
};

/** Stripe: "Subscription schedules": what ends a subscription is its schedule's while it has one. */
const checkSchedule = ({ schedule }: Subscription, values: UpdateValues): void => {
  const param = (['cancel_at_period_end', 'cancel_at'] as const).find((name) => values[name] !== undefined);
  if (schedule !== null && param !== undefined)
    throw invalidRequest(
      `The subscription is managed by the subscription schedule \`${schedule}\`, and updating any cancelation behavior directly is not allowed. Please release the schedule first.`,
      { param },
    );
};

const settingsOf = (subscription: Subscription, values: UpdateValues): Partial<Subscription> => {
  const { payment_settings: payment, trial_settings: trial, cancellation_details: details } = values;
  return {
    ...(values.description === undefined ? {} : { description: values.description }),
    ...(values.default_payment_method === undefined ? {} : { default_payment_method: values.default_payment_method }),
    ...(values.pause_collection === undefined
      ? {}
      : {
          pause_collection: values.pause_collection && {
            behavior: values.pause_collection.behavior,
            resumes_at: values.pause_collection.resumes_at ?? null,
          },
        }),
    metadata: withMetadata(subscription.metadata, values.metadata),
    payment_settings: {
      ...subscription.payment_settings,
      ...(payment?.payment_method_types ? { payment_method_types: payment.payment_method_types } : {}),
      ...(payment?.save_default_payment_method
        ? { save_default_payment_method: payment.save_default_payment_method }
        : {}),
    },
    cancellation_details: {
      ...subscription.cancellation_details,
      ...(details?.comment === undefined ? {} : { comment: details.comment }),
      ...(details?.feedback === undefined ? {} : { feedback: details.feedback }),
    },
    ...(trial
      ? {
          trial_settings: {
            end_behavior: {
              billing_cycle_anchor: null,
              missing_payment_method: trial.end_behavior.missing_payment_method,
            },
          },
        }
      : {}),
  };
};

const cancellationOf = (scope: Scope, subscription: Subscription, values: UpdateValues): Partial<Subscription> => {
  const stop = cancellation(scope, periodOf(subscription).end, values);
  if (!stop) return {};
  const isSame =
    stop.cancel_at === subscription.cancel_at && stop.cancel_at_period_end === subscription.cancel_at_period_end;
  if (isSame) return {};
  const reason = stop.canceled_at === null ? null : 'cancellation_requested';
  return { ...stop, cancellation_details: { ...subscription.cancellation_details, reason } };
};

/** A trial that is begun, moved or ended; one that ends now is billed at once (Stripe: "Use trial periods on subscriptions"). */
const trialOf = (scope: Scope, subscription: Subscription, end: UpdateValues['trial_end']): Partial<Subscription> => {
  if (end === undefined) return {};
  const now = scope.now();
  if (end !== 'now' && end <= now)
    throw invalidRequest('Invalid timestamp: must be an integer Unix timestamp in the future', { param: 'trial_end' });
  if (end === 'now')
    return subscription.status === 'trialing'
      ? { status: 'active', trial_end: now, ...beginPeriod(subscription, now) }
      : {};
  return {
    status: 'trialing',
    trial_start: subscription.trial_start ?? now,
    trial_end: end,
    billing_cycle_anchor: end,
    items: { ...subscription.items, data: itemsIn(subscription.items.data, periodOf(subscription).start, end) },
  };
};

/** The changes of a trial that ends now and is followed by no paid period. */
const endedTrial = (scope: Scope, { items }: Subscription, wanted: Partial<Subscription>): Partial<Subscription> => {
  const { status: _status, ...rest } = wanted;
  const now = scope.now();
  const { data } = wanted.items ?? items;
  const ended = data.map((item, at) => ({
    ...item,
    current_period_start: items.data[at]?.current_period_start ?? now,
    current_period_end: now,
  }));
  return { ...rest, trial_end: now, billing_cycle_anchor: now, items: { ...items, data: ended } };
};

const scheduleDates = (scope: Scope, subscription: Subscription): void => {
  const { cancel_at: at, pause_collection: pause } = subscription;
  if (at !== null) scope.schedule('subscription.cancel', at - scope.now(), subscription.id);
  if (pause?.resumes_at != null)
    scope.schedule('subscription.resume_collection', Math.max(0, pause.resumes_at - scope.now()), subscription.id);
};

const itemsHash = (subscription: Subscription, { data, anchor }: ItemsChange): Partial<Subscription> => ({
  items: { ...subscription.items, data, total_count: data.length },
  ...(anchor === undefined ? {} : { billing_cycle_anchor: anchor }),
});

/** Prorates a change of items as asked, and bills it at once where that was asked for or a period begins anew. */
const applyItems = (
  scope: Scope,
  subscription: Subscription,
  change: ItemsChange,
  { behaviour, isOffSession }: { behaviour: UpdateValues['proration_behavior']; isOffSession: boolean },
): void => {
  const prorations = prorationsOf(scope, subscription, change.data);
  changeSubscription(scope, subscription, itemsHash(subscription, change));
  if (change.anchor !== undefined) schedulePeriodEnd(scope, subscription);
  if (behaviour !== 'none') addProrations(scope, subscription, prorations);
  if (behaviour === 'always_invoice' || change.anchor !== undefined)
    billNow(
      scope,
      subscription,
      { reason: 'subscription_update', hasItems: change.anchor !== undefined },
      isOffSession,
    );
};

const changeItems = (scope: Scope, subscription: Subscription, values: UpdateValues, change: ItemsChange): void => {
  const behaviour = values.proration_behavior ?? 'create_prorations';
  const isBilledNow = behaviour === 'always_invoice' || change.anchor !== undefined;
  if (subscription.status === 'trialing') changeSubscription(scope, subscription, itemsHash(subscription, change));
  else if (values.payment_behavior === 'pending_if_incomplete' && isBilledNow)
    changeOncePaid(scope, subscription, { ...change, isProrated: behaviour !== 'none' });
  else applyItems(scope, subscription, change, { behaviour, isOffSession: values.off_session ?? false });
};

/** A schedule's present phase is what its subscription is. */
const followItems = (scope: Scope, subscription: Subscription): void => {
  const schedule = scheduleOf(scope, subscription);
  if (!schedule) return;
  const before = structuredClone(schedule);
  const start = schedule.current_phase?.start_date;
  const items = phaseItems(subscription.items.data);
  schedule.phases = schedule.phases.map((phase) => (phase.start_date === start ? { ...phase, items } : phase));
  scope.save(schedules, schedule);
  scope.emit('subscription_schedule.updated', schedule, before);
};

/** Updates a subscription (Stripe: "Update a subscription"); throws before anything is changed. */
export const updateSubscription = (scope: Scope, subscription: Subscription, values: UpdateValues): Subscription => {
  checkState(subscription, values);
  checkSchedule(subscription, values);
  if (values.payment_behavior === 'pending_if_incomplete') checkPending(scope, subscription, values);
  if (typeof values.default_payment_method === 'string')
    checkMethod(scope, subscription.customer, values.default_payment_method);
  const change = values.items ? itemsChange(scope, subscription, values.items) : undefined;
  const trial = trialOf(scope, subscription, values.trial_end);
  const period = trial.items?.data[0];
  const moved =
    change && period ? itemsIn(change.data, period.current_period_start, period.current_period_end) : undefined;
  const wanted = {
    ...settingsOf(subscription, values),
    ...trial,
    ...cancellationOf(scope, subscription, values),
    ...(moved ? itemsHash(subscription, { data: moved, anchor: undefined }) : {}),
  };
  if (values.trial_end === 'now' && endUnpaidTrial(scope, subscription, endedTrial(scope, subscription, wanted)))
    return scope.get(subscriptions, subscription.id);
  if (change && change.anchor !== undefined && subscription.schedule !== null)
    throw leftOut('changing the interval of a subscription that has a schedule', 'items');
  if (change) dropPendingUpdate(scope, subscription);
  changeSubscription(scope, subscription, wanted);
  scheduleDates(scope, subscription);
  if (Object.keys(trial).length > 0) schedulePeriodEnd(scope, subscription);
  if (change && !moved) changeItems(scope, subscription, values, change);
  if (change) followItems(scope, subscription);
  if (trial.status === 'active')
    billNow(scope, subscription, { reason: 'subscription_update', hasItems: true }, values.off_session ?? false);
  return scope.get(subscriptions, subscription.id);
};
