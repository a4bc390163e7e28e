import type { Kind, StripeObject } from '../kind.js';
import type { fullShipping } from '../params.js';

export type IntentStatus =
  | 'canceled'
  | 'processing'
  | 'requires_action'
  | 'requires_capture'
  | 'requires_confirmation'
  | 'requires_payment_method'
  | 'succeeded';

export interface PaymentIntent extends StripeObject {
  readonly object: 'payment_intent';
  allowed_payment_method_types: string[] | null;
  amount: number;
  amount_capturable: number;
  amount_details: { tip: object };
  amount_received: number;
  readonly application: null;
  readonly application_fee_amount: null;
  automatic_payment_methods: { allow_redirects: 'always' | 'never'; enabled: boolean } | null;
  canceled_at: number | null;
  cancellation_reason: string | null;
  capture_method: 'automatic' | 'automatic_async' | 'manual';
  readonly client_secret: string;
  confirmation_method: 'automatic' | 'manual';
  readonly created: number;
  currency: string;
  customer: string | null;
  readonly customer_account: null;
  description: string | null;
  excluded_payment_method_types: string[] | null;
  last_payment_error: object | null;
  latest_charge: string | null;
  readonly livemode: boolean;
  readonly managed_payments: { enabled: boolean };
  metadata: Record<string, string>;
  next_action: object | null;
  readonly on_behalf_of: null;
  payment_method: string | null;
  readonly payment_method_configuration_details: { id: string; parent: null } | null;
  payment_method_options: Record<string, unknown>;
  payment_method_types: string[];
  readonly payment_record: null;
  processing: null;
  receipt_email: string | null;
  readonly review: null;
  setup_future_usage: 'off_session' | 'on_session' | null;
  shipping: ReturnType<typeof fullShipping>;
  readonly source: null;
  statement_descriptor: string | null;
  statement_descriptor_suffix: string | null;
  status: IntentStatus;
  readonly transfer_data: null;
  transfer_group: string | null;
}
export const paymentIntents: Kind<PaymentIntent> = {
  table: 'payment_intent',
  pathParam: 'intent',
  indexes: ['customer'],
  expandable: { customer: 'customer', latest_charge: 'charge', payment_method: 'payment_method' },
};
