import { invalidRequest } from '../errors.js';
import { randomText } from '../ids.js';
import {
  address,
  clearable,
  createdFilter,
  expandParam,
  fullAddress,
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
import { type Customer, customers, type DeletedCustomer, deletedCustomers } from './customer-row.js';
import { attach, detach, paymentMethods, usePaymentMethod } from './payment-method.js';

const details = {
  address: clearable(address),
  balance: integer(),
  business_name: unsupported('business_name'),
  cash_balance: unsupported('cash balances'),
  description: clearable(text),
  email: clearable(text),
  individual_name: unsupported('individual_name'),
  invoice_prefix: text,
  invoice_settings: hash({
    custom_fields: unsupported('custom fields on invoices'),
    default_payment_method: clearable(text),
    footer: clearable(text),
    rendering_options: unsupported('rendering options of invoices'),
  }),
  metadata,
  name: clearable(text),
  next_invoice_sequence: integer(1),
  phone: clearable(text),
  preferred_locales: listOf(text),
  shipping: clearable(hash({ address: required(address), name: required(text), phone: text })),
  source: unsupported('sources and tokens on customers'),
  tax: unsupported('tax'),
  tax_exempt: clearable(oneOf('exempt', 'none', 'reverse')),
  validate: unsupported('sources'),
  ...expandParam,
} as const;
type Details = Values<typeof details>;

const checkEmail = (email: string | null): string | null => {
  if (email !== null && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email))
    throw invalidRequest(`Invalid email address: ${email}`, { code: 'email_invalid', param: 'email' });
  return email;
};

const apply = (scope: Scope, customer: Customer, values: Details): void => {
  if (values.address !== undefined) customer.address = values.address && fullAddress(values.address);
  if (values.balance !== undefined) customer.balance = values.balance;
  if (values.description !== undefined) customer.description = values.description;
  if (values.email !== undefined) customer.email = checkEmail(values.email);
  if (values.invoice_prefix !== undefined) customer.invoice_prefix = values.invoice_prefix;
  if (values.name !== undefined) customer.name = values.name;
  if (values.next_invoice_sequence !== undefined) customer.next_invoice_sequence = values.next_invoice_sequence;
  if (values.phone !== undefined) customer.phone = values.phone;
  if (values.preferred_locales !== undefined) customer.preferred_locales = values.preferred_locales;
  if (values.tax_exempt !== undefined) customer.tax_exempt = values.tax_exempt ?? 'none';
  if (values.shipping !== undefined)
    customer.shipping = values.shipping && {
      address: fullAddress(values.shipping.address),
      name: values.shipping.name,
      phone: values.shipping.phone ?? null,
    };
  customer.metadata = withMetadata(customer.metadata, values.metadata);
  if (values.invoice_settings?.footer !== undefined) customer.invoice_settings.footer = values.invoice_settings.footer;
  const method = values.invoice_settings?.default_payment_method;
  if (method === undefined) return;
  const param = 'invoice_settings[default_payment_method]';
  if (method !== null && scope.get(paymentMethods, method, param).customer !== customer.id)
    throw invalidRequest(
      `The customer does not have a payment method with the ID ${method}. The payment method must be attached to the customer.`,
      { code: 'resource_missing', param },
    );
  customer.invoice_settings.default_payment_method = method;
};

/** Makes a customer, with this payment method attached where given (Stripe: "Create a customer"). */
export const createCustomer = (scope: Scope, values: Details, paymentMethod?: string): Customer => {
  if (typeof values.email === 'string') checkEmail(values.email);
  const id = `cus_${randomText(18)}`;
  const customer: Customer = {
    id,
    object: 'customer',
    address: null,
    balance: 0,
    created: scope.now(),
    currency: null,
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: null,
    invoice_prefix: randomText(8).toUpperCase(),
    invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
    livemode: scope.livemode,
    metadata: {},
    name: null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
  };
  const method = paymentMethod === undefined ? undefined : attach(scope, usePaymentMethod(scope, paymentMethod), id);
  const wanted = values.invoice_settings?.default_payment_method;
  // The method may be named again as the default one, by the test name that made it.
  const isSame = method !== undefined && wanted === paymentMethod;
  apply(
    scope,
    customer,
    isSame
      ? { ...values, invoice_settings: { ...values.invoice_settings, default_payment_method: method.id } }
      : values,
  );
  scope.save(customers, customer);
  scope.emit('customer.created', customer);
  return customer;
};

/** Customers (Stripe: "The Customer object"). A deleted one answers as `deleted: true`. */
export const customerResource: Resource = {
  kinds: [customers, deletedCustomers],
  routes: [
    route({
      method: 'POST',
      path: '/v1/customers',
      params: {
        ...details,
        payment_method: text,
        tax_id_data: unsupported('tax ids'),
        test_clock: unsupported('test clocks; the sandbox has one clock of its own'),
      },
      handle: (scope, { params }) => createCustomer(scope, params, params.payment_method),
    }),
    route({
      method: 'GET',
      path: '/v1/customers',
      params: { ...pageParams, created: createdFilter, email: text, test_clock: text },
      handle: (scope, { params }) =>
        scope.list(customers, {
          url: '/v1/customers',
          page: params,
          index: params.email === undefined ? undefined : { field: 'email', value: params.email },
          where: () => params.test_clock === undefined,
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/customers/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.find(deletedCustomers, id) ?? scope.get(customers, id),
    }),
    route({
      method: 'POST',
      path: '/v1/customers/:id',
      params: { ...details, default_source: unsupported('sources on customers') },
      handle: (scope, { id, params }) => {
        const customer = scope.get(customers, id);
        const before = structuredClone(customer);
        apply(scope, customer, params);
        scope.save(customers, customer);
        if (JSON.stringify(before) !== JSON.stringify(customer)) scope.emit('customer.updated', customer, before);
        return customer;
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/customers/:id',
      params: {},
      handle: (scope, { id }) => {
        const customer = scope.get(customers, id);
        for (const method of scope.all(paymentMethods, 'customer', id)) detach(scope, method, true);
        scope.remove(customers, id);
        scope.save<DeletedCustomer>(deletedCustomers, { id, object: 'customer', deleted: true });
        scope.emit('customer.deleted', customer);
        return { id, object: 'customer', deleted: true };
      },
    }),
  ],
};
