import { partitionOf } from './accounts.js';
import type { Clock } from './clock.js';
import { type ApiError, resourceMissing } from './errors.js';
import { newId } from './ids.js';
import type { IndexField, Kind, StripeObject } from './kind.js';
import { type List, type ListQuery, listPage } from './lists.js';
import type { Store } from './store.js';

/** The API request that causes an event; both are null when time or a person caused it (Stripe: "The Event object"). */
export interface Cause {
  readonly id: string | null;
  readonly idempotency_key: string | null;
}

/**
 * What a resource's code works with: the rows of one account in one mode, its clock, its events. Everything is
 * synchronous, so a request's changes are seen and stored together or not at all.
 */
export interface Scope {
  readonly account: string;
  readonly livemode: boolean;
  readonly cause: Cause;
  /** Where this sandbox listens, without a slash at the end. */
  readonly baseUrl: string;
  /** Seconds on the sandbox's clock. */
  now(): number;
  newId(prefix: string): string;
  find<T extends StripeObject>(kind: Kind<T>, id: string): T | undefined;
  /** The row, or Stripe's `resource_missing` naming `param` (the path's id unless given). */
  get<T extends StripeObject>(kind: Kind<T>, id: string, param?: string): T;
  /** Stores a new or changed row and gives it back. */
  save<T extends StripeObject>(kind: Kind<T>, row: T): T;
  remove<T extends StripeObject>(kind: Kind<T>, id: string): void;
  list<T extends StripeObject>(kind: Kind<T>, query: ListQuery<T>): List<T>;
  /** All rows whose indexed field has the value, newest first. */
  all<T extends StripeObject>(kind: Kind<T>, field: IndexField<T>, value: string): T[];
  count<T extends StripeObject>(kind: Kind<T>): number;
  /** Records an event with the object as it is now, hands it to the endpoints and to other resources' reactions. */
  emit(type: string, row: StripeObject, before?: StripeObject): void;
  /** Has the resource's task of this name run for this id, so many seconds from now on the sandbox's clock. */
  schedule(task: string, seconds: number, id: string): void;
}

export interface ScopeParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly baseUrl: () => string;
  readonly emit: (scope: Scope, type: string, row: StripeObject, before?: StripeObject) => void;
  readonly schedule: (scope: Scope, task: string, seconds: number, id: string) => void;
}

export type OpenScope = (owner: { account: string; livemode: boolean }, cause?: Cause) => Scope;

const NO_CAUSE: Cause = { id: null, idempotency_key: null };

/** Gives scopes over one store. */
export const createScopes =
  ({ store, clock, baseUrl, emit, schedule }: ScopeParts): OpenScope =>
  ({ account, livemode }, cause = NO_CAUSE) => {
    const partition = partitionOf({ account, livemode });

    const missing = <T extends StripeObject>(kind: Kind<T>, id: string, param: string): ApiError => {
      const twin = store.get(partitionOf({ account, livemode: !livemode }), kind, id);
      const [here, there] = livemode ? ['live', 'test'] : ['test', 'live'];
      const hint = twin
        ? `; a similar object exists in ${there} mode, but a ${here} mode key was used to make this request.`
        : '';
      return resourceMissing(kind.noun ?? kind.table, id, param, hint);
    };

    const scope: Scope = {
      account,
      livemode,
      cause,
      get baseUrl() {
        return baseUrl();
      },
      now: clock.now,
      newId,
      find: (kind, id) => store.get(partition, kind, id),
      get: (kind, id, param = kind.pathParam ?? 'id') => {
        const row = store.get(partition, kind, id);
        if (!row) throw missing(kind, id, param);
        return row;
      },
      save: (kind, row) => {
        store.put(partition, kind, row);
        return row;
      },
      remove: (kind, id) => store.delete(partition, kind, id),
      list: (kind, query) => listPage(store, partition, kind, query),
      all: (kind, field, value) => [...store.walk(partition, kind, { index: { field, value }, direction: 'older' })],
      count: (kind) => [...store.walk(partition, kind, { direction: 'older' })].length,
      emit: (type, row, before) => emit(scope, type, row, before),
      schedule: (task, seconds, id) => schedule(scope, task, seconds, id),
    };
    return scope;
  };
