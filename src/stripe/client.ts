import Stripe from 'stripe';

/** The API version whose shapes we read and whose events we apply; the version that the client library pins. */
export const STRIPE_API_VERSION = Stripe.API_VERSION;

export interface StripeClientOptions {
  readonly secretKey: string;
  /** Any Stripe-compatible server; undefined is Stripe itself. */
  readonly apiBase?: string;
  /** A short timeout makes outcomes unknown: 30 s for writes. */
  readonly timeoutMs?: number;
}

/** The official client with its version pinned, without telemetry, against Stripe or a compatible server. */
export const createStripeClient = ({ secretKey, apiBase, timeoutMs = 30_000 }: StripeClientOptions): Stripe => {
  const base = apiBase === undefined ? undefined : new URL(apiBase);
  return new Stripe(secretKey, {
    apiVersion: STRIPE_API_VERSION as Stripe.LatestApiVersion,
    telemetry: false,
    maxNetworkRetries: 2,
    timeout: timeoutMs,
    appInfo: { name: 'tollgate' },
    ...(base && {
      host: base.hostname,
      port: base.port === '' ? (base.protocol === 'https:' ? 443 : 80) : Number(base.port),
      protocol: base.protocol === 'https:' ? 'https' : 'http',
    }),
  });
};
