import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { pay } from '../harness/payments.js';
import { type ServerProcess, startServerProcess } from '../harness/server-process.js';
import { openTestBed, type TestBed, tokenFor } from '../harness/tollgate.js';

const SOCKETS = 5;
const SUBSCRIPTIONS = 100;
const CHANGES = 60;
const MOST_MB = 300;
/** What is promised on a machine of its own; a test's machine is shared, so that the figure is printed and a multiple of it asserted. */
const HEALTH_MS = 100;
const SHARED = 30;

let bed: TestBed;
let server: ServerProcess;
let url: string;
beforeAll(async () => {
  bed = await openTestBed();
  server = await startServerProcess({ ...bed.environment, TOLLGATE_RECONCILE_MINUTES: '0' });
  url = server.url ?? '';
});
afterAll(async () => {
  await server.end('SIGKILL');
  await bed.close();
});

/** Of the server's own process, in MB. */
const memory = (): number =>
  Number(execFileSync('ps', ['-o', 'rss=', '-p', String(server.pid)], { encoding: 'utf8' })) / 1_024;

/** A flood from a thread of its own, so that what is measured here waits for the server alone. */
const FLOOD = `
  const { workerData: { url, token, body } } = require('node:worker_threads');
  const headers = { 'content-type': 'application/json', authorization: 'Bearer ' + token };
  const ask = async () => {
    for (;;) await fetch(url + '/graphql', { method: 'POST', headers, body }).then((answer) => answer.arrayBuffer(), () => undefined);
  };
  for (let n = 0; n < 8; n += 1) void ask();`;

/** Whatever is watched, in words as long as they may be. */
const WATCH = `subscription ($id: ID!) { paymentUpdated(id: $id) { id version ${Array.from({ length: 25 }, (_, index) => `d${index}: description`).join(' ')} } }`;

const openSlowReader = async (token: string, paymentId: string): Promise<WebSocket> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
  await once(socket, 'message');
  for (let id = 0; id < SUBSCRIPTIONS; id += 1) {
    const payload = { query: WATCH, variables: { id: paymentId } };
    socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload }));
  }
  socket.pause();
  return socket;
};

const openSlowStream = async (token: string, paymentId: string): Promise<void> => {
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    authorization: `Bearer ${token}`,
  };
  const body = JSON.stringify({ query: WATCH, variables: { id: paymentId } });
  await fetch(`${url}/graphql`, { method: 'POST', headers, body }); // and nothing is read of it
};

/** As many new versions of a payment as would come in a busy hour, told by the outbox. */
const change = async (paymentId: string): Promise<void> => {
  for (let count = 0; count < CHANGES; count += 1)
    await bed.sql.query(
      `with p as (update tollgate.payment set version = version + 1, updated_at = now() where id = $1 returning *)
        insert into tollgate.change (node_type, node_id, version, to_status, actor, at)
        select 'PAYMENT', id, version, status, 'job', now() - interval '2 seconds' from p`,
      [paymentId],
    );
};

test(`default limits hold slow readers of live status and a flood of introspection under ${MOST_MB} MB, and /health answers meanwhile`, async () => {
  const shop = bed.attach(url, async () => undefined);
  const { payment } = await pay(shop, await bed.createOrder(), { description: 'x'.repeat(500) });
  const token = await tokenFor('customer');
  const before = memory();
  let highest = before;
  const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => openSlowReader(token, payment.id)));
  await Promise.all(Array.from({ length: SOCKETS }, () => openSlowStream(token, payment.id)));
  const flood = new Worker(FLOOD, {
    eval: true,
    workerData: { url, token: await tokenFor('mallory'), body: JSON.stringify({ query: getIntrospectionQuery() }) },
  });
  const told = change(payment.id);
  const tookMs: number[] = [];
  for (let count = 0; count < 200; count += 1) {
    const askedAt = performance.now();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    tookMs.push(performance.now() - askedAt);
    if (count % 10 === 0) highest = Math.max(highest, memory());
  }
  await told;
  await flood.terminate();
  for (const socket of sockets) socket.terminate();
  const sorted = tookMs.sort((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  const median = sorted[sorted.length / 2] ?? Number.NaN;
  process.stdout.write(
    `The server grew by ${Math.round(highest - before)} MB; /health took ${Math.round(median)} ms (median), ${Math.round(p99)} ms (p99).\n`,
  );
  expect(highest - before).toBeLessThan(MOST_MB);
  expect(p99).toBeLessThan(HEALTH_MS * SHARED);
});
