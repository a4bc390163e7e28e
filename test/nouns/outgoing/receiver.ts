import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that a receiver got. */
export interface Got {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A receiver of webhooks as somebody may run it. */
export interface Receiver {
  /** By the name localhost. */
  readonly url: string;
  readonly got: Got[];
  /** How it answers from now on: a status, a function of the request, or silence. */
  behave(answer: number | 'silence' | 'reset' | ((got: Got) => number | Promise<number>)): void;
  close(): Promise<void>;
}

/** Starts one that answers 204. */
export const startReceiver = async (): Promise<Receiver> => {
  const got: Got[] = [];
  let behaviour: Parameters<Receiver['behave']>[0] = 204;
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const one = { headers: request.headers as Record<string, string>, body };
    got.push(one);
    if (behaviour === 'silence') return;
    if (behaviour === 'reset') return void request.socket.resetAndDestroy();
    const status = typeof behaviour === 'number' ? behaviour : await behaviour(one);
    response.writeHead(status, status >= 300 && status < 400 ? { location: '/elsewhere' } : {}).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/hook`,
    got,
    behave(answer) {
      behaviour = answer;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
