import type { Kind, StripeObject } from '../kind.js';

export interface SetupIntent extends StripeObject {
  readonly object: 'setup_intent';
  allowed_payment_method_types: string[] | null;
  readonly application: null;
  readonly automatic_payment_methods: { allow_redirects: 'always' | 'never'; enabled: boolean } | null;
  cancellation_reason: string | null;
  readonly client_secret: string;
  readonly created: number;
  customer: string | null;
  readonly customer_account: null;
  description: string | null;
  readonly excluded_payment_method_types: null;
  readonly flow_directions: null;
  last_setup_error: object | null;
  latest_attempt: string | null;
  readonly livemode: boolean;
  readonly mandate: null;
  readonly managed_payments: { enabled: boolean };
  metadata: Record<string, string>;
  next_action: object | null;
  readonly on_behalf_of: null;
  payment_method: string | null;
  readonly payment_method_configuration_details: { id: string; parent: null } | null;
  payment_method_options: object;
  payment_method_types: string[];
  readonly single_use_mandate: null;
  status:
    | 'canceled'
    | 'processing'
    | 'requires_action'
    | 'requires_confirmation'
    | 'requires_payment_method'
    | 'succeeded';
  readonly usage: 'off_session' | 'on_session';
}
export const setupIntents: Kind<SetupIntent> = {
  table: 'setup_intent',
  pathParam: 'intent',
  indexes: ['customer', 'payment_method'],
  expandable: { customer: 'customer', latest_attempt: 'setup_attempt', payment_method: 'payment_method' },
};
