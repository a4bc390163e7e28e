import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Random } from './random.js';

/** One message of an outgoing webhook, or one call of an effect, as another system heard it. */
export interface Heard {
  /** What the sender says is the same at each attempt. */
  readonly key: string;
  readonly body: string;
  /** Whether it was signed with the endpoint's secret; an effect isn't signed. */
  readonly isSigned: boolean;
  /** Whether it was told that all is well. */
  readonly isAnswered: boolean;
}

/** Another system, told by outgoing webhooks and by effects. */
export interface Ear {
  readonly webhookUrl: string;
  readonly effectUrl: string;
  /** What signs the messages from now on. */
  know(secret: string): void;
  readonly messages: readonly Heard[];
  readonly effects: readonly Heard[];
  close(): Promise<void>;
}

/** Decides how the other system answers. */
export type EarTrouble = () => 'answers' | 'is slow' | 'fails' | 'hangs up';

const SLOW_MS = 200;

/** Messages that each end in trouble as `random` says. */
export const troubleAt =
  (random: Random, isTroubled: () => boolean): EarTrouble =>
  () =>
    isTroubled() ? random.pick(['answers', 'answers', 'answers', 'is slow', 'fails', 'hangs up']) : 'answers';

const isVerified = (webhook: Webhook | undefined, body: string, headers: http.IncomingHttpHeaders): boolean => {
  try {
    webhook?.verify(body, headers as Record<string, string>);
    return webhook !== undefined;
  } catch {
    return false;
  }
};

/** Listens; what it hears before it hangs up, or fails, it has heard all the same. */
export const openEar = async (trouble: EarTrouble): Promise<Ear> => {
  const messages: Heard[] = [];
  const effects: Heard[] = [];
  let webhook: Webhook | undefined;
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const isEffect = request.url === '/effect';
    const end = trouble();
    const isAnswered = end === 'answers' || end === 'is slow';
    const key = String(request.headers[isEffect ? 'idempotency-key' : 'webhook-id']);
    const isSigned = !isEffect && isVerified(webhook, body, request.headers);
    (isEffect ? effects : messages).push({ key, body, isSigned, isAnswered });
    if (end === 'hangs up') return void request.socket.resetAndDestroy();
    if (end === 'is slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    response.writeHead(isAnswered ? 204 : 503).end();
  });
  // Whoever dies in the middle of a call is no fault of the listener.
  server.on('request', (request, response) => {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    webhookUrl: `${url}/webhook`,
    effectUrl: `${url}/effect`,
    know: (secret) => {
      webhook = new Webhook(secret);
    },
    messages,
    effects,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
