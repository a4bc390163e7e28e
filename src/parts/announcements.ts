import type { Logger } from 'pino';
import { createPaymentReads, type PaymentReads } from '../nouns/payments/read.js';
import type { Payment } from '../nouns/payments/row.js';
import { announceWithRecurring } from '../nouns/recurring/parts.js';
import { createRecurringReads, type RecurringReads } from '../nouns/recurring/read.js';
import type { RecurringPayment } from '../nouns/recurring/row.js';
import type { HeldRefunds } from '../nouns/refunds/apply.js';
import { createRefundReads, type RefundReads } from '../nouns/refunds/read.js';
import type { Refund } from '../nouns/refunds/row.js';
import { createOutbox, type Outbox, type OutboxParts } from '../outbox/outbox.js';
import { createPublisher } from '../outbox/publisher.js';
import type { PubSub } from '../outbox/pubsub.js';
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
