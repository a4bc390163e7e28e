import { nextPeriodEnd } from '../billing-period.js';
import type { Scope } from '../scope.js';
import { customers } from './customer-row.js';
import { collect, finalize, openPayment, voidInvoice } from './invoice-flow.js';
import { type BillingReason, type Invoice, invoices } from './invoice-row.js';
import {
  DRAFT_SECONDS,
  itemLine,
  newInvoice,
  recompute,
  scheduleFinalization,
  takePendingItems,
} from './new-invoice.js';
import { planOf, prices } from './price-row.js';
import { endSchedule, scheduleOf, schedules } from './schedule-row.js';
import {
  hasEnded,
  itemsIn,
  periodOf,
  rhythmOf,
  type Subscription,
  type SubscriptionItem,
  subscriptions,
} from './subscription-row.js';

/** How a subscription moves (Stripe: "How subscriptions work", "Using webhooks with subscriptions"). */

/** Stripe tells that a trial ends this long before. */
const TRIAL_NOTICE_SECONDS = 3 * 24 * 60 * 60;

/** Changes a subscription and tells of it with the event, `customer.subscription.updated` unless given; silent when nothing changes. */
export const changeSubscription = (
  scope: Scope,
  subscription: Subscription,
  changes: Partial<Subscription>,
  event = 'customer.subscription.updated',
): void => {
  const before = structuredClone(subscription);
  Object.assign(subscription, changes);
  if (JSON.stringify(before) === JSON.stringify(subscription)) return;
  scope.save(subscriptions, subscription);
  if (event === 'customer.subscription.updated') scope.emit(event, subscription, before);
  else scope.emit(event, subscription);
};

/** The first method that invoices of the subscription would be charged to. */
export const defaultMethodOf = (scope: Scope, subscription: Subscription): string | null =>
  subscription.default_payment_method ??
  scope.find(customers, subscription.customer)?.invoice_settings.default_payment_method ??
  null;

/** Has the end of the current period, and the notice before the end of a trial, happen when the clock gets there. */
export const schedulePeriodEnd = (scope: Scope, subscription: Subscription): void => {
  const left = periodOf(subscription).end - scope.now();
  scope.schedule('subscription.period_end', left, subscription.id);
  if (subscription.status !== 'trialing') return;
  if (left > TRIAL_NOTICE_SECONDS)
    scope.schedule('subscription.trial_notice', left - TRIAL_NOTICE_SECONDS, subscription.id);
};

export interface Bill {
  readonly reason: BillingReason;
  readonly period?: { start: number; end: number };
  /** Lines for the items' current period; without them only waiting invoice items are billed. */
  readonly hasItems: boolean;
  /** The items, where they aren't the subscription's yet. */
  readonly items?: readonly SubscriptionItem[];
}

/** A draft for the subscription, its newest invoice from now on; tells of it. */
export const draftInvoice = (scope: Scope, subscription: Subscription, bill: Bill): Invoice | undefined => {
  const customer = scope.find(customers, subscription.customer);
  if (!customer) return undefined;
  const isPaused = subscription.status === 'unpaid' || subscription.pause_collection?.behavior === 'keep_as_draft';
  const invoice = newInvoice(scope, {
    customer,
    currency: subscription.currency,
    reason: bill.reason,
    subscription,
    autoAdvance: !isPaused,
    description: subscription.description,
    ...(bill.period ? { period: bill.period } : {}),
  });
  if (bill.hasItems)
    invoice.lines.data = (bill.items ?? subscription.items.data).map((item) =>
      itemLine(
        scope,
        invoice.id,
        item,
        { start: item.current_period_start, end: item.current_period_end },
        subscription.status === 'trialing',
      ),
    );
  takePendingItems(scope, invoice, subscription.id);
  recompute(scope, invoice);
  scope.save(invoices, invoice);
  subscription.latest_invoice = invoice.id;
  scope.save(subscriptions, subscription);
  return invoice;
};

/** Bills now: drafted, finalised and charged in one go, as when a subscription is changed; a failure is retried like that of a renewal. */
export const billNow = (scope: Scope, subscription: Subscription, bill: Bill, isOffSession: boolean): void => {
  const invoice = draftInvoice(scope, subscription, bill);
  if (!invoice) return;
  scope.emit('invoice.created', invoice);
  finalize(scope, invoice);
  if (openPayment(scope, invoice)) collect(scope, invoice, { isAutomatic: true, isOffSession });
};

