// From a signed webhook that is sent to its 200, at a pace that leaves the server idle most of the time.
import { setTimeout as delay } from 'node:timers/promises';
import { openBed, WEBHOOK_SECRET } from './bed.mjs';
import { connect, post } from './http-load.mjs';
import { createPaymentFactory, sign } from './payments.mjs';
import { startServer } from './processes.mjs';
import { postgresVersion, versionsOf } from './results.mjs';
import { median, medianRatio, quantile } from './statistics.mjs';

const PER_SECOND = 300;
const SECONDS = 4;
const ROUNDS = 7;
const CONNECTIONS = 32;
const JSON_TYPE = 'application/json; charset=utf-8';

const PROSE = `${PER_SECOND} signed webhooks per second for ${SECONDS} s, each sent when it is due on one of ${CONNECTIONS} connections; the time runs from then to its 200, which
says that the event is applied and durable. By default up to two events at a time have a transaction of their own, and what comes together beyond
that shares one.`;

const CONTENDERS = {
  auto: 'Tollgate',
  off: 'Tollgate, a transaction per event',
  always: 'Tollgate, every event in a batch',
  peer: '@supabase/stripe-sync-engine (the peer)',
};

/** Runs it and gives the section of the results. */
export const runLatency = async (progress) => {
  const bed = await openBed();
  try {
    progress('starting the servers');
    const start = async (mode) => bed.keep(await bed.startTollgate({ TOLLGATE_EVENT_BATCHES: mode }));
    const servers = { auto: await start('auto'), off: await start('off'), always: await start('always') };
    servers.peer = bed.keep(
      await startServer('peers/sync-engine.mjs', {
        environment: { DATABASE_URL: bed.databaseUrl, STRIPE_API_BASE: bed.sandboxUrl, WEBHOOK_SECRET },
      }),
    );
    const factory = await createPaymentFactory(bed, servers.auto.url);
    const times = Object.fromEntries(Object.keys(CONTENDERS).map((name) => [name, []]));
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const name of Object.keys(CONTENDERS)) {
        const payments = await factory.make(PER_SECOND * SECONDS);
        const latencies = await measure(servers[name].url, payments.map(factory.eventOf));
        if (round > 0) times[name].push({ p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }); // round 0 warms up
      }
      if (round > 0) progress(`round ${round} of ${ROUNDS}: ${lineOf(times)}`);
    }
    const versions = [await postgresVersion(bed.sql), ...versionsOf('pg', 'stripe', '@supabase/stripe-sync-engine')];
    return { title: 'latency', prose: PROSE, table: tableOf(times), versions };
  } finally {
    await bed.stop();
  }
};

const measure = async (url, bodies) => {
  const links = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(url)));
  const latencies = [];
  try {
    const startedAt = performance.now();
    let next = 0;
    const work = async (link) => {
      for (let index = next++; index < bodies.length; index = next++) {
        const dueAt = startedAt + (index * 1_000) / PER_SECOND;
        const bytes = post(
          '/webhooks/stripe',
          { 'content-type': JSON_TYPE, 'stripe-signature': sign(bodies[index]) },
          bodies[index],
        );
        const early = dueAt - performance.now();
        if (early > 0) await delay(early);
        const { status } = await link.send(bytes);
        if (status !== 200) throw new Error(`A webhook was answered with ${status}.`);
        latencies.push(performance.now() - dueAt);
      }
    };
    await Promise.all(links.map(work));
    return latencies.slice(PER_SECOND);
  } finally {
    for (const link of links) link.close();
  }
};

const lineOf = (times) =>
  Object.entries(times)
    .map(([name, rounds]) => `${name} p50 ${rounds.at(-1).p50.toFixed(1)} ms, p99 ${rounds.at(-1).p99.toFixed(1)} ms`)
    .join('; ');

const tableOf = (times) => {
  const of = (name, share) => times[name].map((round) => round[share]);
  const beside = (name) => medianRatio(of(name, 'p99'), of('off', 'p99'));
  const rows = Object.entries(CONTENDERS).map(([name, row]) => [
    row,
    `${median(of(name, 'p50')).toFixed(1)} ms`,
    `${median(of(name, 'p99')).toFixed(1)} ms`,
    `${beside(name).toFixed(2)} ×`,
  ]);
  return {
    head: ['server', 'p50', 'p99', 'p99 beside a transaction per event'],
    rows,
    goal: `a p99 not above that of a transaction per event (within a tenth): ${beside('auto') <= 1.1 ? 'held' : 'missed'}`,
  };
};
