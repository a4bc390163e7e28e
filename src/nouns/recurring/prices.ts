import type Stripe from 'stripe';
import { PriceNotFoundError, PriceUnsupportedError } from '../../core/errors.js';
import { assertChargeable, findCurrency, type MinorUnits } from '../../core/money.js';
import { StripeCallError } from '../../stripe/answer.js';
import type { StripeGateway } from '../../stripe/gateway.js';
import { refusalOf } from '../../stripe/refusal.js';

/** A price that a recurring payment can be started with. */
export interface RecurringPrice {
  readonly id: string;
  /** Minor units of one unit, for one period. */
  readonly unitAmount: MinorUnits;
  /** Upper case. */
  readonly currency: string;
  /** Days of trial that the price brings; 0 for none. */
  readonly trialDays: number;
}

/** Why a price can't be used, in words; undefined when it can. Source: Stripe docs, "The Price object". */
const faultOf = (price: Stripe.Price): string | undefined => {
  if (!price.active) return 'it is archived';
  if (price.type !== 'recurring' || price.recurring === null) return 'it is no recurring price';
  if (price.recurring.usage_type !== 'licensed') return 'it is metered';
  if (price.billing_scheme !== 'per_unit') return 'it has tiers';
  if (price.custom_unit_amount !== null) return 'the customer chooses its amount';
  if (price.transform_quantity !== null) return 'it transforms quantities';
  if (price.unit_amount === null) return "its amount is no whole number of the currency's smallest unit";
  return undefined;
};

/**
 * Reads a price and checks that it is recurring, active and of a plain unit amount.
 *
 * @throws PriceNotFoundError, PriceUnsupportedError, StripeUnavailableError
 */
export const readPrice = async (
  gateway: Pick<StripeGateway, 'retrievePrice'>,
  priceId: string,
): Promise<RecurringPrice> => {
  const price = await gateway.retrievePrice(priceId).catch((error: unknown) => {
    if (error instanceof StripeCallError && error.failure === 'refused') throw new PriceNotFoundError(priceId);
    throw refusalOf(error);
  });
  const fault = faultOf(price.object);
  if (fault !== undefined) throw new PriceUnsupportedError(priceId, fault);
  return {
    id: price.object.id,
    unitAmount: price.object.unit_amount ?? 0,
    currency: price.object.currency.toUpperCase(),
    trialDays: price.object.recurring?.trial_period_days ?? 0,
  };
};

/**
 * What a quantity of the price costs for one period, in minor units; 0 for a free price.
 *
 * @throws AmountInvalidError when Stripe could not charge it, CurrencyUnsupportedError
 */
export const periodAmount = (price: RecurringPrice, quantity: number): MinorUnits => {
  const amount = price.unitAmount * quantity;
  if (amount !== 0) assertChargeable(amount, findCurrency(price.currency));
  return amount;
};
