import type { Kind, StripeObject } from '../kind.js';

export type Interval = 'day' | 'week' | 'month' | 'year';

export interface Recurring {
  readonly interval: Interval;
  readonly interval_count: number;
  readonly meter: string | null;
  readonly trial_period_days: number | null;
  readonly usage_type: 'licensed' | 'metered';
}

export interface Price extends StripeObject {
  readonly object: 'price';
  active: boolean;
  readonly billing_scheme: 'per_unit' | 'tiered';
  readonly created: number;
  readonly currency: string;
  readonly custom_unit_amount: { maximum: number | null; minimum: number | null; preset: number | null } | null;
  readonly livemode: boolean;
  lookup_key: string | null;
  metadata: Record<string, string>;
  nickname: string | null;
  readonly product: string;
  readonly recurring: Recurring | null;
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified' | null;
  readonly tiers_mode: 'graduated' | 'volume' | null;
  readonly transform_quantity: { divide_by: number; round: 'down' | 'up' } | null;
  readonly type: 'one_time' | 'recurring';
  readonly unit_amount: number | null;
  readonly unit_amount_decimal: string | null;
}

/** The steps of a tiered price, which Stripe shows only when asked (Stripe: "Tiered pricing"). */
export interface PriceTiers extends StripeObject {
  readonly object: 'price_tiers';
  readonly tiers: readonly object[];
}
export const priceTiers: Kind<PriceTiers> = { table: 'price_tiers' };

export const prices: Kind<Price> = {
  table: 'price',
  indexes: ['product', 'lookup_key'],
  expandable: { product: 'product' },
  included: { tiers: (scope, id) => scope.find(priceTiers, id)?.tiers },
};

/** The legacy `plan` that subscription items still carry beside their price (Stripe: "The Plan object"). */
export const planOf = (price: Price) => ({
  id: price.id,
  object: 'plan' as const,
  active: price.active,
  amount: price.unit_amount,
  amount_decimal: price.unit_amount_decimal,
  billing_scheme: price.billing_scheme,
  created: price.created,
  currency: price.currency,
  interval: price.recurring?.interval ?? 'month',
  interval_count: price.recurring?.interval_count ?? 1,
  livemode: price.livemode,
  metadata: price.metadata,
  meter: price.recurring?.meter ?? null,
  nickname: price.nickname,
  product: price.product,
  tiers_mode: price.tiers_mode,
  transform_usage: null,
  trial_period_days: price.recurring?.trial_period_days ?? null,
  usage_type: price.recurring?.usage_type ?? 'licensed',
});
export const plans: Kind<ReturnType<typeof planOf>> = { table: 'plan', expandable: { product: 'product' } };
