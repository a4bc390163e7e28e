import { invalidRequest } from './errors.js';
import type { IndexField, Kind, StripeObject } from './kind.js';
import type { CreatedFilter } from './params.js';
import type { Store } from './store.js';

/** Stripe's list object (Stripe: "Pagination"). */
export interface List<T> {
  readonly object: 'list';
  readonly data: T[];
  readonly has_more: boolean;
  readonly url: string;
}

/** What a client asks of a list (Stripe: "Pagination"). */
export interface Page {
  readonly limit?: number;
  readonly starting_after?: string;
  readonly ending_before?: string;
  readonly created?: CreatedFilter;
}

export interface ListQuery<T> {
  readonly url: string;
  readonly page?: Page;
  /** One indexed field that narrows the list. */
  readonly index?: { readonly field: IndexField<T>; readonly value: string } | undefined;
  readonly where?: (row: T) => boolean;
}

const isWithin = (created: number, filter: CreatedFilter | undefined): boolean => {
  if (filter === undefined) return true;
  if (typeof filter === 'number') return created === filter;
  return (
    (filter.gt === undefined || created > filter.gt) &&
    (filter.gte === undefined || created >= filter.gte) &&
    (filter.lt === undefined || created < filter.lt) &&
    (filter.lte === undefined || created <= filter.lte)
  );
};

const createdOf = (row: StripeObject): number => {
  const created: unknown = Reflect.get(row, 'created');
  return typeof created === 'number' ? created : 0;
};

const unknownCursor = (noun: string, { starting_after, ending_before }: Page): Error =>
  invalidRequest(`No such ${noun}: '${ending_before ?? starting_after}'`, {
    code: 'resource_missing',
    param: ending_before === undefined ? 'starting_after' : 'ending_before',
  });

const checkCursors = ({ starting_after, ending_before }: Page): void => {
  if (ending_before !== undefined && starting_after !== undefined)
    throw invalidRequest('You may only specify one of these parameters: starting_after, ending_before.');
};

/** One page of items that are kept inside another object, in their order. Throws Stripe's error for an unknown cursor. */
export const pageOf = <T extends StripeObject>(
  items: readonly T[],
  url: string,
  { page, noun }: { page: Page; noun: string },
): List<T> => {
  checkCursors(page);
  const limit = page.limit ?? 10;
  const cursor = page.ending_before ?? page.starting_after;
  const at = cursor === undefined ? -1 : items.findIndex(({ id }) => id === cursor);
  if (cursor !== undefined && at < 0) throw unknownCursor(noun, page);
  const [start, end] = page.ending_before === undefined ? [at + 1, at + 1 + limit] : [Math.max(0, at - limit), at];
  const hasMore = page.ending_before === undefined ? end < items.length : start > 0;
  return { object: 'list', data: items.slice(start, end), has_more: hasMore, url };
};

/** One page, newest first. Throws Stripe's error for a cursor that names no object. */
export const listPage = <T extends StripeObject>(
  store: Store,
  partition: string,
  kind: Kind<T>,
  { url, page = {}, index, where }: ListQuery<T>,
): List<T> => {
  const limit = page.limit ?? 10;
  const backwards = page.ending_before !== undefined;
  const from = page.ending_before ?? page.starting_after;
  checkCursors(page);
  if (from !== undefined && !store.get(partition, kind, from)) throw unknownCursor(kind.noun ?? kind.table, page);
  const rows: T[] = [];
  const cursor = {
    direction: backwards ? ('newer' as const) : ('older' as const),
    ...(index ? { index } : {}),
    ...(from === undefined ? {} : { from }),
  };
  for (const row of store.walk(partition, kind, cursor)) {
    if (!isWithin(createdOf(row), page.created) || (where && !where(row))) continue;
    rows.push(row);
    if (rows.length > limit) break;
  }
  const data = rows.slice(0, limit);
  return { object: 'list', data: backwards ? data.reverse() : data, has_more: rows.length > limit, url };
};
