import type Stripe from 'stripe';
import type { Customers } from '../payments/customers.js';
import type { StripeConnection } from '../payments/stripe-connection.js';
import type { Applied, EventHandler } from './handler.js';

/** Source: Stripe docs, "Types of events". A deleted customer's subscriptions end by events of their own. */
export const CUSTOMER_EVENTS = ['customer.deleted'] as const;

interface Parts {
  readonly customers: Customers;
  readonly connection: StripeConnection;
  /** This installation's id. */
  readonly installation: () => string;
}

/** Builds the handler of customers: a deleted one is forgotten, so that the account gets a new one when it needs it. */
export const createCustomerEvents = ({ customers, connection, installation }: Parts): EventHandler => {
  const customerOf = (event: Stripe.Event): Stripe.Customer => event.data.object as Stripe.Customer;
  return {
    ignore(event) {
      const made = customerOf(event).metadata?.['tollgate_installation'];
      return made === installation() ? undefined : 'The customer was not made by this installation.';
    },
    // A deletion is final: there is nothing to ask.
    prepare: async (tx, event) => async (): Promise<Applied> => {
      await customers.forget(tx, customerOf(event).id);
      return { kind: 'ended', end: { status: 'PROCESSED' }, publish: () => undefined };
    },
    deliversDuplicates: false,
    fetch: async (event) => (await connection.access()).gateway.retrieveCustomer(customerOf(event).id),
  };
};
