import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensurePages } from '../../scripts/ensure.mjs';
import { createPages, WEB_FOLDER } from '../../src/http/pages.js';
import { json } from '../../src/http/reply.js';
import type { Routes } from '../../src/http/routes.js';
import { confirmUntil, pay } from '../harness/payments.js';
import { openTestBed } from '../harness/tollgate.js';
import { type Edge, followed, startEdge } from './edge.js';

/** A proxy that has the server below /pay, and tells it nothing of that. */
const startPathProxy = async (target: () => string) => {
  const server = http.createServer((request, response) => {
    if (!request.url?.startsWith('/pay/')) return void response.writeHead(404).end();
    const url = new URL(target() + request.url.slice('/pay'.length));
    const onward = http.request(url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/pay`, close: () => server.close() };
};

let edge: Edge;
let proxy: Awaited<ReturnType<typeof startPathProxy>>;
beforeAll(async () => {
  await ensurePages({ say: () => undefined });
  proxy = await startPathProxy(() => edge.url);
});
afterAll(() => proxy.close());

const open = async (routes: Routes): Promise<void> => {
  edge = await startEdge({
    registry: new Registry(),
    ready: async () => ({ database: 'ok', pubsub: 'ok' }),
    webhook: async () => ({ status: 200, body: 'ok' }),
    routes,
  });
};

test("below a proxy's path the landing page, the console and the shop find all that they lead to and load", async () => {
  await open({ 'GET /console': () => json(200, {}) });
  const doors = await followed(`${proxy.url}/`);
  expect(doors).toEqual({ console: 200, health: 200, ready: 200, metrics: 200 });
  await edge.close();

  await open(createPages({ folder: WEB_FOLDER, shop: true, stripeUrl: undefined }));
  for (const page of [`${proxy.url}/console`, `${proxy.url}/`]) {
    const loaded = await followed(page);
    expect(Object.keys(loaded)).toEqual(
      expect.arrayContaining([expect.stringMatching(/\.js$/), expect.stringMatching(/\.css$/)]),
    );
    expect(new Set(Object.values(loaded))).toEqual(new Set([200]));
  }
  await edge.close();
});

test('on an IPv6 address and below a path, a payment is made, told by webhook, seen on a socket, and its caller counted', async () => {
  const bed = await openTestBed();
  try {
    const server = await bed.start({
      environment: { HOST: '::1', BASE_PATH: '/payments/', TOLLGATE_LIMIT_OPERATIONS_PER_ADDRESS: '20' },
    });
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+\/payments$/);
    await confirmUntil(bed, server, await pay(server, await bed.createOrder()));
    const answers = await Promise.all(Array.from({ length: 20 }, () => server.request('{ __typename }')));
    expect(JSON.stringify(answers)).toContain('RATE_LIMITED');
  } finally {
    await bed.close();
  }
});
