import type { Decline } from '../declines.js';
import { invalidRequest, leftOut } from '../errors.js';
import { pageOf } from '../lists.js';
import {
  boolean,
  clearable,
  createdFilter,
  expandParam,
  integer,
  metadata,
  oneOf,
  pageParams,
  text,
  unsupported,
  type Values,
  withMetadata,
} from '../params.js';
import { type Resource, route } from '../resource.js';
import type { Scope } from '../scope.js';
import { customers } from './customer-row.js';
import {
  collect,
  finalize,
  finalizeAutomatically,
  markUncollectible,
  openPayment,
  payOutOfBand,
  retry,
  voidInvoice,
} from './invoice-flow.js';
import { invoiceItems } from './invoice-item-row.js';
import { paymentReactions } from './invoice-reactions.js';
import { collections, type Invoice, invoices, lineItems, subscriptionOf } from './invoice-row.js';
import { DRAFT_SECONDS, newInvoice, recompute, scheduleFinalization, takePendingItems } from './new-invoice.js';
import { checkMethod } from './new-subscription.js';
import { cardError, paymentMethods } from './payment-method.js';
import { automatic, empty, switchedOff } from './subscription-params.js';
import { subscriptions } from './subscription-row.js';

const shared = {
  account_tax_ids: empty('tax ids'),
  application_fee_amount: unsupported('Connect'),
  auto_advance: boolean,
  automatic_tax: switchedOff('automatic tax'),
  automatically_finalizes_at: integer(0),
  collection_method: automatic,
  custom_fields: empty('custom fields'),
  days_until_due: unsupported('invoices that are sent'),
  default_payment_method: text,
  default_source: empty('sources'),
  default_tax_rates: empty('tax rates'),
  description: text,
  discounts: empty('discounts'),
  due_date: unsupported('invoices that are sent'),
  effective_at: unsupported('dates of issue of your own'),
  footer: text,
  issuer: unsupported('Connect'),
  metadata,
  number: unsupported('invoice numbers of your own'),
  on_behalf_of: unsupported('Connect'),
  payment_settings: unsupported('payment settings of invoices'),
  rendering: unsupported('rendering options'),
  shipping_cost: unsupported('shipping costs'),
  shipping_details: unsupported('shipping details'),
  statement_descriptor: text,
  transfer_data: unsupported('Connect'),
  ...expandParam,
} as const;
const createParams = {
  ...shared,
  currency: text,
  customer: text,
  customer_account: unsupported('customer accounts'),
  from_invoice: unsupported('revisions'),
  pending_invoice_items_behavior: oneOf('exclude', 'include'),
  subscription: text,
} as const;

const create = (scope: Scope, values: Values<typeof createParams>): Invoice => {
  const subscription =
    values.subscription === undefined ? undefined : scope.get(subscriptions, values.subscription, 'subscription');
  const customerId = values.customer ?? subscription?.customer;
  if (customerId === undefined)
    throw invalidRequest('Missing required param: customer.', { code: 'parameter_missing', param: 'customer' });
  const customer = scope.get(customers, customerId, 'customer');
  if (values.default_payment_method !== undefined) checkMethod(scope, customer.id, values.default_payment_method);
  const invoice = newInvoice(scope, {
    customer,
    currency: values.currency ?? subscription?.currency ?? customer.currency ?? 'usd',
    reason: subscription ? 'subscription_update' : 'manual',
    subscription,
    autoAdvance: values.auto_advance ?? false,
    description: values.description ?? null,
    footer: values.footer ?? null,
    metadata: withMetadata({}, values.metadata),
    defaultPaymentMethod: values.default_payment_method ?? null,
    statementDescriptor: values.statement_descriptor ?? null,
  });
  if (values.pending_invoice_items_behavior === 'include' || subscription)
    takePendingItems(scope, invoice, subscription?.id ?? null);
  recompute(scope, invoice);
  scope.save(invoices, invoice);
  if (invoice.auto_advance)
    scheduleFinalization(scope, invoice, values.automatically_finalizes_at ?? scope.now() + DRAFT_SECONDS);
  scope.emit('invoice.created', invoice);
  return invoice;
};

const ALWAYS_EDITABLE = ['auto_advance', 'default_payment_method', 'metadata', 'expand'];

