import type { Kind, StripeObject } from '../kind.js';
import type { Scope } from '../scope.js';
import type { Subscription, SubscriptionItem } from './subscription-row.js';

export interface PhaseItem {
  readonly billing_thresholds: null;
  readonly discounts: object[];
  readonly metadata: Record<string, string>;
  readonly plan: string;
  readonly price: string;
  readonly quantity: number;
  readonly tax_rates: object[];
}

export interface Phase {
  readonly add_invoice_items: object[];
  readonly application_fee_percent: null;
  readonly billing_cycle_anchor: null;
  readonly billing_thresholds: null;
  readonly collection_method: null;
  readonly currency: string;
  readonly default_payment_method: null;
  readonly default_tax_rates: object[];
  readonly description: null;
  readonly discounts: object[];
  readonly end_date: number;
  readonly invoice_settings: null;
  readonly items: PhaseItem[];
  readonly metadata: Record<string, string>;
  readonly on_behalf_of: null;
  readonly proration_behavior: 'always_invoice' | 'create_prorations' | 'none';
  readonly start_date: number;
  readonly transfer_data: null;
  readonly trial_end: number | null;
}

/** A plan for a subscription's next periods. */
export interface Schedule extends StripeObject {
  readonly object: 'subscription_schedule';
  readonly application: null;
  readonly billing_mode: object;
  canceled_at: number | null;
  readonly completed_at: null;
  readonly created: number;
  current_phase: { start_date: number; end_date: number } | null;
  readonly customer: string;
  readonly customer_account: null;
  readonly default_settings: object;
  end_behavior: 'cancel' | 'release';
  readonly livemode: boolean;
  metadata: Record<string, string>;
  readonly pause_schedules: object[];
  phases: Phase[];
  released_at: number | null;
  released_subscription: string | null;
  status: 'active' | 'canceled' | 'released';
  subscription: string | null;
  readonly test_clock: null;
}
export const schedules: Kind<Schedule> = {
  table: 'subscription_schedule',
  noun: 'subscription schedule',
  indexes: ['customer', 'subscription'],
  expandable: { customer: 'customer', subscription: 'subscription' },
};

/** The items of a phase, as a schedule shows them. */
export const phaseItems = (items: readonly Pick<SubscriptionItem, 'price' | 'quantity' | 'metadata'>[]): PhaseItem[] =>
  items.map(({ price, quantity, metadata }) => ({
    billing_thresholds: null,
    discounts: [],
    metadata: { ...metadata },
    plan: price.id,
    price: price.id,
    quantity,
    tax_rates: [],
  }));

/** The subscription's schedule; undefined where it has none. */
export const scheduleOf = (scope: Scope, { schedule }: Subscription): Schedule | undefined =>
  schedule === null ? undefined : scope.find(schedules, schedule);

/** The subscription goes on without its schedule from now on; nothing is told of the subscription. */
export const endSchedule = (scope: Scope, subscription: Subscription, how: 'released' | 'canceled'): void => {
  const schedule = scheduleOf(scope, subscription);
  subscription.schedule = null;
  if (!schedule) return;
  Object.assign(schedule, { status: how, current_phase: null });
  if (how === 'released')
    Object.assign(schedule, {
      released_at: scope.now(),
      released_subscription: subscription.id,
      subscription: null,
    });
  else schedule.canceled_at = scope.now();
  scope.save(schedules, schedule);
  scope.emit(`subscription_schedule.${how}`, schedule);
};
