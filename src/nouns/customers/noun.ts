import type { Noun } from '../noun.js';
import { type Customers, createCustomers } from './customers.js';
import { CUSTOMER_EVENTS, createCustomerEvents } from './events.js';
import { StripeCustomer } from './row.js';

/** Who pays: an account's customer at Stripe. */
export const customers: Noun<Customers> = {
  name: 'customers',
  entities: [StripeCustomer],
  eventTypes: CUSTOMER_EVENTS,
  build({ database, marks, connection }) {
    const parts = createCustomers({ database, marks });
    return {
      parts,
      handlers: [[CUSTOMER_EVENTS, createCustomerEvents({ customers: parts, connection, marks })]],
    };
  },
};
