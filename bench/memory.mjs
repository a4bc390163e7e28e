// What an idle subscriber costs: Tollgate's sockets beside bare ws.
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import { openBed } from './bed.mjs';
import { createPaymentFactory } from './payments.mjs';
import { startServer } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { redisVersion, versionsOf } from './results.mjs';

const SOCKETS = 10_000;
/** Opened before anything is counted: what a process needs once isn't a socket's. */
const FIRST = 1_000;
const AT_ONCE = 50;
/** Until what was only needed to open them is gone. */
const REST_MS = 8_000;

const PROSE = `${SOCKETS} sockets are open, each watches a payment of its own; nothing happens. Counted is what the process has grown by (resident
memory), ${REST_MS / 1_000} s after the last was opened, beyond the first ${FIRST}. The bare ws server subscribes in Redis too, and knows a topic for each socket.`;

const SUBSCRIPTION = `subscription ($id: ID!) {
  paymentUpdated(id: $id) { id orderId status amount currency amountReceived amountRefunded version updatedAt }
}`;

/** Runs it and gives the section of the results. */
export const runMemory = async (progress) => {
  const bed = await openBed();
  try {
    progress('starting the servers');
    const redis = bed.keep(await startRedis());
    const tollgate = bed.keep(await bed.startTollgate({ REDIS_URL: redis.url }));
    const bare = bed.keep(await startServer('peers/bare-ws.mjs', { environment: { REDIS_URL: redis.url } }));
    const factory = await createPaymentFactory(bed, tollgate.url);
    const token = await bed.token();
    const ids = (await factory.make(FIRST + SOCKETS)).map(({ id }) => id);
    const grown = {};
    for (const [name, pid, open] of [
      ['tollgate', tollgate.pid, watchPayment(tollgate.url, token)],
      ['bare', bare.pid, watchTopic(bare.url)],
    ]) {
      grown[name] = await measure(pid, ids, open);
      progress(`${name}: ${grown[name].toFixed(1)} KB per socket`);
    }
    const versions = [redisVersion(), ...versionsOf('ws', 'graphql-ws', 'graphql', 'ioredis')];
    return { title: 'memory', prose: PROSE, table: tableOf(grown), versions };
  } finally {
    await bed.stop();
  }
};

/** Kilobytes of resident memory that one socket adds. */
const measure = async (pid, ids, open) => {
  const first = await openAll(ids.slice(0, FIRST), open);
  await delay(REST_MS);
  const before = residentKb(pid);
  const others = await openAll(ids.slice(FIRST), open);
  await delay(REST_MS);
  const grown = (residentKb(pid) - before) / SOCKETS;
  for (const socket of [...first, ...others]) socket.terminate();
  return grown;
};

const openAll = async (ids, open) => {
  const sockets = [];
  const waiting = [...ids];
  const work = async () => {
    for (let id = waiting.pop(); id; id = waiting.pop()) sockets.push(await open(id));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return sockets;
};

/** proc(5): VmRSS. */
const residentKb = (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

const watchPayment = (url, token) => (id) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      perMessageDeflate: false,
    });
    const send = (message) => socket.send(JSON.stringify(message));
    socket.once('error', reject);
    socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
    socket.on('message', (data) => {
      const text = String(data);
      if (text.includes('"connection_ack"'))
        send({ id: '1', type: 'subscribe', payload: { query: SUBSCRIPTION, variables: { id } } });
      else if (text.includes('"PENDING"')) resolve(socket);
      else if (!text.includes('"ping"')) reject(new Error(`Unexpected message: ${text}`));
    });
  });

const watchTopic = (url) => (id) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/bench${id}`, { perMessageDeflate: false });
    socket.once('error', reject);
    socket.once('message', () => resolve(socket));
  });

const tableOf = ({ tollgate, bare }) => ({
  head: ['server', 'per socket', 'beside bare ws'],
  rows: [
    ["Tollgate's sockets", `${tollgate.toFixed(1)} KB`, `${(tollgate / bare).toFixed(2)} ×`],
    ['bare ws, subscribed in Redis', `${bare.toFixed(1)} KB`, '1.00 ×'],
  ],
  goal: `at most 2.5 × bare ws: ${tollgate / bare <= 2.5 ? 'held' : 'missed'}`,
});
