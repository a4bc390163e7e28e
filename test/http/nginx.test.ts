import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { ensurePages } from '../../scripts/ensure.mjs';
import { createPages, WEB_FOLDER } from '../../src/http/pages.js';
import { describeWithNginx, type Nginx, startNginx } from '../harness/nginx.js';
import { collect, type Edge, followed, payment, readEvents, startEdge } from './edge.js';

const WATCH = 'subscription { paymentUpdated(id: 1) { version } }';

describeWithNginx('behind a plain proxy_pass of nginx', () => {
  let edge: Edge;
  let nginx: Nginx;
  beforeAll(async () => {
    edge = await startEdge();
    nginx = await startNginx(edge.url);
  });
  afterAll(async () => {
    await nginx.stop();
    await edge.close();
  });

  test('each message of a stream arrives when it is sent', async () => {
    const abort = new AbortController();
    const response = await fetch(`${nginx.url}/graphql?query=${encodeURIComponent(WATCH)}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${await edge.token()}` },
      signal: abort.signal,
    });
    const events = readEvents(response);
    for (let version = 1; version <= 3; version += 1) {
      if (version > 1) edge.streams.push(payment('1', { version }));
      expect((await events.next()).value?.data).toEqual({ data: { paymentUpdated: { version } } });
    }
    abort.abort();
    await edge.streams.idle();
  });
});

describeWithNginx('below the path of BASE_PATH, which nginx hands on', () => {
  let edge: Edge;
  let nginx: Nginx;
  beforeAll(async () => {
    await ensurePages({ say: () => undefined });
    edge = await startEdge({
      basePath: '/payments',
      routes: createPages({ folder: WEB_FOLDER, shop: true, stripeUrl: undefined }),
    });
    nginx = await startNginx(edge.root, '/payments/');
  });
  afterAll(async () => {
    await nginx.stop();
    await edge.close();
  });
  const url = (): string => `${nginx.url}/payments`;

  test('operations, streams and sockets are served', async () => {
    const authorization = `Bearer ${await edge.token()}`;
    const asked = await fetch(`${url()}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query: '{ payment(id: 1) { version } }' }),
    });
    expect(await asked.json()).toEqual({ data: { payment: { version: 1 } } });

    const abort = new AbortController();
    const response = await fetch(`${url()}/graphql?query=${encodeURIComponent(WATCH)}`, {
      headers: { accept: 'text/event-stream', authorization },
      signal: abort.signal,
    });
    expect((await readEvents(response).next()).value?.data).toEqual({ data: { paymentUpdated: { version: 1 } } });
    abort.abort();

    const socket = collect(edge.socket(authorization, { url: url() }), WATCH);
    expect((await socket.next())?.data).toEqual({ paymentUpdated: { version: 1 } });
    await socket.stop();
    await edge.streams.idle();
  });

  test('the shop and the console find all that they load, also from the path without its slash', async () => {
    for (const page of [`${url()}/console`, `${url()}/`, `${edge.root}/payments`]) {
      const loaded = await followed(page);
      expect(Object.keys(loaded)).toEqual(expect.arrayContaining([expect.stringMatching(/\.js$/)]));
      expect(new Set(Object.values(loaded))).toEqual(new Set([200]));
    }
  });

  test('webhooks and probes are below it too, and nothing is beside it', async () => {
    const statusOf = async (path: string, init?: RequestInit): Promise<number> =>
      (await fetch(`${edge.root}${path}`, init)).status;
    expect(await statusOf('/payments/webhooks/stripe', { method: 'POST', body: '{}' })).toBe(200);
    for (const path of ['/health', '/ready', '/metrics']) {
      expect(await statusOf(`/payments${path}`)).toBe(200);
      expect(await statusOf(path)).toBe(404);
    }
    for (const path of ['/graphql', '/paymentsgraphql', '/payments2/graphql', '//payments/graphql', '/'])
      expect(await statusOf(path, { method: 'POST' })).toBe(404);
    const socket = new WebSocket(`${edge.root.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const [refused] = await once(socket, 'unexpected-response').then(([, answer]) => [answer.statusCode]);
    expect(refused).toBe(404);
  });
});
