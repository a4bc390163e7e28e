import type Stripe from 'stripe';
import type { Caller } from './answer.js';
import { readPages } from './pages.js';

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
export const createEventCalls = (stripe: Stripe, caller: Caller): EventCalls => ({
  async *listEvents(types, since) {
    const pages = readPages<Stripe.Event>(
      caller,
      (page, options) => stripe.events.list({ ...page, types: [...types], created: { gte: since } }, options),
      Number.POSITIVE_INFINITY,
    );
    for await (const { object } of pages) yield object;
  },
});
