import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';
import { SUBSCRIPTION } from './billing-calls.js';

/** What becomes of invoices while collection is paused, and when the pause ends by itself (unix seconds; null: never). */
export interface CollectionPause {
  readonly behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void';
  readonly resumesAt: number | null;
}

/** New terms of a subscription's one item. */
export interface TermsRequest {
  readonly itemId: string;
  /** Undefined: the item keeps its price, which may have been archived since. */
  readonly priceId: string | undefined;
  readonly quantity: number;
  readonly proration: 'create_prorations' | 'always_invoice' | 'none';
  /** Whether the terms stand only once what they charge at once is paid. Source: Stripe docs, "Pending updates". */
  readonly waitsForPayment: boolean;
}

/** The calls that change what a subscription comes to; all throw StripeCallError. */
export interface SubscriptionChangeCalls {
  /** Changes the price and quantity of a subscription's item. */
  changeTerms(id: string, terms: TermsRequest, idempotencyKey: string): Promise<Answer<Stripe.Subscription>>;
  /** What the invoice of a change would be; nothing is changed. Source: Stripe docs, "Create a preview invoice". */
  previewTerms(id: string, terms: Omit<TermsRequest, 'waitsForPayment'>): Promise<Answer<Stripe.Invoice>>;
  /** Pauses the collection of its invoices, or takes the pause back (null). Source: Stripe docs, "Pause payment collection". */
  pauseCollection(
    id: string,
    pause: CollectionPause | null,
    idempotencyKey: string,
  ): Promise<Answer<Stripe.Subscription>>;
}

const itemOf = ({ itemId, priceId, quantity }: Omit<TermsRequest, 'waitsForPayment'>) => ({
  id: itemId,
  quantity,
  ...(priceId !== undefined && { price: priceId }),
});

/** Binds the calls to one client. */
export const createSubscriptionChangeCalls = (stripe: Stripe, { read, write }: Caller): SubscriptionChangeCalls => ({
  changeTerms: (id, terms, idempotencyKey) =>
    write('subscription', (options) =>
      stripe.subscriptions.update(
        id,
        {
          items: [itemOf(terms)],
          proration_behavior: terms.proration,
          ...(terms.waitsForPayment && { payment_behavior: 'pending_if_incomplete' as const }),
          ...SUBSCRIPTION,
        },
        { ...options, idempotencyKey },
      ),
    ),

  previewTerms: (id, terms) =>
    read('invoice', (options) =>
      stripe.invoices.createPreview(
        {
          subscription: id,
          subscription_details: { items: [itemOf(terms)], proration_behavior: terms.proration },
        },
        options,
      ),
    ),

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
