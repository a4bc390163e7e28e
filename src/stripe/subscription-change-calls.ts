import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';
import { SUBSCRIPTION } from './billing-calls.js';

/** What becomes of invoices while collection is paused, and when the pause ends by itself (unix seconds; null: never). */
export interface CollectionPause {
  readonly behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void';
  readonly resumesAt: number | null;
}

/** The calls that change what a subscription comes to; all throw StripeCallError. */
export interface SubscriptionChangeCalls {
  /** Pauses the collection of its invoices, or takes the pause back (null). Source: Stripe docs, "Pause payment collection". */
  pauseCollection(
    id: string,
    pause: CollectionPause | null,
    idempotencyKey: string,
  ): Promise<Answer<Stripe.Subscription>>;
}

/** Binds the calls to one client. */
export const createSubscriptionChangeCalls = (stripe: Stripe, { write }: Caller): SubscriptionChangeCalls => ({
  pauseCollection: (id, pause, idempotencyKey) =>
    write('subscription', (options) =>
      stripe.subscriptions.update(
        id,
        {
          pause_collection:
            pause === null
              ? ''
              : {
                  behavior: pause.behavior,
                  ...(pause.resumesAt !== null && { resumes_at: pause.resumesAt }),
                },
          ...SUBSCRIPTION,
        },
        { ...options, idempotencyKey },
      ),
    ),
});
