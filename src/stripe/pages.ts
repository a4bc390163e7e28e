import type Stripe from 'stripe';
import { type Answer, call, StripeCallError } from './answer.js';

type ListAnswer<T> = Stripe.ApiList<T> & { lastResponse: { headers: Record<string, string> } };

/** Pages of 100 that a search reads at the most. */
const PAGES = 50;

/**
 * Reads a list page by page until an object matches; undefined when Stripe has none such.
 *
 * @throws StripeCallError, `unknown` when the list is longer than the search may read
 */
export const findOnPages = async <T extends { id: string }>(
  list: (page: { limit: number; starting_after?: string }) => Promise<ListAnswer<T>>,
  matches: (object: T) => boolean,
): Promise<Answer<T> | undefined> => {
  let after: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const { object, at } = await call<ListAnswer<T>>('list', () =>
      list({ limit: 100, ...(after !== undefined && { starting_after: after }) }),
    );
    const found = object.data.find(matches);
    if (found) return { object: found, at };
    after = object.data.at(-1)?.id;
    if (!object.has_more || after === undefined) return undefined;
  }
  throw new StripeCallError('unknown', undefined, undefined, undefined, {
    cause: new Error(`The list is longer than ${PAGES * 100}; the search was not finished.`),
  });
};
