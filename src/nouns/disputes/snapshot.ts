import { z } from 'zod';
import { parse, shapes } from '../../stripe/shape.js';
import { idOf } from '../../stripe/translate.js';
import type { DisputeStatus } from './states.js';

/** A dispute in our words, as it was at `at`. */
export interface DisputeSnapshot {
  readonly disputeId: string;
  readonly intentId: string | null;
  readonly chargeId: string | null;
  readonly status: DisputeStatus;
  /** Minor units. */
  readonly amount: number;
  /** Upper case. */
  readonly currency: string;
  readonly reason: string;
  readonly isRefundable: boolean;
  /** Unix seconds; null where Stripe awaits no evidence. */
  readonly evidenceDueBy: number | null;
  readonly livemode: boolean;
  /** Stripe's time of this state, unix seconds. */
  readonly at: number;
  /** Stripe's own object. */
  readonly object: object;
}

/** An appeal against a loss is answered and reviewed like the dispute itself, while the money stays taken. */
const STATUSES: Readonly<Record<string, DisputeStatus>> = {
  warning_needs_response: 'WARNING_NEEDS_RESPONSE',
  warning_under_review: 'WARNING_UNDER_REVIEW',
  warning_closed: 'WARNING_CLOSED',
  needs_response: 'NEEDS_RESPONSE',
  under_review: 'UNDER_REVIEW',
  appeal_needs_response: 'NEEDS_RESPONSE',
  appeal_under_review: 'UNDER_REVIEW',
  won: 'WON',
  lost: 'LOST',
  prevented: 'PREVENTED',
};

/** A status that Stripe adds later has no end yet, as far as we know. */
const statusOf = (status: string): DisputeStatus =>
  STATUSES[status] ?? (status.startsWith('warning_') ? 'WARNING_UNDER_REVIEW' : 'UNDER_REVIEW');

const DISPUTE = z.looseObject({
  id: shapes.id,
  payment_intent: shapes.reference,
  charge: shapes.reference,
  status: z.string(),
  amount: shapes.amount.min(0),
  currency: shapes.currency,
  reason: shapes.text,
  is_charge_refundable: z.boolean(),
  evidence_details: z.looseObject({ due_by: shapes.time.nullish() }).nullish(),
  livemode: z.boolean(),
});

/**
 * Translates a dispute. Source: Stripe docs, "The Dispute object".
 *
 * @throws StripeCallError when it is none
 */
export const disputeSnapshot = (object: unknown, at: number): DisputeSnapshot => {
  const dispute = parse(DISPUTE, 'dispute', object);
  return {
    disputeId: dispute.id,
    intentId: idOf(dispute.payment_intent),
    chargeId: idOf(dispute.charge),
    status: statusOf(dispute.status),
    amount: dispute.amount,
    currency: dispute.currency.toUpperCase(),
    reason: dispute.reason ?? 'general',
    isRefundable: dispute.is_charge_refundable,
    // 0 is Stripe's way to say that there is none.
    evidenceDueBy: dispute.evidence_details?.due_by || null,
    livemode: dispute.livemode,
    at,
    object: dispute,
  };
};
