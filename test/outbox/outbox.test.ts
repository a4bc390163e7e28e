import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOutbox } from '../../src/outbox/outbox.js';
import type { Stream } from '../../src/outbox/stream.js';
import { createDatabase } from '../../src/storage/database.js';
import { ask, pay } from '../harness/payments.js';
import { describeWithOwnRedis, startRedis, type TestRedis } from '../harness/redis.js';
import { startServerProcess } from '../harness/server-process.js';
import { deliver, eventOf } from '../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const WATCH = 'subscription ($id: ID!) { paymentUpdated(id: $id) { status version } }';

describeWithOwnRedis('two processes on one database and one Redis', () => {
  let bed: TestBed;
  let redis: TestRedis;
  let watching: Server;
  beforeAll(async () => {
    bed = await openTestBed();
    redis = await startRedis();
    watching = await bed.start({ environment: { REDIS_URL: redis.url } });
  });
  afterAll(async () => {
    redis.resume();
    await bed.close();
    await redis.stop();
  });

  const environment = (): Record<string, string> => ({
    DATABASE_URL: bed.database.url,
    REDIS_URL: redis.url,
    STRIPE_API_BASE: bed.sandbox.url,
    STRIPE_SECRET_KEY: 'sk_test_sandbox',
    STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox',
    STRIPE_WEBHOOK_SECRET: 'whsec_sandbox',
    JWT_SECRET: 'a secret for tests alone, long enough for HS256',
    PORT: '0',
  });

  test('the webhook on one is seen on the other’s socket', async () => {
    const other = await bed.start({ environment: { REDIS_URL: redis.url } });
    const paid = await pay(watching, await bed.createOrder());
    const watch = watching.watch(WATCH, { id: paid.payment.id });
    await watch.next();
    // The newest server gets the sandbox's deliveries.
    await bed.stripe.paymentIntents.confirm(paid.payment.stripePaymentIntentId, { payment_method: 'pm_card_visa' });
    await watch.until(({ status }) => status === 'SUCCESSFUL');
    await watch.stop();
    await other.stop();
    bed.sandbox.setWebhookUrl(`${watching.url}/webhooks/stripe`);
  });

  test('a server killed between commit and publish: the change reaches a subscriber within 5 s', async () => {
    const doomed = await startServerProcess(environment());
    const paid = await pay(watching, await bed.createOrder());
    const watch = watching.watch(WATCH, { id: paid.payment.id });
    await watch.next();
    const intent = await bed.stripe.paymentIntents.retrieve(paid.payment.stripePaymentIntentId);
    redis.pause();
    const event = eventOf('payment_intent.succeeded', { ...intent, status: 'succeeded', amount_received: 10_000 });
    const response = await deliver({ ...watching, url: doomed.url ?? '' }, JSON.stringify(event));
    expect(response.status).toBe(200);
    await doomed.end('SIGKILL');
    // Earlier versions may be untold too, where Redis stood still before they were forgotten.
    const { rows } = await bed.sql.query(
      `select 1 from tollgate.change c join tollgate.outbox o on c.node_type = o.node_type and c.node_id = any(o.node_ids)
          and c.version = any(o.versions)
        where c.node_id = $1 and c.to_status = 'SUCCESSFUL'`,
      [paid.payment.id],
    );
    expect(rows).toHaveLength(1);
    redis.resume();
    const resumedAt = performance.now();
    await watch.until(({ status }) => status === 'SUCCESSFUL', 10_000);
    expect(performance.now() - resumedAt).toBeLessThan(5_000);
    await watch.stop();
  });

  test('with Redis down payments go on: /ready stays 200 and says what is missing, and so does a metric', async () => {
    await redis.stop();
    const paid = await pay(watching, await bed.createOrder());
    await bed.stripe.paymentIntents.confirm(paid.payment.stripePaymentIntentId, { payment_method: 'pm_card_visa' });
    await bed.sandbox.settled();
    expect(await ask(watching, 'query ($id: ID!) { payment(id: $id) { status } }', { id: paid.payment.id })).toEqual({
      status: 'SUCCESSFUL',
    });
    const ready = await fetch(`${watching.url}/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'degraded',
      checks: { database: 'ok', pubsub: 'Redis does not answer' },
    });
    expect(await (await fetch(`${watching.url}/metrics`)).text()).toContain('tollgate_up{part="pubsub"} 0');
    await redis.restart();
  });
});

test('published while the database is gone, a change is told, the log says that it comes once more, and no promise is left alone', async () => {
  const database = createDatabase({ url: 'postgres://nobody@127.0.0.1:9/nothing' });
  const told: string[] = [];
  const lines: string[] = [];
  const outbox = createOutbox({
    database,
    pubsub: { publish: async (topic) => void told.push(topic) },
    log: { warn: (_, message) => void lines.push(message) },
  });
  const alone: unknown[] = [];
  const onAlone = (error: unknown): void => void alone.push(error);
  process.on('unhandledRejection', onAlone);
  try {
    const stream: Stream = { nodeType: 'PAYMENT', topics: () => ['topic'], times: {}, stripeId: () => null };
    outbox.add(stream, async () => [])({ id: '1', version: 1, status: 'PENDING' });
    await outbox.flush();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', onAlone);
    await database.close();
  }
  expect(told).toEqual(['topic']);
  expect(lines).toEqual(['what was published stays in the table, and is sent once more']);
  expect(alone).toEqual([]);
});
