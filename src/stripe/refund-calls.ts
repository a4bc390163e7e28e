import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';
import { metadataOf, type Owner } from './metadata.js';
import { readPages } from './pages.js';
import type { StripeRefundReason } from './refund-reasons.js';

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
  retrieveCharge(id: string): Promise<Answer<Stripe.Charge>>;
  /** All refunds of a payment intent, whoever made them, oldest first; `at` is the time of the first page. */
  listRefunds(paymentIntentId: string): Promise<{ readonly refunds: readonly Stripe.Refund[]; readonly at: number }>;
}

/** Stripe's word for each reason. */
const WORDS = {
  DUPLICATE: 'duplicate',
  FRAUDULENT: 'fraudulent',
  REQUESTED_BY_CUSTOMER: 'requested_by_customer',
} as const;

/** Binds the calls to one client. */
export const createRefundCalls = (stripe: Stripe, { read, write }: Caller): RefundCalls => ({
  createRefund: (refund) =>
    write('refund', (options) =>
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
        { ...options, idempotencyKey: refund.idempotencyKey },
      ),
    ),

  retrieveCharge: (id) => read('charge', (options) => stripe.charges.retrieve(id, {}, options)),

  retrieveRefund: (id) => read('refund', (options) => stripe.refunds.retrieve(id, {}, options)),

  async listRefunds(paymentIntentId) {
    const refunds: Stripe.Refund[] = [];
    let at: number | undefined;
    const pages = readPages<Stripe.Refund>({ read, write }, (page, options) =>
      stripe.refunds.list({ payment_intent: paymentIntentId, ...page }, options),
    );
    for await (const page of pages) {
      at ??= page.at;
      refunds.push(...page.object);
    }
    return { refunds: refunds.reverse(), at: at ?? 0 };
  },
});
