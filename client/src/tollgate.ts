import { type Client, type ClientOptions, createTollgateClient } from './client.js';
import * as methods from './methods.js';
import * as payments from './payments.js';
import * as recurring from './recurring.js';
import * as refunds from './refunds.js';

const CALLS = { ...payments, ...refunds, ...recurring, ...methods };
type Calls = typeof CALLS;

/** A function of this package without its first parameter. */
type Bound<Call> = Call extends (client: Client, ...rest: infer Rest) => infer Answer
  ? (...rest: Rest) => Answer
  : never;

/**
 * Every function of this package as a method: `tollgate.pay(input)` is `pay(client, input)`. Amounts are whole numbers of
 * the currency's smallest unit. Everything rejects with a TollgateError. Mutations get an idempotency key where you give
 * none, so a lost answer never charges twice.
 */
export type Tollgate = Client & { readonly [Name in keyof Calls]: Bound<Calls[Name]> };

/** Makes the client with all its methods; a page that counts bytes takes `createTollgateClient` and the functions that it needs. */
export const createTollgate = (options: ClientOptions): Tollgate => {
  const client = createTollgateClient(options);
  const bound = Object.entries(CALLS).map(([name, call]) => [
    name,
    (...rest: readonly unknown[]) => Reflect.apply(call, undefined, [client, ...rest]),
  ]);
  return { ...client, ...Object.fromEntries(bound) };
};
