import { setMaxListeners } from 'node:events';
import Stripe from 'stripe';
import { traced } from '../core/trace.js';
import type { CallSignals } from './call-signals.js';

/**
 * How a call to Stripe ended when it did not succeed.
 * `refused`: a definite no (card error, invalid request); nothing happened.
 * `unknown`: a timeout, a lost connection, a 5xx, a 409 or something that isn't Stripe's answer; it may have happened.
 * `throttled`: 429, nothing happened; wait. `denied`: 401 or 403, the key is at fault; an operator must act.
 * Source: Stripe docs, "Error handling" and "Advanced error handling".
 */
export type StripeFailure = 'refused' | 'unknown' | 'throttled' | 'denied';

interface Failed {
  readonly failure: StripeFailure;
  readonly stripeCode?: string | undefined;
  readonly declineCode?: string | undefined;
  readonly status?: number | undefined;
  readonly cause: unknown;
}

/** A failed call, classified; Stripe's own error is the cause and never leaves the server. */
export class StripeCallError extends Error {
  readonly failure: StripeFailure;
  /** Stripe's error code, such as `card_declined` or `resource_missing`. */
  readonly stripeCode: string | undefined;
  readonly declineCode: string | undefined;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;

  constructor({ failure, stripeCode, declineCode, status, cause }: Failed) {
    super(cause instanceof Error ? cause.message : 'Stripe call failed', { cause });
    this.name = 'StripeCallError';
    this.failure = failure;
    this.stripeCode = stripeCode;
    this.declineCode = declineCode;
    this.status = status;
  }
}

/** Whether Stripe knows no such object; one answer alone may be wrong. */
export const isMissing = (error: unknown): boolean =>
  error instanceof StripeCallError && error.stripeCode === 'resource_missing';

/** Something came that can't be what was asked for: whatever was to be done may have been done. */
export class NotAnAnswerError extends StripeCallError {
  constructor(what: string) {
    super({ failure: 'unknown', cause: new Error(`Not an answer of Stripe's: ${what}.`) });
    this.name = 'NotAnAnswerError';
  }
}

/** The answer is about another row than the one that was asked about. */
export class NotOursError extends NotAnAnswerError {
  constructor(what: string) {
    super(`it is about another row, ${what}`);
    this.name = 'NotOursError';
  }
}

/** An object of Stripe's, and the server's time of the answer that brought it. */
export interface Answer<T> {
  readonly object: T;
  /** Unix seconds, from the answer's Date header. */
  readonly at: number;
}

/** The types of a definite no; another one, or none, isn't Stripe's. Source: Stripe docs, "Errors". */
const REFUSALS: ReadonlySet<unknown> = new Set(['card_error', 'invalid_request_error']);

/** A code as Stripe writes them; anything else is none. */
const codeOf = (code: unknown): string | undefined =>
  typeof code === 'string' && /^\w{1,100}$/.test(code) ? code : undefined;

const classify = (error: Stripe.errors.StripeError): StripeFailure => {
  if (error instanceof Stripe.errors.StripeConnectionError) return 'unknown';
  const status = error.statusCode ?? 0;
  if (status === 429) return 'throttled';
  if (status === 401 || status === 403) return 'denied';
  if (error.type === 'StripeIdempotencyError') return 'unknown';
  if (status === 400 || status === 402 || status === 404) return REFUSALS.has(error.rawType) ? 'refused' : 'unknown';
  return 'unknown';
};

/** Turns whatever a call threw into a StripeCallError; anything that isn't Stripe's clear answer is `unknown`. */
const toCallError = (error: unknown): StripeCallError => {
  if (error instanceof StripeCallError) return error;
  if (!(error instanceof Stripe.errors.StripeError)) return new StripeCallError({ failure: 'unknown', cause: error });
  return new StripeCallError({
    failure: classify(error),
    stripeCode: codeOf(error.code),
    declineCode: codeOf(error.decline_code),
    status: error.statusCode,
    cause: error,
  });
};

