import type { Kind, StripeObject } from '../kind.js';
import type { fullAddress } from '../params.js';

export interface Customer extends StripeObject {
  readonly object: 'customer';
  address: ReturnType<typeof fullAddress> | null;
  balance: number;
  readonly created: number;
  currency: string | null;
  default_source: null;
  delinquent: boolean;
  description: string | null;
  discount: null;
  email: string | null;
  invoice_prefix: string;
  invoice_settings: {
    custom_fields: null;
    default_payment_method: string | null;
    footer: string | null;
    rendering_options: null;
  };
  readonly livemode: boolean;
  metadata: Record<string, string>;
  name: string | null;
  next_invoice_sequence: number;
  phone: string | null;
  preferred_locales: string[];
  shipping: { address: ReturnType<typeof fullAddress>; name: string; phone: string | null } | null;
  tax_exempt: 'exempt' | 'none' | 'reverse';
  test_clock: null;
}
export const customers: Kind<Customer> = {
  table: 'customer',
  indexes: ['email', 'invoice_settings.default_payment_method'],
  expandable: { 'invoice_settings.default_payment_method': 'payment_method' },
};

/** What is left of a deleted customer. */
export interface DeletedCustomer extends StripeObject {
  readonly object: 'customer';
  readonly deleted: true;
}
export const deletedCustomers: Kind<DeletedCustomer> = { table: 'deleted_customer' };
