import type { Kind, StripeObject } from '../kind.js';
import type { fullAddress } from '../params.js';
import { invoicePayments } from './invoice-payment-row.js';
import { paymentIntents } from './payment-intent-row.js';

export interface Pricing {
  readonly price_details: { price: string; product: string };
  readonly type: 'price_details';
  readonly unit_amount_decimal: string | null;
}

export interface LineItem extends StripeObject {
  readonly object: 'line_item';
  readonly amount: number;
  readonly currency: string;
  readonly description: string | null;
  readonly discount_amounts: object[];
  readonly discountable: boolean;
  readonly discounts: string[];
  readonly invoice: string;
  readonly livemode: boolean;
  readonly metadata: Record<string, string>;
  readonly parent: {
    invoice_item_details: {
      invoice_item: string;
      proration: boolean;
      proration_details: { credited_items: null };
      subscription: string | null;
    } | null;
    subscription_item_details: {
      invoice_item: null;
      proration: boolean;
      proration_details: { credited_items: null };
      subscription: string;
      subscription_item: string;
    } | null;
    type: 'invoice_item_details' | 'subscription_item_details';
  };
  readonly period: { start: number; end: number };
  readonly pretax_credit_amounts: object[];
  readonly pricing: Pricing | null;
  readonly quantity: number;
  readonly quantity_decimal: string;
  readonly subscription: string | null;
  readonly subtotal: number;
  readonly taxes: object[];
}
/** Lines are kept inside their invoice; the kind tells what can be expanded. */
export const lineItems: Kind<LineItem> = {
  table: 'line_item',
  expandable: { 'pricing.price_details.price': 'price', subscription: 'subscription' },
};

export type BillingReason = 'manual' | 'subscription_create' | 'subscription_cycle' | 'subscription_update';

export interface Invoice extends StripeObject {
  readonly object: 'invoice';
  readonly account_country: string;
  readonly account_name: string;
  readonly account_tax_ids: null;
  amount_due: number;
  amount_overpaid: number;
  amount_paid: number;
  amount_paid_off_stripe?: number;
  amount_remaining: number;
  readonly amount_shipping: number;
  readonly application: null;
  attempt_count: number;
  attempted: boolean;
  auto_advance: boolean;
  readonly automatic_tax: object;
  automatically_finalizes_at: number | null;
  readonly billing_reason: BillingReason;
  readonly collection_method: 'charge_automatically';
  readonly created: number;
  readonly currency: string;
  readonly custom_fields: null;
  readonly customer: string;
  readonly customer_account: null;
  readonly customer_address: ReturnType<typeof fullAddress> | null;
  readonly customer_email: string | null;
  readonly customer_name: string | null;
  readonly customer_phone: string | null;
  readonly customer_shipping: object | null;
  readonly customer_tax_exempt: string | null;
  readonly customer_tax_ids: object[];
  default_payment_method: string | null;
  readonly default_source: null;
  readonly default_tax_rates: object[];
  description: string | null;
  readonly discounts: string[];
  readonly due_date: null;
  effective_at: number | null;
  ending_balance: number | null;
  footer: string | null;
  readonly from_invoice: null;
  hosted_invoice_url: string | null;
  invoice_pdf: string | null;
  readonly issuer: { type: 'self' };
  last_finalization_error: object | null;
  readonly latest_revision: null;
  lines: {
    readonly object: 'list';
    data: LineItem[];
    readonly has_more: boolean;
    total_count: number;
    readonly url: string;
  };
  readonly livemode: boolean;
  metadata: Record<string, string>;
  next_payment_attempt: number | null;
  number: string | null;
  readonly on_behalf_of: null;
  readonly parent: {
    quote_details: null;
    subscription_details: { metadata: Record<string, string>; subscription: string };
    type: 'subscription_details';
  } | null;
  readonly payment_settings: object;
  readonly period_end: number;
  readonly period_start: number;
  readonly post_payment_credit_notes_amount: number;
  readonly pre_payment_credit_notes_amount: number;
  readonly receipt_number: null;
  readonly rendering: null;
  readonly shipping_cost: null;
  readonly shipping_details: null;
  starting_balance: number;
  statement_descriptor: string | null;
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
  status_details?: { uncollectible?: { reason: string } };
  status_transitions: {
    finalized_at: number | null;
    marked_uncollectible_at: number | null;
    paid_at: number | null;
    voided_at: number | null;
  };
  subtotal: number;
  subtotal_excluding_tax: number;
  readonly test_clock: null;
  total: number;
  readonly total_discount_amounts: object[];
  total_excluding_tax: number;
  readonly total_pretax_credit_amounts: object[];
  readonly total_taxes: object[];
  readonly webhooks_delivered_at: number;
}
export const invoices: Kind<Invoice> = {
  table: 'invoice',
  indexes: ['customer', 'parent.subscription_details.subscription'],
  expandable: {
    customer: 'customer',
    default_payment_method: 'payment_method',
    'parent.subscription_details.subscription': 'subscription',
  },
  included: {
    lines: (scope, id) => scope.get(invoices, id).lines,
    payments: (scope, id) =>
      scope.list(invoicePayments, {
        url: `/v1/invoice_payments?invoice=${id}`,
        index: { field: 'invoice', value: id },
      }),
    confirmation_secret: (scope, id) => {
      const [payment] = scope.all(invoicePayments, 'invoice', id).filter(({ status }) => status === 'open');
      const intent = payment && scope.find(paymentIntents, payment.payment.payment_intent);
      return intent ? { client_secret: intent.client_secret, type: 'payment_intent' } : null;
    },
  },
};

export const subscriptionOf = ({ parent }: Invoice): string | null => parent?.subscription_details.subscription ?? null;

/** What Stripe knows of collecting an invoice and doesn't show. */
export interface Collection extends StripeObject {
  readonly object: 'collection';
  /** Is the attempt under way one of Stripe's own, so that its failure leads to a retry? */
  isAutomatic: boolean;
  /** Was the attempt under way counted already? */
  isCounted: boolean;
  /** All retries failed. */
  isExhausted: boolean;
  /** So many of the next finalisations fail (the control door). */
  failingFinalizations: number;
}
export const collections: Kind<Collection> = { table: 'collection' };
