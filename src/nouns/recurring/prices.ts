import { PriceNotFoundError, PriceUnsupportedError } from '../../core/errors.js';
import { assertChargeable, findCurrency, type MinorUnits } from '../../core/money.js';
import { NotOursError, StripeCallError } from '../../stripe/answer.js';
import type { StripeGateway } from '../../stripe/gateway.js';
import { priceSnapshot } from '../../stripe/price-snapshot.js';
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

/**
 * Reads a price and checks that it is recurring, active and of a plain unit amount.
 *
 * @throws PriceNotFoundError, PriceUnsupportedError, StripeUnavailableError
 */
export const readPrice = async (
  gateway: Pick<StripeGateway, 'retrievePrice'>,
  priceId: string,
): Promise<RecurringPrice> => {
  const read = async () => {
    const price = priceSnapshot((await gateway.retrievePrice(priceId)).object);
    if (price.priceId !== priceId) throw new NotOursError(`the price ${price.priceId}`);
    return price;
  };
  const { fault, unitAmount, currency, trialDays } = await read().catch((error: unknown) => {
    if (error instanceof StripeCallError && error.failure === 'refused') throw new PriceNotFoundError(priceId);
    throw refusalOf(error);
  });
  if (fault !== undefined) throw new PriceUnsupportedError(priceId, fault);
  return { id: priceId, unitAmount, currency, trialDays };
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
