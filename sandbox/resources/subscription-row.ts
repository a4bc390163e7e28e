import type { Kind, StripeObject } from '../kind.js';
import type { Price, planOf, Recurring } from './price-row.js';

export type SubscriptionStatus =
  | 'active'
  | 'canceled'
  | 'incomplete'
  | 'incomplete_expired'
  | 'past_due'
  | 'paused'
  | 'trialing'
  | 'unpaid';

export interface SubscriptionItem extends StripeObject {
  readonly object: 'subscription_item';
  readonly billing_thresholds: null;
  readonly created: number;
  current_period_end: number;
  current_period_start: number;
  readonly current_trial: null;
  readonly discounts: string[];
  metadata: Record<string, string>;
  plan: ReturnType<typeof planOf>;
  price: Price;
  quantity: number;
  readonly subscription: string;
  readonly tax_rates: object[];
}
/** Items are kept inside their subscription; the kind tells what can be expanded. */
export const subscriptionItems: Kind<SubscriptionItem> = { table: 'subscription_item', noun: 'subscription item' };

export interface PauseCollection {
  behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void';
  resumes_at: number | null;
}

/** A change that waits for its payment. */
export interface PendingChange {
  readonly billing_cycle_anchor: number | null;
  readonly cancel_at_period_end: null;
  readonly discount: null;
  readonly discounts: null;
  readonly expires_at: number;
  readonly metadata: null;
  readonly subscription_items: SubscriptionItem[];
  readonly trial_end: null;
  readonly trial_from_plan: null;
}

export interface Subscription extends StripeObject {
  readonly object: 'subscription';
  readonly application: null;
  readonly application_fee_percent: null;
  readonly automatic_tax: { disabled_reason: null; enabled: boolean; liability: null };
  billing_cycle_anchor: number;
  readonly billing_cycle_anchor_config: null;
  readonly billing_mode: object;
  readonly billing_schedules: object[];
  readonly billing_thresholds: null;
  cancel_at: number | null;
  cancel_at_period_end: boolean;
  canceled_at: number | null;
  cancellation_details: {
    comment: string | null;
    feedback: string | null;
    feedback_option: null;
    reason: string | null;
  };
  readonly collection_method: 'charge_automatically';
  readonly created: number;
  readonly currency: string;
  readonly customer: string;
  readonly customer_account: null;
  readonly days_until_due: null;
  default_payment_method: string | null;
  readonly default_source: null;
  readonly default_tax_rates: object[];
  description: string | null;
  readonly discounts: string[];
  ended_at: number | null;
  readonly invoice_settings: object;
  items: {
    readonly object: 'list';
    data: SubscriptionItem[];
    readonly has_more: boolean;
    total_count: number;
    readonly url: string;
  };
  latest_invoice: string | null;
  readonly livemode: boolean;
  readonly managed_payments: { enabled: boolean };
  metadata: Record<string, string>;
  readonly next_pending_invoice_item_invoice: null;
  readonly on_behalf_of: null;
  pause_collection: PauseCollection | null;
  payment_settings: {
    payment_method_options: null;
    payment_method_types: string[] | null;
    save_default_payment_method: 'off' | 'on_subscription' | null;
  };
  readonly pending_invoice_item_interval: null;
  pending_setup_intent: string | null;
  pending_update: PendingChange | null;
  schedule: string | null;
  readonly start_date: number;
  status: SubscriptionStatus;
  status_details?: object;
  readonly test_clock: null;
  readonly transfer_data: null;
  trial_end: number | null;
  trial_settings: {
    end_behavior: { billing_cycle_anchor: null; missing_payment_method: 'cancel' | 'create_invoice' | 'pause' };
  };
  trial_start: number | null;
}
export const subscriptions: Kind<Subscription> = {
  table: 'subscription',
  indexes: ['customer', 'default_payment_method', 'pending_setup_intent'],
  expandable: {
    customer: 'customer',
    default_payment_method: 'payment_method',
    latest_invoice: 'invoice',
    pending_setup_intent: 'setup_intent',
    schedule: 'subscription_schedule',
  },
  included: { items: (scope, id) => scope.get(subscriptions, id).items },
};

/** Terminal states: nothing is billed any more. */
export const hasEnded = ({ status }: Subscription): boolean => status === 'canceled' || status === 'incomplete_expired';

const firstItem = ({ items, id }: Subscription): SubscriptionItem => {
  const [item] = items.data;
  if (!item) throw new Error(`${id} has no item`);
  return item;
};

/** All items of a subscription have one rhythm and one period here. */
export const periodOf = (subscription: Subscription): { start: number; end: number } => {
  const { current_period_start: start, current_period_end: end } = firstItem(subscription);
  return { start, end };
};

export const rhythmOf = (subscription: Subscription): Recurring => {
  const { recurring } = firstItem(subscription).price;
  if (!recurring) throw new Error(`${subscription.id} has a one-time price`);
  return recurring;
};

/** The items moved into a period; the rows before are left as they are. */
export const itemsIn = (items: readonly SubscriptionItem[], start: number, end: number): SubscriptionItem[] =>
  items.map((item) => ({ ...item, current_period_start: start, current_period_end: end }));