/** Stops what is still to be collected: drafts and open invoices no longer advance (Stripe: "Cancel subscriptions"). */
const stopCollecting = (scope: Scope, subscription: Subscription): void => {
  for (const invoice of scope.all(invoices, 'parent.subscription_details.subscription', subscription.id)) {
    if (invoice.status !== 'draft' && invoice.status !== 'open') continue;
    scope.save(invoices, {
      ...invoice,
      auto_advance: false,
      automatically_finalizes_at: null,
      next_payment_attempt: null,
    });
  }
};

/** Ends an unpaid beginning: its invoice is voided (Stripe: "Subscription statuses": incomplete_expired). */
export const expireIncomplete = (scope: Scope, subscription: Subscription): void => {
  if (subscription.status !== 'incomplete') return;
  const now = scope.now();
  changeSubscription(scope, subscription, { status: 'incomplete_expired', canceled_at: now, ended_at: now });
  const invoice = subscription.latest_invoice === null ? undefined : scope.find(invoices, subscription.latest_invoice);
  if (invoice?.status === 'open') voidInvoice(scope, invoice);
};

/** Cancels at once, together with other changes; an incomplete subscription expires instead. Repeating it changes nothing. */
export const cancelNow = (
  scope: Scope,
  subscription: Subscription,
  reason: string,
  changes: Partial<Subscription> = {},
): void => {
  if (hasEnded(subscription)) return;
  if (subscription.status === 'incomplete') {
    expireIncomplete(scope, subscription);
    return;
  }
  const now = scope.now();
  stopCollecting(scope, subscription);
  endSchedule(scope, subscription, 'canceled');
  const details = subscription.cancellation_details;
  changeSubscription(
    scope,
    subscription,
    {
      ...changes,
      status: 'canceled',
      canceled_at: subscription.canceled_at ?? now,
      ended_at: now,
      cancellation_details: { ...details, reason: details.reason ?? reason },
    },
    'customer.subscription.deleted',
  );
};

const pausedBecause = (scope: Scope, type: string): object => ({
  paused: { subscription: { type }, transitioned_at: scope.now(), type: 'subscription' },
});

/** No further periods and invoices until it is resumed; other changes go with it (Stripe: "Pause subscriptions"). */
export const pause = (
  scope: Scope,
  subscription: Subscription,
  reason: string,
  changes: Partial<Subscription> = {},
): void => {
  changeSubscription(scope, subscription, {
    ...changes,
    status: 'paused',
    status_details: pausedBecause(scope, reason),
  });
  scope.emit('customer.subscription.paused', subscription);
};

/** Moves on to the period that begins now: from a trial, a pause or a reset of the anchor. */
export const beginPeriod = (subscription: Subscription, anchor: number): Partial<Subscription> => {
  const end = nextPeriodEnd(anchor, rhythmOf(subscription), anchor);
  return {
    billing_cycle_anchor: anchor,
    items: { ...subscription.items, data: itemsIn(subscription.items.data, anchor, end) },
  };
};

/** The schedule's next phase begins with the period: other items, in a rhythm of their own (Stripe: "Subscription schedules"). */
const enterPhase = (scope: Scope, subscription: Subscription): Partial<Subscription> => {
  const schedule = scheduleOf(scope, subscription);
  const { end } = periodOf(subscription);
  if (schedule?.current_phase?.end_date !== end) return {};
  const next = schedule.phases.find(({ start_date: start }) => start === end);
  if (!next) {
    endSchedule(scope, subscription, 'released');
    return {};
  }
  const before = structuredClone(schedule);
  schedule.current_phase = { start_date: next.start_date, end_date: next.end_date };
  scope.save(schedules, schedule);
  scope.emit('subscription_schedule.updated', schedule, before);
  const data = next.items.map(({ price: id, quantity, metadata }): SubscriptionItem => {
    const price = structuredClone(scope.get(prices, id));
    const [same] = subscription.items.data.filter((item) => item.price.id === id);
    const item = same ?? { ...(subscription.items.data[0] as SubscriptionItem), id: scope.newId('si'), created: end };
    return { ...item, price, plan: planOf(price), quantity, metadata };
  });
  const changed = { ...subscription, items: { ...subscription.items, data, total_count: data.length } };
  const [was, is] = [rhythmOf(subscription), rhythmOf(changed)];
  const isAnother = was.interval !== is.interval || was.interval_count !== is.interval_count;
  return { items: changed.items, ...(isAnother ? { billing_cycle_anchor: end } : {}) };
};

