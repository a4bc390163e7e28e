import { z } from 'zod';
import { parse, shapes } from './shape.js';

/** Every so many intervals. */
export interface Rhythm {
  readonly interval: 'day' | 'week' | 'month' | 'year';
  readonly count: number;
}

/** A price in our words. */
export interface PriceSnapshot {
  readonly priceId: string;
  /** Why a recurring payment can't be started with it, in words; undefined when one can. */
  readonly fault: string | undefined;
  /** Whether that it is archived is all that stands against it. */
  readonly isArchived: boolean;
  /** Minor units of one unit, for one period; 0 where it has no plain amount. */
  readonly unitAmount: number;
  /** Upper case. */
  readonly currency: string;
  /** How often it is charged; undefined where it is no recurring price. */
  readonly rhythm: Rhythm | undefined;
  /** Days of trial that the price brings; 0 for none. */
  readonly trialDays: number;
}

const PRICE = z.object({
  id: shapes.id,
  active: z.boolean(),
  type: z.string(),
  billing_scheme: z.string(),
  recurring: z
    .object({
      usage_type: z.string(),
      trial_period_days: z.int32().nullish(),
      interval: z.enum(['day', 'week', 'month', 'year']),
      interval_count: z.int32(),
    })
    .nullish(),
  custom_unit_amount: z.unknown(),
  transform_quantity: z.unknown(),
  unit_amount: shapes.amount.min(0).nullish(),
  currency: shapes.currency,
});
type Price = z.infer<typeof PRICE>;

const isGiven = (value: unknown): boolean => value !== null && value !== undefined;

const faultOf = (price: Price): string | undefined => {
  if (!price.active) return 'it is archived';
  if (price.type !== 'recurring' || !price.recurring) return 'it is no recurring price';
  if (price.recurring.usage_type !== 'licensed') return 'it is metered';
  if (price.billing_scheme !== 'per_unit') return 'it has tiers';
  if (isGiven(price.custom_unit_amount)) return 'the customer chooses its amount';
  if (isGiven(price.transform_quantity)) return 'it transforms quantities';
  if (!isGiven(price.unit_amount)) return "its amount is no whole number of the currency's smallest unit";
  return undefined;
};

/**
 * Translates a price. Source: Stripe docs, "The Price object".
 *
 * @throws StripeCallError when it is none
 */
export const priceSnapshot = (object: unknown): PriceSnapshot => {
  const price = parse(PRICE, 'price', object);
  return {
    priceId: price.id,
    fault: faultOf(price),
    isArchived: !price.active && faultOf({ ...price, active: true }) === undefined,
    unitAmount: price.unit_amount ?? 0,
    currency: price.currency.toUpperCase(),
    rhythm: price.recurring ? { interval: price.recurring.interval, count: price.recurring.interval_count } : undefined,
    trialDays: Math.max(0, price.recurring?.trial_period_days ?? 0),
  };
};
