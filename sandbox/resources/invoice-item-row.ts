import type { Kind, StripeObject } from '../kind.js';
import type { Pricing } from './invoice-row.js';

export interface InvoiceItem extends StripeObject {
  readonly object: 'invoiceitem';
  amount: number;
  readonly currency: string;
  readonly customer: string;
  readonly customer_account: null;
  readonly date: number;
  description: string | null;
  discountable: boolean;
  readonly discounts: string[];
  invoice: string | null;
  readonly livemode: boolean;
  metadata: Record<string, string>;
  readonly net_amount: number;
  readonly parent: {
    subscription_details: { subscription: string; subscription_item?: string };
    type: 'subscription_details';
  } | null;
  period: { start: number; end: number };
  pricing: Pricing | null;
  readonly proration: boolean;
  quantity: number;
  quantity_decimal: string;
  readonly tax_rates: object[];
  readonly test_clock: null;
}
export const invoiceItems: Kind<InvoiceItem> = {
  table: 'invoiceitem',
  indexes: ['customer', 'invoice'],
  expandable: { customer: 'customer', invoice: 'invoice' },
};
