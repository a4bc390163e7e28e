import type { IncomingMessage, ServerResponse } from 'node:http';
import { discardRest, readBody } from './body.js';
import { reply, text } from './reply.js';

/** Takes a delivery's raw bytes and its `stripe-signature`, and says how to answer. */
export type Webhook = (
  body: Buffer,
  signature: string | undefined,
) => Promise<{ readonly status: number; readonly body: string }>;

/** The endpoint for Stripe's deliveries: passes on the exact bytes, and refuses large bodies before reading them. */
export const createWebhookDoor =
  (webhook: Webhook, limitBytes: number) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST') return reply(response, text(405, 'Stripe delivers with POST.', { allow: 'POST' }));
    const body = await readBody(request, limitBytes);
    if (body === null) {
      reply(response, text(413, `A delivery has at most ${limitBytes} bytes.`));
      return discardRest(request, response);
    }
    const signature = request.headers['stripe-signature'];
    const answer = await webhook(body, typeof signature === 'string' ? signature : undefined);
    reply(response, text(answer.status, answer.body));
  };
