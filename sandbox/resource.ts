import type { Caller } from './accounts.js';
import type { FormHash } from './form.js';
import type { Kind, StripeObject } from './kind.js';
import { parseHash, type Shape, type Values } from './params.js';
import type { Scope } from './scope.js';

/** What a route's code is given beside the scope. */
export interface Call<S extends Shape> {
  readonly params: Values<S>;
  /** The path's placeholders, such as `:id`. */
  readonly path: Readonly<Record<string, string>>;
  readonly id: string;
  readonly caller: Caller;
}

/** One endpoint of the API. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Such as `/v1/refunds/:id/cancel`. */
  readonly path: string;
  /** May a browser call it with the publishable key? It then proves itself by `client_secret` or creates something new. */
  readonly publishable: boolean;
  /** The names it takes. */
  readonly params: Shape;
  /** Checks the parameters (its errors aren't kept by idempotency keys) and gives the work to be done. */
  readonly prepare: (
    form: FormHash,
    path: Readonly<Record<string, string>>,
    caller: Caller,
  ) => (scope: Scope) => object;
}

/**
 * One resource of the API. To add one (products, prices, invoices …): write `resources/<noun>.ts` that exports a
 * `Resource`, and name it in `catalogue.ts`; nothing else needs to know it.
 * - `kinds`: the rows it keeps (see `Kind`: indexes for list filters, expandable fields).
 * - `routes`: made with `route({ method, path, params, handle })`; `params` is the whole list of what the endpoint takes.
 * - `tasks`: what happens by itself when the clock gets there, asked for by `scope.schedule(name, seconds, id)`; a task
 *   checks the row's state first, since it may have moved on.
 * - `reactions`: code to run at once when another resource emits an event, for instance an invoice that is paid by
 *   `payment_intent.succeeded`.
 * Inside, `scope.get/save/list` reach the rows and `scope.emit(type, row, before?)` tells the world; `save` first.
 */
export interface Resource {
  readonly kinds: readonly Kind<StripeObject>[];
  readonly routes?: readonly Route[];
  readonly tasks?: Readonly<Record<string, Task>>;
  readonly reactions?: Readonly<Record<string, (scope: Scope, id: string) => void>>;
}

/** A scheduled piece of work; a `quiet` one waits during an advance until clients had time to react. */
export interface Task {
  readonly run: (scope: Scope, id: string) => void;
  readonly quiet?: boolean;
}

/** Ties a handler to its parameter list. */
export const route = <S extends Shape>(definition: {
  method: Route['method'];
  path: string;
  params: S;
  publishable?: boolean;
  handle: (scope: Scope, call: Call<S>) => object;
}): Route => ({
  method: definition.method,
  path: definition.path,
  publishable: definition.publishable ?? false,
  params: definition.params,
  prepare: (form, path, caller) => {
    const params = parseHash(definition.params, form);
    return (scope) => definition.handle(scope, { params, path, id: path['id'] ?? '', caller });
  },
});
