import type { Scope } from '../scope.js';
import { type InvoiceItem, invoiceItems } from './invoice-item-row.js';
import type { Pricing } from './invoice-row.js';

export interface NewInvoiceItem {
  readonly customer: string;
  readonly currency: string;
  readonly amount: number;
  readonly description?: string | null;
  readonly discountable?: boolean;
  readonly invoice?: string | null;
  readonly metadata?: Record<string, string>;
  readonly period?: { start: number; end: number };
  readonly pricing?: Pricing | null;
  readonly proration?: boolean;
  readonly quantity?: number;
  readonly subscription?: string | null;
  readonly subscriptionItem?: string;
}

/** An invoice item that nobody knows yet. */
export const draftInvoiceItem = (scope: Scope, values: NewInvoiceItem): InvoiceItem => {
  const now = scope.now();
  const { subscription = null, subscriptionItem } = values;
  return {
    id: scope.newId('ii'),
    object: 'invoiceitem',
    amount: values.amount,
    currency: values.currency,
    customer: values.customer,
    customer_account: null,
    date: now,
    description: values.description ?? null,
    discountable: values.discountable ?? values.amount >= 0,
    discounts: [],
    invoice: values.invoice ?? null,
    livemode: scope.livemode,
    metadata: values.metadata ?? {},
    net_amount: values.amount,
    parent:
      subscription === null
        ? null
        : {
            subscription_details: {
              subscription,
              ...(subscriptionItem === undefined ? {} : { subscription_item: subscriptionItem }),
            },
            type: 'subscription_details',
          },
    period: values.period ?? { start: now, end: now },
    pricing: values.pricing ?? null,
    proration: values.proration ?? false,
    quantity: values.quantity ?? 1,
    quantity_decimal: String(values.quantity ?? 1),
    tax_rates: [],
    test_clock: null,
  };
};

/** Makes an invoice item and tells of it; without an invoice it waits for the next one (Stripe: "Create an invoice item"). */
export const newInvoiceItem = (scope: Scope, values: NewInvoiceItem): InvoiceItem => {
  const item = scope.save(invoiceItems, draftInvoiceItem(scope, values));
  scope.emit('invoiceitem.created', item);
  return item;
};
