import type { Stream } from '../../outbox/stream.js';
import type { Dispute } from './row.js';

/** Where new versions of one dispute are published. */
export const disputeTopic = (id: string): string => `tollgate:dispute:${id}`;

/** Where new versions of all disputes of a payment are published. */
export const disputesTopic = (paymentId: string): string => `tollgate:disputes:${paymentId}`;

/** How disputes are told to every process. */
export const DISPUTE_STREAM: Stream<Dispute> = {
  nodeType: 'DISPUTE',
  times: { evidenceDueBy: true, seenAt: true, createdAt: true, updatedAt: true },
  topics: ({ id, paymentId }) => [disputeTopic(id), disputesTopic(paymentId)],
  stripeId: ({ stripeDisputeId }) => stripeDisputeId,
};
