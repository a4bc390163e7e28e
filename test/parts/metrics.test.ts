import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import pg from 'pg';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { registerInstallationMetrics } from '../../src/parts/installation-metrics.js';
import { createDatabase } from '../../src/storage/database.js';
import { confirmUntil, pay } from '../harness/payments.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

const ACCOUNT = 'someone-very-particular';
let bed: TestBed;
let server: Server;
let payment: { id: string };
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
  const order = await bed.createOrder({ account: ACCOUNT });
  const answer = await pay(server, order, {}, { account: ACCOUNT });
  payment = answer.payment;
  await confirmUntil(bed, server, answer, { as: ACCOUNT });
});
afterAll(() => bed.close());

const scrape = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text();
const read = (file: string): string => fs.readFileSync(file, 'utf8');
const unique = (names: Iterable<string>): string[] => [...new Set(names)].sort();
const find = (text: string, pattern: RegExp): string[] =>
  unique([...text.matchAll(pattern)].map(([, name]) => name ?? ''));
/** Names as queries use them, a histogram's series by its own. */
const queried = (text: string, known: readonly string[]): string[] =>
  unique(
    find(text, /\b(tollgate_[a-z_]+)/g).map((name) => {
      const base = name.replace(/_(?:bucket|sum|count)$/, '');
      return known.includes(base) ? base : name;
    }),
  );

test('the page of metrics, the dashboard and the alert rules name what /metrics tells, and nothing else', async () => {
  const told = find(await scrape(), /^# TYPE (tollgate_\w+) /gm);
  expect(find(read('docs/observability.md'), /^\| `(tollgate_\w+)` \|/gm)).toEqual(told);
  const { panels } = JSON.parse(read('ops/dashboard.json')) as { panels: { targets: { expr: string }[] }[] };
  const exprs = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(queried(exprs.join('\n'), told)).toEqual(told);
  const rules = find(read('ops/alerts.yaml'), /^ +expr: (.+)$/gm);
  expect(rules.length).toBeGreaterThan(10);
  expect(queried(rules.join('\n'), told).filter((name) => !told.includes(name))).toEqual([]);
});

test('Prometheus takes the alert rules', ({ skip }) => {
  const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', 'ops/alerts.yaml'], {
    encoding: 'utf8',
  });
  if (error) skip('no promtool on this machine');
  expect({ status, said: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
});

test('each says its labels in the docs, and none holds an id of ours, of Stripe’s, or an account', async () => {
  const text = await scrape();
  const page = read('docs/observability.md');
  for (const [, name = '', labels = ''] of text.matchAll(/^(tollgate_\w+?)(?:_bucket|_sum|_count)?\{(.*)\} /gm)) {
    const [row = ''] = page.split('\n').filter((line) => line.startsWith(`| \`${name}\` |`));
    for (const label of find(labels, /(\w+)="/g).filter((one) => one !== 'le')) expect(row).toContain(`\`${label}\``);
  }
  const own = text
    .split('\n')
    .filter((line) => line.startsWith('tollgate_'))
    .join('\n');
  expect(own).not.toContain(ACCOUNT);
  const values = [...own.matchAll(/(\w+)="([^"]*)"/g)].filter(([, label]) => !['le', 'status'].includes(label ?? ''));
  expect(values.map(([, , value]) => value).filter((value) => /\d/.test(value ?? ''))).toEqual([]);
});

test('a payment shows in each of them', async () => {
  const text = await scrape();
  const value = (line: string): number =>
    Number(
      text
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')
        .at(-1),
    );
  const labels = '{status="SUCCESSFUL",currency="USD",mode="test"}';
  expect(value(`tollgate_payments${labels}`)).toBe(1);
  expect(value(`tollgate_money_received${labels}`)).toBe(10_000);
  expect(value(`tollgate_money_refunded${labels}`)).toBe(0);
  expect(value('tollgate_events_total{type="payment_intent.succeeded",via="delivery",outcome="handled"}')).toBe(1);
  expect(value('tollgate_event_lag_seconds_count')).toBeGreaterThan(0);
  expect(value('tollgate_flow_seconds_count{flow="payment-callback"}')).toBeGreaterThan(0);
  expect(value('tollgate_stripe_call_seconds_count{kind="payment_intent",outcome="done"}')).toBeGreaterThan(0);
  expect(value('tollgate_publish_seconds_count')).toBeGreaterThan(0);
  expect(value('tollgate_events_waiting')).toBe(0);
});

test('a live stream counts while it is open', async () => {
  const open = async () => /^tollgate_subscriptions (\d+)$/m.exec(await scrape())?.[1];
  expect(await open()).toBe('0');
  const watch = server.watch(
    'subscription ($id: ID!) { paymentUpdated(id: $id) { id } }',
    { id: payment.id },
    { account: ACCOUNT },
  );
  await watch.next();
  expect(await open()).toBe('1');
  await watch.stop();
  await until(async () => (await open()) === '0', 'it is counted no more');
});

test('however many scrapes come, whole tables are read by one at a time, and none waits long for it', async () => {
  const database = createDatabase({ url: bed.database.url });
  const registry = new Registry();
  registerInstallationMetrics(registry, database);
  const client = new pg.Client({ connectionString: bed.database.url });
  await client.connect();
  try {
    await client.query('begin; lock table tollgate.payment in access exclusive mode');
    const began = performance.now();
    const texts = await Promise.all(Array.from({ length: 20 }, () => registry.metrics()));
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(texts[0]).toContain('tollgate_events_waiting 0');
    expect(texts[0]).not.toMatch(/^tollgate_payments\{/m);
    const { rows } = await bed.sql.query(
      `select count(*)::int as count from pg_stat_activity where query like '%sum(amount_refunded)%' and state = 'active'
        and pid <> pg_backend_pid() and datname = current_database()`,
    );
    expect(rows).toEqual([{ count: 1 }]);
    await client.query('rollback');
    await until(async () => /^tollgate_payments\{/m.test(await registry.metrics()), 'they are told once they are read');
  } finally {
    await client.end();
    await database.close();
  }
});