const renew = (scope: Scope, subscription: Subscription): void => {
  const before = structuredClone(subscription);
  const ended = periodOf(subscription);
  Object.assign(subscription, enterPhase(scope, subscription));
  const next = {
    start: ended.end,
    end: nextPeriodEnd(subscription.billing_cycle_anchor, rhythmOf(subscription), ended.end),
  };
  const wasTrial = subscription.status === 'trialing';
  Object.assign(subscription, {
    status: wasTrial ? 'active' : subscription.status,
    ...(wasTrial ? beginPeriod(subscription, ended.end) : {}),
  });
  if (!wasTrial)
    subscription.items = { ...subscription.items, data: itemsIn(subscription.items.data, next.start, next.end) };
  const invoice = draftInvoice(scope, subscription, { reason: 'subscription_cycle', period: ended, hasItems: true });
  scope.emit('customer.subscription.updated', subscription, before);
  schedulePeriodEnd(scope, subscription);
  if (!invoice) return;
  if (invoice.auto_advance) scheduleFinalization(scope, invoice, scope.now() + DRAFT_SECONDS);
  scope.emit('invoice.created', invoice);
};

/**
 * The end of a trial whose customer left no payment method, together with other changes (Stripe: "Use trial periods on
 * subscriptions"). Says whether that is all, because it is paused or cancelled now.
 */
export const endUnpaidTrial = (
  scope: Scope,
  subscription: Subscription,
  changes: Partial<Subscription> = {},
): boolean => {
  const next = { ...subscription, ...changes };
  if (subscription.status !== 'trialing' || defaultMethodOf(scope, next) !== null) return false;
  const { missing_payment_method: behaviour } = next.trial_settings.end_behavior;
  if (behaviour === 'create_invoice') return false;
  if (behaviour === 'pause') pause(scope, subscription, 'trial_end_without_payment_method', changes);
  else cancelNow(scope, subscription, 'cancellation_requested', changes);
  return true;
};

const RENEWING = ['active', 'past_due', 'unpaid', 'trialing'];

/** What happens when a period ends: cancellation, a pause, or the next period with its draft. */
export const endPeriod = (scope: Scope, id: string): void => {
  const subscription = scope.find(subscriptions, id);
  if (!subscription || !RENEWING.includes(subscription.status) || periodOf(subscription).end > scope.now()) return;
  const { cancel_at: cancelAt, cancel_at_period_end: cancels } = subscription;
  if (cancels || (cancelAt !== null && cancelAt <= scope.now()))
    cancelNow(scope, subscription, 'cancellation_requested');
  else if (!endUnpaidTrial(scope, subscription)) renew(scope, subscription);
};

/** A cancellation at a date that is due; it does nothing when the date was moved. */
export const cancelWhenDue = (scope: Scope, id: string): void => {
  const subscription = scope.find(subscriptions, id);
  if (!subscription || subscription.cancel_at === null || subscription.cancel_at > scope.now()) return;
  cancelNow(scope, subscription, 'cancellation_requested');
};

export const giveTrialNotice = (scope: Scope, id: string): void => {
  const subscription = scope.find(subscriptions, id);
  if (subscription?.status !== 'trialing') return;
  const left = periodOf(subscription).end - scope.now();
  if (left > 0 && left <= TRIAL_NOTICE_SECONDS) scope.emit('customer.subscription.trial_will_end', subscription);
};

/** 23 hours without a first payment (Stripe: "Subscription statuses": incomplete). */
export const expireWhenDue = (scope: Scope, id: string): void => {
  const subscription = scope.find(subscriptions, id);
  if (subscription) expireIncomplete(scope, subscription);
};

export const resumeCollection = (scope: Scope, id: string): void => {
  const subscription = scope.find(subscriptions, id);
  const at = subscription?.pause_collection?.resumes_at;
  if (subscription && typeof at === 'number' && at <= scope.now())
    changeSubscription(scope, subscription, { pause_collection: null });
};
