import { nextPeriodEnd } from '../billing-period.js';
import { invalidRequest, leftOut } from '../errors.js';
import { pageOf } from '../lists.js';
import {
  boolean,
  type CreatedFilter,
  clearable,
  createdFilter,
  expandParam,
  hash,
  oneOf,
  type Param,
  pageParams,
  required,
  text,
  unsupported,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { billingSettings } from './billing-setting.js';
import { createSubscription } from './new-subscription.js';
import { expirePendingUpdate, pendingUpdates } from './pending-update.js';
import {
  beginPeriod,
  billNow,
  cancelNow,
  cancelWhenDue,
  endPeriod,
  expireWhenDue,
  giveTrialNotice,
  pause,
  resumeCollection,
  schedulePeriodEnd,
} from './subscription-flow.js';
import { createParams, prorations, switchedOff, updateParams } from './subscription-params.js';
import { billingReactions } from './subscription-reactions.js';
import {
  hasEnded,
  itemsIn,
  periodOf,
  rhythmOf,
  type Subscription,
  subscriptionItems,
  subscriptions,
} from './subscription-row.js';
import { updateSubscription } from './subscription-update.js';

const STATUSES = [
  'active',
  'canceled',
  'incomplete',
  'incomplete_expired',
  'past_due',
  'paused',
  'trialing',
  'unpaid',
] as const;

const isWithin = (at: number, filter: CreatedFilter | undefined): boolean => {
  if (filter === undefined) return true;
  if (typeof filter === 'number') return at === filter;
  const { gt = -1, gte = 0, lt = Number.MAX_SAFE_INTEGER, lte = Number.MAX_SAFE_INTEGER } = filter;
  return at > gt && at >= gte && at < lt && at <= lte;
};

/** Without a status Stripe lists all but the cancelled ones (Stripe: "List subscriptions"). */
const hasStatus = (subscription: Subscription, wanted: string | undefined): boolean => {
  if (wanted === undefined) return subscription.status !== 'canceled';
  if (wanted === 'all') return true;
  return wanted === 'ended' ? hasEnded(subscription) : subscription.status === wanted;
};

const resumption: Param<'resume_on_payment_attempt'> = {
  parse: (value, path) => {
    const wanted = oneOf('resume_on_payment_attempt', 'resume_on_payment_success').parse(value, path);
    if (wanted !== 'resume_on_payment_attempt') throw leftOut(`resuming after the payment (${wanted})`, path);
    return wanted;
  },
};

const pauseNow = (scope: Scope, subscription: Subscription): Subscription => {
  if (subscription.status !== 'active' && subscription.status !== 'past_due')
    throw invalidRequest(`You cannot pause a subscription with the status ${subscription.status}.`);
  pause(scope, subscription, 'pause_requested');
  return subscription;
};

/** Resumes with a new period that is billed now, or in the rhythm of before (Stripe: "Resume a subscription"). */
const resume = (scope: Scope, subscription: Subscription, anchor: 'now' | 'unchanged'): Subscription => {
  if (subscription.status !== 'paused')
    throw invalidRequest(`You cannot resume a subscription that isn't paused (its status is ${subscription.status}).`);
  const now = scope.now();
  const { end } = periodOf(subscription);
  const isNew = anchor === 'now' || end <= now;
  const { items } = subscription;
  const resumedItems =
    anchor === 'now'
      ? beginPeriod(subscription, now)
      : isNew
        ? {
            items: {
              ...items,
              data: itemsIn(
                items.data,
                now,
                nextPeriodEnd(subscription.billing_cycle_anchor, rhythmOf(subscription), now),
              ),
            },
          }
        : {};
  const { status_details: _over, ...rest } = subscription;
  const resumed = scope.save<Subscription>(subscriptions, { ...rest, ...resumedItems, status: 'active' });
  scope.emit('customer.subscription.resumed', resumed);
  scope.emit('customer.subscription.updated', resumed, subscription);
  schedulePeriodEnd(scope, resumed);
  if (isNew) billNow(scope, resumed, { reason: 'subscription_update', hasItems: true }, true);
  return scope.get(subscriptions, resumed.id);
};

/** Subscriptions (Stripe: "The Subscription object"). */
export const subscriptionResource: Resource = {
  kinds: [subscriptions, subscriptionItems, billingSettings, pendingUpdates],
  routes: [
    route({
      method: 'POST',
      path: '/v1/subscriptions',
      params: createParams,
      handle: (scope, { params }) => createSubscription(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/subscriptions',
      params: {
        ...pageParams,
        automatic_tax: switchedOff('automatic tax'),
        collection_method: oneOf('charge_automatically', 'send_invoice'),
        created: createdFilter,
        current_period_end: createdFilter,
        current_period_start: createdFilter,
        customer: text,
        customer_account: unsupported('customer accounts'),
        plan: text,
        price: text,
        status: oneOf(...STATUSES, 'all', 'ended'),
        test_clock: unsupported('test clocks; the sandbox has one clock of its own'),
      },
      handle: (scope, { params }) => {
        const price = params.price ?? params.plan;
        return scope.list(subscriptions, {
          url: '/v1/subscriptions',
          page: params,
          index: params.customer === undefined ? undefined : { field: 'customer', value: params.customer },
          where: (row) =>
            hasStatus(row, params.status) &&
            params.collection_method !== 'send_invoice' &&
            (price === undefined || row.items.data.some((item) => item.price.id === price)) &&
            isWithin(periodOf(row).end, params.current_period_end) &&
            isWithin(periodOf(row).start, params.current_period_start),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/subscriptions/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(subscriptions, id),
    }),
    route({
      method: 'POST',
      path: '/v1/subscriptions/:id',
      params: updateParams,
      handle: (scope, { id, params }) => updateSubscription(scope, scope.get(subscriptions, id), params),
    }),
    route({
      method: 'DELETE',
      path: '/v1/subscriptions/:id',
      params: {
        cancellation_details: hash({
          comment: clearable(text),
          feedback: clearable(text),
          feedback_option: unsupported('feedback options'),
        }),
        invoice_now: boolean,
        prorate: boolean,
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const subscription = scope.get(subscriptions, id);
        if (params.invoice_now || params.prorate)
          throw leftOut('a last invoice on cancellation (invoice_now, prorate)');
        if (hasEnded(subscription))
          throw invalidRequest(`No such subscription: '${id}'`, { status: 404, code: 'resource_missing', param: 'id' });
        const details = params.cancellation_details;
        Object.assign(subscription.cancellation_details, {
          ...(details?.comment === undefined ? {} : { comment: details.comment }),
          ...(details?.feedback === undefined ? {} : { feedback: details.feedback }),
        });
        cancelNow(scope, subscription, 'cancellation_requested');
        return subscription;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/subscriptions/:id/pause',
      params: {
        bill_for: unsupported('billing on pause (bill_for)'),
        invoicing_behavior: unsupported('billing on pause'),
        type: oneOf('subscription'),
        ...expandParam,
      },
      handle: (scope, { id }) => pauseNow(scope, scope.get(subscriptions, id)),
    }),
    route({
      method: 'POST',
      path: '/v1/subscriptions/:id/resume',
      params: {
        billing_cycle_anchor: hash({ type: required(oneOf('now', 'unchanged')) }),
        payment_behavior: resumption,
        proration_behavior: prorations,
        proration_date: unsupported('proration dates'),
        ...expandParam,
      },
      handle: (scope, { id, params }) =>
        resume(scope, scope.get(subscriptions, id), params.billing_cycle_anchor?.type ?? 'now'),
    }),
    route({
      method: 'GET',
      path: '/v1/subscription_items',
      params: { ...pageParams, subscription: required(text) },
      handle: (scope, { params }) => {
        const { items } = scope.get(subscriptions, params.subscription, 'subscription');
        return pageOf(items.data, '/v1/subscription_items', { page: params, noun: 'subscription_item' });
      },
    }),
  ],
  tasks: {
    'subscription.period_end': { run: endPeriod },
    'subscription.trial_notice': { run: giveTrialNotice },
    'subscription.cancel': { run: cancelWhenDue },
    'subscription.expire': { run: expireWhenDue },
    'subscription.pending_update_expires': { run: expirePendingUpdate },
    'subscription.resume_collection': { run: resumeCollection },
  },
  reactions: billingReactions,
};