/** How long a call may take in all, its retries and its body included, in milliseconds. */
export interface CallLimits {
  readonly readMs: number;
  readonly writeMs: number;
}

/** Reads are cheap to repeat, so they give up early. */
const READ_MS = 10_000;

/** The limits of a client whose writes may take `writeMs`. */
export const limitsFor = (writeMs = 30_000): CallLimits => ({ writeMs, readMs: Math.min(READ_MS, writeMs) });

type Response<T> = T & { lastResponse: { headers: unknown } };

/**
 * Makes a call and checks that the answer is the kind of object that was asked for: a proxy's or a broken server's
 * body comes back from the client as if it were a success.
 *
 * @throws StripeCallError, `unknown` when the answer isn't there in time
 */
type Call = <T extends { object: string }>(
  kind: T['object'],
  request: (options: { readonly timeout: number }) => Promise<Response<T>>,
) => Promise<Answer<T>>;

/** Hears how each call ended: `done` or its failure; seconds with all repeats. */
export type ObserveCall = (kind: string, outcome: 'done' | StripeFailure, seconds: number) => void;

/** How calls go out. The limit is for the whole call: whatever Stripe or what stands before it does, the call ends. */
export interface Caller {
  readonly read: Call;
  readonly write: Call;
}

/** Beyond it no date is one: the database has no such time either. */
const FAR_MS = Date.UTC(9999, 0);

const dateOf = (headers: unknown): number => {
  const date = headers instanceof Headers ? headers.get('date') : (headers as Record<string, string>)['date'];
  const at = Date.parse(date ?? '');
  return Math.floor((at > 0 && at < FAR_MS ? at : Date.now()) / 1000);
};

interface CallParts {
  readonly signals: CallSignals;
  readonly stop?: AbortSignal | undefined;
  readonly observe?: ObserveCall | undefined;
}

const callWithin =
  (timeoutMs: number, { signals, stop, observe }: CallParts): Call =>
  (kind, request) =>
    traced(`stripe ${kind}`, { kind: 'CLIENT', attributes: { 'tollgate.stripe.kind': kind } }, async (span) => {
      const began = performance.now();
      const tell = (outcome: 'done' | StripeFailure): void => {
        span.set({ 'tollgate.stripe.outcome': outcome });
        observe?.(kind, outcome, (performance.now() - began) / 1_000);
      };
      const over = new AbortController();
      const timer = setTimeout(() => over.abort(new Error(`Stripe did not answer within ${timeoutMs} ms.`)), timeoutMs);
      const onStop = (): void => over.abort(stop?.reason);
      if (stop?.aborted) onStop();
      stop?.addEventListener('abort', onStop);
      const ended = new Promise<never>((_, reject) => {
        const end = (): void => reject(over.signal.reason);
        if (over.signal.aborted) end();
        else over.signal.addEventListener('abort', end, { once: true });
      });
      try {
        const answer = await Promise.race([ended, signals.during(over.signal, () => request({ timeout: timeoutMs }))]);
        if (answer?.object !== kind) throw new NotAnAnswerError(`it is no ${kind}`);
        tell('done');
        return { object: answer, at: dateOf(answer.lastResponse.headers) };
      } catch (error) {
        const failed = toCallError(error);
        tell(failed.failure);
        throw failed;
      } finally {
        clearTimeout(timer);
        stop?.removeEventListener('abort', onStop);
      }
    });

/** Builds the two ways to call; once `stop` is aborted, every call ends. */
export const createCaller = ({ readMs, writeMs }: CallLimits, parts: CallParts): Caller => {
  // As many listen as calls are under way; each stops with its call.
  if (parts.stop) setMaxListeners(0, parts.stop);
  return { read: callWithin(readMs, parts), write: callWithin(writeMs, parts) };
};
