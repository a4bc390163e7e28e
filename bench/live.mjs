// From a webhook's arrival to the message at the client: Tollgate beside bare ws fed from Redis, 2,000 sockets each.
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import { paymentTopic } from '../dist/src/nouns/payments/stream.js';
import { openBed } from './bed.mjs';
import { connect, post } from './http-load.mjs';
import { createPaymentFactory, sign } from './payments.mjs';
import { startServer } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { postgresVersion, redisVersion, versionsOf } from './results.mjs';
import { median, medianRatio, quantile } from './statistics.mjs';

const SOCKETS = 2_000;
const SOCKETS_AT_ONCE = 50;
const PER_SECOND = 300;
const SECONDS = 6;
/** While 2,000 sockets have just been opened every process still tidies up; the load runs, but its times don't count. */
const UNCOUNTED_SECONDS = 1;
const ROUNDS = 5;
const CONNECTIONS = 64;
const MESSAGE_MS = 60_000;
const JSON_TYPE = 'application/json; charset=utf-8';

const PROSE = `2,000 sockets are open, each watches a payment of its own; ${PER_SECOND} signed webhooks per second come to Tollgate for ${SECONDS} s, each for
another payment; the first second is not counted. The time runs from the moment the webhook is due to be sent to the moment its message is with the client. In all of it is
the path of a webhook: verified, applied and committed durably, published through Redis. In turn the sockets are Tollgate's (for each
message the permission is asked again, the subscription executed, the row sent over graphql-transport-ws), or those of a bare
ws server that listens to the same topics in Redis and sends on what it hears, unchecked. The last row has no
Tollgate in it at all: the bare server takes the webhook, publishes 500 bytes to Redis at once and sends on what comes back.

What limits it: what the bare server's own row holds too, the durable transaction with its four round trips before anything may be published.
Tollgate's sockets share their process with the webhooks, so messages also wait for the processor.`;

/** Runs it and gives the section of the results. */
export const runLive = async (progress) => {
  const bed = await openBed();
  try {
    progress('starting the servers');
    const redis = bed.keep(await startRedis());
    const tollgate = bed.keep(await bed.startTollgate({ REDIS_URL: redis.url }));
    const bare = bed.keep(await startServer('peers/bare-ws.mjs', { environment: { REDIS_URL: redis.url } }));
    const factory = await createPaymentFactory(bed, tollgate.url);
    const token = await bed.token();
    const webhook = ({ body }) =>
      post('/webhooks/stripe', { 'content-type': JSON_TYPE, 'stripe-signature': sign(body) }, body);
    const publish = ({ id, body }) => post(`/${encodeURIComponent(`bench:${id}`)}`, {}, body);
    const installation = await installationOf(bed.sql);
    const contenders = {
      tollgate: { url: tollgate.url, open: watchPayment(tollgate.url, token), deliver: webhook },
      bare: { url: tollgate.url, open: watchTopic(bare.url, topicOf(installation)), deliver: webhook },
      floor: { url: bare.url, open: watchTopic(bare.url, (id) => `bench:${id}`), deliver: publish },
    };
    const times = { tollgate: [], bare: [], floor: [] };
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [name, contender] of Object.entries(contenders)) {
        const payments = await factory.make(SOCKETS);
        const latencies = await measure(contender, payments, factory);
        if (round > 0) times[name].push({ p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) });
      }
      progress(round === 0 ? 'warmed up' : `round ${round} of ${ROUNDS}: ${lineOf(times)}`);
    }
    const versions = [
      await postgresVersion(bed.sql),
      redisVersion(),
      ...versionsOf('ws', 'graphql-ws', 'graphql', 'ioredis', 'pg'),
    ];
    return { title: 'live', prose: PROSE, table: tableOf(times), versions };
  } finally {
    await bed.stop();
  }
};

/** Opens the sockets, sends the load at an even pace, and gives each message's time in milliseconds. */
const measure = async ({ url, open, deliver }, payments, factory) => {
  const arrivals = new Map();
  const sockets = [];
  const waiting = [...payments];
  const links = [];
  try {
    const openSome = async () => {
      for (let payment = waiting.pop(); payment; payment = waiting.pop()) {
        const { id } = payment;
        sockets.push(await open(id, () => arrivals.get(id)?.(performance.now())));
      }
    };
    await Promise.all(Array.from({ length: SOCKETS_AT_ONCE }, openSome));
    const deliveries = payments
      .slice(0, PER_SECOND * SECONDS)
      .map((payment) => ({ id: payment.id, bytes: deliver({ ...payment, body: factory.eventOf(payment) }) }));
    for (let count = 0; count < CONNECTIONS; count += 1) links.push(await connect(url));
    return await sendEvenly(deliveries, links, arrivals);
  } finally {
    for (const link of links) link.close();
    await Promise.all(sockets.map((close) => close()));
  }
};

