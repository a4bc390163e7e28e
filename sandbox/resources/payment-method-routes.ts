import { invalidRequest } from '../errors.js';
import {
  anything,
  type BillingValues,
  billingDetails,
  expandParam,
  fullBillingDetails,
  hash,
  integer,
  type MetadataChange,
  metadata,
  oneOf,
  pageParams,
  required,
  text,
  unsupported,
  type Values,
  withMetadata,
} from '../params.js';
import { methodType, otherTypes } from '../payment-method-types.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { customers } from './customer-row.js';
import {
  attach,
  detach,
  instruments,
  type NewPaymentMethod,
  newPaymentMethod,
  paymentMethods,
  readBank,
  readCard,
  usePaymentMethod,
} from './payment-method.js';

const redisplay = oneOf('always', 'limited', 'unspecified');
const typed = {
  ...otherTypes,
  type: methodType,
  card: hash({ number: text, exp_month: integer(), exp_year: integer(), cvc: text, token: text, networks: anything }),
  us_bank_account: hash({
    account_holder_type: text,
    account_number: text,
    account_type: text,
    routing_number: text,
    financial_connections_account: unsupported('Financial Connections'),
  }),
  sepa_debit: hash({ iban: required(text) }),
  billing_details: billingDetails,
  allow_redisplay: redisplay,
  metadata,
  radar_options: anything,
} as const;
/** `payment_method_data`, as payment intents and setup intents take it. */
export const paymentMethodData = hash(typed);
export type PaymentMethodValues = Values<typeof typed>;

const read = (scope: Scope, values: PaymentMethodValues): Pick<NewPaymentMethod, 'behaviour' | 'expiry' | 'hasCvc'> => {
  if (values.type === undefined)
    throw invalidRequest('Missing required param: type.', { code: 'parameter_missing', param: 'type' });
  if (values.type === 'card') {
    if (!values.card)
      throw invalidRequest('Missing required param: card.', { code: 'parameter_missing', param: 'card' });
    return readCard(scope, values.card);
  }
  if (values.type === 'us_bank_account')
    return {
      behaviour: readBank(values.us_bank_account?.account_number, values.type, 'us_bank_account[account_number]'),
    };
  return { behaviour: readBank(values.sepa_debit?.iban, values.type, 'sepa_debit[iban]') };
};

/** Makes a payment method from typed data (Stripe: "Create a PaymentMethod"). */
export const createFromData = (
  scope: Scope,
  values: PaymentMethodValues & { billing_details?: BillingValues; metadata?: MetadataChange },
) =>
  newPaymentMethod(scope, {
    ...read(scope, values),
    billing: values.billing_details,
    metadata: values.metadata,
    allow_redisplay: values.allow_redisplay,
  });

/** Payment methods (Stripe: "The PaymentMethod object"). */
export const paymentMethodResource: Resource = {
  kinds: [paymentMethods, instruments],
  routes: [
    route({
      method: 'POST',
      path: '/v1/payment_methods',
      publishable: true,
      params: { ...typed, customer: unsupported('Connect'), payment_method: unsupported('Connect'), ...expandParam },
      handle: (scope, { params }) => createFromData(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/payment_methods',
      params: { ...pageParams, customer: text, type: text, allow_redisplay: redisplay, customer_account: text },
      handle: (scope, { params }) => {
        const { customer, type, allow_redisplay: shown } = params;
        if (customer !== undefined) scope.get(customers, customer, 'customer');
        return scope.list(paymentMethods, {
          url: '/v1/payment_methods',
          page: params,
          index: customer === undefined ? undefined : { field: 'customer', value: customer },
          // Without a customer Stripe lists only what belongs to the account itself, which is nothing here.
          where: (method) =>
            customer !== undefined &&
            (type === undefined || method.type === type) &&
            (shown === undefined || method.allow_redisplay === shown),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/payment_methods/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(paymentMethods, id),
    }),
    route({
      method: 'POST',
      path: '/v1/payment_methods/:id',
      params: {
        allow_redisplay: redisplay,
        billing_details: billingDetails,
        card: hash({ exp_month: integer(1), exp_year: integer(1), networks: anything }),
        us_bank_account: anything,
        metadata,
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        const method = scope.get(paymentMethods, id);
        if (method.customer === null)
          throw invalidRequest('You must save this PaymentMethod to a customer before you can update it.', {
            code: 'payment_method_unexpected_state',
          });
        const before = structuredClone(method);
        if (params.allow_redisplay) method.allow_redisplay = params.allow_redisplay;
        if (params.billing_details)
          method.billing_details = {
            ...method.billing_details,
            ...fullBillingDetails({ ...method.billing_details, ...params.billing_details }),
          };
        if (params.card?.exp_month || params.card?.exp_year)
          scope.save(instruments, { ...scope.get(instruments, id), expires: true });
        if (method.card && params.card?.exp_month) method.card.exp_month = params.card.exp_month;
        if (method.card && params.card?.exp_year) method.card.exp_year = params.card.exp_year;
        method.metadata = withMetadata(method.metadata, params.metadata);
        scope.save(paymentMethods, method);
        scope.emit('payment_method.updated', method, before);
        return method;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/payment_methods/:id/attach',
      params: { customer: required(text), customer_account: unsupported('customer accounts'), ...expandParam },
      handle: (scope, { id, params }) => {
        const customer = scope.get(customers, params.customer, 'customer');
        return attach(scope, usePaymentMethod(scope, id, 'id'), customer.id);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/payment_methods/:id/detach',
      params: expandParam,
      handle: (scope, { id }) => detach(scope, scope.get(paymentMethods, id)),
    }),
    route({
      method: 'GET',
      path: '/v1/customers/:id/payment_methods',
      params: { ...pageParams, type: text, allow_redisplay: redisplay },
      handle: (scope, { id, params }) => {
        scope.get(customers, id);
        return scope.list(paymentMethods, {
          url: `/v1/customers/${id}/payment_methods`,
          page: params,
          index: { field: 'customer', value: id },
          where: ({ type }) => params.type === undefined || type === params.type,
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/customers/:customer/payment_methods/:id',
      params: expandParam,
      handle: (scope, { id, path }) => {
        const method = scope.get(paymentMethods, id);
        return method.customer === path['customer']
          ? method
          : scope.get(paymentMethods, `${id} of ${path['customer']}`);
      },
    }),
  ],
};
