import type { Noun } from '../noun.js';
import { type Customers, createCustomers } from './customers.js';
import { CUSTOMER_EVENTS, createCustomerEvents } from './events.js';
import { createMethods, type Methods } from './methods.js';
import { StripeCustomer } from './row.js';

/** What other nouns need of customers. */
export interface CustomerParts {
  readonly customers: Customers;
  readonly methods: Methods;
}

/** Who pays: an account's customer at Stripe. */
export const customers: Noun<CustomerParts> = {
  name: 'customers',
  entities: [StripeCustomer],
  eventTypes: CUSTOMER_EVENTS,
  build({ database, marks, connection }) {
    const parts = createCustomers({ database, marks });
    return {
      parts: { customers: parts, methods: createMethods({ database, customers: parts }) },
      handlers: [[CUSTOMER_EVENTS, createCustomerEvents({ customers: parts, connection, marks })]],
    };
  },
};
