import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';

/** The calls that read what Stripe has already; all throw StripeCallError. */
export interface ImportCalls {
  /** The next hundred subscriptions after the one with this id, newest first, cancelled ones left out; with their customers and schedules. */
  pageOfSubscriptions(after: string | undefined): Promise<Answer<Stripe.ApiList<Stripe.Subscription>>>;
}

const PAGE_SIZE = 100;

/** Binds the calls to one client. */
export const createImportCalls = (stripe: Stripe, { read }: Caller): ImportCalls => ({
  pageOfSubscriptions: (after) =>
    read('list', (options) =>
      stripe.subscriptions.list(
        {
          limit: PAGE_SIZE,
          expand: ['data.customer', 'data.schedule'],
          ...(after !== undefined && { starting_after: after }),
        },
        options,
      ),
    ),
});
