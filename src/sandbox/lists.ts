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

export interface ListQuery<T> {
  readonly url: string;
  readonly page?: { limit?: number; starting_after?: string; ending_before?: string; created?: CreatedFilter };
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
  if (page.ending_before !== undefined && page.starting_after !== undefined)
    throw invalidRequest('You may only specify one of these parameters: starting_after, ending_before.');
  if (from !== undefined && !store.get(partition, kind, from))
    throw invalidRequest(`No such ${kind.noun ?? kind.table}: '${from}'`, {
      code: 'resource_missing',
      param: backwards ? 'ending_before' : 'starting_after',
    });
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
