import { spawn, spawnSync } from 'node:child_process';
import type dns from 'node:dns';
import { once } from 'node:events';
import fs from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isPublic, lookupFor } from '../../../src/nouns/outgoing/address.js';
import { createOutcomes } from '../../../src/nouns/outgoing/outcomes.js';
import { claimDue } from '../../../src/nouns/outgoing/rows.js';
import { createDatabase } from '../../../src/storage/database.js';
import { runCommand } from '../../cli/command.js';
import { ask, confirmUntil, pay } from '../../harness/payments.js';
import { refund } from '../../harness/refunds.js';
import { startServerProcess } from '../../harness/server-process.js';
import { forgetProcess, watchProcess } from '../../harness/steward.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';
import { until } from '../../outbox/until.js';
import { type Got, type Receiver, startReceiver } from './receiver.js';

const ADMIN = { account: 'admin', roles: ['admin'] };
const ALL = [
  'payment.updated',
  'refund.updated',
  'recurring_payment.updated',
  'dispute.updated',
  'order.paid',
  'problem.opened',
  'problem.closed',
];
const CREATE = `mutation ($input: OutgoingWebhookInput!) { createOutgoingWebhook(input: $input) { secret webhook { id url eventTypes enabled } } }`;
const UPDATE = `mutation ($id: ID!, $input: OutgoingWebhookInput!) { updateOutgoingWebhook(id: $id, input: $input) { webhook { id enabled endedReason } } }`;
const DELIVERIES = `query { outgoingWebhooks { id enabled endedReason deliveries(first: 100) { edges { node {
  id eventType status attempts lastStatusCode lastError payload } } } } }`;

interface Delivery {
  readonly id: string;
  readonly eventType: string;
  readonly status: string;
  readonly attempts: number;
  readonly lastStatusCode: number | null;
  readonly lastError: string | null;
  readonly payload: { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
}
interface Listed {
  readonly id: string;
  readonly enabled: boolean;
  readonly endedReason: string | null;
  readonly deliveries: { readonly edges: readonly { readonly node: Delivery }[] };
}

let bed: TestBed;
let server: Server;
let receiver: Receiver;
let failFlow: ((orderId: string) => boolean) | undefined;
beforeAll(async () => {
  bed = await openTestBed();
  const { paymentCallback } = await import('../../../flows/payment-callback.js');
  server = await bed.start({
    environment,
    flows: {
      paymentCallback: {
        async run(data, context) {
          if (failFlow?.(data.orderId)) throw new Error('not now');
          await paymentCallback.run(data, context);
        },
      },
    },
  });
});
const KEY = Buffer.alloc(32, 3).toString('base64');
const environment = { TOLLGATE_OUTGOING_HOSTS: 'localhost', TOLLGATE_ENCRYPTION_KEY: KEY };
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  failFlow = undefined;
  for (const { id } of await list())
    await ask(server, 'mutation ($id: ID!) { deleteOutgoingWebhook(id: $id) { id } }', { id }, ADMIN);
  await receiver.close();
});
afterAll(() => bed.close());

