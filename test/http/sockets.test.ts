import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { type Body, type CloseEvent, collect, type Edge, openRaw, payment, startEdge } from './edge.js';

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge({ limits: { subscriptionsPerSocket: 3, messageBytes: 10_000 } });
});
afterAll(() => edge.close());

const WATCH = 'subscription { paymentUpdated(id: 1) { id version } }';
const signedIn = async (accountId = 'ann', expiresInSeconds?: number): Promise<string> =>
  `Bearer ${await edge.token(accountId, expiresInSeconds)}`;

/** The close of a socket that sends this and then listens. */
const closeOf = (authorization: unknown): Promise<CloseEvent> =>
  new Promise((resolve) => {
    const client = edge.socket(authorization, { onClosed: resolve });
    client.subscribe(
      { query: '{ publishableKey }' },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    );
  });

/** The error of an operation, whether it came as its one message or as its end. */
const errorOf = async (
  message: Promise<Body | undefined>,
): Promise<NonNullable<Body['errors']>[number] | undefined> => {
  const errors = await message.then(
    (body) => body?.errors,
    (refusal: Body['errors']) => refusal,
  );
  return errors?.[0];
};

const codeOfClose = async (socket: WebSocket): Promise<unknown> => (await once(socket, 'close'))[0];

test('queries, mutations and subscriptions run on one socket', async () => {
  const client = edge.socket(await signedIn());
  const watched = collect(client, WATCH);
  expect(await watched.next()).toEqual({ data: { paymentUpdated: { id: '1', version: 1 } } });
  expect(await collect(client, '{ viewer { accountId } }').next()).toEqual({ data: { viewer: { accountId: 'ann' } } });
  const pay =
    'mutation ($amount: MinorUnits!) { pay(input: { orderId: 1, amount: $amount, currency: "EUR" }) { payment { amount } } }';
  expect(await collect(client, pay, { amount: '250' }).next()).toEqual({ data: { pay: { payment: { amount: 250 } } } });
  edge.streams.push(payment('1', { version: 2 }));
  expect(await watched.next()).toEqual({ data: { paymentUpdated: { id: '1', version: 2 } } });
  await watched.stop();
  await edge.streams.idle();
});

test('an anonymous socket may do what is public', async () => {
  const client = edge.socket();
  expect(await collect(client, '{ publishableKey }').next()).toEqual({ data: { publishableKey: 'pk_test_1' } });
  expect((await errorOf(collect(client, WATCH).next()))?.extensions.code).toBe('UNAUTHENTICATED');
});

test.each([
  ['Bearer nonsense'],
  ['nonsense'],
  [''],
  [42],
  [{ token: 1 }],
])('the authorization %j closes the socket with 4403 and says why', async (authorization) => {
  const { code, reason } = await closeOf(authorization);
  expect(code).toBe(4403);
  expect(reason).toMatch(/token|authorization/i);
});

test('an expired token closes with 4403, and so does the end of a token meanwhile, after UNAUTHENTICATED', async () => {
  expect((await closeOf(await signedIn('ann', -10))).code).toBe(4403);
  const authorization = await signedIn('ann', 1);
  const closed = new Promise<CloseEvent>((resolve) => {
    const client = edge.socket(authorization, { onClosed: resolve });
    client.subscribe({ query: WATCH }, { next: () => undefined, error: () => undefined, complete: () => undefined });
  });
  expect(await closed).toMatchObject({ code: 4403, reason: 'The token has expired.' });
  await edge.streams.idle();
});

test.each([
  ['in months', 90 * 86_400],
  ['in milliseconds, by mistake', 1_000 * Math.floor(Date.now() / 1_000)],
  ['after the last date that there is', 9e12],
])('a token that ends %s keeps its socket open', async (_, expiresInSeconds) => {
  const client = edge.socket(await signedIn('ann', expiresInSeconds));
  const watched = collect(client, WATCH);
  await watched.next();
  expect(await collect(client, '{ publishableKey }').next()).toBeDefined();
  edge.streams.push(payment('1', { version: 2 }));
  expect((await watched.next())?.data).toEqual({ paymentUpdated: { id: '1', version: 2 } });
  await watched.stop();
  await edge.streams.idle();
});

