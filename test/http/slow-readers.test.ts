import { once } from 'node:events';
import net from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getIntrospectionQuery } from 'graphql';
import { afterEach, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import type { HttpParts } from '../../src/http/server.js';
import { collect, type Edge, openRaw, payment, startEdge } from './edge.js';

const WATCH = 'subscription { paymentUpdated(id: 1) { id version } }';

const edges: Edge[] = [];
afterEach(async () => {
  await Promise.all(edges.splice(0).map((edge) => edge.close()));
});

const start = async (change: Partial<HttpParts> = {}): Promise<Edge> => {
  const edge = await startEdge(change);
  edges.push(edge);
  return edge;
};

/** A socket that is let in, and then reads nothing any more. */
const openPaused = async (edge: Edge, token?: string): Promise<WebSocket> => {
  const authorization = `Bearer ${token ?? (await edge.token())}`;
  const socket = await openRaw(edge.url, { headers: { authorization } });
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await once(socket, 'message');
  socket.pause();
  return socket;
};

const subscribe = (socket: WebSocket, id: number, query: string): void =>
  socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }));

/** Resolves when the server has no socket open any more. */
const noneOpen = (edge: Edge): Promise<void> => expect.poll(() => edge.openSockets(), { timeout: 20_000 }).toBe(0);

test('a socket that leaves too much unread is closed at once, with what it left and all its operations', async () => {
  const edge = await start({ limits: { unreadBytes: 100_000 } });
  const socket = await openPaused(edge);
  subscribe(socket, 0, WATCH);
  await expect.poll(() => edge.streams.open.size).toBe(1);
  for (let id = 1; id < 100; id += 1) subscribe(socket, id, getIntrospectionQuery());
  await edge.streams.idle();
  await noneOpen(edge);
  socket.terminate();
});

test('five paused sockets that ask for all that they may hold little memory, and others are answered meanwhile', async () => {
  const edge = await start({ limits: { operationsPerAccount: 0, operationsPerAddress: 0 } });
  for (let id = 2; id <= 100; id += 1) edge.rows.set(String(id), payment(String(id)));
  const list = `{ ${Array.from({ length: 20 }, (_, index) => `a${index}: payments(first: 100) { edges { node { id orderId amount currency status description createdAt updatedAt version } } }`).join(' ')} }`;
  const before = process.memoryUsage().rss;
  let highest = 0;
  let asking = true;
  const attack = async (): Promise<void> => {
    while (asking) {
      const socket = await openPaused(edge, await edge.token('mallory'));
      for (let id = 0; id < 100; id += 1) subscribe(socket, id, id % 2 === 0 ? list : getIntrospectionQuery());
      await Promise.race([once(socket, 'close'), expect.poll(() => socket.bufferedAmount).toBe(0)]);
      for (let count = 0; count < 10; count += 1) await fetch(`${edge.url}/health`);
      socket.terminate();
    }
  };
  const attacks = [attack(), attack(), attack(), attack(), attack()];
  for (let count = 0; count < 40; count += 1) {
    expect((await fetch(`${edge.url}/health`)).status).toBe(200);
    highest = Math.max(highest, process.memoryUsage().rss);
  }
  asking = false;
  await Promise.all(attacks);
  expect((highest - before) / 1_024 / 1_024).toBeLessThan(300);
});

test('heavy operations that come all at once take turns: others are answered between them', async () => {
  const edge = await start({ limits: { operationsPerAccount: 0 } });
  const socket = await openPaused(edge);
  let answered = 0;
  const all = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      if (String(data).includes('"complete"')) answered += 1;
      if (answered === 90) resolve();
    });
  });
  socket.resume();
  // All in one packet, as an attacker would.
  const stream = (socket as unknown as { _socket: net.Socket })._socket;
  stream.cork();
  for (let id = 0; id < 90; id += 1) subscribe(socket, id, getIntrospectionQuery());
  stream.uncork();
  const stalls = monitorEventLoopDelay({ resolution: 5 });
  stalls.enable();
  const startedAt = performance.now();
  await all;
  expect(stalls.max / 1e6).toBeLessThan((performance.now() - startedAt) / 5);
  socket.terminate();
});

test('an address has so many sockets at once; the next is refused with 429 until one ends', async () => {
  const edge = await start({ limits: { socketsPerAddress: 2 }, trustedProxies: 1 });
  const from = (address: string) => openRaw(edge.url, { headers: { 'x-forwarded-for': address } });
  const [first] = [await from('10.0.0.1'), await from('10.0.0.1')];
  await expect(from('10.0.0.1:443')).rejects.toThrow('429');
  const other = await from('10.0.0.2');
  const closed = once(first, 'close');
  first.close();
  await closed;
  await expect.poll(() => edge.openSockets()).toBe(2);
  (await from('10.0.0.1')).terminate();
  other.terminate();
});

test('the clients of one address leave so much unread together: who holds most is cut off', async () => {
  const edge = await start({ limits: { unreadBytes: 50_000_000, unreadBytesPerAddress: 3_000_000 } });
  const sockets = [await openPaused(edge), await openPaused(edge), await openPaused(edge)];
  const reader = edge.socket(`Bearer ${await edge.token()}`);
  const watched = collect(reader, WATCH);
  await watched.next();
  for (const socket of sockets) for (let id = 0; id < 90; id += 1) subscribe(socket, id, getIntrospectionQuery());
  await expect.poll(() => edge.openSockets(), { timeout: 20_000 }).toBeLessThan(4);
  edge.streams.push(payment('1', { version: 2 }));
  expect((await watched.next())?.data).toEqual({ paymentUpdated: { id: '1', version: 2 } });
  for (const socket of sockets) socket.terminate();
});

/** Sends these bytes over a connection of its own, and reads nothing; `trickle` goes on sending one each 50 ms. */
const connectRaw = async (edge: Edge, head: string, trickle = false): Promise<net.Socket> => {
  const socket = net.connect(Number(new URL(edge.url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.write(head);
  const timer = trickle ? setInterval(() => socket.write('x'), 50) : undefined;
  socket.once('close', () => clearInterval(timer));
  return socket;
};

test.each([
  '/graphql',
  '/webhooks/stripe',
])('a body for %s that trickles without end ends by its whole time', async (path) => {
  const edge = await start({ limits: { requestMs: 300 } });
  const startedAt = performance.now();
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n`;
  const socket = await connectRaw(edge, head, true);
  socket.resume();
  await once(socket, 'close');
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('an answer that is not read is thrown away after a while, and its connection closed', async () => {
  const edge = await start({ limits: { requestMs: 300, depth: 15 } });
  const types = Array.from(
    { length: 3 },
    (_, index) =>
      `a${index}: types { name description fields { name description type { name kind ofType { name } } args { name description } } }`,
  );
  const body = JSON.stringify({ query: `{ __schema { ${types.join(' ')} } }` });
  const one = `POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const sockets = await Promise.all(Array.from({ length: 4 }, () => connectRaw(edge, one.repeat(60))));
  await expect
    .poll(() => new Promise((resolve) => edge.http.server.getConnections((_, count) => resolve(count))), {
      timeout: 20_000,
    })
    .toBe(0);
  for (const socket of sockets) socket.destroy();
});
