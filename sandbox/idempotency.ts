import { createHash } from 'node:crypto';
import { type Caller, partitionOf } from './accounts.js';
import type { Clock } from './clock.js';
import { ApiError, invalidRequest } from './errors.js';
import type { Kind, StripeObject } from './kind.js';
import type { Store } from './store.js';

/** An answer that a key keeps. */
export interface KeptAnswer extends StripeObject {
  readonly path: string;
  readonly fingerprint: string;
  readonly status: number;
  readonly body: string;
  readonly requestId: string;
  readonly createdMs: number;
}
export const keptAnswers: Kind<KeptAnswer> = { table: 'kept_answer' };

const KEEP_MS = 24 * 60 * 60 * 1_000;

/**
 * Idempotency keys (Stripe: "Idempotent requests"): the first answer to a key is given again for 24 hours of the
 * sandbox's clock, errors and 500s included; another path or other parameters are refused; what failed before the work
 * began isn't kept.
 */
export interface Idempotency {
  /** The kept answer, or `begin` was granted and `end` must follow. Throws 400 or 409. */
  begin(caller: Caller, key: string, path: string, parameters: string): KeptAnswer | undefined;
  keep(
    caller: Caller,
    key: string,
    answer: Omit<KeptAnswer, 'id' | 'object' | 'createdMs' | 'fingerprint'>,
    parameters: string,
  ): void;
  end(caller: Caller, key: string): void;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64');

const advice = (key: string): string =>
  `Try using a key other than '${key}' if you meant to execute a different request.`;

/** Keys are remembered per account and mode. */
export const createIdempotency = (store: Store, clock: Clock): Idempotency => {
  const inFlight = new Set<string>();
  const slot = (caller: Caller, key: string): string => `${partitionOf(caller)}|${key}`;

  const find = (caller: Caller, key: string): KeptAnswer | undefined => {
    const kept = store.get(partitionOf(caller), keptAnswers, key);
    if (!kept || clock.nowMs() - kept.createdMs < KEEP_MS) return kept;
    store.delete(partitionOf(caller), keptAnswers, key);
    return undefined;
  };

  const forgetOld = (caller: Caller): void => {
    for (const kept of store.walk(partitionOf(caller), keptAnswers, { direction: 'newer' })) {
      if (clock.nowMs() - kept.createdMs < KEEP_MS) return;
      store.delete(partitionOf(caller), keptAnswers, kept.id);
      return;
    }
  };

  return {
    begin: (caller, key, path, parameters) => {
      if (key.length > 255) throw invalidRequest('Idempotency keys may be at most 255 characters long.');
      const kept = find(caller, key);
      if (kept) {
        if (kept.path !== path)
          throw new ApiError(400, {
            type: 'idempotency_error',
            message: `Keys for idempotent requests can only be used for the same endpoint they were first used for ('${path}' vs '${kept.path}'). ${advice(key)}`,
          });
        if (kept.fingerprint !== digest(parameters))
          throw new ApiError(400, {
            type: 'idempotency_error',
            message: `Keys for idempotent requests can only be used with the same parameters they were first used with. ${advice(key)}`,
          });
        return kept;
      }
      if (inFlight.has(slot(caller, key)))
        throw new ApiError(409, {
          type: 'idempotency_error',
          code: 'idempotency_key_in_use',
          message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
        });
      inFlight.add(slot(caller, key));
      return undefined;
    },
    keep: (caller, key, answer, parameters) => {
      forgetOld(caller);
      store.put(partitionOf(caller), keptAnswers, {
        id: key,
        object: 'kept_answer',
        ...answer,
        fingerprint: digest(parameters),
        createdMs: clock.nowMs(),
      });
    },
    end: (caller, key) => {
      inFlight.delete(slot(caller, key));
    },
  };
};
