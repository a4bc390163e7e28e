import Stripe from 'stripe';

/**
 * How a call to Stripe ended when it did not succeed.
 * `refused`: a definite no (card error, invalid request); nothing happened.
 * `unknown`: a timeout, a lost connection, a 5xx, a 409 or something that isn't Stripe's answer; it may have happened.
 * `throttled`: 429, nothing happened; wait. `denied`: 401 or 403, the key is at fault; an operator must act.
 * Source: Stripe docs, "Error handling" and "Advanced error handling".
 */
export type StripeFailure = 'refused' | 'unknown' | 'throttled' | 'denied';

/** A failed call, classified; Stripe's own error is the cause and never leaves the server. */
export class StripeCallError extends Error {
  constructor(
    readonly failure: StripeFailure,
    /** Stripe's error code, such as `card_declined` or `resource_missing`. */
    readonly stripeCode: string | undefined,
    readonly declineCode: string | undefined,
    /** HTTP status; undefined when there was no answer. */
    readonly status: number | undefined,
    options: { cause: unknown },
  ) {
    super(options.cause instanceof Error ? options.cause.message : 'Stripe call failed', options);
    this.name = 'StripeCallError';
  }
}

/** Reads are cheap to repeat, so they give up early. */
export const READ = { timeout: 10_000 } as const;

/** An object of Stripe's, and the server's time of the answer that brought it. */
export interface Answer<T> {
  readonly object: T;
  /** Unix seconds, from the answer's Date header. */
  readonly at: number;
}

const classify = (error: Stripe.errors.StripeError): StripeFailure => {
  if (error instanceof Stripe.errors.StripeConnectionError) return 'unknown';
  const status = error.statusCode ?? 0;
  if (status === 429) return 'throttled';
  if (status === 401 || status === 403) return 'denied';
  if (error.type === 'StripeIdempotencyError') return 'unknown';
  if (status === 400 || status === 402 || status === 404) return 'refused';
  return 'unknown';
};

/** Turns whatever a call threw into a StripeCallError; anything that isn't Stripe's clear answer is `unknown`. */
const toCallError = (error: unknown): StripeCallError => {
  if (error instanceof StripeCallError) return error;
  if (!(error instanceof Stripe.errors.StripeError))
    return new StripeCallError('unknown', undefined, undefined, undefined, { cause: error });
  return new StripeCallError(classify(error), error.code, error.decline_code, error.statusCode, { cause: error });
};

/**
 * Makes a call and checks that the answer is the kind of object that was asked for: a proxy's or a broken server's
 * body comes back from the client as if it were a success.
 *
 * @throws StripeCallError
 */
export const call = async <T extends { object: string }>(
  kind: T['object'],
  request: () => Promise<T & { lastResponse: { headers: Record<string, string> } }>,
): Promise<Answer<T>> => {
  try {
    const answer = await request();
    if (answer?.object !== kind) throw new Error(`Stripe answered with something that is no ${kind}.`);
    const date = Date.parse(answer.lastResponse.headers['date'] ?? '');
    return { object: answer, at: Math.floor((Number.isNaN(date) ? Date.now() : date) / 1000) };
  } catch (error) {
    throw toCallError(error);
  }
};
