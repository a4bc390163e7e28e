import { keepPreviousData, QueryClient, type QueryKey, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { type TollgateError, toTollgateError } from 'tollgate-client';

/** Something read from a server. */
export interface Loaded<Value> {
  /** The newest answer; stays while a later one fails. */
  readonly value: Value | undefined;
  readonly error: TollgateError | undefined;
  /** There was no answer yet, good or bad. */
  readonly isWaiting: boolean;
  /** What is shown is another key's, until this one's is there. */
  readonly isBefore: boolean;
  /** Reads again now. */
  reload(): void;
}

export interface LoadOptions {
  /** Reads again so often while the page is in view. */
  readonly everyMs?: number;
  /** Reads again when a payment changed. */
  readonly isLive?: boolean;
  /** Shows the last key's value until this one's is there. */
  readonly keepsBefore?: boolean;
}

/** Begins the keys of what is read again when a payment changed. */
export const LIVE = 'live';

/** What was read, for one signed-in person. The client package asks again by itself where no answer comes. */
export const createLoads = (): QueryClient =>
  new QueryClient({ defaultOptions: { queries: { retry: false, networkMode: 'always' } } });

/**
 * Reads what is seen again, after something happened. A first read that is under way may be older than what happened, and the query client
 * would take its answer for the new one: it is read once more when it has ended.
 */
export const readAgain = async (loads: QueryClient, queryKey: QueryKey = []): Promise<void> => {
  const first = loads.getQueryCache().findAll({
    queryKey,
    predicate: ({ state }) => state.data === undefined && state.fetchStatus !== 'idle',
  });
  const rest = loads.invalidateQueries({ queryKey });
  await Promise.allSettled(first.map(({ promise }) => promise));
  await Promise.all([rest, ...first.map((one) => loads.invalidateQueries({ queryKey: one.queryKey, exact: true }))]);
};

/** Reads when the component comes and whenever `key` changes. Components with the same key read once. */
export const useLoaded = <Value>(
  key: string,
  read: () => Promise<Value>,
  { everyMs, isLive = false, keepsBefore = false }: LoadOptions = {},
): Loaded<Value> => {
  const loads = useQueryClient();
  const group = isLive ? LIVE : 'still';
  const { data, error, isPlaceholderData } = useQuery({
    queryKey: [group, key],
    // A query may not answer undefined.
    queryFn: async () => ({ value: await read() }),
    ...(everyMs !== undefined && { refetchInterval: everyMs }),
    ...(keepsBefore && { placeholderData: keepPreviousData }),
  });
  const reload = useCallback(() => void readAgain(loads, [group, key]), [loads, group, key]);
  return {
    value: data?.value,
    error: error === null ? undefined : toTollgateError(error),
    isWaiting: data === undefined && error === null,
    isBefore: isPlaceholderData,
    reload,
  };
};
