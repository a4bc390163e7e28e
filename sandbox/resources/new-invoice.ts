import { money } from '../currencies.js';
import { randomText } from '../ids.js';
import type { Scope } from '../scope.js';
import { dueOf } from './customer-balance.js';
import { type Customer, customers } from './customer-row.js';
import { type InvoiceItem, invoiceItems } from './invoice-item-row.js';
import {
  type BillingReason,
  type Collection,
  collections,
  type Invoice,
  invoices,
  type LineItem,
} from './invoice-row.js';
import { plainAmount, productName } from './new-price.js';
import type { Price } from './price-row.js';
import type { Subscription, SubscriptionItem } from './subscription-row.js';

/** From creation to automatic finalisation (Stripe: "Status transitions and finalization"). */
export const DRAFT_SECONDS = 60 * 60;

export interface NewInvoice {
  readonly customer: Customer;
  readonly currency: string;
  readonly reason: BillingReason;
  readonly subscription?: Subscription | undefined;
  readonly period?: { start: number; end: number };
  readonly autoAdvance: boolean;
  readonly description?: string | null;
  readonly footer?: string | null;
  readonly metadata?: Record<string, string>;
  readonly defaultPaymentMethod?: string | null;
  readonly statementDescriptor?: string | null;
}

export const pricingOf = (price: Price) => ({
  price_details: { price: price.id, product: price.product },
  type: 'price_details' as const,
  unit_amount_decimal: price.unit_amount_decimal,
});

const unchargedLine = {
  discount_amounts: [],
  discountable: true,
  discounts: [],
  pretax_credit_amounts: [],
  taxes: [],
};

const rhythmText = (price: Price): string => {
  if (!price.recurring) return '';
  const { interval, interval_count: count } = price.recurring;
  return count === 1 ? ` / ${interval}` : ` / every ${count} ${interval}s`;
};

/** The line of a subscription item for a period; free during a trial. */
export const itemLine = (
  scope: Scope,
  invoice: string,
  { id, price, quantity, subscription, metadata }: SubscriptionItem,
  period: { start: number; end: number },
  isTrial: boolean,
): LineItem => {
  const amount = isTrial ? 0 : plainAmount(price, 'items') * quantity;
  const name = productName(scope, price);
  return {
    id: scope.newId('il'),
    object: 'line_item',
    amount,
    currency: price.currency,
    description: isTrial
      ? `Trial period for ${name}`
      : `${quantity} × ${name} (at ${money(price.unit_amount ?? 0, price.currency)}${rhythmText(price)})`,
    ...unchargedLine,
    invoice,
    livemode: scope.livemode,
    metadata: { ...metadata },
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription,
        subscription_item: id,
      },
      type: 'subscription_item_details',
    },
    period,
    pricing: pricingOf(price),
    quantity,
    quantity_decimal: String(quantity),
    subscription,
    subtotal: amount,
  };
};

/** The line of an invoice item. */
export const looseLine = (scope: Scope, invoice: string, item: InvoiceItem): LineItem => {
  const subscription = item.parent?.subscription_details.subscription ?? null;
  return {
    id: scope.newId('il'),
    object: 'line_item',
    amount: item.amount,
    currency: item.currency,
    description: item.description,
    ...unchargedLine,
    discountable: item.discountable,
    invoice,
    livemode: scope.livemode,
    metadata: { ...item.metadata },
    parent: {
      invoice_item_details: {
        invoice_item: item.id,
        proration: item.proration,
        proration_details: { credited_items: null },
        subscription,
      },
      subscription_item_details: null,
      type: 'invoice_item_details',
    },
    period: item.period,
    pricing: item.pricing,
    quantity: item.quantity,
    quantity_decimal: item.quantity_decimal,
    subscription,
    subtotal: item.amount,
  };
};

/** Adds up the lines and the customer's balance; what is due is never below 0. */
export const recompute = (scope: Scope, invoice: Invoice): void => {
  const total = invoice.lines.data.reduce((sum, { amount }) => sum + amount, 0);
  const balance = scope.find(customers, invoice.customer)?.balance ?? 0;
  const { amountDue } = dueOf(total, balance, invoice.currency);
  Object.assign(invoice, {
    subtotal: total,
    subtotal_excluding_tax: total,
    total,
    total_excluding_tax: total,
    starting_balance: balance,
    amount_due: amountDue,
    amount_remaining: amountDue - invoice.amount_paid,
  });
  invoice.lines.total_count = invoice.lines.data.length;
};

/** Puts the lines of the invoice's items in, in place of the old ones, and adds up. */
export const relist = (scope: Scope, invoice: Invoice): void => {
  const items = scope.all(invoiceItems, 'invoice', invoice.id).reverse();
  const known = new Map(invoice.lines.data.map((line) => [line.parent.invoice_item_details?.invoice_item, line.id]));
  invoice.lines.data = [
    ...invoice.lines.data.filter(({ parent }) => parent.invoice_item_details === null),
    ...items.map((item) => {
      const line = looseLine(scope, invoice.id, item);
      return { ...line, id: known.get(item.id) ?? line.id };
    }),
  ];
  recompute(scope, invoice);
};

