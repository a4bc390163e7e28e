import type { Caller } from '../../core/caller.js';
import { PERMISSIONS } from '../../core/permissions.js';
import type { Flows } from '../../flows/flows.js';
import type { Redirects } from '../../installation/redirects.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Orders } from '../../orders/orders.js';
import type { Database } from '../../storage/database.js';
import { type Customers, createCustomers } from '../customers/customers.js';
import type { PaymentTransitions } from '../payments/apply.js';
import type { Payment } from '../payments/row.js';
import type { Refunds } from '../refunds/refunds.js';
import { createInvoicePayments, type InvoicePayments } from '../renewals/invoice-payments.js';
import { createRenewalLowering, type RenewalLowering } from '../renewals/lowering.js';
import { createRecurringTransitions, type RecurringTransitions } from './apply.js';
import { createRecurringAttempts, type RecurringAttempts } from './attempts.js';
import { createSubscriptionCheckouts, type SubscriptionCheckouts } from './checkout.js';
import type { RecurringReads } from './read.js';
import { createRecurring, type Recurring } from './recurring.js';
import { createRecurringReservations } from './reserve.js';
import type { RecurringPayment } from './row.js';
import { createRecurringObjects } from './settle.js';
import { createUnpaidInvoices, type UnpaidInvoices } from './unpaid-invoices.js';

/** Everything about recurring payments that other parts need. */
export interface RecurringParts {
  readonly recurring: Recurring;
  readonly transitions: RecurringTransitions;
  readonly attempts: RecurringAttempts;
  readonly unpaid: UnpaidInvoices;
  readonly checkouts: SubscriptionCheckouts;
  readonly invoices: InvoicePayments;
  readonly lowering: RenewalLowering;
  readonly customers: Customers;
}

interface Needs {
  readonly database: Database;
  readonly reads: RecurringReads;
  readonly orders: Orders;
  readonly connection: StripeConnection;
  readonly payments: PaymentTransitions;
  readonly refunds: Pick<Refunds, 'refund'>;
  readonly flows: Flows;
  readonly log: { info(detail: object, message?: string): void; warn(detail: object, message?: string): void };
  readonly redirects: Redirects;
  readonly keepsUnpaidInvoices: boolean;
  /** This installation's id. */
  readonly installation: () => string;
  readonly publish: (row: RecurringPayment) => void;
  readonly publishPayment: (payment: Payment) => void;
}

/** Who gives back what was charged too much: the installation itself. */
const SELF: Caller = { accountId: null, roles: [], permissions: new Set(PERMISSIONS) };

/** Builds the parts of recurring payments and hands them to each other. */
export const createRecurringParts = (needs: Needs): RecurringParts => {
  const { database, reads, orders, connection, flows, log, redirects, installation, publish, publishPayment } = needs;
  const transitions = createRecurringTransitions({ orders, flows, log });
  const invoices = createInvoicePayments({ orders, transitions: needs.payments, flows, log });
  const customers = createCustomers({ database, installation });
  const objects = createRecurringObjects({ database, transitions, customers, installation, publish });
  const attempts = createRecurringAttempts({ database, transitions, invoices, objects, publish, publishPayment });
  const checkouts = createSubscriptionCheckouts({ database, transitions, objects, attempts, redirects, publish });
  const unpaid = createUnpaidInvoices({
    database,
    invoices,
    installation,
    keeps: needs.keepsUnpaidInvoices,
    publish: publishPayment,
  });
  const recurring = createRecurring({
    database,
    connection,
    reservations: createRecurringReservations(orders),
    attempts,
    unpaid,
    checkouts,
    redirects,
    transitions,
    reads,
    publish,
  });
  const lowering = createRenewalLowering({
    database,
    connection,
    installation,
    tooLate: flows.recurringCharge.tooLate,
    giveBack: (paymentId, amount, idempotencyKey) =>
      needs.refunds.refund({ paymentId, amount, idempotencyKey, reason: 'The charge was lowered too late.' }, SELF),
    log,
  });
  return { recurring, transitions, attempts, unpaid, checkouts, invoices, lowering, customers };
};

/** Gives what announces a payment and then the recurring payment that it belongs to, whose version has risen with it. */
export const announceWithRecurring =
  (parts: {
    readonly announce: (payment: Payment) => void;
    readonly read: (id: string) => Promise<readonly RecurringPayment[]>;
    readonly publish: (row: RecurringPayment) => void;
  }) =>
  (payment: Payment): void => {
    parts.announce(payment);
    if (payment.recurringPaymentId === null) return;
    // A failure leaves the change unpublished; the outbox tells it within seconds.
    parts.read(payment.recurringPaymentId).then(
      (rows) => rows.forEach(parts.publish),
      () => undefined,
    );
  };
