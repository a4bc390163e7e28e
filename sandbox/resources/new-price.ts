import { checkCurrency } from '../currencies.js';
import { invalidRequest, leftOut } from '../errors.js';
import {
  hash,
  integer,
  type MetadataChange,
  oneOf,
  type Param,
  required,
  text,
  unsupported,
  withMetadata,
} from '../params.js';
import type { Scope } from '../scope.js';
import { type Interval, type Price, prices, priceTiers } from './price-row.js';
import { products } from './product-row.js';

const interval = oneOf('day', 'week', 'month', 'year');
/** `recurring` of a price. */
export const recurring = hash({
  interval: required(interval),
  interval_count: integer(1),
  meter: text,
  trial_period_days: integer(1),
  usage_type: oneOf('licensed', 'metered'),
});
export const taxBehavior = oneOf('exclusive', 'inclusive', 'unspecified');

/** A decimal number of minor units, as text. */
export const decimal: Param<string> = {
  parse: (value, path) => {
    const parsed = text.parse(value, path);
    if (!/^-?\d+(\.\d{1,12})?$/.test(parsed)) throw invalidRequest(`Invalid decimal: ${parsed}`, { param: path });
    return parsed;
  },
};

/** The currency, amount and rhythm that `price_data` and `default_price_data` have in common with a price. */
export const amountParams = {
  currency: required(text),
  tax_behavior: taxBehavior,
  unit_amount: integer(0),
  unit_amount_decimal: decimal,
} as const;

const MOST_DAYS: Readonly<Record<'day' | 'week' | 'month' | 'year', number>> = {
  day: 1095,
  week: 156,
  month: 36,
  year: 3,
};

export interface NewPrice {
  readonly product: string;
  readonly currency: string;
  readonly active?: boolean;
  readonly billing_scheme?: Price['billing_scheme'];
  readonly custom_unit_amount?: { enabled: boolean; maximum?: number; minimum?: number; preset?: number };
  readonly lookup_key?: string;
  readonly metadata?: MetadataChange;
  readonly nickname?: string;
  readonly recurring?: {
    interval: Interval;
    interval_count?: number;
    meter?: string;
    trial_period_days?: number;
    usage_type?: 'licensed' | 'metered';
  };
  readonly tax_behavior?: Exclude<Price['tax_behavior'], null>;
  readonly tiers?: readonly object[];
  readonly tiers_mode?: Exclude<Price['tiers_mode'], null>;
  readonly transfer_lookup_key?: boolean;
  readonly transform_quantity?: { divide_by: number; round: 'down' | 'up' };
  readonly unit_amount?: number;
  readonly unit_amount_decimal?: string;
}

const amountOf = (values: NewPrice): Pick<Price, 'unit_amount' | 'unit_amount_decimal'> => {
  const { unit_amount: amount, unit_amount_decimal: exact } = values;
  if (amount !== undefined && exact !== undefined)
    throw invalidRequest('You may only specify one of these parameters: unit_amount, unit_amount_decimal.', {
      code: 'parameters_exclusive',
    });
  const hasOther = values.billing_scheme === 'tiered' || values.custom_unit_amount !== undefined;
  if (hasOther) return { unit_amount: null, unit_amount_decimal: null };
  if (amount === undefined && exact === undefined)
    throw invalidRequest(
      'Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set when `billing_scheme=per_unit`.',
      { code: 'parameter_missing', param: 'unit_amount' },
    );
  if (amount !== undefined) return { unit_amount: amount, unit_amount_decimal: String(amount) };
  const isWhole = exact !== undefined && Number.isInteger(Number(exact));
  return { unit_amount: isWhole ? Number(exact) : null, unit_amount_decimal: exact ?? null };
};

