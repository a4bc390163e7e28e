import type { Kind, StripeObject } from '../kind.js';
import type { fullAddress, MetadataChange, ShippingValues } from '../params.js';
import type { Price } from './price-row.js';

/** One thing that is bought (Stripe: "The Session object": line_items). */
export interface CheckoutItem extends StripeObject {
  readonly object: 'item';
  readonly adjustable_quantity: null;
  readonly amount_discount: number;
  readonly amount_subtotal: number;
  readonly amount_tax: number;
  readonly amount_total: number;
  readonly currency: string;
  readonly description: string;
  readonly metadata: Record<string, string>;
  readonly price: Price;
  readonly quantity: number;
}
/** Items are kept inside their session's plan; the kind tells what can be expanded. */
export const checkoutItems: Kind<CheckoutItem> = { table: 'item' };

export interface CheckoutSession extends StripeObject {
  readonly object: 'checkout.session';
  readonly adaptive_pricing: { enabled: boolean };
  readonly after_expiration: null;
  readonly allow_promotion_codes: boolean | null;
  readonly allowed_payment_method_types: string[] | null;
  readonly amount_subtotal: number | null;
  readonly amount_total: number | null;
  readonly automatic_tax: object;
  readonly billing_address_collection: 'auto' | 'required' | null;
  readonly cancel_url: string | null;
  readonly client_reference_id: string | null;
  readonly client_secret: null;
  readonly collected_information: object | null;
  readonly consent: null;
  readonly consent_collection: null;
  readonly created: number;
  readonly currency: string | null;
  readonly currency_conversion: null;
  readonly custom_fields: object[];
  readonly custom_text: object;
  customer: string | null;
  readonly customer_account: null;
  readonly customer_creation: 'always' | 'if_required' | null;
  customer_details: {
    address: ReturnType<typeof fullAddress> | null;
    business_name: null;
    email: string | null;
    individual_name: string | null;
    name: string | null;
    phone: string | null;
    tax_exempt: string | null;
    tax_ids: object[];
  } | null;
  readonly customer_email: string | null;
  readonly discounts: object[];
  expires_at: number;
  readonly integration_identifier: string | null;
  invoice: string | null;
  readonly invoice_creation: object | null;
  readonly livemode: boolean;
  readonly locale: string | null;
  readonly managed_payments: { enabled: boolean };
  metadata: Record<string, string>;
  readonly mode: 'payment' | 'setup' | 'subscription';
  readonly origin_context: string | null;
  payment_intent: string | null;
  readonly payment_link: null;
  readonly payment_method_collection: 'always' | 'if_required' | null;
  readonly payment_method_configuration_details: { id: string; parent: null } | null;
  readonly payment_method_options: object;
  readonly payment_method_types: string[];
  payment_status: 'no_payment_required' | 'paid' | 'unpaid';
  readonly permissions: null;
  readonly phone_number_collection: { enabled: boolean };
  readonly recovered_from: null;
  readonly saved_payment_method_options: object | null;
  setup_intent: string | null;
  readonly shipping_address_collection: null;
  readonly shipping_cost: null;
  readonly shipping_options: object[];
  status: 'complete' | 'expired' | 'open';
  readonly submit_type: string | null;
  subscription: string | null;
  readonly success_url: string;
  readonly total_details: { amount_discount: number; amount_shipping: number; amount_tax: number } | null;
  readonly ui_mode: 'hosted_page';
  url: string | null;
  readonly wallet_options: null;
}
export const checkoutSessions: Kind<CheckoutSession> = {
  table: 'checkout.session',
  indexes: ['customer', 'payment_intent', 'subscription'],
  expandable: {
    customer: 'customer',
    invoice: 'invoice',
    payment_intent: 'payment_intent',
    setup_intent: 'setup_intent',
    subscription: 'subscription',
  },
  included: {
    line_items: (scope, id) => {
      const data = scope.get(checkoutPlans, id).items;
      return { object: 'list', data, has_more: false, url: `/v1/checkout/sessions/${id}/line_items` };
    },
  },
};

/** What the session will make when the customer confirms; Stripe doesn't show it. */
export interface CheckoutPlan extends StripeObject {
  readonly object: 'checkout_plan';
  readonly items: readonly CheckoutItem[];
  readonly payment: {
    readonly capture_method?: 'automatic' | 'automatic_async' | 'manual';
    readonly description?: string;
    readonly metadata?: MetadataChange;
    readonly receipt_email?: string;
    readonly setup_future_usage?: 'off_session' | 'on_session';
    readonly shipping?: ShippingValues;
    readonly statement_descriptor?: string;
    readonly statement_descriptor_suffix?: string;
    readonly transfer_group?: string;
  };
  readonly subscription: {
    readonly description?: string;
    readonly metadata?: MetadataChange;
    readonly trial_end?: number;
    readonly trial_period_days?: number;
    readonly trial_settings?: { end_behavior: { missing_payment_method: 'cancel' | 'create_invoice' | 'pause' } };
  };
  readonly setup: { readonly description?: string; readonly metadata?: MetadataChange };
  /** The intent that the customer tries to confirm, and the subscription it belongs to. */
  intent: string | null;
  pendingSubscription: string | null;
}
export const checkoutPlans: Kind<CheckoutPlan> = { table: 'checkout_plan', indexes: ['intent'] };
