import { nextPeriodEnd } from '../billing-period.js';
import { invalidRequest, leftOut } from '../errors.js';
import {
  boolean,
  createdFilter,
  expandParam,
  hash,
  integer,
  listOf,
  metadata,
  oneOf,
  type Param,
  pageParams,
  required,
  text,
  unsupported,
  type Values,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { prices } from './price-row.js';
import { endSchedule, type Phase, type PhaseItem, phaseItems, type Schedule, schedules } from './schedule-row.js';
import { cancelNow, changeSubscription } from './subscription-flow.js';
import { checkTogether, priceFor } from './subscription-item.js';
import { automatic, empty, prorations, switchedOff } from './subscription-params.js';
import { hasEnded, periodOf, type Subscription, subscriptions } from './subscription-row.js';

/** What comes of a subscription after its present period (Stripe: "Subscription schedules"); made from one that goes on already. */

const moment: Param<number> = {
  parse: (value, path) => {
    if (value === 'now') throw leftOut('phases that begin or end now', path);
    return integer(0).parse(value, path);
  },
};

const endBehavior: Param<'cancel' | 'release'> = {
  parse: (value, path) => {
    const wanted = oneOf('cancel', 'none', 'release', 'renew').parse(value, path);
    if (wanted === 'none' || wanted === 'renew') throw leftOut(`schedules that end with ${wanted}`, path);
    return wanted;
  },
};

const phase = hash({
  add_invoice_items: listOf(unsupported('extra items of phases'), 20),
  application_fee_percent: unsupported('Connect'),
  automatic_tax: switchedOff('automatic tax'),
  billing_cycle_anchor: unsupported('billing cycle anchors of phases'),
  billing_thresholds: empty('billing thresholds'),
  collection_method: automatic,
  currency: text,
  default_payment_method: unsupported('payment methods of phases'),
  default_tax_rates: empty('tax rates'),
  description: unsupported('descriptions of phases'),
  discounts: empty('discounts'),
  duration: hash({ interval: required(oneOf('day', 'month', 'week', 'year')), interval_count: integer(1) }),
  end_date: moment,
  invoice_settings: unsupported('invoice settings of phases'),
  items: required(
    listOf(
      hash({
        billing_thresholds: empty('billing thresholds'),
        discounts: empty('discounts'),
        metadata,
        plan: unsupported('plans; use prices'),
        price: text,
        price_data: unsupported('inline prices of phases'),
        quantity: integer(0),
        tax_rates: empty('tax rates'),
      }),
      20,
    ),
  ),
  metadata,
  on_behalf_of: unsupported('Connect'),
  proration_behavior: prorations,
  start_date: moment,
  transfer_data: unsupported('Connect'),
  trial: unsupported('trials of phases'),
  trial_end: moment,
});

const createParams = {
  billing_mode: unsupported('schedules that are not made from a subscription'),
  customer: unsupported('schedules that are not made from a subscription'),
  customer_account: unsupported('customer accounts'),
  default_settings: unsupported('default settings of schedules'),
  end_behavior: unsupported('schedules that are not made from a subscription'),
  from_subscription: text,
  metadata,
  pause_schedules: empty('pauses of schedules'),
  phases: unsupported('schedules that are not made from a subscription'),
  start_date: unsupported('schedules that are not made from a subscription'),
  ...expandParam,
} as const;

const updateParams = {
  default_settings: unsupported('default settings of schedules'),
  end_behavior: endBehavior,
  metadata,
  pause_schedules: empty('pauses of schedules'),
  phases: listOf(phase, 10),
  proration_behavior: prorations,
  ...expandParam,
} as const;
type PhaseValues = NonNullable<Values<typeof updateParams>['phases']>[number];

const phaseOf = (
  currency: string,
  values: Pick<Phase, 'start_date' | 'end_date' | 'items' | 'proration_behavior' | 'trial_end'> & {
    metadata?: Record<string, string>;
  },
): Phase => ({
  add_invoice_items: [],
  application_fee_percent: null,
  billing_cycle_anchor: null,
  billing_thresholds: null,
  collection_method: null,
  currency,
  default_payment_method: null,
  default_tax_rates: [],
  description: null,
  discounts: [],
  invoice_settings: null,
  metadata: {},
  on_behalf_of: null,
  transfer_data: null,
  ...values,
});

const defaultSettings = {
  application_fee_percent: null,
  automatic_tax: { disabled_reason: null, enabled: false, liability: null },
  billing_cycle_anchor: 'automatic',
  billing_thresholds: null,
  collection_method: 'charge_automatically',
  default_payment_method: null,
  description: null,
  invoice_settings: {
    account_tax_ids: null,
    custom_fields: null,
    days_until_due: null,
    description: null,
    footer: null,
    issuer: { type: 'self' },
  },
  on_behalf_of: null,
  transfer_data: null,
};

const create = (scope: Scope, values: Values<typeof createParams>): Schedule => {
  if (values.from_subscription === undefined)
    throw leftOut('schedules that are not made from a subscription', 'from_subscription');
  const subscription = scope.get(subscriptions, values.from_subscription, 'from_subscription');
  if (hasEnded(subscription) || subscription.status === 'incomplete')
    throw invalidRequest(`You cannot schedule a subscription with the status ${subscription.status}.`);
  if (subscription.schedule !== null)
    throw invalidRequest(
      `You cannot migrate a subscription that is already attached to a schedule: \`${subscription.schedule}\`.`,
      { param: 'from_subscription' },
    );
  if (subscription.cancel_at !== null) throw leftOut('schedules of subscriptions that are about to end');
  const { start, end } = periodOf(subscription);
  const schedule = scope.save<Schedule>(schedules, {
    id: scope.newId('sub_sched'),
    object: 'subscription_schedule',
    application: null,
    billing_mode: subscription.billing_mode,
    canceled_at: null,
    completed_at: null,
    created: scope.now(),
    current_phase: { start_date: start, end_date: end },
    customer: subscription.customer,
    customer_account: null,
    default_settings: defaultSettings,
    end_behavior: 'release',
    livemode: scope.livemode,
    metadata: withMetadata({}, values.metadata),
    pause_schedules: [],
    phases: [
      phaseOf(subscription.currency, {
        start_date: start,
        end_date: end,
        items: phaseItems(subscription.items.data),
        proration_behavior: 'create_prorations',
        trial_end:
          subscription.trial_end !== null && subscription.trial_end > scope.now() ? subscription.trial_end : null,
      }),
    ],
    released_at: null,
    released_subscription: null,
    status: 'active',
    subscription: subscription.id,
    test_clock: null,
  });
  scope.emit('subscription_schedule.created', schedule);
  changeSubscription(scope, subscription, { schedule: schedule.id });
  return schedule;
};

const itemsOf = (scope: Scope, { items }: PhaseValues, at: number): PhaseItem[] => {
  const found = items.map((item, index) => ({
    price: priceFor(scope, item.price === undefined ? {} : { price: item.price }, index, at === 0),
    quantity: item.quantity ?? 1,
    metadata: withMetadata({}, item.metadata),
  }));
  checkTogether(found);
  return phaseItems(found);
};

const endOf = (scope: Scope, values: PhaseValues, start: number, items: readonly PhaseItem[]): number => {
  if (values.end_date !== undefined) return values.end_date;
  const rhythm = values.duration ?? scope.find(prices, items[0]?.price ?? '')?.recurring;
  return rhythm
    ? nextPeriodEnd(start, { interval: rhythm.interval, interval_count: rhythm.interval_count ?? 1 }, start)
    : start;
};

/** The phases after the change; the present one must stay what it is. */
const nextPhases = (
  scope: Scope,
  schedule: Schedule,
  { currency }: Subscription,
  wanted: readonly PhaseValues[],
): Phase[] => {
  const { current_phase: current } = schedule;
  const present = schedule.phases.find(({ start_date: start }) => start === current?.start_date);
  let start = current?.start_date ?? 0;
  return wanted.map((values, at) => {
    if (values.start_date !== undefined && values.start_date !== start)
      throw invalidRequest('Each phase must begin where the one before it ends, the first with the current phase.', {
        param: `phases[${at}][start_date]`,
      });
    const items = itemsOf(scope, values, at);
    const end = endOf(scope, values, start, items);
    if (at === 0 && (end !== current?.end_date || JSON.stringify(items) !== JSON.stringify(present?.items)))
      throw leftOut('changing the phase that goes on', 'phases[0]');
    const next = phaseOf(currency, {
      start_date: start,
      end_date: end,
      items,
      proration_behavior: values.proration_behavior ?? 'create_prorations',
      trial_end: values.trial_end ?? null,
      metadata: withMetadata({}, values.metadata),
    });
    start = end;
    return next;
  });
};

const checkActive = (schedule: Schedule, what: string): Schedule => {
  if (schedule.status === 'active') return schedule;
  throw invalidRequest(
    `You cannot ${what} a subscription schedule that is currently in the \`${schedule.status}\` status.`,
  );
};

const update = (scope: Scope, schedule: Schedule, values: Values<typeof updateParams>): Schedule => {
  checkActive(schedule, 'update');
  const subscription = scope.get(subscriptions, schedule.subscription ?? '');
  const before = structuredClone(schedule);
  Object.assign(schedule, {
    ...(values.phases ? { phases: nextPhases(scope, schedule, subscription, values.phases) } : {}),
    end_behavior: values.end_behavior ?? schedule.end_behavior,
    metadata: withMetadata(schedule.metadata, values.metadata),
  });
  scope.save(schedules, schedule);
  scope.emit('subscription_schedule.updated', schedule, before);
  return schedule;
};

const release = (scope: Scope, schedule: Schedule): Schedule => {
  checkActive(schedule, 'release');
  const subscription = scope.get(subscriptions, schedule.subscription ?? '');
  const { schedule: _, ...rest } = structuredClone(subscription);
  endSchedule(scope, subscription, 'released');
  scope.save(subscriptions, subscription);
  scope.emit('customer.subscription.updated', subscription, { ...rest, schedule: schedule.id } as Subscription);
  return scope.get(schedules, schedule.id);
};

export const scheduleResource: Resource = {
  kinds: [schedules],
  routes: [
    route({
      method: 'POST',
      path: '/v1/subscription_schedules',
      params: createParams,
      handle: (scope, { params }) => create(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/subscription_schedules',
      params: {
        ...pageParams,
        canceled_at: createdFilter,
        completed_at: createdFilter,
        created: createdFilter,
        customer: text,
        customer_account: unsupported('customer accounts'),
        released_at: createdFilter,
        scheduled: boolean,
      },
      handle: (scope, { params }) =>
        scope.list(schedules, {
          url: '/v1/subscription_schedules',
          page: params,
          index: params.customer === undefined ? undefined : { field: 'customer', value: params.customer },
          where: () => params.scheduled !== true,
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/subscription_schedules/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(schedules, id),
    }),
    route({
      method: 'POST',
      path: '/v1/subscription_schedules/:id',
      params: updateParams,
      handle: (scope, { id, params }) => update(scope, scope.get(schedules, id), params),
    }),
    route({
      method: 'POST',
      path: '/v1/subscription_schedules/:id/release',
      params: { preserve_cancel_date: boolean, ...expandParam },
      handle: (scope, { id }) => release(scope, scope.get(schedules, id)),
    }),
    route({
      method: 'POST',
      path: '/v1/subscription_schedules/:id/cancel',
      params: { invoice_now: boolean, prorate: boolean, ...expandParam },
      handle: (scope, { id, params }) => {
        const schedule = checkActive(scope.get(schedules, id), 'cancel');
        if (params.invoice_now || params.prorate)
          throw leftOut('a last invoice on cancellation (invoice_now, prorate)');
        cancelNow(scope, scope.get(subscriptions, schedule.subscription ?? ''), 'cancellation_requested');
        return scope.get(schedules, id);
      },
    }),
  ],
};
