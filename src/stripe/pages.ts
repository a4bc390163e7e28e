import type Stripe from 'stripe';
import { type Answer, type Caller, NotAnAnswerError } from './answer.js';

type ListAnswer<T> = Stripe.ApiList<T> & { lastResponse: { headers: unknown } };

/** Reads one page. */
export type ListPage<T> = (
  page: { limit: number; starting_after?: string },
  options: { readonly timeout: number },
) => Promise<ListAnswer<T>>;

/** How many pages of 100 a search reads at most. */
const PAGES = 50;
const PAGE_SIZE = 100;

const itemsOf = <T>({ data }: { readonly data: unknown }): T[] => {
  if (!Array.isArray(data) || data.some((item) => typeof item?.id !== 'string'))
    throw new NotAnAnswerError('a list without its objects');
  return data as T[];
};

/**
 * Reads a list page by page, in Stripe's order; ends early when the reader does.
 *
 * @throws StripeCallError, `unknown` when the list is longer than may be read
 */
export async function* readPages<T extends { id: string }>(
  { read }: Caller,
  list: ListPage<T>,
  most = PAGES,
): AsyncGenerator<Answer<readonly T[]>> {
  let after: string | undefined;
  for (let page = 0; page < most; page += 1) {
    const { object, at } = await read<ListAnswer<T>>('list', (options) =>
      list({ limit: PAGE_SIZE, ...(after !== undefined && { starting_after: after }) }, options),
    );
    const items = itemsOf<T>(object);
    yield { object: items, at };
    after = items.at(-1)?.id;
    if (object.has_more !== true || after === undefined) return;
  }
  throw new NotAnAnswerError(`a list longer than ${most * PAGE_SIZE}; the search was not finished`);
}

/**
 * Reads a list page by page until an object matches; undefined when Stripe has none such.
 *
 * @throws StripeCallError, `unknown` when the list is longer than the search may read
 */
export const findOnPages = async <T extends { id: string }>(
  caller: Caller,
  list: ListPage<T>,
  matches: (object: T) => boolean,
): Promise<Answer<T> | undefined> => {
  for await (const { object, at } of readPages(caller, list)) {
    const found = object.find(matches);
    if (found) return { object: found, at };
  }
  return undefined;
};
