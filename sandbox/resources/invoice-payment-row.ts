import type { Kind, StripeObject } from '../kind.js';

export interface InvoicePayment extends StripeObject {
  readonly object: 'invoice_payment';
  amount_paid: number | null;
  readonly amount_requested: number;
  readonly created: number;
  readonly currency: string;
  readonly invoice: string;
  readonly is_default: boolean;
  readonly livemode: boolean;
  readonly payment: { payment_intent: string; type: 'payment_intent' };
  status: 'canceled' | 'open' | 'paid';
  status_transitions: { canceled_at: number | null; paid_at: number | null };
}
export const invoicePayments: Kind<InvoicePayment> = {
  table: 'invoice_payment',
  indexes: ['invoice', 'payment.payment_intent'],
  expandable: { invoice: 'invoice', 'payment.payment_intent': 'payment_intent' },
};
