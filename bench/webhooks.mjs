// Signed payment_intent.succeeded events over HTTP: Tollgate's whole path beside a peer that upserts and a server that verifies.
import path from 'node:path';
import { ACCOUNT } from './account.mjs';
import { openBed, WEBHOOK_SECRET } from './bed.mjs';
import { measureRate, post } from './http-load.mjs';
import { createPaymentFactory, sign } from './payments.mjs';
import { processorMs, startServer } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { postgresVersion, redisVersion, versionsOf } from './results.mjs';
import { median, medianRatio } from './statistics.mjs';

const ROUNDS = 7;
const EVENTS = 4_000;
const PATH = '/webhooks/stripe';
const OURS = { writes: true, server: 'tollgate', connections: 64, beside: 'peerMany' };
/**
 * Each server with the connections that events come on, whether it writes Tollgate's rows, and the peer that it stands beside.
 * `slowCommit`: each commit takes 2 ms more, as on a disk of the network. `hasEndpoint`: an outgoing webhook wants each change of a payment.
 */
const CONTENDERS = {
  few: { ...OURS, connections: 16, beside: 'peerFew', row: 'Tollgate, 16 connections' },
  many: { ...OURS, row: 'Tollgate, 64 connections' },
  shared: { ...OURS, server: 'shared', row: 'Tollgate, told through Redis, 64' },
  two: { ...OURS, server: 'two', row: 'Tollgate, two processes, 32 each' },
  none: { ...OURS, server: 'none', marksOrders: false, row: 'Tollgate, a flow that does nothing, 64' },
  failing: { ...OURS, server: 'failing', row: 'Tollgate, a flow that fails 1 in 1,000, 64' },
  told: { ...OURS, hasEndpoint: true, row: 'Tollgate, each change sent to an outgoing webhook, 64' },
  alone: { ...OURS, server: 'alone', row: 'Tollgate, a transaction per event, 64' },
  bare: { ...OURS, server: 'bare', row: 'the same rows, a bare transaction per event, 64' },
  peerFew: { server: 'peer', connections: 16, beside: 'peerFew', row: '@supabase/stripe-sync-engine (the peer), 16' },
  peerMany: { server: 'peer', connections: 64, beside: 'peerMany', row: '@supabase/stripe-sync-engine (the peer), 64' },
  verify: { server: 'verify', connections: 64, beside: 'peerMany', row: 'verifies the signature, nothing else, 64' },
  slow: { ...OURS, beside: 'peerSlow', slowCommit: true, row: 'Tollgate, a commit of 2 ms, 64' },
  peerSlow: {
    server: 'peer',
    connections: 64,
    beside: 'peerSlow',
    slowCommit: true,
    row: 'the peer, a commit of 2 ms, 64',
  },
};

const PROSE = `Every event is signed, for a payment of its own that \`pay\` left open, and sent over HTTP. Tollgate verifies it, stores it, locks the
order, moves the payment, runs the shipped payment callback (which marks the order paid), writes the timeline and commits; then it
tells the subscribers and answers 200. Events that come together share a transaction, each with its own
all-or-nothing (docs/decisions/0012). The peer verifies the event and upserts the payment intent in one statement: no inbox, no
duplicates, no business logic.

The bare transaction writes the same four rows (event, payment, timeline, order) under the same two locks, but blindly: one
packet, nothing looked at, decided or told.

With an outgoing webhook each change is also a message that is queued in the same transaction; its deliveries run beside the events and
take what is left of the two cores; those of one moment are taken up, and their outcomes written, by one statement.

What limits it: the processor, which the servers, PostgreSQL and the sender share. At 64 connections an event costs Tollgate and its
PostgreSQL about three quarters of what the peer's upsert costs, though it writes four rows under two locks and runs a flow; at twice
the rate both together would have to take half of the peer's. At 16 connections the batches are small, and their fixed part, four
round trips and a commit, is shared by few. With a commit of 2 ms the peer's 64 connections wait at the same time, so that the
processor bounds it too.`;

