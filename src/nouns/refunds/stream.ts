import type { Stream } from '../../outbox/stream.js';
import type { Refund } from './row.js';

/** Where new versions of one refund are published. */
export const refundTopic = (id: string): string => `tollgate:refund:${id}`;

/** Where new versions of all refunds of a payment are published. */
export const refundsTopic = (paymentId: string): string => `tollgate:refunds:${paymentId}`;

/** How refunds are told to every process. */
export const REFUND_STREAM: Stream<Refund> = {
  nodeType: 'REFUND',
  times: { attemptedAt: true, absentSince: true, nextCheckAt: true, seenAt: true, createdAt: true, updatedAt: true },
  topics: ({ id, paymentId }) => [refundTopic(id), refundsTopic(paymentId)],
  stripeId: ({ stripeRefundId }) => stripeRefundId,
};