/** Takes the customer's waiting items of this subscription (or of none) into the invoice. */
export const takePendingItems = (scope: Scope, invoice: Invoice, subscription: string | null): void => {
  for (const item of scope.all(invoiceItems, 'customer', invoice.customer)) {
    const owner = item.parent?.subscription_details.subscription ?? null;
    const isWanted =
      item.invoice === null && item.currency === invoice.currency && (owner === null || owner === subscription);
    if (isWanted) scope.save(invoiceItems, { ...item, invoice: invoice.id });
  }
  relist(scope, invoice);
};

const contactOf = ({ address, email, name, phone, shipping, tax_exempt }: Customer) => ({
  customer_address: address,
  customer_email: email,
  customer_name: name,
  customer_phone: phone,
  customer_shipping: shipping && { ...shipping, carrier: null, tracking_number: null },
  customer_tax_exempt: tax_exempt,
  customer_tax_ids: [],
});

const emptyInvoice = () => ({
  account_country: 'US',
  account_name: 'Sandbox',
  account_tax_ids: null,
  amount_due: 0,
  amount_overpaid: 0,
  amount_paid: 0,
  amount_remaining: 0,
  amount_shipping: 0,
  application: null,
  attempt_count: 0,
  attempted: false,
  automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
  collection_method: 'charge_automatically' as const,
  custom_fields: null,
  customer_account: null,
  default_source: null,
  default_tax_rates: [],
  discounts: [],
  due_date: null,
  effective_at: null,
  ending_balance: null,
  from_invoice: null,
  hosted_invoice_url: null,
  invoice_pdf: null,
  issuer: { type: 'self' as const },
  last_finalization_error: null,
  latest_revision: null,
  number: null,
  on_behalf_of: null,
  payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
  post_payment_credit_notes_amount: 0,
  pre_payment_credit_notes_amount: 0,
  receipt_number: null,
  rendering: null,
  shipping_cost: null,
  shipping_details: null,
  status: 'draft' as const,
  subtotal: 0,
  subtotal_excluding_tax: 0,
  test_clock: null,
  total: 0,
  total_discount_amounts: [],
  total_excluding_tax: 0,
  total_pretax_credit_amounts: [],
  total_taxes: [],
});

/**
 * A draft without lines, not told of yet. The subscription's metadata is copied as it is now (Stripe: "The Invoice
 * object": parent.subscription_details.metadata). Where it advances by itself its finalisation is due in an hour.
 */
export const newInvoice = (scope: Scope, values: NewInvoice): Invoice => {
  const id = scope.newId('in');
  const now = scope.now();
  const { customer, subscription, autoAdvance } = values;
  scope.save<Collection>(collections, {
    id,
    object: 'collection',
    isAutomatic: false,
    isCounted: false,
    isExhausted: false,
    failingFinalizations: 0,
  });
  return scope.save<Invoice>(invoices, {
    id,
    object: 'invoice',
    ...emptyInvoice(),
    ...contactOf(customer),
    auto_advance: autoAdvance,
    automatically_finalizes_at: null,
    billing_reason: values.reason,
    created: now,
    currency: values.currency,
    customer: customer.id,
    default_payment_method: values.defaultPaymentMethod ?? null,
    description: values.description ?? null,
    footer: values.footer ?? customer.invoice_settings.footer,
    lines: { object: 'list', data: [], has_more: false, total_count: 0, url: `/v1/invoices/${id}/lines` },
    livemode: scope.livemode,
    metadata: values.metadata ?? {},
    next_payment_attempt: null,
    parent: subscription
      ? {
          quote_details: null,
          subscription_details: { metadata: { ...subscription.metadata }, subscription: subscription.id },
          type: 'subscription_details',
        }
      : null,
    period_end: values.period?.end ?? now,
    period_start: values.period?.start ?? now,
    starting_balance: customer.balance,
    statement_descriptor: values.statementDescriptor ?? null,
    status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
    webhooks_delivered_at: now,
  });
};

/** Sets when a draft is finalised by itself; null when it isn't. */
export const scheduleFinalization = (scope: Scope, invoice: Invoice, at: number | null): void => {
  invoice.automatically_finalizes_at = at;
  invoice.next_payment_attempt = at;
  scope.save(invoices, invoice);
  if (at !== null) scope.schedule('invoice.finalize', at - scope.now(), invoice.id);
};

/** The next number of the customer's invoices, such as `1A2B3C4D-0001`. */
export const numberFor = (scope: Scope, customer: Customer | undefined): string => {
  if (!customer) return `${randomText(8).toUpperCase()}-0001`;
  const number = `${customer.invoice_prefix}-${String(customer.next_invoice_sequence).padStart(4, '0')}`;
  customer.next_invoice_sequence += 1;
  scope.save(customers, customer);
  return number;
};
