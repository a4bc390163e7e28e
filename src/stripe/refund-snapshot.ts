import { z } from 'zod';
import type { RefundSignal } from '../core/states.js';
import { type Owner, ownerOf } from './metadata.js';
import { STRIPE_REFUND_REASONS, type StripeRefundReason } from './refund-reasons.js';
import { parse, shapes } from './shape.js';
import { idOf } from './translate.js';

/** A refund of Stripe's in our words, as it was at `at`. */
export interface RefundSnapshot {
  readonly refundId: string;
  /** Null for a charge that no payment intent made: none of ours. */
  readonly intentId: string | null;
  readonly signal: RefundSignal;
  /** Minor units. */
  readonly amount: number;
  /** Upper case. */
  readonly currency: string;
  readonly reason: string | null;
  readonly stripeReason: StripeRefundReason | null;
  readonly failureReason: string | null;
  /** Our mark, if it carries one of any installation. */
  readonly owner: Owner | undefined;
  /** Stripe's time of this state, unix seconds. */
  readonly at: number;
  /** Stripe's own object. */
  readonly object: object;
}

const SIGNALS: Readonly<Record<string, RefundSignal>> = {
  pending: 'await',
  requires_action: 'act',
  succeeded: 'succeed',
  failed: 'fail',
  canceled: 'cancel',
};

const REFUND = z.looseObject({
  id: shapes.id,
  payment_intent: shapes.reference,
  status: shapes.text,
  amount: shapes.amount,
  currency: shapes.currency,
  reason: shapes.text,
  failure_reason: shapes.text,
  metadata: shapes.metadata,
});

const reasonOf = (reason: string | null | undefined): StripeRefundReason | null =>
  STRIPE_REFUND_REASONS.find((known) => known === reason?.toUpperCase()) ?? null;

/**
 * Translates a refund. A status that Stripe adds later reads as `await`. Source: Stripe docs, "The Refund object".
 *
 * @throws StripeCallError when it is none
 */
export const refundSnapshot = (object: unknown, at: number): RefundSnapshot => {
  const refund = parse(REFUND, 'refund', object);
  return {
    refundId: refund.id,
    intentId: idOf(refund.payment_intent),
    signal: SIGNALS[refund.status ?? ''] ?? 'await',
    amount: refund.amount,
    currency: refund.currency.toUpperCase(),
    reason: refund.metadata?.['reason'] ?? null,
    stripeReason: reasonOf(refund.reason),
    failureReason: refund.failure_reason ?? null,
    owner: ownerOf(refund.metadata, 'refund'),
    at,
    object: refund,
  };
};
