import { leftOut } from '../errors.js';
import {
  createdFilter,
  expandParam,
  hash,
  oneOf,
  type Param,
  pageParams,
  required,
  text,
  unsupported,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import { invoicePayments } from './invoice-payment-row.js';

const paymentType: Param<'payment_intent'> = {
  parse: (value, path) => {
    const type = oneOf('charge', 'payment_intent', 'payment_record').parse(value, path);
    if (type !== 'payment_intent') throw leftOut(`payments of invoices by ${type}`, path);
    return type;
  },
};

/** What ties an invoice to its payment intents (Stripe: "The Invoice Payment object"). */
export const invoicePaymentResource: Resource = {
  kinds: [invoicePayments],
  routes: [
    route({
      method: 'GET',
      path: '/v1/invoice_payments',
      params: {
        ...pageParams,
        created: createdFilter,
        invoice: text,
        payment: hash({
          type: required(paymentType),
          payment_intent: text,
          payment_record: unsupported('payment records'),
        }),
        status: oneOf('canceled', 'open', 'paid'),
      },
      handle: (scope, { params }) => {
        const intent = params.payment?.payment_intent;
        const byInvoice =
          params.invoice === undefined ? undefined : { field: 'invoice' as const, value: params.invoice };
        return scope.list(invoicePayments, {
          url: '/v1/invoice_payments',
          page: params,
          index: intent === undefined ? byInvoice : { field: 'payment.payment_intent', value: intent },
          where: (row) =>
            (params.status === undefined || row.status === params.status) &&
            (params.invoice === undefined || row.invoice === params.invoice),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/invoice_payments/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(invoicePayments, id),
    }),
  ],
};
