import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Edge, openRaw, payment, readEvents, startEdge } from './edge.js';

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.close());

const WATCH = 'subscription { paymentUpdated(id: 1) { id version } }';

const stream = async (query: string, options: { token?: string; method?: string; signal?: AbortSignal } = {}) => {
  const { token = await edge.token(), method = 'POST', signal } = options;
  const url = `${edge.url}/graphql`;
  return fetch(method === 'GET' ? `${url}?query=${encodeURIComponent(query)}` : url, {
    method,
    headers: {
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body: JSON.stringify({ query }) } : {}),
    ...(signal ? { signal } : {}),
  });
};

test.each(['GET', 'POST'])('a query over %s is one message and the end', async (method) => {
  const response = await stream('{ publishableKey }', { method });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events = await all(readEvents(response));
  expect(events).toEqual([
    { event: 'next', data: { data: { publishableKey: 'pk_test_1' } } },
    { event: 'complete', data: undefined },
  ]);
});

test('a mutation is answered over POST and refused over GET', async () => {
  const query = 'mutation { pay(input: { orderId: 1, amount: 100, currency: "USD" }) { publishableKey } }';
  const posted = await all(readEvents(await stream(query)));
  expect(posted[0]?.data).toEqual({ data: { pay: { publishableKey: 'pk_test_1' } } });
  const response = await stream(query, { method: 'GET' });
  expect(response.status).toBe(405);
  const body = await response.text();
  expect(body).toContain('errors');
  expect(body).not.toContain('pk_test_1');
});

test.each([
  'GET',
  'POST',
])('a subscription over %s sends each message as it comes, and its end is cleaned up', async (method) => {
  const abort = new AbortController();
  const events = readEvents(await stream(WATCH, { method, signal: abort.signal }));
  expect((await events.next()).value?.data).toEqual({ data: { paymentUpdated: { id: '1', version: 1 } } });
  edge.streams.push(payment('1', { version: 2 }));
  expect((await events.next()).value?.data).toEqual({ data: { paymentUpdated: { id: '1', version: 2 } } });
  expect(edge.streams.open.size).toBe(1);
  abort.abort();
  await edge.streams.idle();
});

test('a client that goes away before the first message leaves nothing open', async () => {
  for (let round = 0; round < 20; round += 1) {
    const abort = new AbortController();
    const asked = stream(WATCH, { signal: abort.signal }).catch(() => undefined);
    setImmediate(() => abort.abort());
    await asked;
  }
  await edge.streams.idle();
});

test('a stream without news gets comments as often as is set, and a socket pings, so that no proxy takes them for idle', async () => {
  const own = await startEdge({ keepAlive: { socketSeconds: 1, streamSeconds: 1 } });
  const socket = await openRaw(own.url);
  await once(socket, 'ping');
  socket.terminate();
  const abort = new AbortController();
  const response = await fetch(`${own.url}/graphql?query=${encodeURIComponent(WATCH)}`, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${await own.token()}` },
    signal: abort.signal,
  });
  expect(response.headers.get('x-accel-buffering')).toBe('no');
  let seen = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    seen += chunk;
    if (/\n:\n(?!\n)/.test(seen)) break;
  }
  abort.abort();
  await own.close();
});

test('refusals are a message of the stream, with their code', async () => {
  const [missing] = await all(readEvents(await stream('subscription { paymentUpdated(id: 404) { id } }')));
  expect(missing?.data?.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  const [malformed] = await all(readEvents(await stream('subscription { paymentUpdated(id: "x") { id } }')));
  expect(malformed?.data?.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  edge.grants.set('eve', ['PUBLIC']);
  const [closed] = await all(readEvents(await stream(WATCH, { token: await edge.token('eve') })));
  expect(closed?.data?.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'PAYMENT_READ' });
  const bad = await stream(WATCH, { token: 'nonsense' });
  expect(bad.status).toBe(401);
  expect(await bad.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  expect(edge.streams.open.size).toBe(0);
});

test('a permission that is taken away ends the stream with FORBIDDEN at the next message', async () => {
  const events = readEvents(await stream(WATCH, { token: await edge.token('ben') }));
  await events.next();
  edge.grants.set('ben', ['PUBLIC']);
  edge.streams.push(payment('1', { version: 3 }));
  expect((await events.next()).value?.data?.errors?.[0]).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
  await edge.streams.idle();
});

test('the end of the token is the end of the stream, with UNAUTHENTICATED', async () => {
  const events = await all(readEvents(await stream(WATCH, { token: await edge.token('ann', 4) })));
  expect(events.at(0)?.data?.data).toBeDefined();
  expect(events.findLast(({ event }) => event === 'next')?.data?.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  await edge.streams.idle();
});

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}
