import Stripe from 'stripe';
import type { Server } from './tollgate.js';

/** An event as Stripe would send it, around an object. */
export const eventOf = (type: string, object: object, more: object = {}): Record<string, unknown> => ({
  id: `evt_${Math.random().toString(36).slice(2)}`,
  object: 'event',
  api_version: Stripe.API_VERSION,
  created: Math.floor(Date.now() / 1000),
  livemode: false,
  pending_webhooks: 1,
  request: { id: null, idempotency_key: null },
  type,
  data: { object },
  ...more,
});

/** A signature header for a body. */
export const sign = (
  body: string,
  { secret = 'whsec_sandbox', timestamp }: { secret?: string; timestamp?: number } = {},
): string =>
  Stripe.webhooks.generateTestHeaderString({ payload: body, secret, ...(timestamp !== undefined && { timestamp }) });

/** Sends a body with a signature header to a server's webhook door. */
export const deliver = (server: Server, body: string, signature: string | undefined = sign(body)): Promise<Response> =>
  fetch(`${server.url}/webhooks/stripe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(signature !== '' && { 'stripe-signature': signature }) },
    body,
  });
