import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import type { CrashPoint } from './crash-points.js';
import type { Link } from './link.js';

interface Options {
  readonly url: URL;
  readonly armed: () => CrashPoint | undefined;
  /** The point was reached: everything must be cut now. */
  readonly die: () => void;
}

/** Opens the way to Stripe of one server: it can die before a call leaves, and before its answer is heard. */
export const openStripeLink = async ({ url, armed, die }: Options): Promise<Link> => {
  let isCut = false;
  const agent = new http.Agent({ keepAlive: true });
  const sockets = new Set<net.Socket>();

  const isReached = (request: http.IncomingMessage, at: 'before call' | 'after call'): boolean => {
    const point = armed();
    return point?.at === at && 'path' in point && request.method === 'POST' && request.url === point.path;
  };

  const forward = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    if (isReached(request, 'before call')) {
      die();
      return;
    }
    const { method, url: path, headers } = request;
    const sent = http.request({ host: url.hostname, port: url.port, method, path, headers, agent });
    sent.on('error', () => response.destroy());
    sent.on('response', (answer) => {
      if (isReached(request, 'after call')) {
        die();
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    response.on('close', () => {
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
    async close() {
      cut();
      agent.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
};
