import type { Stream } from '../../outbox/stream.js';
import type { RecurringPayment } from './row.js';

/** Where new versions of one recurring payment are published. */
export const recurringTopic = (id: string): string => `tollgate:recurring:${id}`;

/** How recurring payments are told to every process. */
export const RECURRING_STREAM: Stream<RecurringPayment> = {
  nodeType: 'RECURRING_PAYMENT',
  times: {
    cancelAt: true,
    canceledAt: true,
    endedAt: true,
    currentPeriodEnd: true,
    pendingAt: true,
    changingUntil: true,
    restoringSince: true,
    importedAt: true,
    attemptedAt: true,
    seenAt: true,
    createdAt: true,
    updatedAt: true,
  },
  topics: ({ id }) => [recurringTopic(id)],
  stripeId: ({ stripeSubscriptionId }) => stripeSubscriptionId,
};
