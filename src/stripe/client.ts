import Stripe from 'stripe';
import type { ObserveCall } from './answer.js';
import type { CallSignals } from './call-signals.js';

/** The API version whose shapes we read and whose events we apply; the version that the client library pins. */
export const STRIPE_API_VERSION = Stripe.API_VERSION;

export interface StripeClientOptions {
  readonly secretKey: string;
  /** Any Stripe-compatible server; undefined is Stripe itself. */
  readonly apiBase?: string;
  /** How long one attempt may take, in milliseconds; a short one makes outcomes unknown: 30 s for writes. */
  readonly timeoutMs?: number;
  /** Once aborted, every call ends: its outcome is unknown. */
  readonly stop?: AbortSignal;
  readonly observe?: ObserveCall | undefined;
}

type HttpClient = ReturnType<typeof Stripe.createFetchHttpClient>;

/** Far more than a page of 100 objects with what they are expanded by. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Answers that have no body. Source: Fetch standard, "null body status". */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** The same answer, which fails while it is read once it is larger than any answer of Stripe's. */
const bounded = ({ body, status, headers }: Response): Response => {
  if (body === null || NO_BODY.has(status)) return new Response(null, { status, headers });
  let left = MOST_BYTES;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      left -= chunk.byteLength;
      if (left < 0) controller.error(new Error(`The answer is larger than ${MOST_BYTES} bytes.`));
      else controller.enqueue(chunk);
    },
  });
  return new Response(body.pipeThrough(count), { status, headers });
};

/**
 * The official client's own HTTP. What is under way ends with its call, repeats included, and an answer is read only up to a
 * bound. A body that is no JSON object is refused here: the client would leave the call's promise unsettled (it defines a
 * property on the body). Redirects are not followed: Stripe's API has none.
 */
const createHttpClient = (signals: CallSignals): HttpClient => {
  const fetchOnce: typeof fetch = async (input, init) => {
    const ends = [init?.signal, signals.current()].filter((signal) => signal instanceof AbortSignal);
    return bounded(await fetch(input, { ...init, redirect: 'manual', signal: AbortSignal.any(ends) }));
  };
  const client = Stripe.createFetchHttpClient(fetchOnce);
  const makeRequest = client.makeRequest.bind(client);
  client.makeRequest = async (...request) => {
    const response = await makeRequest(...request);
    const toJSON = response.toJSON.bind(response);
    response.toJSON = async () => {
      const body: unknown = await toJSON();
      if (typeof body !== 'object' || body === null) throw new Error('The answer is no JSON object.');
      return body;
    };
    return response;
  };
  return client;
};

/**
 * The official client with its version pinned, without telemetry, against Stripe or a compatible server. `signals` tells which
 * call a request is made for.
 */
export const createStripeClient = (
  { secretKey, apiBase, timeoutMs = 30_000 }: StripeClientOptions,
  signals: CallSignals,
): Stripe => {
  const base = apiBase === undefined ? undefined : new URL(apiBase);
  return new Stripe(secretKey, {
    apiVersion: STRIPE_API_VERSION as Stripe.LatestApiVersion,
    telemetry: false,
    maxNetworkRetries: 2,
    timeout: timeoutMs,
    httpClient: createHttpClient(signals),
    appInfo: { name: 'tollgate' },
    ...(base && {
      host: base.hostname,
      port: base.port === '' ? (base.protocol === 'https:' ? 443 : 80) : Number(base.port),
      protocol: base.protocol === 'https:' ? 'https' : 'http',
    }),
  });
};
