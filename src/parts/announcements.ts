import type { Logger } from 'pino';
import { createPaymentReads, type PaymentReads } from '../payments/payment-reads.js';
import { announceWithRecurring } from '../payments/recurring-parts.js';
import { createRecurringReads, type RecurringReads } from '../payments/recurring-reads.js';
import { createRefundReads, type RefundReads } from '../payments/refund-reads.js';
import type { HeldRefunds } from '../payments/refund-transitions.js';
import { createPublisher } from '../pubsub/publisher.js';
import type { PubSub } from '../pubsub/pubsub.js';
import type { Payment } from '../storage/payment.js';
import type { RecurringPayment } from '../storage/recurring-payment.js';
import type { Refund } from '../storage/refund.js';
import { createOutbox, type Outbox, type OutboxParts } from '../webhooks/outbox.js';
import type { OnStop } from './on-stop.js';
import type { OperatorParts } from './operator.js';
import type { Storage } from './storage.js';

/** The rows that have versions: how they are read, and how every process hears of a new version. */
export interface Announcements {
  readonly outbox: Outbox;
  readonly payments: PaymentReads;
  readonly refunds: RefundReads;
  readonly recurring: RecurringReads;
  readonly publish: (payment: Payment) => void;
  readonly publishRefunds: (changed: HeldRefunds['changed']) => void;
  readonly publishRecurring: (row: RecurringPayment) => void;
}

interface Needs extends Pick<OutboxParts, 'heard'> {
  readonly publishes: boolean;
  readonly storage: Storage;
  readonly operator: Pick<OperatorParts, 'orders'>;
  readonly pubsub: PubSub;
  readonly log: Logger;
  readonly onStop: OnStop;
}

/** Builds the reads and the outbox over them. */
export const createAnnouncements = (needs: Needs): Announcements => {
  const { source, database } = needs.storage;
  const { orders } = needs.operator;
  const outbox = createOutbox({ database, log: needs.log, heard: needs.heard, publishes: needs.publishes });
  needs.onStop(() => outbox.flush());
  const publisher = createPublisher(needs.pubsub);
  const payments = createPaymentReads({ source, orders });
  const refunds = createRefundReads(database);
  const recurring = createRecurringReads({ source, database, orders });
  const publishRecurring = outbox.announcerOf('RECURRING_PAYMENT', {
    publish: (row: RecurringPayment) => publisher.recurringPayment(row),
    readMany: (ids) => recurring.readMany(ids),
  });
  const publish = announceWithRecurring({
    announce: outbox.announcerOf('PAYMENT', {
      publish: (payment: Payment) => publisher.payment(payment),
      readMany: (ids) => payments.readMany(ids),
    }),
    read: (id) => recurring.readMany([id]),
    publish: publishRecurring,
  });
  const publishRefund = outbox.announcerOf('REFUND', {
    publish: (refund: Refund) => publisher.refund(refund),
    readMany: (ids) => refunds.readMany(ids),
  });
  return {
    outbox,
    payments,
    refunds,
    recurring,
    publish,
    publishRecurring,
    publishRefunds(changed) {
      if (changed.payment) publish(changed.payment);
      for (const refund of changed.refunds) publishRefund(refund);
    },
  };
};
