// What `pay` takes beyond Stripe's own time: order, locks, reservation, GraphQL, token and permissions.
import { ACCOUNT } from './account.mjs';
import { openBed } from './bed.mjs';
import { connect, post } from './http-load.mjs';
import { postgresVersion, versionsOf } from './results.mjs';
import { median, quantile } from './statistics.mjs';

const ROUNDS = 7;
const CALLS = 200;
const AMOUNT = 10_000;
const GOAL_MS = 3;
/** What `pay` commits: the reserved row, then Stripe's answer. */
const COMMITS = 2;
const BODY = 'x'.repeat(500);
const PAY = `mutation ($orderId: ID!) {
  pay(input: { orderId: $orderId, amount: ${AMOUNT}, currency: "USD" }) { payment { id status } clientSecret publishableKey }
}`;

const PROSE = `${CALLS} calls one after the other, each for an order of its own, on one connection; and as many calls that make such a payment intent at the
sandbox directly, in turns. What \`pay\` takes more is Tollgate's: the token, roles, the order's lock, the reserved row with its timeline, two commits, and its own
connection to Stripe. The last row is the least that this costs on the machine's disk: two transactions that write one row each, one after the
other, with nothing around them.

What limits it: the processor, on which Tollgate, PostgreSQL and the sandbox take turns within one call; of the time beyond Stripe's
the disk takes no more than the last row.`;

/** Runs it and gives the section of the results. */
export const runPay = async (progress) => {
  const bed = await openBed();
  try {
    await bed.sql.query('create table public.bench_commit (body text)');
    progress('starting the servers');
    const tollgate = bed.keep(await bed.startTollgate());
    const authorization = `Bearer ${await bed.token()}`;
    const rounds = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const orders = await makeOrders(bed.sql);
      const stripe = await measure(bed.sandboxUrl, orders.map(intentOf), 200);
      const pay = await measure(
        tollgate.url,
        orders.map((orderId) => payOf(orderId, authorization)),
        200,
      );
      await assertReserved(bed.sql, orders);
      const commits = await measureCommits(bed.sql);
      if (round > 0)
        rounds.push({ pay: median(pay), p99: quantile(pay, 0.99), stripe: median(stripe), commits: median(commits) }); // round 0 warms up
      progress(
        round === 0 ? 'warmed up' : `round ${round} of ${ROUNDS}: ${(median(pay) - median(stripe)).toFixed(2)} ms more`,
      );
    }
    const versions = [await postgresVersion(bed.sql), ...versionsOf('pg', 'stripe', 'graphql')];
    return { title: 'pay', prose: PROSE, table: tableOf(rounds), versions };
  } finally {
    await bed.stop();
  }
};

const makeOrders = async (sql) => {
  const { rows } = await sql.query(
    `insert into public.shop_order (account_id, amount, currency) select $1, $2, 'USD' from generate_series(1, $3) returning id::text`,
    [ACCOUNT, AMOUNT, CALLS],
  );
  return rows.map(({ id }) => id);
};

const payOf = (orderId, authorization) =>
  post(
    '/graphql',
    { 'content-type': 'application/json', authorization },
    JSON.stringify({ query: PAY, variables: { orderId } }),
  );

const intentOf = (orderId) =>
  post(
    '/v1/payment_intents',
    {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: 'Bearer sk_test_sandbox',
      'idempotency-key': `bench-${orderId}`,
    },
    `amount=${AMOUNT}&currency=usd&automatic_payment_methods[enabled]=true&metadata[order]=${orderId}`,
  );

/** Milliseconds of each. */
const measure = async (url, requests, status) => {
  const link = await connect(url);
  const times = [];
  try {
    for (const request of requests) {
      const startedAt = performance.now();
      const answer = await link.send(request);
      times.push(performance.now() - startedAt);
      if (answer.status !== status || answer.text().includes('"errors"'))
        throw new Error(`${url} answered ${answer.status}: ${answer.text()}`);
    }
    return times;
  } finally {
    link.close();
  }
};

/** Milliseconds of each pair of durable commits. */
const measureCommits = async (sql) => {
  const client = await sql.connect();
  try {
    const times = [];
    for (let call = 0; call < CALLS; call += 1) {
      const startedAt = performance.now();
      for (let commit = 0; commit < COMMITS; commit += 1)
        await client.query({
          name: 'bench_commit',
          text: 'insert into public.bench_commit values ($1)',
          values: [BODY],
        });
      times.push(performance.now() - startedAt);
    }
    return times;
  } finally {
    client.release();
  }
};

/** A time counts only if the work was done. */
const assertReserved = async (sql, orders) => {
  const { rows } = await sql.query(
    `select count(*)::int as count from tollgate.payment where order_id = any($1::bigint[]) and stripe_payment_intent_id is not null`,
    [orders],
  );
  if (rows[0].count !== orders.length) throw new Error(`Only ${rows[0].count} of ${orders.length} payments are there.`);
};

const tableOf = (rounds) => {
  const of = (what) => median(rounds.map((round) => round[what]));
  const more = median(rounds.map(({ pay, stripe }) => pay - stripe));
  return {
    head: ['call', 'p50', 'p99', 'beyond Stripe'],
    rows: [
      ['`pay`', `${of('pay').toFixed(2)} ms`, `${of('p99').toFixed(2)} ms`, `${more.toFixed(2)} ms`],
      ['the payment intent alone, at the sandbox', `${of('stripe').toFixed(2)} ms`, '', ''],
      ['two durable commits of a row, nothing else', `${of('commits').toFixed(2)} ms`, '', ''],
    ],
    goal: `at most ${GOAL_MS} ms beyond Stripe's time: ${more <= GOAL_MS ? 'held' : 'missed'}`,
  };
};