const recurringOf = ({ recurring: rhythm }: NewPrice): Price['recurring'] => {
  if (!rhythm) return null;
  const count = rhythm.interval_count ?? 1;
  if (count > MOST_DAYS[rhythm.interval])
    throw invalidRequest('Maximum of three years interval allowed', { param: 'recurring[interval_count]' });
  if (rhythm.usage_type === 'metered' && rhythm.meter === undefined)
    throw invalidRequest('Metered prices must be backed by meters.', { param: 'recurring[meter]' });
  return {
    interval: rhythm.interval,
    interval_count: count,
    meter: rhythm.meter ?? null,
    trial_period_days: rhythm.trial_period_days ?? null,
    usage_type: rhythm.usage_type ?? 'licensed',
  };
};

/** Gives the lookup key to this price; it belongs to one price only (Stripe: "Lookup keys"). */
export const takeLookupKey = (scope: Scope, key: string, isTransferred: boolean, own?: string): void => {
  for (const other of scope.all(prices, 'lookup_key', key)) {
    if (other.id === own) continue;
    if (!isTransferred)
      throw invalidRequest(`A price (\`${other.id}\`) already uses that lookup key.`, { param: 'lookup_key' });
    const before = structuredClone(other);
    other.lookup_key = null;
    scope.save(prices, other);
    scope.emit('price.updated', other, before);
  }
};

/** Makes a price and tells of it (Stripe: "Create a price"). */
export const newPrice = (scope: Scope, values: NewPrice): Price => {
  const { custom_unit_amount: custom, transform_quantity: transform } = values;
  const currency = checkCurrency(values.currency);
  const amount = amountOf(values);
  const rhythm = recurringOf(values);
  if (values.lookup_key !== undefined) takeLookupKey(scope, values.lookup_key, values.transfer_lookup_key ?? false);
  const price = scope.save<Price>(prices, {
    id: scope.newId('price'),
    object: 'price',
    active: values.active ?? true,
    billing_scheme: values.billing_scheme ?? 'per_unit',
    created: scope.now(),
    currency,
    custom_unit_amount: custom
      ? { maximum: custom.maximum ?? null, minimum: custom.minimum ?? null, preset: custom.preset ?? null }
      : null,
    livemode: scope.livemode,
    lookup_key: values.lookup_key ?? null,
    metadata: withMetadata({}, values.metadata),
    nickname: values.nickname ?? null,
    product: scope.get(products, values.product, 'product').id,
    recurring: rhythm,
    tax_behavior: values.tax_behavior ?? 'unspecified',
    tiers_mode: values.tiers_mode ?? null,
    transform_quantity: transform ?? null,
    type: rhythm ? 'recurring' : 'one_time',
    ...amount,
  });
  if (values.tiers) scope.save(priceTiers, { id: price.id, object: 'price_tiers', tiers: values.tiers });
  scope.emit('price.created', price);
  return price;
};

/**
 * What one unit costs in minor units. Throws for the kinds of price that the sandbox stores but can't charge: tiered,
 * metered, chosen by the customer, by packages, fractions of the smallest unit.
 */
export const plainAmount = (price: Price, param: string): number => {
  const what =
    price.billing_scheme === 'tiered'
      ? 'charging tiered prices'
      : price.recurring?.usage_type === 'metered'
        ? 'charging metered prices'
        : price.custom_unit_amount
          ? 'prices that the customer chooses'
          : price.transform_quantity
            ? 'charging by packages (transform_quantity)'
            : price.unit_amount === null
              ? 'charging fractions of the smallest unit'
              : undefined;
  if (what !== undefined || price.unit_amount === null) throw leftOut(what ?? 'this price', param);
  return price.unit_amount;
};

/** Throws unless the price may be bought now. */
export const checkActive = (price: Price, param: string): void => {
  if (!price.active)
    throw invalidRequest('The price specified is inactive. This field only accepts active prices.', { param });
};

export const productName = (scope: Scope, price: Price): string =>
  scope.find(products, price.product)?.name ?? 'Product';

/** Parameters of products that belong to tax or entitlements. */
export const taxDetails = unsupported('tax');
