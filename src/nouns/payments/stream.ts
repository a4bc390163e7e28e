import type { Stream } from '../../outbox/stream.js';
import type { Payment } from './row.js';

/** Where new versions of one payment are published. */
export const paymentTopic = (id: string): string => `tollgate:payment:${id}`;

/** Where new versions of all payments of an order are published. */
export const orderPaymentsTopic = (orderId: string): string => `tollgate:order:${orderId}`;

/** Where new versions of all payments are published. */
export const PAYMENTS_TOPIC = 'tollgate:payments';

/** How payments are told to every process. */
export const PAYMENT_STREAM: Stream<Payment> = {
  nodeType: 'PAYMENT',
  times: {
    attemptedAt: true,
    excessAt: true,
    withdrawAt: true,
    sendBackAt: true,
    seenAt: true,
    createdAt: true,
    updatedAt: true,
  },
  topics: ({ id, orderId }) => [paymentTopic(id), orderPaymentsTopic(orderId), PAYMENTS_TOPIC],
  stripeId: ({ stripePaymentIntentId }) => stripePaymentIntentId,
};
