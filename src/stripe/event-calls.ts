import type Stripe from 'stripe';
import { call, READ } from './answer.js';

/** The calls about events; all throw StripeCallError. */
export interface EventCalls {
  /**
   * The events of these types (20 at the most) made since `since` (unix seconds), page by page, newest first. Their data
   * are as the API version of their making had them: hints. Stripe keeps 30 days. Source: Stripe docs, "List all events".
   */
  listEvents(types: readonly string[], since: number): AsyncIterable<readonly Stripe.Event[]>;
}

/** Types that one list may be asked for. */
export const MOST_EVENT_TYPES = 20;

/** Binds the calls to one client. */
export const createEventCalls = (stripe: Stripe): EventCalls => ({
  async *listEvents(types, since) {
    for (let after: string | undefined, more = true; more; ) {
      const { object } = await call('list', () =>
        stripe.events.list(
          {
            types: [...types],
            created: { gte: since },
            limit: 100,
            ...(after !== undefined && { starting_after: after }),
          },
          READ,
        ),
      );
      const page = object as Stripe.ApiList<Stripe.Event>;
      yield page.data;
      after = page.data.at(-1)?.id;
      more = page.has_more && after !== undefined;
    }
  },
});
