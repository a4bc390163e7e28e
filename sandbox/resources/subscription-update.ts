import { invalidRequest, leftOut } from '../errors.js';
import { withMetadata } from '../params.js';
import type { Scope } from '../scope.js';
import { pricingOf } from './new-invoice.js';
import { newInvoiceItem } from './new-invoice-item.js';
import { productName } from './new-price.js';
import { cancellation, checkMethod } from './new-subscription.js';
import { planOf } from './price-row.js';
import { beginPeriod, billNow, changeSubscription, endUnpaidTrial, schedulePeriodEnd } from './subscription-flow.js';
import { checkTogether, newItem, priceFor } from './subscription-item.js';
import type { ItemValues, UpdateValues } from './subscription-params.js';
import {
  hasEnded,
  itemsIn,
  periodOf,
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
  const rhythm = items[0]?.price.recurring;
  const before = subscription.items.data[0]?.price.recurring;
  if (rhythm?.interval !== before?.interval || rhythm?.interval_count !== before?.interval_count)
    throw leftOut('changing the interval of a subscription', 'items');
  if (items[0]?.price.currency !== subscription.currency)
    throw invalidRequest('The currency of a subscription cannot be changed.', { param: 'items' });
  return items;
};

/** Credits the unused rest of the old items and charges the rest of the new ones (Stripe: "Prorations"). */
const prorate = (scope: Scope, subscription: Subscription, before: readonly SubscriptionItem[]): void => {
  const { start, end } = periodOf(subscription);
  const now = scope.now();
  const share = (end - now) / (end - start);
  const add = (item: SubscriptionItem, sign: 1 | -1): void => {
    const amount = sign * Math.round((item.price.unit_amount ?? 0) * item.quantity * share);
    const name = `${item.quantity === 1 ? '' : `${item.quantity} × `}${productName(scope, item.price)}`;
    newInvoiceItem(scope, {
      customer: subscription.customer,
      currency: subscription.currency,
      amount,
      description: `${sign < 0 ? 'Unused time on' : 'Remaining time on'} ${name}`,
      discountable: false,
      period: { start: now, end },
      pricing: pricingOf(item.price),
      proration: true,
      quantity: item.quantity,
      subscription: subscription.id,
      subscriptionItem: item.id,
    });
  };
  const isSame = (a: SubscriptionItem, b: SubscriptionItem): boolean =>
    a.id === b.id && a.price.id === b.price.id && a.quantity === b.quantity;
  const after = subscription.items.data;
  for (const item of before) if (!after.some((other) => isSame(item, other))) add(item, -1);
  for (const item of after) if (!before.some((other) => isSame(item, other))) add(item, 1);
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

/** Updates a subscription (Stripe: "Update a subscription"); throws before anything is changed. */
export const updateSubscription = (scope: Scope, subscription: Subscription, values: UpdateValues): Subscription => {
  checkState(subscription, values);
  if (values.payment_behavior === 'pending_if_incomplete')
    throw leftOut('pending updates (pending_if_incomplete)', 'payment_behavior');
  if (typeof values.default_payment_method === 'string')
    checkMethod(scope, subscription.customer, values.default_payment_method);
  const trial = trialOf(scope, subscription, values.trial_end);
  const settings = { ...settingsOf(subscription, values), ...trial };
  const stop = cancellationOf(scope, subscription, values);
  const before = subscription.items.data;
  const items = values.items ? nextItems(scope, subscription, values.items) : undefined;
  const period = trial.items?.data[0];
  const data = items && (period ? itemsIn(items, period.current_period_start, period.current_period_end) : items);
  const wanted = {
    ...settings,
    ...stop,
    ...(data ? { items: { ...subscription.items, data, total_count: data.length } } : {}),
  };
  if (values.trial_end === 'now' && endUnpaidTrial(scope, subscription, endedTrial(scope, subscription, wanted)))
    return scope.get(subscriptions, subscription.id);
  changeSubscription(scope, subscription, wanted);
  scheduleDates(scope, subscription);
  if (Object.keys(trial).length > 0) schedulePeriodEnd(scope, subscription);
  const behaviour = values.proration_behavior ?? 'create_prorations';
  const isProrated = data !== undefined && subscription.status !== 'trialing' && values.trial_end === undefined;
  if (isProrated && behaviour !== 'none') prorate(scope, subscription, before);
  const isBilledNow = (isProrated && behaviour === 'always_invoice') || trial.status === 'active';
  if (isBilledNow)
    billNow(
      scope,
      subscription,
      { reason: 'subscription_update', hasItems: trial.status === 'active' },
      values.off_session ?? false,
    );
  return scope.get(subscriptions, subscription.id);
};
