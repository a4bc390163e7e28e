import type { Kind, StripeObject } from '../kind.js';

export const AFTER_RETRIES = ['cancel', 'unpaid', 'past_due'] as const;

/** What an account's owner chooses in Stripe's dashboard (Stripe: "Automate payment retries"). */
export interface BillingSetting extends StripeObject {
  readonly object: 'billing_setting';
  /** What becomes of a subscription whose invoice was never paid. */
  readonly afterRetries: (typeof AFTER_RETRIES)[number];
}
export const billingSettings: Kind<BillingSetting> = { table: 'billing_setting' };
