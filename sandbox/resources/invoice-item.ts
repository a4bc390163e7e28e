import { checkCurrency } from '../currencies.js';
import { type ApiError, invalidRequest } from '../errors.js';
import type { StripeObject } from '../kind.js';
import {
  boolean,
  clearable,
  createdFilter,
  expandParam,
  hash,
  integer,
  metadata,
  pageParams,
  required,
  text,
  unsupported,
  type Values,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { customers } from './customer-row.js';
import { type InvoiceItem, invoiceItems } from './invoice-item-row.js';
import { type Invoice, invoices, subscriptionOf } from './invoice-row.js';
import { pricingOf, relist } from './new-invoice.js';
import { newInvoiceItem } from './new-invoice-item.js';
import { checkActive, plainAmount, productName } from './new-price.js';
import { type Price, prices } from './price-row.js';
import { empty } from './subscription-params.js';
import { subscriptions } from './subscription-row.js';

const shared = {
  amount: integer(),
  description: text,
  discountable: boolean,
  discounts: empty('discounts'),
  metadata,
  period: hash({ start: required(integer(0)), end: required(integer(0)) }),
  price_data: unsupported('inline prices of invoice items; use amount or pricing[price]'),
  pricing: hash({ price: text }),
  quantity: integer(0),
  quantity_decimal: unsupported('fractions of quantities'),
  tax_behavior: text,
  tax_code: clearable(text),
  tax_rates: empty('tax rates'),
  unit_amount_decimal: unsupported('fractions of the smallest unit'),
  ...expandParam,
} as const;
const createParams = {
  ...shared,
  currency: text,
  customer: text,
  customer_account: unsupported('customer accounts'),
  invoice: text,
  subscription: text,
} as const;
const updateParams = { ...shared, invoicing_rules: empty('invoicing rules') } as const;

const notEditable = (id: string): ApiError =>
  invalidRequest(`The invoice ${id} is no longer editable: only items of drafts can be changed.`, {
    code: 'invoice_not_editable',
    param: 'invoice',
  });

const draftOf = (scope: Scope, id: string): Invoice => {
  const invoice = scope.get(invoices, id, 'invoice');
  if (invoice.status !== 'draft') throw notEditable(id);
  return invoice;
};

/** The draft follows its items, and tells that it changed. */
const refresh = (scope: Scope, id: string): void => {
  const invoice = scope.get(invoices, id);
  const before = structuredClone(invoice);
  relist(scope, invoice);
  scope.save(invoices, invoice);
  scope.emit('invoice.updated', invoice, before);
};

const oneOffPrice = (scope: Scope, id: string): Price => {
  const price = scope.get(prices, id, 'pricing[price]');
  checkActive(price, 'pricing[price]');
  if (price.type !== 'one_time')
    throw invalidRequest(
      'The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.',
      { param: 'pricing[price]' },
    );
  return price;
};

const create = (scope: Scope, values: Values<typeof createParams>): InvoiceItem => {
  const invoice = values.invoice === undefined ? undefined : draftOf(scope, values.invoice);
  const customerId = values.customer ?? invoice?.customer;
  if (customerId === undefined)
    throw invalidRequest('Missing required param: customer.', { code: 'parameter_missing', param: 'customer' });
  const customer = scope.get(customers, customerId, 'customer');
  if (invoice && invoice.customer !== customer.id)
    throw invalidRequest(`The invoice ${invoice.id} belongs to another customer.`, { param: 'invoice' });
  const price = values.pricing?.price === undefined ? undefined : oneOffPrice(scope, values.pricing.price);
  if ((values.amount === undefined) === (price === undefined))
    throw invalidRequest('You must specify either `amount` or `pricing[price]`.', {
      code: 'parameter_missing',
      param: 'amount',
    });
  const currency = checkCurrency(values.currency ?? price?.currency ?? invoice?.currency ?? customer.currency ?? 'usd');
  if (invoice && invoice.currency !== currency)
    throw invalidRequest(
      `The currency of the invoice item (${currency}) must be that of the invoice (${invoice.currency}).`,
      {
        param: 'currency',
      },
    );
  const subscription =
    values.subscription === undefined
      ? ((invoice && subscriptionOf(invoice)) ?? null)
      : scope.get(subscriptions, values.subscription, 'subscription').id;
  const quantity = values.quantity ?? 1;
  const item = newInvoiceItem(scope, {
    customer: customer.id,
    currency,
    amount: price ? plainAmount(price, 'pricing[price]') * quantity : (values.amount ?? 0),
    description: values.description ?? (price ? productName(scope, price) : null),
    invoice: invoice?.id ?? null,
    metadata: withMetadata({}, values.metadata),
    pricing: price ? pricingOf(price) : null,
    quantity: price ? quantity : 1,
    subscription,
    ...(values.discountable === undefined ? {} : { discountable: values.discountable }),
    ...(values.period ? { period: values.period } : {}),
  });
  if (invoice) refresh(scope, invoice.id);
  return item;
};

const editable = (scope: Scope, id: string): InvoiceItem => {
  const item = scope.get(invoiceItems, id);
  if (item.invoice !== null && scope.find(invoices, item.invoice)?.status !== 'draft') throw notEditable(item.invoice);
  return item;
};

const update = (scope: Scope, item: InvoiceItem, values: Values<typeof updateParams>): InvoiceItem => {
  const price = values.pricing?.price === undefined ? undefined : oneOffPrice(scope, values.pricing.price);
  const quantity = values.quantity ?? item.quantity;
  const { price_details: details } = item.pricing ?? {};
  const kept = price ?? (details && scope.find(prices, details.price));
  const changed = scope.save<InvoiceItem>(invoiceItems, {
    ...item,
    amount: values.amount ?? (kept ? plainAmount(kept, 'pricing[price]') * quantity : item.amount),
    description: values.description ?? item.description,
    discountable: values.discountable ?? item.discountable,
    metadata: withMetadata(item.metadata, values.metadata),
    period: values.period ?? item.period,
    pricing: values.amount === undefined ? (kept ? pricingOf(kept) : item.pricing) : null,
    quantity,
    quantity_decimal: String(quantity),
  });
  if (changed.invoice !== null) refresh(scope, changed.invoice);
  return changed;
};

const remove = (scope: Scope, id: string): StripeObject & { deleted: true } => {
  const item = editable(scope, id);
  scope.remove(invoiceItems, id);
  scope.emit('invoiceitem.deleted', item);
  if (item.invoice !== null) refresh(scope, item.invoice);
  return { id, object: 'invoiceitem', deleted: true };
};

/** Invoice items: amounts that go on a draft or wait for the next invoice (Stripe: "The Invoice Item object"). */
export const invoiceItemResource: Resource = {
  kinds: [invoiceItems],
  routes: [
    route({
      method: 'POST',
      path: '/v1/invoiceitems',
      params: createParams,
      handle: (scope, { params }) => create(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/invoiceitems',
      params: {
        ...pageParams,
        created: createdFilter,
        customer: text,
        customer_account: unsupported('customer accounts'),
        invoice: text,
        pending: boolean,
      },
      handle: (scope, { params }) => {
        const byCustomer =
          params.customer === undefined ? undefined : { field: 'customer' as const, value: params.customer };
        const { created, ...page } = params;
        return scope.list(invoiceItems, {
          url: '/v1/invoiceitems',
          page,
          index: params.invoice === undefined ? byCustomer : { field: 'invoice', value: params.invoice },
          where: (row) =>
            (typeof created !== 'number' || row.date === created) &&
            (params.customer === undefined || row.customer === params.customer) &&
            (params.pending === undefined || (row.invoice === null) === params.pending),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/invoiceitems/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(invoiceItems, id),
    }),
    route({
      method: 'POST',
      path: '/v1/invoiceitems/:id',
      params: updateParams,
      handle: (scope, { id, params }) => update(scope, editable(scope, id), params),
    }),
    route({
      method: 'DELETE',
      path: '/v1/invoiceitems/:id',
      params: {},
      handle: (scope, { id }) => remove(scope, id),
    }),
  ],
};