/** Sends each when it is due, or as soon as a connection is free; the time counts from when it was due. */
const sendEvenly = async (deliveries, links, arrivals) => {
  const startedAt = performance.now();
  const dueAt = (index) => startedAt + (index * 1_000) / PER_SECOND;
  const heard = deliveries.map(({ id }, index) => heardOf(id, arrivals).then((at) => at - dueAt(index)));
  let next = 0;
  const work = async (link) => {
    for (let index = next++; index < deliveries.length; index = next++) {
      const early = dueAt(index) - performance.now();
      if (early > 0) await delay(early);
      const { status } = await link.send(deliveries[index].bytes);
      if (status !== 200) throw new Error(`A webhook was answered with ${status}.`);
    }
  };
  const [latencies] = await Promise.all([Promise.all(heard), ...links.map(work)]);
  return latencies.slice(PER_SECOND * UNCOUNTED_SECONDS);
};

const heardOf = (id, arrivals) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Payment ${id} was not heard of.`)), MESSAGE_MS);
    arrivals.set(id, (at) => {
      clearTimeout(timer);
      resolve(at);
    });
  });

const SUBSCRIPTION = `subscription ($id: ID!) {
  paymentUpdated(id: $id) { id orderId status amount currency amountReceived amountRefunded version updatedAt }
}`;

/** A subscription over graphql-transport-ws; resolves when the current state has come, calls back for the success. */
const watchPayment = (url, token) => (id, heard) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      perMessageDeflate: false,
    });
    socket.once('error', reject);
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
    });
    socket.on('message', (data) => {
      const text = String(data);
      if (text.includes('"connection_ack"'))
        socket.send(
          JSON.stringify({ id: '1', type: 'subscribe', payload: { query: SUBSCRIPTION, variables: { id } } }),
        );
      else if (text.includes('"SUCCESSFUL"')) heard();
      else if (text.includes('"PENDING"')) resolve(closeOf(socket));
      else if (!text.includes('"ping"')) reject(new Error(`Unexpected message: ${text}`));
    });
  });

/** A bare socket; resolves when Redis has acknowledged its topic. */
const watchTopic = (url, topicOfId) => (id, heard) =>
  new Promise((resolve, reject) => {
    const address = `${url.replace('http', 'ws')}/${encodeURIComponent(topicOfId(id))}`;
    const socket = new WebSocket(address, { perMessageDeflate: false });
    socket.once('error', reject);
    socket.on('message', (data) => {
      if (String(data) === 'ready') resolve(closeOf(socket));
      else heard();
    });
  });

const topicOf = (installation) => (id) => `${installation}:${paymentTopic(id)}`;

const installationOf = async (sql) => {
  const { rows } = await sql.query(`select value #>> '{}' as id from tollgate.setting where key = 'installation'`);
  return rows[0].id;
};

const closeOf = (socket) => () =>
  new Promise((resolve) => {
    socket.once('close', resolve);
    socket.close();
  });

const lineOf = (times) =>
  Object.entries(times)
    .map(([name, rounds]) => `${name} p50 ${rounds.at(-1).p50.toFixed(1)} ms, p99 ${rounds.at(-1).p99.toFixed(1)} ms`)
    .join('; ');

const tableOf = ({ tollgate, bare, floor }) => {
  const all = (rounds, share) => rounds.map((round) => round[share]);
  const row = (name, rounds) => [
    name,
    `${median(all(rounds, 'p50')).toFixed(1)} ms`,
    `${median(all(rounds, 'p99')).toFixed(1)} ms`,
    `${medianRatio(all(rounds, 'p99'), all(bare, 'p99')).toFixed(2)} ×`,
  ];
  const held = medianRatio(all(tollgate, 'p99'), all(bare, 'p99')) <= 2;
  return {
    head: ['server', 'p50', 'p99', 'p99 beside bare ws'],
    rows: [
      row("Tollgate's sockets", tollgate),
      row('bare ws, fed from Redis by the same webhooks', bare),
      row('bare ws without Tollgate: nothing verified, stored or checked', floor),
    ],
    goal: `a p99 within 2 × that of bare ws: ${held ? 'held' : 'missed'}`,
  };
};
