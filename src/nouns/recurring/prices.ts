import { BadUserInputError, PriceNotFoundError, PriceUnsupportedError } from '../../core/errors.js';
import { assertChargeable, findCurrency, type MinorUnits } from '../../core/money.js';
import { NotOursError, StripeCallError } from '../../stripe/answer.js';
import type { StripeGateway } from '../../stripe/gateway.js';
import { priceSnapshot, type Rhythm } from '../../stripe/price-snapshot.js';
import { refusalOf } from '../../stripe/refusal.js';

const LARGEST_QUANTITY = 1_000_000;
/** What may stand in a path: no control character, space or half of a pair, and no step up. Stripe's own ids are far shorter. */
const PRICE_ID = /^(?!\.{1,2}$)[^\p{Cc}\p{Cs}\p{Z}]{1,255}$/u;
/** A price that a recurring payment can be started with. */
export interface RecurringPrice {
  readonly id: string;
  /** Minor units of one unit, for one period. */
  readonly unitAmount: MinorUnits;
  /** Upper case. */
  readonly currency: string;
  readonly rhythm: Rhythm;
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
  /** A price that goes on may have been archived since. */
  { mayBeArchived = false }: { readonly mayBeArchived?: boolean } = {},
): Promise<RecurringPrice> => {
  const read = async () => {
    const price = priceSnapshot((await gateway.retrievePrice(priceId)).object);
    if (price.priceId !== priceId) throw new NotOursError(`the price ${price.priceId}`);
    return price;
  };
  const { fault, ...price } = await read().catch((error: unknown) => {
    if (error instanceof StripeCallError && error.failure === 'refused') throw new PriceNotFoundError(priceId);
    throw refusalOf(error);
  });
  if (fault !== undefined && !(mayBeArchived && price.isArchived)) throw new PriceUnsupportedError(priceId, fault);
  const { unitAmount, currency, rhythm, trialDays } = price;
  if (!rhythm) throw new PriceUnsupportedError(priceId, 'it is no recurring price');
  return { id: priceId, unitAmount, currency, rhythm, trialDays };
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

/** @throws BadUserInputError */
export const assertQuantity = (quantity: number): void => {
  if (!(quantity >= 1 && quantity <= LARGEST_QUANTITY))
    throw new BadUserInputError(`A quantity is 1 to ${LARGEST_QUANTITY}; it is ${quantity}.`);
};

/** @throws BadUserInputError */
export const assertPriceId = (priceId: string): void => {
  if (!PRICE_ID.test(priceId))
    throw new BadUserInputError('priceId is the id of a price at Stripe, such as price_1Abc.');
};
