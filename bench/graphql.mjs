// The payment query with a token: Tollgate with everything on beside Yoga's own handler with nothing on.
import { openBed } from './bed.mjs';
import { measureRate, post } from './http-load.mjs';
import { createPaymentFactory } from './payments.mjs';
import { startServer } from './processes.mjs';
import { postgresVersion, versionsOf } from './results.mjs';
import { median, medianRatio } from './statistics.mjs';

const ROUNDS = 9;
const QUERIES = 2_000;
const QUERY = `query ($id: ID!) {
  payment(id: $id) {
    id orderId accountId amount currency status amountReceived amountRefunded amountRefundable description failureCode
    failureMessage stripePaymentIntentId livemode version createdAt updatedAt
  }
}`;

const PROSE = `One operation per request, 16 connections, another payment each time. Tollgate has everything on: the token is verified, roles are
read, the account's and the address's operations are counted, depth, aliases, directives, tokens and cost are limited, the
permission is enforced, errors are presented, metrics counted. Stock Yoga has the same schema on the same database, reads the row through its
entity (TypeORM), a caller that is given, and no plugin.

What limits it: the execution of 17 fields, and HTTP. Tollgate reads rows by a prepared statement; while two are under way, what is
asked meanwhile shares the next. It answers plain POSTs over the same pipeline without making a Request and a Response.`;

/** Runs it and gives the section of the results. */
export const runGraphql = async (progress) => {
  const bed = await openBed();
  try {
    progress('starting the servers');
    const tollgate = bed.keep(await bed.startTollgate());
    const stock = bed.keep(
      await startServer('peers/stock-yoga.mjs', { environment: { DATABASE_URL: bed.databaseUrl } }),
    );
    const payments = await (await createPaymentFactory(bed, tollgate.url)).make(QUERIES);
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      authorization: `Bearer ${await bed.token()}`,
    };
    const requests = payments.map(({ id }) =>
      post('/graphql', headers, JSON.stringify({ query: QUERY, variables: { id } })),
    );
    const check = (answer) => {
      if (!answer.text().includes('"status":"PENDING"')) throw new Error(`Unexpected answer: ${answer.text()}`);
    };
    const rates = { tollgate: [], stock: [] };
    for (let round = -1; round <= ROUNDS; round += 1) {
      for (const [name, { url }] of Object.entries({ tollgate, stock })) {
        const rate = await measureRate(url, requests, { check });
        if (round > 0) rates[name].push(rate); // two rounds warm up
      }
      if (round > 0)
        progress(
          `round ${round} of ${ROUNDS}: tollgate ${Math.round(rates.tollgate.at(-1))}, stock ${Math.round(rates.stock.at(-1))}`,
        );
    }
    const versions = [
      await postgresVersion(bed.sql),
      ...versionsOf('graphql-yoga', 'graphql', '@pothos/core', 'typeorm', 'pg'),
    ];
    return { title: 'graphql', prose: PROSE, table: tableOf(rates), versions };
  } finally {
    await bed.stop();
  }
};

const tableOf = ({ tollgate, stock }) => {
  const row = (name, rates) => [name, `${Math.round(median(rates))}`, `${medianRatio(rates, stock).toFixed(2)} ×`];
  return {
    head: ['server', 'queries/s', 'beside stock Yoga'],
    rows: [row('Tollgate, everything on', tollgate), row("Yoga's own handler, nothing on", stock)],
    goal: `at least 3 × stock Yoga: ${medianRatio(tollgate, stock) >= 3 ? 'held' : 'missed'}`,
  };
};
