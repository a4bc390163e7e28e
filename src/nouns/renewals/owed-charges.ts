import type { OwedFlow } from '../../flows/owed-flow.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Database, Tx } from '../../storage/database.js';
import { invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import type { Payment } from '../payments/row.js';
import type { InvoicePayments } from './invoice-payments.js';
import { assertInvoiceOf } from './ours.js';
import type { Renewal } from './row.js';

/** Later charges whose order is still to be made: Stripe has the money, and no row of ours stands for it. */
export interface OwedCharges {
  /**
   * Reads the charge's invoice, then in one transaction, under the lock of the recurring payment's order: asks `settle` whether
   * the flow is to run or to be skipped, makes the order or takes the first one, and records the payment with its own flow. False
   * where `settle` gives nothing, for then it has ended or waits.
   *
   * @throws FlowFailedError where the flow fails again; StripeCallError
   */
  settle(
    owed: Pick<OwedFlow, 'nodeId' | 'orderId'>,
    settle: (tx: Tx) => Promise<'run' | 'skip' | undefined>,
  ): Promise<boolean>;
}

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly invoices: InvoicePayments;
  readonly publish: (payment: Payment) => void;
  /** Goes on with a decided amount after the commit. */
  readonly lower: (renewal: Renewal) => void;
}

/** Builds it. */
export const createOwedCharges = ({ database, connection, invoices, publish, lower }: Parts): OwedCharges => ({
  async settle({ nodeId: invoiceId, orderId }, settle) {
    const { gateway, livemode } = await connection.access();
    const { object: invoice, at } = await gateway.retrieveInvoice(invoiceId);
    const snapshot = invoiceSnapshot(invoice, at);
    if (!snapshot) throw new Error(`Invoice ${invoiceId} belongs to no subscription any more.`);
    const { subscriptionId, currency } = snapshot;
    const reference = { subscriptionId, recurringId: null, amount: null, currency, livemode };
    const outcome = await database.transaction(async (tx) => {
      const target = await invoices.lock(tx, invoiceId, reference);
      if (!target || target === 'moved')
        throw new Error(`Invoice ${invoiceId} leads to no recurring payment of ours now.`);
      assertInvoiceOf(target.recurring, invoiceId, snapshot);
      const owed = await settle(tx);
      if (owed === undefined) return undefined;
      const body = { source: 'FETCH' as const, object: invoice };
      return invoices.apply(tx, target, { invoice: snapshot, cause: { actor: 'job', body, current: true }, owed });
    }, orderId);
    if (!outcome) return false;
    if (outcome.payment) publish(outcome.payment);
    if (outcome.lowering) lower(outcome.lowering);
    return true;
  },
});
