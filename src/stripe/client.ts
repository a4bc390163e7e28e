import Stripe from 'stripe';

/** The API version whose shapes we read and whose events we apply; the version that the client library pins. */
export const STRIPE_API_VERSION = Stripe.API_VERSION;

export interface StripeClientOptions {
  readonly secretKey: string;
  /** Any Stripe-compatible server; undefined is Stripe itself. */
  readonly apiBase?: string;
  /** How long one attempt may take, in milliseconds; a short one makes outcomes unknown: 30 s for writes. */
  readonly timeoutMs?: number;
}

type HttpClient = ReturnType<typeof Stripe.createFetchHttpClient>;

/**
 * The official client's own HTTP, whose timeout covers an attempt whole, its body too. A body that is no JSON object is
 * refused here: the client would leave the call's promise unsettled (it defines a property on the body). Redirects are not
 * followed: Stripe's API has none.
 */
const createHttpClient = (): HttpClient => {
  const fetchOnce: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'manual' });
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

/** The official client with its version pinned, without telemetry, against Stripe or a compatible server. */
export const createStripeClient = ({ secretKey, apiBase, timeoutMs = 30_000 }: StripeClientOptions): Stripe => {
  const base = apiBase === undefined ? undefined : new URL(apiBase);
  return new Stripe(secretKey, {
    apiVersion: STRIPE_API_VERSION as Stripe.LatestApiVersion,
    telemetry: false,
    maxNetworkRetries: 2,
    timeout: timeoutMs,
    httpClient: createHttpClient(),
    appInfo: { name: 'tollgate' },
    ...(base && {
      host: base.hostname,
      port: base.port === '' ? (base.protocol === 'https:' ? 443 : 80) : Number(base.port),
      protocol: base.protocol === 'https:' ? 'https' : 'http',
    }),
  });
};
