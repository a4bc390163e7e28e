// Signed payment_intent.succeeded events over HTTP: Tollgate's whole path beside a peer that upserts and a server that verifies.
import { openBed, WEBHOOK_SECRET } from './bed.mjs';
import { measureRate, post } from './http-load.mjs';
import { createPaymentFactory, sign } from './payments.mjs';
import { processorMs, startServer } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { postgresVersion, redisVersion, versionsOf } from './results.mjs';
import { median, medianRatio } from './statistics.mjs';

const ROUNDS = 7;
const EVENTS = 1_500;
const PATH = '/webhooks/stripe';
const BATCHES = { TOLLGATE_EVENT_BATCHES: 'auto' };
/** Each server with the connections that events come on, whether it writes Tollgate's rows, and the peer that it stands beside. */
const CONTENDERS = {
  few: { server: 'tollgate', connections: 16, writes: true, beside: 'peerFew', row: 'Tollgate, 16 connections' },
  many: { server: 'tollgate', connections: 64, writes: true, beside: 'peerMany', row: 'Tollgate, 64 connections' },
  shared: {
    server: 'shared',
    connections: 64,
    writes: true,
    beside: 'peerMany',
    row: 'Tollgate, told through Redis, 64',
  },
  alone: {
    server: 'alone',
    connections: 64,
    writes: true,
    beside: 'peerMany',
    row: 'Tollgate, a transaction per event, 64',
  },
  bare: {
    server: 'bare',
    connections: 64,
    writes: true,
    beside: 'peerMany',
    row: 'the same rows, a bare transaction per event, 64',
  },
  peerFew: { server: 'peer', connections: 16, beside: 'peerFew', row: '@supabase/stripe-sync-engine (the peer), 16' },
  peerMany: { server: 'peer', connections: 64, beside: 'peerMany', row: '@supabase/stripe-sync-engine (the peer), 64' },
  verify: { server: 'verify', connections: 64, beside: 'peerMany', row: 'verifies the signature, nothing else, 64' },
};

const PROSE = `Every event is signed, for a payment of its own that \`pay\` left open, and sent over HTTP. Tollgate verifies it, stores it, locks the
order, moves the payment, runs the shipped payment callback (which marks the order paid), writes the timeline and commits; then it
tells the subscribers and answers 200. With \`TOLLGATE_EVENT_BATCHES=auto\` events that come together share a transaction, each with its own
all-or-nothing (docs/decisions/0012). The peer verifies the event and upserts the payment intent in one statement: no inbox, no
duplicates, no business logic.

The bare transaction writes the same four rows (event, payment, timeline, order) under the same two locks, but blindly: one
packet, nothing looked at, decided or told.`;

/** Runs it and gives the section of the results. */
export const runWebhooks = async (progress) => {
  const bed = await openBed();
  try {
    progress('starting the servers');
    const redis = bed.keep(await startRedis());
    const servers = {
      tollgate: bed.keep(await bed.startTollgate(BATCHES)),
      shared: bed.keep(await bed.startTollgate({ ...BATCHES, REDIS_URL: redis.url })),
      alone: bed.keep(await bed.startTollgate({ TOLLGATE_EVENT_BATCHES: 'off' })),
      bare: bed.keep(await startServer('peers/bare-transaction.mjs', { environment: bareEnvironment(bed) })),
      peer: bed.keep(await startServer('peers/sync-engine.mjs', { environment: peerEnvironment(bed) })),
      verify: bed.keep(await startServer('peers/verify-only.mjs', { environment: { WEBHOOK_SECRET } })),
    };
    const factory = await createPaymentFactory(bed, servers.tollgate.url);
    const rounds = Object.fromEntries(Object.keys(CONTENDERS).map((name) => [name, []]));
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [name, { server, connections, writes }] of Object.entries(CONTENDERS)) {
        const payments = await factory.make(EVENTS);
        await bed.sql.query('checkpoint');
        const deliveries = payments.map((payment) => deliveryOf(factory.eventOf(payment)));
        const used = usedSince(servers[server].pid, bed.postgresPid);
        const rate = await measureRate(servers[server].url, deliveries, { connections });
        if (writes) await assertApplied(bed.sql, payments);
        if (round > 0) rounds[name].push({ rate, ...used() }); // round 0 warms up
      }
      progress(round === 0 ? 'warmed up' : `round ${round} of ${ROUNDS}: ${lineOf(rounds)}`);
    }
    const versions = [
      await postgresVersion(bed.sql),
      redisVersion(),
      ...versionsOf('pg', 'stripe', 'ioredis', '@supabase/stripe-sync-engine'),
    ];
    return { title: 'webhooks', prose: PROSE, table: tableOf(rounds), versions };
  } finally {
    await bed.stop();
  }
};

const peerEnvironment = ({ databaseUrl, sandboxUrl }) => ({
  DATABASE_URL: databaseUrl,
  STRIPE_API_BASE: sandboxUrl,
  WEBHOOK_SECRET,
});

const bareEnvironment = ({ databaseUrl }) => ({ DATABASE_URL: databaseUrl, WEBHOOK_SECRET });

const deliveryOf = (body) =>
  post(PATH, { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': sign(body) }, body);

/** A rate counts only if the work was done: every payment successful, every order paid, every change written. */
const assertApplied = async (sql, payments) => {
  const { rows } = await sql.query(
    `select count(*)::int as count from tollgate.payment p join public.shop_order o on o.id = p.order_id
      join tollgate.change c on c.node_type = 'PAYMENT' and c.node_id = p.id and c.version = p.version
      where p.id = any($1::bigint[]) and p.status = 'SUCCESSFUL' and o.status = 'paid' and c.flow_outcome = 'done'`,
    [payments.map(({ id }) => id)],
  );
  if (rows[0].count !== payments.length)
    throw new Error(`Only ${rows[0].count} of ${payments.length} events were applied.`);
};

/** Processor time from now on, in microseconds per event, of the server and of PostgreSQL. */
const usedSince = (...pids) => {
  const before = pids.map(processorMs);
  return () => {
    const [node, postgres] = pids.map((pid, at) => ((processorMs(pid) - before[at]) * 1_000) / EVENTS);
    return { node, postgres };
  };
};

const lineOf = (rounds) =>
  Object.entries(rounds)
    .map(([name, values]) => `${name} ${Math.round(values.at(-1).rate)}`)
    .join(', ');

const tableOf = (rounds) => {
  const of = (name, what) => rounds[name].map((round) => round[what]);
  const ratio = (name) => medianRatio(of(name, 'rate'), of(CONTENDERS[name].beside, 'rate'));
  const microseconds = (name, what) => {
    const value = median(of(name, what));
    return Number.isNaN(value) ? '' : `${Math.round(value)} µs`;
  };
  const rows = Object.entries(CONTENDERS).map(([name, { row }]) => [
    row,
    `${Math.round(median(of(name, 'rate')))}`,
    `${ratio(name).toFixed(2)} ×`,
    microseconds(name, 'node'),
    microseconds(name, 'postgres'),
  ]);
  const held = ratio('few') >= 1.2 && ratio('many') >= 2;
  return {
    head: ['server', 'events/s', 'beside the peer', 'server, per event', 'PostgreSQL, per event'],
    rows,
    goal: `at least 1.2 × the peer on 16 connections, 2 × on 64: ${held ? 'held' : 'missed'}`,
  };
};
