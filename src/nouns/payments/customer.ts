import type { StripeAccess } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import type { StripeCallError } from '../../stripe/answer.js';
import type { Customers } from '../customers/customers.js';
import { isDeletedCustomer } from '../customers/deleted.js';
import type { PaymentTransitions } from './apply.js';
import { writeCustomer, writeNextCustomer } from './customer-rows.js';
import type { Payment } from './row.js';

/** Which customer at Stripe a payment's object is made for: the account's one, kept in the row before anything is made. */
export interface PaymentCustomers {
  /**
   * The row with its customer, who is made where there is none; without an account, or where none is wanted, as it is. Twice gives the
   * same.
   *
   * @throws StripeCallError
   */
  complete(payment: Payment, access: StripeAccess): Promise<Payment>;
  /**
   * Where Stripe has deleted the customer: the row with the one that is made anew, and its next attempt; the timeline says so. Undefined
   * for any other failure. Twice makes one customer.
   *
   * @throws StripeCallError
   */
  mend(payment: Payment, failure: StripeCallError, who: Mending): Promise<Payment | undefined>;
}

interface Mending {
  readonly access: StripeAccess;
  readonly actor: string;
}

interface Parts {
  readonly database: Database;
  readonly customers: Customers;
  readonly transitions: Pick<PaymentTransitions, 'lockById'>;
  readonly publish: (payment: Payment) => void;
  readonly log: { warn(detail: object, message?: string): void };
}

/** Builds the rules over the accounts' customers. */
export const createPaymentCustomers = ({
  database,
  customers,
  transitions,
  publish,
  log,
}: Parts): PaymentCustomers => ({
  async complete(payment, access) {
    const { id, accountId, forCustomer, stripeCustomerId, stripeInvoiceId } = payment;
    if (!forCustomer || accountId === null || stripeCustomerId !== null || stripeInvoiceId !== null) return payment;
    const [row] = await database.query<Payment>(writeCustomer(id, await customers.ensure(accountId, access)));
    return row ?? payment;
  },

  async mend(payment, failure, { access, actor }) {
    const { id, accountId, stripeCustomerId: gone } = payment;
    if (gone === null || accountId === null || !isDeletedCustomer(failure)) return undefined;
    // Who is known as another one by now was forgotten by somebody else.
    const isKnown = (await customers.find(accountId, access)) === gone;
    if (isKnown && !(await customers.forgetGone(gone, access))) return undefined;
    const customerId = await customers.ensure(accountId, access);
    const { row, isNew } = await database.transaction(async (tx) => {
      const locked = await transitions.lockById(tx, payment);
      const isMade = locked.stripePaymentIntentId !== null || locked.stripeCheckoutSessionId !== null;
      if (isMade || locked.stripeCustomerId !== gone || customerId === gone) return { row: locked, isNew: false };
      const note = `Stripe has deleted the customer ${gone}; the payment is made for ${customerId}.`;
      const entry = { fromStatus: locked.status, actor, note };
      const [written] = await tx.query<Payment>(writeNextCustomer(id, customerId, entry));
      return { row: written ?? locked, isNew: true };
    }, payment.orderId);
    if (!isNew) return row.stripeCustomerId === gone ? undefined : row;
    log.warn({ paymentId: id, gone, customerId }, 'a deleted customer was made anew');
    publish(row);
    return row;
  },
});
