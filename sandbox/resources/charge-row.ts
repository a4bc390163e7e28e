import type { Kind, StripeObject } from '../kind.js';
import type { fullBillingDetails, fullShipping } from '../params.js';
import { refunds } from './refund-row.js';

export interface Charge extends StripeObject {
  readonly object: 'charge';
  readonly amount: number;
  amount_captured: number;
  amount_refunded: number;
  readonly application: null;
  readonly application_fee: null;
  readonly application_fee_amount: null;
  balance_transaction: string | null;
  billing_details: ReturnType<typeof fullBillingDetails>;
  calculated_statement_descriptor: string | null;
  captured: boolean;
  readonly created: number;
  readonly currency: string;
  customer: string | null;
  description: string | null;
  disputed: boolean;
  failure_balance_transaction: string | null;
  failure_code: string | null;
  failure_message: string | null;
  fraud_details: Record<string, string>;
  readonly livemode: boolean;
  metadata: Record<string, string>;
  readonly on_behalf_of: null;
  outcome: object | null;
  paid: boolean;
  readonly payment_intent: string | null;
  readonly payment_method: string;
  payment_method_details: object;
  receipt_email: string | null;
  receipt_number: string | null;
  receipt_url: string | null;
  refunded: boolean;
  readonly review: null;
  shipping: ReturnType<typeof fullShipping>;
  readonly source: null;
  readonly source_transfer: null;
  readonly statement_descriptor: string | null;
  readonly statement_descriptor_suffix: string | null;
  status: 'succeeded' | 'pending' | 'failed';
  readonly transfer_data: null;
  transfer_group: string | null;
  radar_options: object;
}
export const charges: Kind<Charge> = {
  table: 'charge',
  indexes: ['customer', 'payment_intent'],
  expandable: {
    balance_transaction: 'balance_transaction',
    customer: 'customer',
    failure_balance_transaction: 'balance_transaction',
    payment_intent: 'payment_intent',
  },
  included: {
    refunds: (scope, id) =>
      scope.list(refunds, { url: `/v1/charges/${id}/refunds`, index: { field: 'charge', value: id } }),
  },
};
