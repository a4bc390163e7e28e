// Signed payment_intent.succeeded events over HTTP: Tollgate's whole path beside a peer that upserts and a server that verifies.
import { openBed, WEBHOOK_SECRET } from './bed.mjs';
import { measureRate, post } from './http-load.mjs';
import { createPaymentFactory, sign } from './payments.mjs';
import { startServer } from './processes.mjs';
import { startRedis } from './redis.mjs';
import { postgresVersion, redisVersion, versionsOf } from './results.mjs';
import { median, medianRatio } from './statistics.mjs';

const ROUNDS = 7;
const EVENTS = 1_500;
const PATH = '/webhooks/stripe';
/** Those that write Tollgate's rows. */
const WRITERS = ['tollgate', 'shared', 'bare'];

const PROSE = `Every event is signed, for a payment of its own that \`pay\` left open, and sent over HTTP on 16 connections. Tollgate
verifies it, stores it, locks the order, moves the payment, runs the shipped payment callback (which marks the order paid),
writes the timeline and commits, all in **one transaction per event**; then it tells the subscribers and answers 200. The peer
verifies the event and upserts the payment intent in one statement: no inbox, no duplicates, no business logic.

The bare transaction writes the same four rows (event, payment, timeline, order) under the same two locks, but blindly: one
packet, nothing looked at, decided or told.

What limits it: the four rows. The bare transaction alone is slower than the peer's single statement, so no server that keeps a
transaction per event reaches the peer on a machine whose processors are busy. On top of it Tollgate goes to the database four
times instead of once (BEGIN, the event and both locks travel together; the new version; the flow's statement; COMMIT), since
what is written depends on what was read and on the flow. Tried and left out, for they gained less than a tenth: guessing the
payment's next version in the first packet, sending one event's COMMIT together with the next one's BEGIN, partial indexes, an
event's body kept uncompressed. What would gain is to apply many events with the same few statements in one shared transaction; but then
one event's flow could see, hold up or roll back another's, so each event keeps its own.`;

/** Runs it and gives the section of the results. */
export const runWebhooks = async (progress) => {
  const bed = await openBed();
  try {
    progress('starting the servers');
    const redis = bed.keep(await startRedis());
    const contenders = {
      tollgate: bed.keep(await bed.startTollgate()),
      shared: bed.keep(await bed.startTollgate({ REDIS_URL: redis.url })),
      bare: bed.keep(await startServer('peers/bare-transaction.mjs', { environment: bareEnvironment(bed) })),
      peer: bed.keep(await startServer('peers/sync-engine.mjs', { environment: peerEnvironment(bed) })),
      verify: bed.keep(await startServer('peers/verify-only.mjs', { environment: { WEBHOOK_SECRET } })),
    };
    const factory = await createPaymentFactory(bed, contenders.tollgate.url);
    const rates = { tollgate: [], shared: [], bare: [], peer: [], verify: [] };
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [name, { url }] of Object.entries(contenders)) {
        const payments = await factory.make(EVENTS);
        await bed.sql.query('checkpoint');
        const rate = await measureRate(
          url,
          payments.map((payment) => deliveryOf(factory.eventOf(payment))),
        );
        if (WRITERS.includes(name)) await assertApplied(bed.sql, payments);
        if (round > 0) rates[name].push(rate); // round 0 warms up
      }
      progress(round === 0 ? 'warmed up' : `round ${round} of ${ROUNDS}: ${lineOf(rates)}`);
    }
    const versions = [
      await postgresVersion(bed.sql),
      redisVersion(),
      ...versionsOf('pg', 'stripe', 'ioredis', '@supabase/stripe-sync-engine'),
    ];
    return { title: 'webhooks', prose: PROSE, table: tableOf(rates), versions };
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

const lineOf = (rates) =>
  Object.entries(rates)
    .map(([name, values]) => `${name} ${Math.round(values.at(-1))}`)
    .join(', ');

const tableOf = ({ tollgate, shared, bare, peer, verify }) => {
  const row = (name, rates) => [name, `${Math.round(median(rates))}`, `${medianRatio(rates, peer).toFixed(2)} ×`];
  return {
    head: ['server', 'events/s', 'beside the peer'],
    rows: [
      row('Tollgate, one process', tollgate),
      row('Tollgate, told through Redis', shared),
      row('the same rows, a bare transaction', bare),
      row('@supabase/stripe-sync-engine (the peer)', peer),
      row('verifies the signature, nothing else', verify),
    ],
    goal: `at least 1 × the peer: ${medianRatio(tollgate, peer) >= 1 ? 'held' : 'missed'}`,
  };
};
