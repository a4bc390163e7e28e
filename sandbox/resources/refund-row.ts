import type { Kind, StripeObject } from '../kind.js';

export interface Refund extends StripeObject {
  readonly object: 'refund';
  readonly amount: number;
  balance_transaction: string | null;
  readonly charge: string;
  readonly created: number;
  readonly currency: string;
  readonly customer: string | null;
  readonly customer_account: null;
  destination_details?: object;
  failure_balance_transaction?: string;
  failure_reason?: string;
  metadata: Record<string, string>;
  readonly payment_intent: string | null;
  readonly payment_method: string | null;
  pending_reason?: 'processing' | 'insufficient_funds' | 'charge_pending';
  readonly reason: 'duplicate' | 'fraudulent' | 'requested_by_customer' | null;
  readonly receipt_number: null;
  readonly source_transfer_reversal: null;
  status: 'pending' | 'requires_action' | 'succeeded' | 'failed' | 'canceled';
  readonly transfer_reversal: null;
}
export const refunds: Kind<Refund> = {
  table: 'refund',
  indexes: ['charge', 'payment_intent'],
  expandable: {
    balance_transaction: 'balance_transaction',
    charge: 'charge',
    customer: 'customer',
    failure_balance_transaction: 'balance_transaction',
    payment_intent: 'payment_intent',
    payment_method: 'payment_method',
  },
};
