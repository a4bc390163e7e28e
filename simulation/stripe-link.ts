import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { type CrashPoint, isPath } from './crash-points.js';
import type { Link } from './link.js';
import { isAbout, STRIPE_BUGS, type StripeBug } from './stripe-bugs.js';

interface Options {
  readonly url: URL;
  readonly armed: () => CrashPoint | undefined;
  /** The point was reached: everything must be cut now. */
  readonly die: () => void;
  /** What the server is made to do wrong at Stripe. */
  readonly bug?: StripeBug | undefined;
}

/** The way to Stripe of one server. */
export interface StripeLink extends Link {
  /** Resolves when no write is under way, nor about to be repeated under its key. */
  quiet(): Promise<void>;
}

/** A write without a good answer is repeated within this, or never. */
const REPEATED_WITHIN_MS = 1_200;
const LOOK_MS = 20;

const isFinal = (status: number): boolean => status < 500 && status !== 409 && status !== 429;

/** Opens it: the server can die before a call leaves, and before its answer is heard. */
export const openStripeLink = async ({ url, armed, die, bug }: Options): Promise<StripeLink> => {
  const wrongs = bug && STRIPE_BUGS[bug];
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

  let first: http.IncomingHttpHeaders | undefined;
  const headersOf = (request: http.IncomingMessage, asked: URL): http.IncomingHttpHeaders => {
    const { headers } = request;
    first ??= headers;
    return wrongs && 'headers' in wrongs && isAbout(wrongs, request, asked) ? wrongs.headers(headers, first) : headers;
  };

  const forward = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    if (isReached(request, 'before call')) {
      die();
      return;
    }
    const asked = new URL(String(request.url), url);
    if (wrongs && 'instead' in wrongs && isAbout(wrongs, request, asked)) {
      void wrongs.instead(asked, request, response);
      return;
    }
    const { method, url: path } = request;
    const headers = headersOf(request, asked);
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
