import { invalidRequest } from '../errors.js';
import {
  boolean,
  clearable,
  createdFilter,
  expandParam,
  hash,
  integer,
  listOf,
  metadata,
  oneOf,
  pageParams,
  required,
  text,
  unsupported,
  type Values,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { amountParams, newPrice, taxDetails } from './new-price.js';
import { prices } from './price-row.js';
import { newProduct, type Product, products } from './product-row.js';

const features = listOf(hash({ name: required(text) }), 15);
const common = {
  active: boolean,
  metadata,
  package_dimensions: unsupported('package dimensions'),
  shippable: boolean,
  statement_descriptor: text,
  tax_details: taxDetails,
  ...expandParam,
} as const;
const createParams = {
  ...common,
  name: required(text),
  default_price_data: hash({
    ...amountParams,
    currency_options: unsupported('prices in several currencies'),
    custom_unit_amount: hash({
      enabled: required(boolean),
      maximum: integer(0),
      minimum: integer(0),
      preset: integer(0),
    }),
    metadata,
    recurring: hash({ interval: required(oneOf('day', 'week', 'month', 'year')), interval_count: integer(1) }),
  }),
  description: text,
  id: text,
  images: listOf(text, 8),
  marketing_features: features,
  tax_code: text,
  type: oneOf('good', 'service'),
  unit_label: text,
  url: text,
} as const;
const updateParams = {
  ...common,
  default_price: text,
  description: clearable(text),
  images: listOf(text, 8),
  marketing_features: features,
  name: text,
  tax_code: clearable(text),
  unit_label: clearable(text),
  url: clearable(text),
} as const;

const create = (scope: Scope, values: Values<typeof createParams>): Product => {
  if (values.id !== undefined && scope.find(products, values.id))
    throw invalidRequest(`Product already exists.`, { code: 'resource_already_exists', param: 'id' });
  const product = newProduct(scope, values);
  if (values.default_price_data === undefined) return product;
  const before = structuredClone(product);
  product.default_price = newPrice(scope, { ...values.default_price_data, product: product.id }).id;
  scope.save(products, product);
  scope.emit('product.updated', product, before);
  return product;
};

const update = (scope: Scope, product: Product, values: Values<typeof updateParams>): Product => {
  const { default_price: price, metadata: changes, expand: _expand, ...rest } = values;
  if (price !== undefined && scope.get(prices, price, 'default_price').product !== product.id)
    throw invalidRequest(`The price ${price} doesn't belong to this product.`, { param: 'default_price' });
  const before = structuredClone(product);
  Object.assign(product, rest, price === undefined ? {} : { default_price: price });
  product.metadata = withMetadata(product.metadata, changes);
  if (JSON.stringify(before) === JSON.stringify(product)) return product;
  product.updated = scope.now();
  scope.save(products, product);
  scope.emit('product.updated', product, before);
  return product;
};

const remove = (scope: Scope, id: string): object => {
  const product = scope.get(products, id);
  if (scope.all(prices, 'product', id).length > 0)
    throw invalidRequest(
      'This product cannot be deleted because it has one or more user-created prices. Try archiving it instead.',
    );
  scope.remove(products, id);
  scope.emit('product.deleted', product);
  return { id, object: 'product', deleted: true };
};

/** Products (Stripe: "The Product object"). */
export const productResource: Resource = {
  kinds: [products],
  routes: [
    route({
      method: 'POST',
      path: '/v1/products',
      params: createParams,
      handle: (scope, { params }) => create(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/products',
      params: {
        ...pageParams,
        active: boolean,
        created: createdFilter,
        ids: listOf(text),
        shippable: boolean,
        type: oneOf('good', 'service'),
        url: text,
      },
      handle: (scope, { params }) =>
        scope.list(products, {
          url: '/v1/products',
          page: params,
          where: (row) =>
            (params.active === undefined || row.active === params.active) &&
            (params.ids === undefined || params.ids.includes(row.id)) &&
            (params.shippable === undefined || (row.shippable ?? false) === params.shippable) &&
            (params.type === undefined || row.type === params.type) &&
            (params.url === undefined || row.url === params.url),
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/products/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(products, id),
    }),
    route({
      method: 'POST',
      path: '/v1/products/:id',
      params: updateParams,
      handle: (scope, { id, params }) => update(scope, scope.get(products, id), params),
    }),
    route({
      method: 'DELETE',
      path: '/v1/products/:id',
      params: {},
      handle: (scope, { id }) => remove(scope, id),
    }),
  ],
};