/** When the draft is finalised after an update; undefined where that stays as it is. */
const nextFinalization = (scope: Scope, invoice: Invoice, values: Values<typeof shared>): number | null | undefined => {
  if (invoice.status !== 'draft') return undefined;
  if (values.automatically_finalizes_at !== undefined) return values.automatically_finalizes_at;
  if (values.auto_advance === undefined || values.auto_advance === invoice.auto_advance) return undefined;
  return values.auto_advance ? scope.now() + DRAFT_SECONDS : null;
};

const update = (scope: Scope, invoice: Invoice, values: Values<typeof shared>): Invoice => {
  const fixed = Object.keys(values).find((name) => !ALWAYS_EDITABLE.includes(name));
  if (fixed !== undefined && invoice.status !== 'draft')
    throw invalidRequest(`Finalized invoices can't be updated in this way: ${fixed}.`, {
      code: 'invoice_not_editable',
      param: fixed,
    });
  const at = values.automatically_finalizes_at;
  if (at !== undefined && at <= scope.now())
    throw invalidRequest('automatically_finalizes_at must be in the future.', { param: 'automatically_finalizes_at' });
  if (values.default_payment_method !== undefined) checkMethod(scope, invoice.customer, values.default_payment_method);
  const before = structuredClone(invoice);
  const next = nextFinalization(scope, invoice, values);
  Object.assign(invoice, {
    auto_advance: values.auto_advance ?? (at === undefined ? invoice.auto_advance : true),
    default_payment_method: values.default_payment_method ?? invoice.default_payment_method,
    description: values.description ?? invoice.description,
    footer: values.footer ?? invoice.footer,
    metadata: withMetadata(invoice.metadata, values.metadata),
    statement_descriptor: values.statement_descriptor ?? invoice.statement_descriptor,
  });
  if (next !== undefined) scheduleFinalization(scope, invoice, next);
  scope.save(invoices, invoice);
  if (JSON.stringify(before) !== JSON.stringify(invoice)) scope.emit('invoice.updated', invoice, before);
  return invoice;
};

/** Finalises by request; where it advances by itself the charge follows within the hour. */
const finalizeByRequest = (scope: Scope, invoice: Invoice, autoAdvance: boolean | undefined): Invoice => {
  if (autoAdvance !== undefined) invoice.auto_advance = autoAdvance;
  const error = finalize(scope, invoice);
  if (error) throw error;
  if (invoice.status === 'open' && invoice.auto_advance) {
    invoice.next_payment_attempt = scope.now() + DRAFT_SECONDS;
    scope.save(invoices, invoice);
    scope.schedule('invoice.retry', DRAFT_SECONDS, invoice.id);
  }
  return invoice;
};

/** The answer to a payment that the customer must authenticate (Stripe: "Error codes": invoice_payment_intent_requires_action). */
const NEEDS_ACTION: Decline = {
  code: 'invoice_payment_intent_requires_action',
  message:
    'Payment for this invoice requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with the invoice. For more details see: https://stripe.com/docs/billing/subscriptions/overview#requires-action',
};

interface PayValues {
  readonly paid_out_of_band?: boolean;
  readonly payment_method?: string;
  readonly off_session?: boolean;
}

/** Pays by request; throws the card error of a decline, which is recorded by then (Stripe: "Pay an invoice"). */
const pay = (scope: Scope, invoice: Invoice, values: PayValues): Invoice => {
  if (invoice.status === 'paid') throw invalidRequest('Invoice is already paid', { code: 'invoice_already_paid' });
  if (invoice.status === 'void')
    throw invalidRequest("Voided invoices can't be paid.", { code: 'invoice_not_editable' });
  if (values.payment_method !== undefined)
    checkMethod(scope, invoice.customer, values.payment_method, 'payment_method');
  if (invoice.status === 'draft') {
    const error = finalize(scope, invoice);
    if (error) throw error;
  }
  if (scope.get(invoices, invoice.id).amount_remaining === 0) return invoice;
  if (values.paid_out_of_band) {
    payOutOfBand(scope, invoice);
    return invoice;
  }
  const status = openPayment(scope, invoice)?.intent.status;
  if (status === undefined || status === 'processing' || status === 'canceled')
    throw invalidRequest(`This invoice can't be paid now: its payment is ${status ?? 'missing'}.`, {
      code: 'payment_intent_unexpected_state',
    });
  const method = values.payment_method === undefined ? undefined : scope.get(paymentMethods, values.payment_method);
  const error = collect(scope, invoice, { method, isAutomatic: false, isOffSession: values.off_session ?? true });
  if (error) throw error;
  if (openPayment(scope, invoice)?.intent.status === 'requires_action') throw cardError(NEEDS_ACTION);
  return invoice;
};