const FORGED = {
  'webhook-id': 'msg_1',
  'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
  'webhook-signature': 'v1,AAAA',
};
const freePort = async (): Promise<number> => {
  const probe = net.createServer();
  await once(probe.listen(0, '127.0.0.1'), 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
};
const create = (url: string, eventTypes: readonly string[] = ALL) =>
  ask<{ secret: string; webhook: { id: string } }>(server, CREATE, { input: { url, eventTypes } }, ADMIN);
const list = () => ask<Listed[]>(server, DELIVERIES, {}, ADMIN);
const deliveriesOf = async (id: string): Promise<Delivery[]> =>
  (await list()).find((one) => one.id === id)?.deliveries.edges.map(({ node }) => node) ?? [];
const firstOf = async (id: string, holds: (delivery: Delivery) => boolean): Promise<Delivery> => {
  let found: Delivery | undefined;
  await until(async () => {
    found = (await deliveriesOf(id)).find(holds);
    return found !== undefined;
  }, 'the delivery is so');
  if (!found) throw new Error('none');
  return found;
};
const wake = () =>
  bed.sql.query(`update tollgate.outgoing_delivery set next_attempt_at = now() where status in ('WAITING', 'FAILED')`);
const paid = async (amount = 10_000) => {
  const order = await bed.createOrder({ amount });
  const answer = await pay(server, order, { amount });
  await confirmUntil(bed, server, answer);
  return answer.payment;
};
const read = ({ body }: Got) =>
  JSON.parse(body) as {
    type: string;
    timestamp: string;
    data: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
const verified = (secret: string, { body, headers }: Got) => new Webhook(secret).verify(body, headers);

describe('an outgoing webhook', () => {
  test('is told each version once, in order, signed, with the row as GraphQL names it and the status before', async () => {
    const { secret } = await create(receiver.url);
    const { id, orderId } = await paid();
    await refund(server, id, 4_000, {}, ADMIN);
    for (const last of ['refund.updated', 'order.paid'])
      await until(() => receiver.got.some((got) => read(got).type === last), `${last} is told`);
    await until(async () => {
      const { rows } = await bed.sql.query(`select 1 from tollgate.outgoing_delivery where status <> 'DELIVERED'`);
      return rows.length === 0;
    }, 'all are told');
    for (const got of receiver.got) verified(secret, got);
    expect(() => verified(secret, { ...(receiver.got[0] as Got), body: '{}' })).toThrow();

    const payments = receiver.got.map(read).filter(({ type }) => type === 'payment.updated');
    const versions = payments.map(({ data }) => (data['payment'] as unknown as { version: number }).version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    const { rows } = await bed.sql.query(
      `select version from tollgate.change where node_type = 'PAYMENT' and node_id = $1 order by version`,
      [id],
    );
    expect(versions).toEqual(rows.map(({ version }) => version));
    const success = payments.find(({ data }) => data['payment']?.['status'] === 'SUCCESSFUL');
    expect(success?.data).toMatchObject({
      previousStatus: 'PENDING',
      payment: { id, orderId, amount: 10_000, amountReceived: 10_000, currency: 'USD', refundState: 'NONE' },
    });
    expect(JSON.stringify(receiver.got)).not.toMatch(/_secret_/);
    const told = receiver.got.map(read).filter(({ type }) => type === 'order.paid');
    expect(told.map(({ data }) => data)).toEqual([{ orderId, amount: 10_000, currency: 'USD' }]);
  });

  test('what is rolled back is never told, and a later try is told once', async () => {
    const { webhook } = await create(receiver.url, ['payment.updated']);
    let failures = 0;
    failFlow = () => failures++ === 0;
    const { id } = await paid();
    expect(failures).toBeGreaterThan(1);
    await firstOf(webhook.id, ({ payload, status }) => {
      const { payment } = payload.data as { payment: { id: string; status: string } };
      return payment.id === id && payment.status === 'SUCCESSFUL' && status === 'DELIVERED';
    });
    const successes = receiver.got.map(read).filter(({ data }) => {
      const { payment, previousStatus } = data as unknown as { payment: { status: string }; previousStatus: string };
      return payment.status === 'SUCCESSFUL' && previousStatus !== 'SUCCESSFUL';
    });
    expect(successes.length).toBe(1);
  });

  test('of another order is told again, and what an order received covers it once, whatever is refunded', async () => {
    const { webhook } = await create(receiver.url, ['order.paid']);
    const { id } = await paid();
    await firstOf(webhook.id, ({ status }) => status === 'DELIVERED');
    await refund(server, id, 10_000, {}, ADMIN);
    const second = await paid();
    await firstOf(webhook.id, ({ payload }) => (payload.data as { orderId: string }).orderId === second.orderId);
    expect((await deliveriesOf(webhook.id)).length).toBe(2);
  });
});

describe('an endpoint that fails', () => {
  test.each([
    [500, 500, 'It answered 500.'],
    [302, 302, 'It answered 302; redirects are not followed.'],
    ['reset', null, expect.stringMatching(/ECONNRESET|hang up/)],
  ] as const)('by %j is tried again, with the same id, and then has it', async (answer, statusCode, words) => {
    const { webhook } = await create(receiver.url, ['order.paid']);
    receiver.behave(answer);
    await paid();
    const failed = await firstOf(webhook.id, ({ status }) => status === 'FAILED');
    expect(failed).toMatchObject({ attempts: 1, lastStatusCode: statusCode, lastError: words });
    receiver.behave(204);
    await wake();
    await firstOf(webhook.id, ({ status, attempts }) => status === 'DELIVERED' && attempts === 2);
    const ids = receiver.got.map(({ headers }) => headers['webhook-id']);
    expect(ids.length).toBe(2);
    expect(new Set(ids).size).toBe(1);
  });

  test('is given up on after three days, and is told again when someone says so', async () => {
    const { webhook } = await create(receiver.url, ['order.paid']);
    receiver.behave(500);
    await paid();
    const { id } = await firstOf(webhook.id, ({ status }) => status === 'FAILED');
    await bed.sql.query('update tollgate.outgoing_delivery set attempts = 11 where id = $1', [id]);
    for (const attempts of [12, 13]) {
      await wake();
      await firstOf(webhook.id, (delivery) => delivery.attempts === attempts);
    }
    expect(await firstOf(webhook.id, ({ status }) => status === 'DEAD')).toMatchObject({ id, attempts: 13 });
    receiver.behave(200);
    await ask(server, 'mutation ($id: ID!) { redeliver(input: { id: $id }) { delivery { id } } }', { id }, ADMIN);
    await firstOf(webhook.id, ({ status }) => status === 'DELIVERED');
    // All that were given up on, once, however many ask.
    await bed.sql.query(`update tollgate.outgoing_delivery set status = 'DEAD', next_attempt_at = null where id = $1`, [
      id,
    ]);
    const again = () =>
      ask<{ deliveries: number }>(
        server,
        'mutation ($input: RedeliverDeadInput!) { redeliverDead(input: $input) { deliveries } }',
        { input: { webhookId: webhook.id, reason: 'they are back' } },
        ADMIN,
      );
    expect((await Promise.all([again(), again()])).map(({ deliveries }) => deliveries).sort()).toEqual([0, 1]);
    await firstOf(webhook.id, ({ status }) => status === 'DELIVERED');
    expect(
      (
        await bed.sql.query<{ detail: object }>(
          `select detail from tollgate.audit where action = 'OUTGOING_WEBHOOK_REDELIVERED' order by id desc limit 1`,
        )
      ).rows[0]?.detail,
    ).toEqual({ webhookId: webhook.id, deliveries: 1, reason: 'they are back' });
  });

  test('with 410 is told no more, until someone enables it', async () => {
    const { webhook } = await create(receiver.url, ['order.paid']);
    receiver.behave(410);
    await paid();
    await until(async () => (await list())[0]?.enabled === false, 'it is switched off');
    expect((await list())[0]).toMatchObject({ endedReason: 'The endpoint answered 410: it is gone.' });
    expect(await deliveriesOf(webhook.id)).toMatchObject([{ status: 'DEAD', lastStatusCode: 410 }]);
    receiver.behave(204);
    await paid();
    const input = { url: receiver.url, eventTypes: ['order.paid'] };
    expect(await ask(server, UPDATE, { id: webhook.id, input }, ADMIN)).toMatchObject({
      webhook: { enabled: true, endedReason: null },
    });
    await paid();
    await firstOf(webhook.id, ({ status }) => status === 'DELIVERED');
    expect(receiver.got.length).toBe(2);
  });

  test('whose secret does not open counts as an attempt, with words that say so', async () => {
    const { webhook } = await create(receiver.url, ['order.paid']);
    await bed.sql.query(
      `update tollgate.outgoing_webhook set secrets = '[{"sealed": "tg1:other:AAAA", "until": null}]' where id = $1`,
      [webhook.id],
    );
    await paid();
    const failed = await firstOf(webhook.id, ({ status }) => status === 'FAILED');
    expect(failed).toMatchObject({ attempts: 1, lastError: expect.stringContaining('TOLLGATE_ENCRYPTION_KEY') });
    expect(receiver.got).toEqual([]);
  });

  test('what was answered when its server is killed before that is written comes again with the same id; nothing is lost', async () => {
    const own = await openTestBed();
    try {
      const maker = await own.start({ environment: { ...environment, TOLLGATE_EVENT_BATCHES: 'off' } });
      const input = { url: receiver.url, eventTypes: ['payment.updated'] };
      // Its own deliveries wait for the one that is killed.
      await ask(maker, CREATE, { input: { ...input, enabled: false } }, ADMIN);
      await maker.stop();
      await own.sql.query(
        `insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, node_type, node_id, version, snapshot)
          select w.id, gen_random_uuid()::text, 'order.paid', 'ORDER', n, 1, '{}' from tollgate.outgoing_webhook w, generate_series(1, 30) n`,
      );
      await own.sql.query('update tollgate.outgoing_webhook set enabled = true');
      // Its point is known by the name of a statement, which none has behind a pooler.
      const direct = { DATABASE_URL: own.database.url, DATABASE_POOLER: 'none' };
      const killed = await startServerProcess(
        { ...own.environment, ...environment, ...direct, TOLLGATE_CRASH_AT: 'statement outgoing_attempts' },
        fileURLToPath(new URL('../../harness/crashing-server.ts', import.meta.url)),
      );
      expect(await killed.ended, killed.output()).toBeNull();
      const before = receiver.got.map(({ headers }) => headers['webhook-id']);
      expect(before.length).toBeGreaterThan(0);
      await own.sql.query('update tollgate.outgoing_delivery set next_attempt_at = now()');
      await own.start({ environment });
      const count = async () =>
        Number(
          (await own.sql.query(`select count(*) from tollgate.outgoing_delivery where status = 'DELIVERED'`)).rows[0]
            .count,
        );
      await until(async () => (await count()) === 30, 'all are delivered');
      const ids = receiver.got.map(({ headers }) => headers['webhook-id']);
      expect(new Set(ids).size).toBe(30);
      expect(ids.slice(before.length)).toEqual(expect.arrayContaining(before));
      expect(ids.length).toBe(30 + before.length);
    } finally {
      await own.close();
    }
  });

  test('whose outcomes come together has them written together, and each as it was', async () => {
    const { webhook } = await create(receiver.url, ['order.paid']);
    receiver.behave(({ body }) => ((read({ body, headers: {} }).data['n'] as unknown as number) % 3 === 0 ? 500 : 204));
    await bed.sql.query(
      `insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, node_type, node_id, version, snapshot)
        select $1, gen_random_uuid()::text, 'order.paid', 'ORDER', 'mixed' || n, 1, jsonb_build_object('n', n) from generate_series(1, 60) n`,
      [webhook.id],
    );
    await until(
      async () => (await deliveriesOf(webhook.id)).every(({ attempts }) => attempts === 1),
      'all are tried once',
    );
    const { rows } = await bed.sql.query<{ status: string; code: number; count: number; writes: number }>(
      `select status, last_status_code as code, count(*)::int as count, count(distinct xmin::text)::int as writes
        from tollgate.outgoing_delivery where webhook_id = $1 group by 1, 2 order by 1`,
      [webhook.id],
    );
    expect(rows).toMatchObject([
      { status: 'DELIVERED', code: 204, count: 40 },
      { status: 'FAILED', code: 500, count: 20 },
    ]);
    expect(rows[0]?.writes).toBeLessThan(40);
  });

  test('whose outcome can’t be written takes no other along', async () => {
    const own = await openTestBed();
    const database = createDatabase({ url: own.database.url });
    try {
      await own.sql.query(
        `insert into tollgate.outgoing_webhook (url, event_types, secrets) values ('https://nobody.example/', '{}', '[]')`,
      );
      const { rows } = await own.sql.query<{ id: string }>(
        `insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, snapshot)
          select 1, 'm' || n, 'test', '{}' from generate_series(1, 3) n returning id::text`,
      );
      const outcomes = createOutcomes(database);
      const delivered = { status: 'DELIVERED' as const, statusCode: 204, error: null, waitSeconds: null };
      const unfit = { status: 'FAILED' as const, statusCode: 500, error: 'no text holds \0', waitSeconds: 5 };
      const written = await Promise.allSettled(
        rows.map(({ id }, at) => outcomes.write(id, at === 1 ? unfit : delivered)),
      );
      expect(written).toMatchObject([
        { value: { status: 'DELIVERED', attempts: 1 } },
        { status: 'rejected' },
        { value: { status: 'DELIVERED', attempts: 1 } },
      ]);
    } finally {
      await database.close();
      await own.close();
    }
  });

  test('by silence slows no other endpoint', async () => {
    const slow = await startReceiver();
    try {
      slow.behave('silence');
      const { webhook: silent } = await create(slow.url, ['order.paid']);
      const { webhook: quick } = await create(receiver.url, ['order.paid']);
      await bed.sql.query(
        `insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, node_type, node_id, version, snapshot)
          select w, gen_random_uuid()::text, 'order.paid', 'ORDER', 'many' || n, 1, '{}' from unnest($1::bigint[]) w, generate_series(1, 300) n`,
        [[silent.id, quick.id]],
      );
      await until(() => receiver.got.length === 300, 'the quick one has all');
      expect(slow.got.length).toBeGreaterThan(0);
      expect(slow.got.length).toBeLessThan(30);
    } finally {
      await slow.close();
    }
  });

  test('with many messages waits no longer for the next one, whatever the database’s statistics are of', async () => {
    const own = await openTestBed();
    try {
      await own.sql.query(
        `insert into tollgate.outgoing_webhook (url, event_types, secrets) values ('https://nobody.example/', '{}', '[]')`,
      );
      await own.sql.query(`insert into tollgate.outgoing_delivery (webhook_id, message_id, event_type, node_type, node_id, version, snapshot)
        select 1, 'm' || n, 'payment.updated', 'PAYMENT', (n / 2)::text, n, '{}' from generate_series(1, 4000) n`);
      const { text, values } = claimDue('1', 8, 30);
      /** The most rows that a step of the plan has read. */
      const mostRead = async (statement: string, given: readonly unknown[] = []): Promise<number> => {
        const { rows } = await own.sql.query<{ 'QUERY PLAN': string }>(`explain (analyze) ${statement}`, [...given]);
        return Math.max(...rows.map(({ 'QUERY PLAN': line }) => Number(/ rows=([\d.]+) loops/.exec(line)?.[1] ?? 0)));
      };
      expect(await mostRead(text, values)).toBeLessThan(20);
      await own.sql.query(`update tollgate.outgoing_delivery set status = 'DELIVERED' where id <= 3000`);
      await own.sql.query('analyze tollgate.outgoing_delivery');
      expect(await mostRead(text, values)).toBeLessThan(20);
      const session = await own.sql.connect();
      await session.query('set plan_cache_mode = force_generic_plan');
      await session.query(`prepare claim (bigint, integer, float8) as ${text}`);
      const { rows } = await session.query<{ 'QUERY PLAN': string }>('explain (analyze) execute claim (1, 8, 30)');
      session.release(true);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Sort');
    } finally {
      await own.close();
    }
  });

  test('one whose server is killed before it answers is told by the next one', async () => {
    const { webhook } = await create(receiver.url, ['order.paid']);
    receiver.behave('silence');
    const killed = await startServerProcess({
      ...bed.environment,
      TOLLGATE_OUTGOING_HOSTS: 'localhost',
      TOLLGATE_ENCRYPTION_KEY: KEY,
    });
    await paid();
    await until(() => receiver.got.length === 1, 'it is being told');
    await killed.end('SIGKILL');
    receiver.behave(204);
    await until(async () => {
      await wake();
      return (await deliveriesOf(webhook.id)).some(({ status }) => status === 'DELIVERED');
    }, 'the other one tells it');
    expect(new Set(receiver.got.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });
});

test('what was sent when the server is told to stop is answered first, and not sent again', async () => {
  const own = await openTestBed();
  try {
    const stopped = await own.start({ environment });
    await ask(stopped, CREATE, { input: { url: receiver.url, eventTypes: ['payment.updated'] } }, ADMIN);
    receiver.behave(() => delay(700, 204));
    await pay(stopped, await own.createOrder());
    await until(() => receiver.got.length > 0, 'it is sent');
    await stopped.stop();
    const { rows } = await own.sql.query(
      `select 'msg_' || message_id as id from tollgate.outgoing_delivery where status = 'DELIVERED' and attempts = 1 order by 1`,
    );
    expect(rows.map(({ id }) => id)).toEqual(receiver.got.map(({ headers }) => headers['webhook-id']).sort());
  } finally {
    await own.close();
  }
});

test('the scheme signs its published example as published', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const signed = new Webhook(secret).sign(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    new Date(1_614_265_330_000),
    '{"test": 2432232314}',
  );
  expect(signed).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

describe('addresses', () => {
  test.each([
    ['http://hooks.example/x', 'https://'],
    ['ftp://localhost/x', 'https://'],
    ['https://10.1.2.3/x', 'private'],
    ['https://[::1]/x', 'private'],
    ['https://[::ffff:127.0.0.1]/x', 'private'],
    ['https://169.254.169.254/latest', 'private'],
    ['https://me:secret@hooks.example/', 'user or password'],
    ['nonsense', 'https://'],
  ])('%s is refused', async (url, words) => {
    await expect(create(url)).rejects.toThrow(new RegExp(`BAD_USER_INPUT.*${words}`));
  });

  test('a name that leads to a private one is refused when it is sent, and again when it led elsewhere before', async () => {
    const answers = [['93.184.216.34'], ['93.184.216.34', '10.0.0.1']];
    const resolve = ((_: string, __: object, done: (error: null, found: object[]) => void) =>
      done(
        null,
        (answers.shift() ?? []).map((address) => ({ address, family: 4 })),
      )) as unknown as typeof dns.lookup;
    const look = lookupFor(new Set(), resolve);
    const outcomes: unknown[] = [];
    for (let n = 0; n < 2; n += 1) look('hooks.example', {}, (error, address) => outcomes.push(error?.name ?? address));
    expect(outcomes).toEqual(['93.184.216.34', 'PrivateAddressError']);

    const { webhook } = await create('https://ip6-localhost/x', ['order.paid']);
    const { delivery } = await ask<{ delivery: Delivery }>(
      server,
      'mutation ($id: ID!) { testOutgoingWebhook(id: $id) { delivery { status lastError } } }',
      { id: webhook.id },
      ADMIN,
    );
    expect(delivery).toMatchObject({
      status: 'FAILED',
      lastError: expect.stringMatching(/private address|ENOTFOUND|EAI_AGAIN/),
    });
  });

  test.each([
    ['8.8.8.8', true],
    ['2606:4700::1', true],
    ['127.0.0.1', false],
    ['100.64.0.1', false],
    ['fd00::1', false],
    ['::', false],
    ['64:ff9b::7f00:1', false],
    ['2002:7f00:1::', false],
    ['::ffff:8.8.8.8', false],
  ])('%s: public is %j', (address, expected) => {
    expect(isPublic(address)).toBe(expected);
  });
});

describe('a receiver of the docs', () => {
  const page = fs.readFileSync(new URL('../../../docs/outgoing-webhooks.md', import.meta.url), 'utf8');
  const programOf = (language: string): string => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page)?.[1] ?? '';
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-receiver-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  /** What runs a program, and what it is given to read. */
  const prepare = async (language: string, program: string): Promise<[string[], string]> => {
    if (language === 'ts')
      return [[process.execPath, '--input-type=module', '-'], (await transform(program, { loader: 'ts' })).code];
    if (language === 'python') return [['python3', '-u', '-'], program];
    fs.writeFileSync(path.join(folder, 'main.go'), program);
    const built = spawnSync('go', ['build', '-o', 'receiver', 'main.go'], { cwd: folder, encoding: 'utf8' });
    expect(built).toMatchObject({ status: 0 });
    return [[path.join(folder, 'receiver')], ''];
  };

  test.for([
    { language: 'ts', needs: [process.execPath, '--version'] },
    { language: 'python', needs: ['python3', '--version'] },
    { language: 'go', needs: ['go', 'version'] },
  ])('in $language takes what is signed, and refuses anything else', async ({ language, needs }, { skip }) => {
    if (spawnSync(needs[0] ?? '', needs.slice(1)).status !== 0) skip(`no ${needs[0]} on this machine`);
    const port = await freePort();
    const program = programOf(language).replace('3000', String(port));
    const { secret, webhook } = await create(`http://localhost:${port}/`, ['order.paid']);
    const [command, input] = await prepare(language, program);
    const child = spawn(command[0] ?? '', command.slice(1), { env: { ...process.env, WEBHOOK_SECRET: secret } });
    await watchProcess(child.pid ?? 0);
    try {
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
      child.stdin.on('error', () => undefined).end(input);
      const post = () => fetch(`http://localhost:${port}/`, { method: 'POST', body: '{}', headers: FORGED });
      await until(
        () =>
          post().then(
            () => true,
            () => false,
          ),
        'it listens',
      );
      expect((await post()).status).toBe(400);
      await ask(
        server,
        'mutation ($id: ID!) { testOutgoingWebhook(id: $id) { delivery { id } } }',
        { id: webhook.id },
        ADMIN,
      );
      expect(await deliveriesOf(webhook.id)).toMatchObject([{ status: 'DELIVERED', lastStatusCode: 204 }]);
      await until(() => /msg_\S+ test/.test(output), 'it printed the message');
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
      await forgetProcess(child.pid ?? 0);
    }
  });
});

describe('an operator', () => {
  test('rotates the secret: both sign for a day, and the first alone is forgotten by the next', async () => {
    const { webhook, secret } = await create(receiver.url, ['order.paid']);
    const ROTATE = 'mutation ($id: ID!) { rotateOutgoingWebhookSecret(id: $id) { secret } }';
    const { secret: next } = await ask<{ secret: string }>(server, ROTATE, { id: webhook.id }, ADMIN);
    const { delivery } = await ask<{ delivery: Delivery }>(
      server,
      'mutation ($id: ID!) { testOutgoingWebhook(id: $id) { delivery { status lastStatusCode eventType } } }',
      { id: webhook.id },
      ADMIN,
    );
    expect(delivery).toEqual({ status: 'DELIVERED', lastStatusCode: 204, eventType: 'test' });
    const got = receiver.got[0] as Got;
    verified(secret, got);
    verified(next, got);
    const { rows } = await bed.sql.query('select secrets::text from tollgate.outgoing_webhook');
    expect(JSON.stringify(rows)).not.toContain(secret.slice(6));
    await ask(server, ROTATE, { id: webhook.id }, ADMIN);
    await ask(
      server,
      'mutation ($id: ID!) { testOutgoingWebhook(id: $id) { delivery { id } } }',
      { id: webhook.id },
      ADMIN,
    );
    expect(() => verified(secret, receiver.got[1] as Got)).toThrow();
    verified(next, receiver.got[1] as Got);
  });

  test('without the permission sees and changes nothing; unknown types and ids have their codes', async () => {
    const refused = await server.request(CREATE, { input: { url: receiver.url, eventTypes: ALL } });
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'OUTGOING_WEBHOOK_MANAGE' });
    await expect(create(receiver.url, ['payment.paid'])).rejects.toThrow('There is no payment.paid');
    await expect(create(receiver.url, [])).rejects.toThrow('BAD_USER_INPUT');
    const unknown = { id: '99999', input: { url: receiver.url, eventTypes: ALL } };
    await expect(ask(server, UPDATE, unknown, ADMIN)).rejects.toThrow('NOT_FOUND');
  });

  test('does the same by command, and the audit keeps who', async () => {
    const environment = { ...bed.environment, TOLLGATE_OUTGOING_HOSTS: 'localhost', TOLLGATE_ENCRYPTION_KEY: KEY };
    const run = (...words: string[]) => runCommand(['outgoing', ...words, '--json'], environment);
    const made = JSON.parse((await run('create', receiver.url, '--events', 'order.paid')).stdout);
    expect(made).toMatchObject({ secret: expect.stringMatching(/^whsec_/), webhook: { eventTypes: ['order.paid'] } });
    const tested = JSON.parse((await run('test', made.webhook.id)).stdout);
    expect(tested.delivery).toMatchObject({ status: 'DELIVERED' });
    verified(made.secret, receiver.got[0] as Got);
    // What it signs by is encrypted again with the keys, and signs on.
    const next = Buffer.alloc(32, 4).toString('base64');
    const rotated = await runCommand(['rotate-encryption-key', '--json'], {
      ...environment,
      TOLLGATE_ENCRYPTION_KEY_NEW: next,
    });
    expect(JSON.parse(rotated.stdout)).toEqual({ reencrypted: 1 });
    const withNext = { ...environment, TOLLGATE_ENCRYPTION_KEY: next };
    expect((await runCommand(['outgoing', 'test', made.webhook.id, '--json'], withNext)).code).toBe(0);
    verified(made.secret, receiver.got[1] as Got);
    const { rows } = await bed.sql.query(
      `select actor, detail::text from tollgate.audit where action = 'OUTGOING_WEBHOOK_CREATED' order by id desc limit 1`,
    );
    expect(rows[0]).toMatchObject({ actor: 'operator' });
    expect(rows[0].detail).not.toContain('whsec_');
  });
});
