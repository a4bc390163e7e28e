import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { type CrashPoint, isPath } from './crash-points.js';
import type { Link } from './link.js';

interface Options {
  readonly url: URL;
  readonly armed: () => CrashPoint | undefined;
  /** The point was reached: everything must be cut now. */
  readonly die: () => void;
  /** The bug of saying that a removed method is gone without having asked for it. */
  readonly keepsMethods?: boolean;
  /** The bug of saying that a subscription has other terms without having asked for them. */
  readonly keepsTerms?: boolean;
  /** The bug of taking an answer about another payment intent for the one that was asked about. */
  readonly takesAnyAnswer?: boolean;
}

/** The way to Stripe of one server. */
export interface StripeLink extends Link {
  /** Resolves when no write is under way, nor about to be repeated under its key. */
  quiet(): Promise<void>;
}

/** A write without a good answer is repeated within this, or never. */
const REPEATED_WITHIN_MS = 1_200;
const LOOK_MS = 20;
const INTENTS = '/v1/payment_intents';

const isFinal = (status: number): boolean => status < 500 && status !== 409 && status !== 429;

/** Answers with the method as it would be without its customer, and leaves it as it is. */
const answerAsDetached = async (
  url: URL,
  { headers }: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> => {
  const kept = await fetch(url, { headers: { authorization: String(headers.authorization) } });
  const method = (await kept.json()) as object;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...method, customer: null }));
};

/** Reads of Stripe with the key of the request that is answered in its place. */
const readAs =
  ({ headers }: http.IncomingMessage) =>
  async <T>(from: URL): Promise<T> =>
    (await (await fetch(from, { headers: { authorization: String(headers.authorization) } })).json()) as T;

/** Answers with the subscription as it would be with the terms that are asked for, and leaves it as it is. */
const answerAsChanged = async (
  url: URL,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> => {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  const form = new URLSearchParams(body);
  const read = readAs(request);
  const expand = new URLSearchParams([...form].filter(([name]) => name.startsWith('expand')));
  const kept = await read<{ items: { data: { price: { id: string }; quantity: number }[] } }>(
    new URL(`${url.pathname}?${expand}`, url),
  );
  const [item] = kept.items.data;
  const priceId = form.get('items[0][price]') ?? item?.price.id;
  const changed = {
    ...item,
    price: await read(new URL(`/v1/prices/${priceId}`, url)),
    quantity: Number(form.get('items[0][quantity]')),
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...kept, items: { ...kept.items, data: [changed] } }));
};

/** Whoever asks about a payment intent and hears of another can't tell: it has the name and the mark of the one asked about. */
const answerAsAsked = async (url: URL, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
  const read = readAs(request);
  const heard = await read<object>(url);
  const { data } = await read<{ data: { id: string; metadata: object }[] }>(new URL(`${INTENTS}?limit=100`, url));
  const asked = data.find(({ id }) => url.pathname === `${INTENTS}/${id}`);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...heard, id: asked?.id, metadata: asked?.metadata }));
};

/** Opens it: the server can die before a call leaves, and before its answer is heard. */
export const openStripeLink = async ({
  url,
  armed,
  die,
  keepsMethods = false,
  keepsTerms = false,
  takesAnyAnswer = false,
}: Options): Promise<StripeLink> => {
  let isCut = false;
  /** When each write, by its key, is past being repeated. */
  const writes = new Map<string, number>();
  const agent = new http.Agent({ keepAlive: true });
  const sockets = new Set<net.Socket>();

  const isReached = (request: http.IncomingMessage, at: 'before call' | 'after call'): boolean => {
    const point = armed();
    if (point?.at !== at || !('path' in point) || request.method !== 'POST') return false;
    return isPath(point.path, request.url ?? '');
  };

  const forward = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    if (isReached(request, 'before call')) {
      die();
      return;
    }
    if (keepsMethods && isPath('/v1/payment_methods/*/detach', request.url ?? '')) {
      void answerAsDetached(new URL(String(request.url).replace(/\/detach$/, ''), url), request, response);
      return;
    }
    const asked = new URL(String(request.url), url);
    if (takesAnyAnswer && request.method === 'GET' && isPath(`${INTENTS}/*`, asked.pathname)) {
      void answerAsAsked(asked, request, response);
      return;
    }
    if (keepsTerms && request.method === 'POST' && isPath('/v1/subscriptions/*', asked.pathname)) {
      void answerAsChanged(asked, request, response);
      return;
    }
    const { method, url: path, headers } = request;
    const key = String(headers['idempotency-key']);
    if (method === 'POST') writes.set(key, Number.POSITIVE_INFINITY);
    const sent = http.request({ host: url.hostname, port: url.port, method, path, headers, agent });
    sent.on('error', () => response.destroy());
    sent.on('response', (answer) => {
      if (isReached(request, 'after call')) {
        die();
        return;
      }
      const status = answer.statusCode ?? 502;
      if (isFinal(status)) answer.on('end', () => writes.delete(key));
      response.writeHead(status, answer.headers);
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    response.on('close', () => {
      if (writes.has(key)) writes.set(key, Date.now() + REPEATED_WITHIN_MS);
      if (!response.writableFinished) sent.destroy();
    });
    request.on('error', () => sent.destroy());
    request.pipe(sent);
  };

  const listener = http.createServer(forward);
  listener.on('connection', (socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (listener.address() as net.AddressInfo).port,
    cut,
    async quiet() {
      while (!isCut && [...writes.values()].some((until) => until > Date.now()))
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    },
    async close() {
      cut();
      agent.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
};
