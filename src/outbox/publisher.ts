import type { Payment } from '../nouns/payments/row.js';
import type { RecurringPayment } from '../nouns/recurring/row.js';
import type { Refund } from '../nouns/refunds/row.js';
import { encodeRow } from './message.js';
import type { PubSub } from './pubsub.js';
import { topics } from './topics.js';

/** Tells every process of committed rows. */
export interface Publisher {
  /**
   * Tells the watchers of the payment and of its order. Call it after the commit, with the whole row; rejects when it
   * can't be known that the message arrived. Twice is harmless: watchers drop versions that they know.
   */
  payment(row: Payment): Promise<void>;
  /** Tells the watchers of the refund's payment, likewise. */
  refund(row: Refund): Promise<void>;
  /** Tells the watchers of the recurring payment, likewise. */
  recurringPayment(row: RecurringPayment): Promise<void>;
}

/** Builds the publisher; each row is serialised once, whatever the number of its topics. */
export const createPublisher = (pubsub: Pick<PubSub, 'publish'>): Publisher => {
  const publish = async (message: string, to: readonly string[]): Promise<void> => {
    await Promise.all(to.map((topic) => pubsub.publish(topic, message)));
  };
  return {
    payment: (row) => publish(encodeRow(row), [topics.payment(row.id), topics.orderPayments(row.orderId)]),
    refund: (row) => publish(encodeRow(row), [topics.refund(row.id), topics.refunds(row.paymentId)]),
    recurringPayment: (row) => publish(encodeRow(row), [topics.recurringPayment(row.id)]),
  };
};
