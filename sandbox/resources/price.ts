import { invalidRequest } from '../errors.js';
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
import { amountParams, decimal, newPrice, recurring, takeLookupKey, taxBehavior, taxDetails } from './new-price.js';
import { type Price, plans, prices, priceTiers } from './price-row.js';
import { newProduct } from './product-row.js';

const upTo: Param<number | null> = {
  parse: (value, path) => (value === 'inf' ? null : integer(1).parse(value, path)),
};
const tier = hash({
  flat_amount: integer(0),
  flat_amount_decimal: decimal,
  unit_amount: integer(0),
  unit_amount_decimal: decimal,
  up_to: required(upTo),
});
const createParams = {
  ...amountParams,
  active: boolean,
  billing_scheme: oneOf('per_unit', 'tiered'),
  currency_options: unsupported('prices in several currencies'),
  custom_unit_amount: hash({
    enabled: required(boolean),
    maximum: integer(0),
    minimum: integer(0),
    preset: integer(0),
  }),
  lookup_key: text,
  metadata,
  nickname: text,
  product: text,
  product_data: hash({
    active: boolean,
    id: text,
    metadata,
    name: required(text),
    statement_descriptor: text,
    tax_code: text,
    tax_details: taxDetails,
    unit_label: text,
  }),
  recurring,
  tiers: listOf(tier),
  tiers_mode: oneOf('graduated', 'volume'),
  transfer_lookup_key: boolean,
  transform_quantity: hash({ divide_by: required(integer(1)), round: required(oneOf('down', 'up')) }),
  ...expandParam,
} as const;
const updateParams = {
  active: boolean,
  currency_options: unsupported('prices in several currencies'),
  lookup_key: text,
  metadata,
  nickname: text,
  tax_behavior: taxBehavior,
  transfer_lookup_key: boolean,
  ...expandParam,
} as const;

const fullTier = (values: Values<{ up_to: typeof upTo }> & Record<string, unknown>) => ({
  flat_amount: values['flat_amount'] ?? null,
  flat_amount_decimal: values['flat_amount_decimal'] ?? decimalOf(values['flat_amount']),
  unit_amount: values['unit_amount'] ?? null,
  unit_amount_decimal: values['unit_amount_decimal'] ?? decimalOf(values['unit_amount']),
  up_to: values.up_to ?? null,
});
const decimalOf = (amount: unknown): string | null => (typeof amount === 'number' ? String(amount) : null);

const create = (scope: Scope, values: Values<typeof createParams>): Price => {
  const { product, product_data: data, tiers, expand: _expand, ...rest } = values;
  if ((product === undefined) === (data === undefined))
    throw invalidRequest(
      product === undefined
        ? 'You must specify either `product` or `product_data` when creating a price.'
        : 'You may only specify one of these parameters: product, product_data.',
      { code: product === undefined ? 'parameter_missing' : 'parameters_exclusive', param: 'product' },
    );
  if (values.billing_scheme === 'tiered' && (!tiers || values.tiers_mode === undefined))
    throw invalidRequest('Tiered prices require `tiers` and `tiers_mode`.', {
      code: 'parameter_missing',
      param: 'tiers',
    });
  return newPrice(scope, {
    ...rest,
    ...(tiers ? { tiers: tiers.map(fullTier) } : {}),
    product: product ?? newProduct(scope, data ?? { name: '' }).id,
  });
};

const update = (scope: Scope, price: Price, values: Values<typeof updateParams>): Price => {
  const { metadata: changes, transfer_lookup_key: transfer, expand: _expand, ...rest } = values;
  const before = structuredClone(price);
  if (values.lookup_key !== undefined) takeLookupKey(scope, values.lookup_key, transfer ?? false, price.id);
  Object.assign(price, rest);
  price.metadata = withMetadata(price.metadata, changes);
  scope.save(prices, price);
  if (JSON.stringify(before) !== JSON.stringify(price)) scope.emit('price.updated', price, before);
  return price;
};

/** Prices (Stripe: "The Price object"). */
export const priceResource: Resource = {
  kinds: [prices, priceTiers, plans],
  routes: [
    route({
      method: 'POST',
      path: '/v1/prices',
      params: createParams,
      handle: (scope, { params }) => create(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/prices',
      params: {
        ...pageParams,
        active: boolean,
        created: createdFilter,
        currency: text,
        lookup_keys: listOf(text, 10),
        product: text,
        recurring: hash({
          interval: oneOf('day', 'week', 'month', 'year'),
          meter: text,
          usage_type: oneOf('licensed', 'metered'),
        }),
        type: oneOf('one_time', 'recurring'),
      },
      handle: (scope, { params }) =>
        scope.list(prices, {
          url: '/v1/prices',
          page: params,
          index: params.product === undefined ? undefined : { field: 'product', value: params.product },
          where: (row) =>
            (params.active === undefined || row.active === params.active) &&
            (params.currency === undefined || row.currency === params.currency) &&
            (params.type === undefined || row.type === params.type) &&
            (params.lookup_keys === undefined || params.lookup_keys.includes(row.lookup_key ?? '')) &&
            Object.entries(params.recurring ?? {}).every(
              ([name, value]) => row.recurring && Reflect.get(row.recurring, name) === value,
            ),
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/prices/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(prices, id),
    }),
    route({
      method: 'POST',
      path: '/v1/prices/:id',
      params: updateParams,
      handle: (scope, { id, params }) => update(scope, scope.get(prices, id), params),
    }),
  ],
};