const remove = (scope: Scope, invoice: Invoice): object => {
  if (invoice.status !== 'draft' || subscriptionOf(invoice) !== null)
    throw invalidRequest('You can only delete draft one-off invoices.', { code: 'invoice_not_editable' });
  for (const item of scope.all(invoiceItems, 'invoice', invoice.id)) scope.remove(invoiceItems, item.id);
  scope.remove(invoices, invoice.id);
  scope.emit('invoice.deleted', invoice);
  return { id: invoice.id, object: 'invoice', deleted: true };
};

/** Invoices (Stripe: "The Invoice object"). */
export const invoiceResource: Resource = {
  kinds: [invoices, lineItems, collections],
  routes: [
    route({
      method: 'POST',
      path: '/v1/invoices',
      params: createParams,
      handle: (scope, { params }) => create(scope, params),
    }),
    route({
      method: 'GET',
      path: '/v1/invoices',
      params: {
        ...pageParams,
        collection_method: oneOf('charge_automatically', 'send_invoice'),
        created: createdFilter,
        customer: text,
        customer_account: unsupported('customer accounts'),
        due_date: unsupported('invoices that are sent'),
        status: oneOf('draft', 'open', 'paid', 'uncollectible', 'void'),
        subscription: text,
      },
      handle: (scope, { params }) => {
        const { customer, subscription, status } = params;
        const byCustomer = customer === undefined ? undefined : { field: 'customer' as const, value: customer };
        return scope.list(invoices, {
          url: '/v1/invoices',
          page: params,
          index:
            subscription === undefined
              ? byCustomer
              : { field: 'parent.subscription_details.subscription', value: subscription },
          where: (row) =>
            (status === undefined || row.status === status) &&
            (customer === undefined || row.customer === customer) &&
            params.collection_method !== 'send_invoice',
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/invoices/:id',
      params: expandParam,
      handle: (scope, { id }) => scope.get(invoices, id),
    }),
    route({
      method: 'POST',
      path: '/v1/invoices/:id',
      params: shared,
      handle: (scope, { id, params }) => update(scope, scope.get(invoices, id), params),
    }),
    route({
      method: 'DELETE',
      path: '/v1/invoices/:id',
      params: {},
      handle: (scope, { id }) => remove(scope, scope.get(invoices, id)),
    }),
    route({
      method: 'GET',
      path: '/v1/invoices/:id/lines',
      params: pageParams,
      handle: (scope, { id, params }) => {
        const { lines } = scope.get(invoices, id);
        return pageOf(lines.data, lines.url, { page: params, noun: 'line item' });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/invoices/:id/finalize',
      params: { auto_advance: boolean, ...expandParam },
      handle: (scope, { id, params }) => finalizeByRequest(scope, scope.get(invoices, id), params.auto_advance),
    }),
    route({
      method: 'POST',
      path: '/v1/invoices/:id/pay',
      params: {
        forgive: boolean,
        mandate: clearable(text),
        off_session: boolean,
        paid_out_of_band: boolean,
        payment_method: text,
        source: unsupported('sources'),
        ...expandParam,
      },
      handle: (scope, { id, params }) => {
        if (params.forgive) throw leftOut('forgiving a rest (forgive)', 'forgive');
        return pay(scope, scope.get(invoices, id), params);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/invoices/:id/void',
      params: expandParam,
      handle: (scope, { id }) => {
        const invoice = scope.get(invoices, id);
        voidInvoice(scope, invoice);
        return invoice;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/invoices/:id/mark_uncollectible',
      params: expandParam,
      handle: (scope, { id }) => {
        const invoice = scope.get(invoices, id);
        markUncollectible(scope, invoice);
        return invoice;
      },
    }),
  ],
  tasks: { 'invoice.finalize': { run: finalizeAutomatically, quiet: true }, 'invoice.retry': { run: retry } },
  reactions: paymentReactions,
};
