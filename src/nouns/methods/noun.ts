import { customers } from '../customers/noun.js';
import type { Built, Machine, Noun } from '../noun.js';
import { payments } from '../payments/noun.js';
import { recurring } from '../recurring/noun.js';
import { createOpenInvoices } from '../renewals/open-invoices.js';
import { defineMethods } from './graphql.js';
import { createPortal } from './portal.js';
import { createRetryRenewal } from './retry-renewal.js';
import { MethodSetup } from './row.js';
import { createSavedMethods } from './saved-methods.js';
import { createSaving } from './saving.js';

const build = (machine: Machine): Built => {
  const { database, marks, connection, redirects, log } = machine;
  const ofAccounts = machine.use(customers);
  const ofPayments = machine.use(payments);
  const ofRecurring = machine.use(recurring);
  const openInvoices = createOpenInvoices({ database, attempts: ofPayments.attempts, marks });
  const shared = { database, connection, redirects, marks, log, ...ofAccounts };
  return {
    parts: undefined,
    domain: {
      savedMethods: createSavedMethods({ ...shared, ...ofRecurring, openInvoices }),
      saveMethod: createSaving(shared),
      retryRenewal: createRetryRenewal({
        ...ofRecurring,
        database,
        connection,
        payments: ofPayments.payments,
        transitions: ofPayments.transitions,
        openInvoices,
      }),
      openPortal: createPortal(shared),
    },
  };
};

/** What accounts pay with: methods that Stripe keeps for them, and its portal. */
export const methods: Noun = {
  name: 'methods',
  entities: [MethodSetup],
  eventTypes: [],
  define: defineMethods,
  build,
};
