// What an operator's lists take over millions of rows: each page, by each filter, near and far.
import { openBed } from './bed.mjs';
import { postgresVersion, versionsOf } from './results.mjs';
import { fill } from './rows.mjs';
import { quantile } from './statistics.mjs';

const ROWS = Number(process.env['BENCH_ROWS'] ?? 5_000_000);
const FEW = 10_000;
const RUNS = 15;
/** Requests before the first that counts, so that a server that was just started isn't what is measured. */
const WARM_UP = 100;
const GOAL_MS = 1_000;
/** The first of the pages may not take longer than over `FEW` rows, but for noise. */
const STEADY_PAGES = 2;
const GOAL_RATIO = 1.3;

const PROSE = `${ROWS.toLocaleString('en')} payments over two years, as many events, a refund of each 20th, a dispute of each 1,000th, a recurring payment of each 10th and a delivery
of each 5th. Each page has 50 rows and is asked over GraphQL, with the fields that the console shows; a server that was just started first answers 100 others. Beside it stands the same page over ${FEW.toLocaleString('en')} such rows: the ratio of
both medians.`;

const PAYMENT =
  'edges { node { id orderId amount currency status refundState createdAt } } pageInfo { endCursor startCursor hasNextPage }';
const OTHER = 'edges { node { id status createdAt } } pageInfo { endCursor }';
const EVENT = 'edges { node { id type status receivedAt } } pageInfo { endCursor }';

const cursor = (id) => Buffer.from(String(id)).toString('base64');

const HOUR_MS = 3_600_000;

/** The sums of the overview, with the time of equal length before, and of the revenue by month: a row is a step. */
const sumsOf = () => {
  const month = (back) => {
    const now = new Date();
    return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back)).toISOString();
  };
  const sums = (args) => `{ paymentTotals(${args}) { from currency succeeded received failed }
    refundTotals(${args}) { from currency refunds refunded } }`;
  const last = (hours, steps) => {
    const from = new Date(Date.now() - 2 * hours * HOUR_MS).toISOString();
    return sums(`from: "${from}", to: "${new Date().toISOString()}", steps: ${2 * steps}`);
  };
  return [
    ['sums: the last hour', last(1, 12)],
    ['… the last day', last(24, 24)],
    ['… the last 30 days', last(720, 30)],
    ['… revenue by month, this year', sums(`from: "${month(11)}", to: "${month(-1)}", months: true`)],
    ['… revenue by month, the year before', sums(`from: "${month(23)}", to: "${month(11)}", months: true`)],
  ];
};

/** Each page that is asked for. */
const pagesOf = ({ middle, oldFrom, oldTo, sample }) => [
  ['payments: the first page', `{ payments(first: 50) { ${PAYMENT} } }`],
  ['… from the middle on', `{ payments(first: 50, after: "${cursor(middle.payment)}") { ${PAYMENT} } }`],
  ['… back from the middle', `{ payments(last: 50, before: "${cursor(middle.payment)}") { ${PAYMENT} } }`],
  ['… the last page', `{ payments(last: 50) { ${PAYMENT} } }`],
  ['… a status of most', `{ payments(first: 50, status: SUCCESSFUL) { ${PAYMENT} } }`],
  ['… a status of few (QUARANTINED)', `{ payments(first: 50, status: QUARANTINED) { ${PAYMENT} } }`],
  ['… a status of none (REQUIRES_CAPTURE)', `{ payments(first: 50, status: REQUIRES_CAPTURE) { ${PAYMENT} } }`],
  ['… wholly refunded', `{ payments(first: 50, refundState: FULL) { ${PAYMENT} } }`],
  ['… a day a year ago', `{ payments(first: 50, createdFrom: "${oldFrom}", createdTo: "${oldTo}") { ${PAYMENT} } }`],
  [
    '… a day a year ago, FAILED',
    `{ payments(first: 50, status: FAILED, createdFrom: "${oldFrom}", createdTo: "${oldTo}") { ${PAYMENT} } }`,
  ],
  ...['id', 'intent', 'charge', 'order', 'account', 'refund', 'nothing'].map((name) => [
    `… search: ${name}`,
    `{ payments(first: 50, search: "${sample[name]}") { ${PAYMENT} } }`,
  ]),
  ['refunds: the first page', `{ refunds(first: 50) { ${OTHER} } }`],
  ['… FAILED', `{ refunds(first: 50, status: FAILED) { ${OTHER} } }`],
  ['… search: intent', `{ refunds(first: 50, search: "${sample.intent}") { ${OTHER} } }`],
  ['disputes: the first page', `{ disputes(first: 50) { ${OTHER} } }`],
  ['recurring payments: PAST_DUE', `{ recurringPayments(first: 50, status: PAST_DUE) { ${OTHER} } }`],
  ['… search: subscription', `{ recurringPayments(first: 50, search: "${sample.subscription}") { ${OTHER} } }`],
  ['events: the first page', `{ webhookEvents(first: 50) { ${EVENT} } }`],
  ['… from the middle on', `{ webhookEvents(first: 50, after: "${cursor(middle.event)}") { ${EVENT} } }`],
  ['… a type of few', `{ webhookEvents(first: 50, type: "charge.dispute.created") { ${EVENT} } }`],
  ['… IGNORED', `{ webhookEvents(first: 50, status: IGNORED) { ${EVENT} } }`],
  ['… search: intent', `{ webhookEvents(first: 50, search: "${sample.intent}") { ${EVENT} } }`],
  ['… how many are DEAD', '{ webhookEventCount(status: DEAD) { count isMore } }'],
  ['deliveries: the first page', `{ outgoingDeliveries(first: 50) { ${OTHER} } }`],
  ['… DEAD', `{ outgoingDeliveries(first: 50, status: DEAD) { ${OTHER} } }`],
  ['… search: intent', `{ outgoingDeliveries(first: 50, search: "${sample.intent}") { ${OTHER} } }`],
  ...sumsOf(),
];