/** Runs it and gives the section of the results. */
export const runWebhooks = async (progress) => {
  const bed = await openBed();
  try {
    progress('starting the servers');
    const redis = bed.keep(await startRedis());
    const tollgate = async (environment) => bed.keep(await bed.startTollgate(environment));
    const shared = await tollgate({ REDIS_URL: redis.url });
    const servers = {
      tollgate: [await tollgate()],
      shared: [shared],
      two: [shared, await tollgate({ REDIS_URL: redis.url })],
      none: [await tollgate({ TOLLGATE_FLOWS: flowsOf('none') })],
      failing: [await tollgate({ TOLLGATE_FLOWS: flowsOf('failing') })],
      alone: [await tollgate({ TOLLGATE_EVENT_BATCHES: 'off' })],
      bare: [bed.keep(await startServer('peers/bare-transaction.mjs', { environment: bareEnvironment(bed) }))],
      peer: [bed.keep(await startServer('peers/sync-engine.mjs', { environment: peerEnvironment(bed) }))],
      verify: [bed.keep(await startServer('peers/verify-only.mjs', { environment: { WEBHOOK_SECRET } }))],
    };
    const receiver = bed.keep(await startServer('peers/receiver.mjs'));
    const setEndpoint = await createEndpointSwitch(bed, shared.url, receiver.url);
    const factory = await createPaymentFactory(bed, shared.url);
    const rounds = Object.fromEntries(Object.keys(CONTENDERS).map((name) => [name, []]));
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [name, contender] of Object.entries(CONTENDERS)) {
        const payments = await factory.make(EVENTS);
        await bed.sql.query('checkpoint');
        await setCommit(bed.sql, contender.slowCommit ? 2_000 : 0);
        const deliveries = payments.map((payment) => deliveryOf(factory.eventOf(payment)));
        await setEndpoint(contender.hasEndpoint ?? false);
        const to = servers[contender.server];
        const used = usedSince(to, bed.postgresPid);
        const rate = await measureAll(to, deliveries, contender.connections);
        if (contender.writes) await assertApplied(bed.sql, payments, contender);
        await setEndpoint(false);
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

/** Makes and deletes the one endpoint, through the API; with it goes what was not sent yet. */
const createEndpointSwitch = async ({ sql, token }, serverUrl, receiverUrl) => {
  await sql.query(`insert into tollgate.account_role (account_id, role) values ($1, 'admin') on conflict do nothing`, [
    ACCOUNT,
  ]);
  const authorization = `Bearer ${await token()}`;
  const ask = async (query, variables) => {
    const response = await fetch(`${serverUrl}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    if (errors) throw new Error(errors[0].message);
    return data;
  };
  let id;
  return async (isWanted) => {
    if (isWanted && id === undefined) {
      const input = { url: receiverUrl, eventTypes: ['payment.updated'] };
      const made = await ask(
        'mutation ($input: OutgoingWebhookInput!) { createOutgoingWebhook(input: $input) { webhook { id } } }',
        { input },
      );
      id = made.createOutgoingWebhook.webhook.id;
    } else if (!isWanted && id !== undefined) {
      const { rows } = await sql.query('select count(*)::int as count from tollgate.outgoing_delivery');
      if (rows[0].count < EVENTS) throw new Error(`Only ${rows[0].count} messages for ${EVENTS} changes.`);
      await ask('mutation ($id: ID!) { deleteOutgoingWebhook(id: $id) { id } }', { id });
      id = undefined;
    }
  };
};

const flowsOf = (name) => path.join(import.meta.dirname, 'flows', name);

/** Microseconds that each commit takes more. Source: PostgreSQL docs, "Write Ahead Log" (commit_delay). */
const setCommit = async (sql, delay) => {
  await sql.query(`alter system set commit_delay = ${delay}`);
  await sql.query('alter system set commit_siblings = 0');
  await sql.query('select pg_reload_conf()');
};

/** Events per second over servers that share them. */
const measureAll = async (servers, deliveries, connections) => {
  const share = Math.ceil(deliveries.length / servers.length);
  const startedAt = performance.now();
  await Promise.all(
    servers.map(({ url }, at) =>
      measureRate(url, deliveries.slice(at * share, (at + 1) * share), { connections: connections / servers.length }),
    ),
  );
  return (deliveries.length * 1_000) / (performance.now() - startedAt);
};

const peerEnvironment = ({ databaseUrl, sandboxUrl }) => ({
  DATABASE_URL: databaseUrl,
  STRIPE_API_BASE: sandboxUrl,
  WEBHOOK_SECRET,
});

const bareEnvironment = ({ databaseUrl }) => ({ DATABASE_URL: databaseUrl, WEBHOOK_SECRET });

const deliveryOf = (body) =>
  post(PATH, { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': sign(body) }, body);

/**
 * A rate counts only if the work was done: every payment successful, every order paid, every change written; and, where a flow is
 * to fail, it did.
 */
const assertApplied = async (sql, payments, { server, marksOrders = true }) => {
  const isApplied = server === 'failing' ? 'o.id % 1000 <> 0' : 'true';
  const { rows } = await sql.query(
    `select count(*) filter (where p.status = 'SUCCESSFUL' and c.flow_outcome = 'done' and (o.status = 'paid' or not $2))::int as count,
        count(distinct p.id)::int as due, count(*) filter (where o.status = 'paid')::int as paid,
        (select count(*)::int from tollgate.stripe_event where status = 'FAILED' and last_error is not null) as failed
      from tollgate.payment p join public.shop_order o on o.id = p.order_id
        left join tollgate.change c on c.node_type = 'PAYMENT' and c.node_id = p.id and c.version = p.version
      where p.id = any($1::bigint[]) and ${isApplied}`,
    [payments.map(({ id }) => id), marksOrders],
  );
  if (rows[0].count !== rows[0].due || rows[0].due < payments.length - 5)
    throw new Error(`Only ${rows[0].count} of ${rows[0].due} events were applied.`);
  if (!marksOrders && rows[0].paid > 0) throw new Error('The flow that does nothing marked orders.');
  if (server === 'failing' && rows[0].failed === 0) throw new Error('The flow that fails never failed.');
};

/** Processor time from now on, in microseconds per event, of the server and of PostgreSQL. */
const usedSince = (servers, postgresPid) => {
  const sum = (pids) => pids.reduce((total, pid) => total + processorMs(pid), 0);
  const groups = [servers.map(({ pid }) => pid), [postgresPid]];
  const before = groups.map(sum);
  return () => {
    const [node, postgres] = groups.map((pids, at) => ((sum(pids) - before[at]) * 1_000) / EVENTS);
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
  const ofMany = (name) => medianRatio(of(name, 'rate'), of('many', 'rate'));
  const goals = [
    ['at least 1.2 × the peer on 16 connections', ratio('few') >= 1.2],
    ['2 × on 64', ratio('many') >= 2],
    ['3 × where a commit takes 2 ms', ratio('slow') >= 3],
    [
      `with a flow that fails 1 in 1,000 at least 0.6 of the rate (${ofMany('failing').toFixed(2)})`,
      ofMany('failing') >= 0.6,
    ],
  ];
  return {
    head: ['server', 'events/s', 'beside the peer', 'server, per event', 'PostgreSQL, per event'],
    rows,
    goal: goals.map(([words, isHeld]) => `${words}: ${isHeld ? 'held' : 'missed'}`).join('; '),
  };
};
