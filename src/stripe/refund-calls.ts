import type Stripe from 'stripe';
import type { StripeRefundReason } from '../core/refundable.js';
import { type Answer, call, READ, StripeCallError } from './answer.js';
import { metadataOf, type Owner } from './metadata.js';

/** What a new refund needs; the amount in minor units. */
export interface RefundCreation {
  readonly owner: Owner;
  readonly orderId: string;
  readonly paymentIntentId: string;
  readonly amount: number;
  /** Free text, at most 500 characters: it travels in the metadata. */
  readonly reason: string | null;
  readonly stripeReason: StripeRefundReason | null;
  readonly idempotencyKey: string;
}

/** The calls about refunds; all throw StripeCallError. */
export interface RefundCalls {
  /** The same key twice makes one refund. */
  createRefund(refund: RefundCreation): Promise<Answer<Stripe.Refund>>;
  retrieveRefund(id: string): Promise<Answer<Stripe.Refund>>;
  /** All refunds of a payment intent, whoever made them, oldest first; `at` is the time of the first page. */
  listRefunds(paymentIntentId: string): Promise<{ readonly refunds: readonly Stripe.Refund[]; readonly at: number }>;
}

/** Pages of 100 that are read at the most. */
const PAGES = 50;

/** Stripe's word for each reason. */
const WORDS = {
  DUPLICATE: 'duplicate',
  FRAUDULENT: 'fraudulent',
  REQUESTED_BY_CUSTOMER: 'requested_by_customer',
} as const;

/** Binds the calls to one client. */
export const createRefundCalls = (stripe: Stripe): RefundCalls => ({
  createRefund: (refund) =>
    call('refund', () =>
      stripe.refunds.create(
        {
          payment_intent: refund.paymentIntentId,
          amount: refund.amount,
          metadata: {
            ...metadataOf(refund.owner, refund.orderId),
            ...(refund.reason !== null && refund.reason !== '' && { reason: refund.reason }),
          },
          ...(refund.stripeReason !== null && { reason: WORDS[refund.stripeReason] }),
        },
        { idempotencyKey: refund.idempotencyKey },
      ),
    ),

  retrieveRefund: (id) => call('refund', () => stripe.refunds.retrieve(id, {}, READ)),

  async listRefunds(paymentIntentId) {
    const refunds: Stripe.Refund[] = [];
    let at: number | undefined;
    for (let page = 0; page < PAGES; page += 1) {
      const after = refunds.at(-1)?.id;
      const answer = await call('list', () =>
        stripe.refunds.list(
          { payment_intent: paymentIntentId, limit: 100, ...(after !== undefined && { starting_after: after }) },
          READ,
        ),
      );
      at ??= answer.at;
      const list = answer.object as Stripe.ApiList<Stripe.Refund>;
      refunds.push(...list.data);
      if (!list.has_more || list.data.length === 0) return { refunds: refunds.reverse(), at };
    }
    throw new StripeCallError('unknown', undefined, undefined, undefined, {
      cause: new Error(`${paymentIntentId} has more than ${PAGES * 100} refunds; the list was not finished.`),
    });
  },
});