/** Runs it and gives the section of the results. */
export const runLists = async (progress) => {
  const few = await measure(FEW, progress);
  const many = await measure(ROWS, progress);
  const pages = many.pages.map(({ name, count, times }, index) => {
    const worst = Math.max(...times);
    const median = quantile(times, 0.5);
    return { name, count, median, worst, ratio: median / quantile(few.pages[index].times, 0.5) };
  });
  const worst = Math.max(...pages.map((page) => page.worst));
  const ratios = pages.slice(0, STEADY_PAGES).map(({ ratio }) => ratio);
  const told = (isHeld) => (isHeld ? 'held' : 'missed');
  return {
    title: 'lists',
    prose: PROSE,
    table: {
      head: ['page', 'rows', 'p50', 'worst', `beside ${FEW.toLocaleString('en')}`],
      rows: pages.map(({ name, count, median, worst, ratio }) => [
        name,
        String(count),
        ...[median, worst].map((ms) => `${ms.toFixed(1)} ms`),
        `${ratio.toFixed(2)} ×`,
      ]),
      goal: `each page under ${GOAL_MS} ms: ${told(worst < GOAL_MS)} (worst ${worst.toFixed(0)} ms); the first page of payments and one far in at most ${GOAL_RATIO} × their time over ${FEW.toLocaleString('en')}: ${told(Math.max(...ratios) <= GOAL_RATIO)} (${ratios.map((ratio) => ratio.toFixed(2)).join(' and ')})`,
    },
    versions: many.versions,
  };
};

/** Times each page over so many payments, in a database of its own. */
const measure = async (count, progress) => {
  const bed = await openBed();
  try {
    progress(`filling ${count.toLocaleString('en')} rows`);
    const filled = await fill(bed.sql, count, progress);
    const tollgate = bed.keep(await bed.startTollgate());
    const token = await bed.token();
    const asked = pagesOf(filled);
    for (let run = 0; run < WARM_UP; run += 1) await ask(tollgate.url, { query: asked[run % asked.length][1], token });
    const pages = [];
    for (const [name, query] of asked) {
      const runs = [];
      for (let run = 0; run < RUNS; run += 1) runs.push(await ask(tollgate.url, { query, token }));
      const times = runs.map(({ ms }) => ms);
      pages.push({ name, count: runs[0].found, times });
      progress(`${name}: ${runs[0].found} rows, p50 ${quantile(times, 0.5).toFixed(1)} ms`);
    }
    return { pages, versions: [await postgresVersion(bed.sql), ...versionsOf('pg', 'graphql')] };
  } finally {
    await bed.stop();
  }
};

const ask = async (url, { query, token }) => {
  const startedAt = performance.now();
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`${query}: ${errors[0].message}`);
  const [list] = Object.values(data);
  return { ms: performance.now() - startedAt, found: list.edges?.length ?? list.count ?? list.length };
};
