import { checkChargeAmount, minimumCharge } from '../currencies.js';
import { invalidRequest, leftOut } from '../errors.js';
import { withMetadata } from '../params.js';
import type { Scope } from '../scope.js';
import { checkActive, newPrice, plainAmount } from './new-price.js';
import { type Price, planOf, prices } from './price-row.js';
import type { ItemValues } from './subscription-params.js';
import type { SubscriptionItem } from './subscription-row.js';

/** The price an item asks for, fit to be billed. Throws Stripe's error for an inactive or one-time one. */
export const priceFor = (
  scope: Scope,
  values: Pick<ItemValues, 'price' | 'price_data'>,
  at: number,
  acceptsInactive = false,
): Price => {
  const param = `items[${at}][price]`;
  if (values.price === undefined && values.price_data === undefined)
    throw invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  const price =
    values.price === undefined && values.price_data
      ? newPrice(scope, { ...values.price_data, active: false })
      : scope.get(prices, values.price ?? '', param);
  if (values.price !== undefined && !acceptsInactive) checkActive(price, param);
  if (price.type !== 'recurring')
    throw invalidRequest(
      'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
      { param },
    );
  plainAmount(price, param);
  return price;
};

/** Throws unless all prices have one currency and one rhythm, and the sum can be charged. */
export const checkTogether = (items: readonly Pick<SubscriptionItem, 'price' | 'quantity'>[]): void => {
  const [first] = items;
  if (!first) throw invalidRequest('A subscription must have at least one item.', { param: 'items' });
  const ids = new Set(items.map(({ price }) => price.id));
  if (ids.size < items.length)
    throw invalidRequest('Cannot add multiple subscription items with the same price.', { param: 'items' });
  for (const { price } of items) {
    if (price.currency !== first.price.currency)
      throw invalidRequest('All prices on a subscription must have the same currency.', { param: 'items' });
    const { recurring: a } = price;
    const { recurring: b } = first.price;
    if (a?.interval !== b?.interval || a?.interval_count !== b?.interval_count)
      throw leftOut('prices of different intervals on one subscription', 'items');
  }
  const total = items.reduce((sum, { price, quantity }) => sum + (price.unit_amount ?? 0) * quantity, 0);
  if (total >= minimumCharge(first.price.currency)) checkChargeAmount(total, first.price.currency);
};

export const newItem = (
  scope: Scope,
  subscription: string,
  values: ItemValues,
  price: Price,
  period: { start: number; end: number },
): SubscriptionItem => ({
  id: scope.newId('si'),
  object: 'subscription_item',
  billing_thresholds: null,
  created: scope.now(),
  current_period_end: period.end,
  current_period_start: period.start,
  current_trial: null,
  discounts: [],
  metadata: withMetadata({}, values.metadata),
  plan: planOf(price),
  price: structuredClone(price),
  quantity: values.quantity ?? 1,
  subscription,
  tax_rates: [],
});