test('a syntax error, an unknown field and a failing field are errors of their operation alone', async () => {
  const client = edge.socket(await signedIn());
  const watched = collect(client, WATCH);
  await watched.next();
  expect((await errorOf(collect(client, '{ oops(').next()))?.extensions.code).toBe('GRAPHQL_PARSE_FAILED');
  expect((await errorOf(collect(client, '{ oops }').next()))?.extensions).toEqual({
    code: 'GRAPHQL_VALIDATION_FAILED',
  });
  expect(
    (await errorOf(collect(client, 'subscription { paymentUpdated(id: 404) { id } }').next()))?.extensions.code,
  ).toBe('NOT_FOUND');
  const failed = await collect(client, '{ payment(id: 500) { id } }').next();
  expect(failed?.errors?.[0]).toMatchObject({ extensions: { code: 'INTERNAL' } });
  expect(JSON.stringify(failed)).not.toContain('hunter2');
  const amount = 'mutation { pay(input: { orderId: 1, amount: -1, currency: "EUR" }) { publishableKey } }';
  expect((await errorOf(collect(client, amount).next()))?.extensions.code).toBe('BAD_USER_INPUT');
  edge.streams.push(payment('1', { version: 2 }));
  expect((await watched.next())?.data).toEqual({ paymentUpdated: { id: '1', version: 2 } });
  await watched.stop();
});

test('a permission that is taken away ends the stream with FORBIDDEN and leaves the socket open', async () => {
  const client = edge.socket(await signedIn('ben'));
  const watched = collect(client, WATCH);
  await watched.next();
  edge.grants.set('ben', ['PUBLIC']);
  edge.streams.push(payment('1', { version: 5 }));
  const error = await errorOf(watched.next());
  expect(error?.extensions).toEqual({ code: 'FORBIDDEN', permission: 'PAYMENT_READ' });
  expect(await collect(client, '{ publishableKey }').next()).toBeDefined();
  edge.grants.delete('ben');
});

test('sockets that vanish leave no stream open', async () => {
  const sockets = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = await openRaw(edge.url, { headers: { authorization: await signedIn() } });
      socket.send(JSON.stringify({ type: 'connection_init' }));
      await once(socket, 'message');
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: WATCH } }));
      await once(socket, 'message');
      return socket;
    }),
  );
  expect(edge.streams.open.size).toBe(50);
  for (const socket of sockets) socket.terminate();
  await edge.streams.idle();
});

test('a socket has so many operations at once, and one more after the end of one', async () => {
  const client = edge.socket(await signedIn());
  const watched = [collect(client, WATCH), collect(client, WATCH), collect(client, WATCH)];
  for (const one of watched) await one.next();
  expect((await errorOf(collect(client, WATCH).next()))?.extensions.code).toBe('QUERY_TOO_COMPLEX');
  await watched[0]?.stop();
  await expect.poll(() => edge.streams.open.size).toBe(2);
  const another = collect(client, WATCH);
  expect(await another.next()).toBeDefined();
  for (const one of [...watched, another]) await one.stop();
  await edge.streams.idle();
});

test('silence, a large message and a page of another site are not served', async () => {
  const impatient = await startEdge({ limits: { connectionInitMs: 200 } });
  expect(await codeOfClose(await openRaw(impatient.url))).toBe(4408);
  await impatient.close();
  const loud = await openRaw(edge.url);
  loud.send(JSON.stringify({ type: 'connection_init', payload: { padding: 'x'.repeat(20_000) } }));
  expect(await codeOfClose(loud)).toBe(1009);
  await expect(openRaw(edge.url, { headers: { origin: 'https://evil.example' } })).rejects.toThrow('403');
  const own = await openRaw(edge.url, { headers: { origin: edge.url } });
  own.terminate();
});

test('an operation before connection_init closes with 4401', async () => {
  const socket = await openRaw(edge.url);
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: '{ publishableKey }' } }));
  expect(await codeOfClose(socket)).toBe(4401);
});

test('a stop ends sockets and streams and is over in a moment', async () => {
  const own = await startEdge();
  const client = own.socket(`Bearer ${await own.token()}`);
  const watched = collect(client, WATCH);
  await watched.next();
  const startedAt = performance.now();
  const ended = watched.next().catch((event: CloseEvent) => event);
  const streamed = await fetch(`${own.url}/graphql?query=${encodeURIComponent(WATCH)}`, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${await own.token()}` },
  });
  await own.close();
  await expect(streamed.text()).rejects.toThrow();
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  await ended;
  await own.streams.idle();
  await own.http.close();
});
