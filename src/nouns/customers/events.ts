import type Stripe from 'stripe';
import type { Applied, EventHandler } from '../../inbox/handler.js';
import { hintOf, processed } from '../../inbox/hints.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Marks } from '../../stripe/marks.js';
import type { Customers } from './customers.js';

/** Source: Stripe docs, "Types of events". A deleted customer's subscriptions end by events of their own. */
export const CUSTOMER_EVENTS = ['customer.deleted'] as const;

interface Parts {
  readonly customers: Customers;
  readonly connection: StripeConnection;
  readonly marks: Marks;
}

const UNMATCHED = 'The customer was not made by this installation.';

/** Builds the handler of customers: a deleted one is forgotten, so that the account gets a new one when it needs it. */
export const createCustomerEvents = ({ customers, connection, marks }: Parts): EventHandler => {
  const isOurs = (event: Stripe.Event): boolean =>
    marks.made((event.data.object as { metadata?: Record<string, string> }).metadata);
  return {
    unmatched: UNMATCHED,
    ignore: (event) => (isOurs(event) ? undefined : UNMATCHED),
    isKnown: async (_on, event) => isOurs(event),
    // A deletion is final: there is nothing to ask.
    prepare:
      async (tx, { event }) =>
      async (): Promise<Applied> => {
        await customers.forget(tx, hintOf(event).id);
        return processed(() => undefined);
      },
    deliversDuplicates: false,
    fetch: async (event) => (await connection.access()).gateway.retrieveCustomer(hintOf(event).id),
  };
};
