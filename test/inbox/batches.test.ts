import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { paymentCallback } from '../../flows/payment-callback.js';
import type { Flow, FlowContext, PaymentCallbackData } from '../../src/flows/flows.js';
import {
  ALWAYS,
  aloneFor,
  batched,
  batches,
  expectShared,
  failures,
  send,
  sendAll,
  statusesOf,
} from '../harness/batches.js';
import { ask, type Paid, pay } from '../harness/payments.js';
import { ADMIN } from '../harness/refunds.js';
import { addFault } from '../harness/sandbox-control.js';
import { startServerProcess } from '../harness/server-process.js';
import { eventOf } from '../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

const CRASHING = fileURLToPath(new URL('../harness/crashing-server.ts', import.meta.url));
const MANY = 12;

type Run = Flow<PaymentCallbackData>['run'];

let bed: TestBed;
/** Makes the payments; what it is told goes alone. */
let plain: Server;
beforeAll(async () => {
  bed = await openTestBed({
    binding: { orderTable: 'public.shop_order', idColumn: 'id', ownerColumn: 'account_id' },
    schema: `create table public.tally (n integer not null); insert into public.tally values (0);
      create table public.told (order_id bigint, n integer)`,
  });
  plain = await bed.start({ environment: { TOLLGATE_EVENT_BATCHES: 'off' } });
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
});
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});
afterAll(() => bed.close());

let mailed: unknown[] = [];
/** Each test's own, so that the database has connections for the next. */
const started: Server[] = [];
const startWith = async (
  run: Run,
  more: Partial<Flow<PaymentCallbackData>> = {},
  environment = ALWAYS,
): Promise<Server> => {
  mailed = [];
  const mail = { run: ({ orderId }: { orderId: string }) => void mailed.push(orderId) };
  const effects = new Map([['mail', mail]]);
  const server = await bed.start({ environment, flows: { paymentCallback: { run, ...more }, effects } });
  started.push(server);
  return server;
};

const payMany = async (count = MANY): Promise<Paid[]> => {
  const many: Paid[] = [];
  for (let made = 0; made < count; made += 1) many.push(await pay(plain, await bed.createOrder()));
  return many;
};
const successOf = async ({ payment }: Paid): Promise<Record<string, unknown>> =>
  eventOf('payment_intent.succeeded', {
    ...(await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId)),
    status: 'succeeded',
    amount_received: payment.amount,
  });
const successesOf = (many: readonly Paid[]) => Promise.all(many.map(successOf));
const idsOf = (many: readonly Paid[]) => many.map(({ payment }) => payment.id);
const countOf = async (text: string, values: readonly unknown[] = []): Promise<number> =>
  Number((await bed.sql.query<{ count: string }>(text, [...values])).rows[0]?.count);
const successful = (many: readonly Paid[]): Promise<number> =>
  countOf(
    `select count(*) from tollgate.payment p join tollgate.change c on c.node_type = 'PAYMENT' and c.node_id = p.id
        and c.version = p.version and c.flow_outcome = 'done' and c.event_id is not null
      where p.id = any($1::bigint[]) and p.status = 'SUCCESSFUL' and p.version = 3`,
    [idsOf(many)],
  );
/** Adds one to a number by reading and writing it under its lock, which keeps transactions apart, but not flows of one. */
const readThenWrite: Run = async (_, { db }) => {
  const [row] = await db.query<{ n: number }>('select n from public.tally for update');
  await db.query('update public.tally set n = $1', [(row?.n ?? 0) + 1]);
};

describe('events that share a transaction', () => {
  test('are each applied with version, timeline, flow and effect, in fewer transactions than events', async () => {
    const server = await startWith(async (data, context) => {
      context.effects.add('mail', { orderId: data.orderId });
      await paymentCallback.run(data, context);
    });
    const many = await payMany();
    const events = await successesOf(many);
    expect(await sendAll(server, events)).toEqual(events.map(() => 200));
    expect(await successful(many)).toBe(MANY);
    expect(await statusesOf(bed, events)).toEqual(events.map(() => 'PROCESSED'));
    for (const { payment } of many) expect(await bed.orderStatus(payment.orderId)).toBe('paid');
    await expectShared(server, MANY);
  });

  test('are known when they come again, at once or later: the flow runs once for each', async () => {
    let runs = 0;
    const server = await startWith(() => {
      runs += 1;
    });
    const many = await payMany(4);
    const events = await successesOf(many);
    expect(await sendAll(server, [...events, ...events, ...events])).toEqual(Array(12).fill(200));
    expect(await sendAll(server, events)).toEqual(Array(4).fill(200));
    expect(await successful(many)).toBe(4);
    expect(runs).toBe(4);
  });

  test('and watchers hear each of them', async () => {
    const server = await startWith(paymentCallback.run);
    const many = await payMany(3);
    const watches = many.map(({ payment }) =>
      server.watch('subscription ($id: ID!) { paymentUpdated(id: $id) { id status } }', { id: payment.id }),
    );
    await Promise.all(watches.map((watch) => watch.next()));
    await sendAll(server, await successesOf(many));
    for (const watch of watches) {
      await watch.until(({ status }) => status === 'SUCCESSFUL');
      await watch.stop();
    }
  });
});

describe('one event never costs another', () => {
  test('a flow that throws leaves its own event alone: FAILED, and to be tried again', async () => {
    const many = await payMany();
    const bad = many[5]?.payment.orderId;
    const server = await startWith(async (data, context) => {
      if (data.orderId === bad) throw new Error('no stock');
      await paymentCallback.run(data, context);
    });
    const events = await successesOf(many);
    expect(await sendAll(server, events)).toEqual(events.map(() => 200));
    expect(await successful(many)).toBe(MANY - 1);
    expect(await statusesOf(bed, events)).toEqual(['FAILED', ...Array(MANY - 1).fill('PROCESSED')]);
    expect(await failures(server, 'flow')).toBeGreaterThan(0);
  });

  test('an order that another transaction holds is left, and applied as soon as it is free; the others do not wait', async () => {
    const server = await startWith(paymentCallback.run);
    const many = await payMany(5);
    const [held, ...free] = many;
    const events = await successesOf(many);
    const holder = await bed.sql.connect();
    await holder.query('begin');
    await holder.query('select 1 from public.shop_order where id = $1 for update', [held?.payment.orderId]);
    const waiting = send(server, events[0] ?? {});
    expect(await sendAll(server, events.slice(1))).toEqual(free.map(() => 200));
    expect(await successful(free)).toBe(4);
    expect(await statusesOf(bed, events.slice(0, 1))).toEqual(['RECEIVED']);
    await holder.query('commit');
    holder.release();
    expect(await waiting).toBe(200);
    expect(await successful(many)).toBe(5);
    expect(await statusesOf(bed, events.slice(0, 1))).toEqual(['PROCESSED']);
  });

  test('a flow’s statement that is slow, or waits for a lock, ends the batch and takes its time alone', async () => {
    const many = await payMany(6);
    const slow = many[2]?.payment.orderId;
    const server = await startWith(async ({ orderId }, { db }) => {
      if (orderId === slow) await db.query('select pg_sleep(0.3)');
      await db.query("update public.shop_order set status = 'paid' where id = $1", [orderId]);
    });
    const events = await successesOf(many);
    expect(await sendAll(server, events)).toEqual(events.map(() => 200));
    expect(await successful(many)).toBe(6);
    expect(await statusesOf(bed, events)).toEqual(events.map(() => 'PROCESSED'));
    expect(await failures(server, 'flow')).toBeGreaterThan(0);
  });

  test('an event that leads to no row, and one that only Stripe can decide, end as they would alone', async () => {
    const server = await startWith(paymentCallback.run);
    const many = await payMany(4);
    const [first] = many;
    const strange = eventOf('payment_intent.succeeded', {
      ...(await bed.stripe.paymentIntents.create({ amount: 700, currency: 'usd' })),
      status: 'succeeded',
      amount_received: 700,
    });
    const events = await successesOf(many.slice(1));
    const hint = eventOf('payment_intent.payment_failed', {
      ...(await bed.stripe.paymentIntents.retrieve(first?.payment.stripePaymentIntentId ?? '')),
      last_payment_error: { code: 'payment_intent_payment_attempt_failed', message: 'see the charge' },
    });
    expect(await sendAll(server, [strange, hint, ...events])).toEqual(Array(5).fill(200));
    expect(await statusesOf(bed, [strange])).toEqual(['IGNORED']);
    expect(await statusesOf(bed, [hint])).toEqual(['PROCESSED']);
    expect(await successful(many.slice(1))).toBe(3);
  });
});

describe('no flow sees half of another', () => {
  test('flows that read, wait, and write are kept apart: nothing is lost', async () => {
    await bed.sql.query('update public.tally set n = 0');
    const server = await startWith(readThenWrite);
    for (const round of [1, 2]) {
      const many = await payMany();
      expect(await sendAll(server, await successesOf(many))).toEqual(Array(MANY).fill(200));
      expect(await successful(many)).toBe(MANY);
      expect(await countOf('select n as count from public.tally')).toBe(round * MANY);
    }
    // Seen once, they run one after the other in the batches that follow.
    expect(await failures(server, 'interleaved')).toBe(1);
    expect(await batched(server)).toBeGreaterThanOrEqual(MANY);
  });

  test('a refusal that a flow swallows, or never waits for, leaves nothing out', async () => {
    await bed.sql.query('delete from public.told');
    const server = await startWith(async ({ orderId }, { db }) => {
      await db.query('select 1 as "one"');
      db.query('insert into public.told values ($1, 1)', [orderId]).catch(() => {});
      await db.query('insert into public.told values ($1, 2)', [orderId]).catch(() => undefined);
    });
    const many = await payMany();
    expect(await sendAll(server, await successesOf(many))).toEqual(Array(MANY).fill(200));
    expect(await successful(many)).toBe(MANY);
    for (const { payment } of many)
      expect(await countOf('select count(*) from public.told where order_id = $1', [payment.orderId])).toBe(2);
    expect(await failures(server, 'interleaved')).toBe(1);
  });

  test.each([
    ['a setting', "set local work_mem = '1MB'"],
    ['a setting by function', "select set_config('work_mem', '1MB', true)"],
    ['an advisory lock', '/* mine */ select pg_advisory_xact_lock(7)'],
    ['a table’s lock', 'lock table public.tally in share mode'],
    ['a temporary table', 'create temporary table mine (n integer) on commit drop'],
    ['a message', "select pg_notify('orders', 'paid')"],
  ])('a flow that needs %s runs in a transaction of its own', async (_, statement) => {
    const transactions: string[] = [];
    const server = await startWith(async (__, { db }) => {
      await db.query(statement);
      const [row] = await db.query<{ id: string }>('select pg_current_xact_id()::text as "id"');
      transactions.push(row?.id ?? '');
    });
    const many = await payMany(3);
    expect(await sendAll(server, await successesOf(many))).toEqual(Array(3).fill(200));
    expect(await successful(many)).toBe(3);
    expect(new Set(transactions).size).toBe(3);
    expect(await batched(server)).toBe(0);
    expect(await failures(server, 'statement')).toBeGreaterThan(0);
  });

  test('a flow that says batch: false is never in a batch', async () => {
    const server = await startWith(paymentCallback.run, { batch: false });
    const many = await payMany(4);
    expect(await sendAll(server, await successesOf(many))).toEqual(Array(4).fill(200));
    expect(await successful(many)).toBe(4);
    expect(await batches(server)).toBe(0);
  });

  test('effects of a batch that is rolled back are queued once, by the transactions that follow', async () => {
    const many = await payMany(6);
    const bad = many[3]?.payment.orderId;
    const server = await startWith(async ({ orderId }: PaymentCallbackData, { effects }: FlowContext) => {
      effects.add('mail', { orderId });
      if (orderId === bad) throw new Error('no stock');
    });
    await sendAll(server, await successesOf(many));
    const paid = many.map(({ payment }) => payment.orderId).filter((orderId) => orderId !== bad);
    await until(() => mailed.length >= paid.length, 'the effects run');
    expect([...mailed].sort()).toEqual([...paid].sort());
    expect(await successful(many)).toBe(5);
  });
});

describe('a batch that always fails', () => {
  test('is given up for a while: the events go alone, and none is lost', async () => {
    const server = await startWith(async (_, { db }) => {
      await db.query("select set_config('work_mem', '1MB', true)");
    });
    const many = await payMany();
    for (const event of await successesOf(many)) expect(await send(server, event)).toBe(200);
    expect(await successful(many)).toBe(MANY);
    expect(await failures(server, 'statement')).toBe(4);
    expect(await aloneFor(server, 'rest')).toBe(MANY - 4);
    const told = async () =>
      (await ask<{ code: string; message: string }[]>(server, '{ problems { code message } }', {}, ADMIN)).find(
        ({ code }) => code === 'BATCHES_FAIL',
      )?.message;
    await expect.poll(told, { timeout: 10_000 }).toContain('(statement)');
  });
});

describe('while little is under way', () => {
  test('each event goes alone, without a batch', async () => {
    const server = await startWith(paymentCallback.run, {}, { TOLLGATE_EVENT_BATCHES: 'auto' });
    const many = await payMany(3);
    for (const event of await successesOf(many)) expect(await send(server, event)).toBe(200);
    expect(await successful(many)).toBe(3);
    expect(await batches(server)).toBe(0);
    expect(await aloneFor(server, 'quiet')).toBe(3);
  });
});

test('a server that dies before a batch commits leaves nothing of it, and each event is applied once when it comes again', async () => {
  const many = await payMany(5);
  const events = await successesOf(many);
  // Its point is known by the name of a statement, which none has behind a pooler.
  const direct = { DATABASE_URL: bed.database.url, DATABASE_POOLER: 'none' };
  const victim = await startServerProcess(
    { ...bed.environment, ...direct, ...ALWAYS, TOLLGATE_CRASH_AT: 'commit batch_limit_end' },
    CRASHING,
  );
  const doomed = bed.attach(victim.url ?? '', async () => undefined);
  await Promise.allSettled(events.map((event) => send(doomed, event)));
  expect(await victim.ended, victim.output()).toBeNull();
  await until(async () => (await statusesOf(bed, events)).length === 0, 'the database rolls back');
  expect(await successful(many)).toBe(0);
  const server = await startWith(paymentCallback.run);
  expect(await sendAll(server, events)).toEqual(Array(5).fill(200));
  expect(await successful(many)).toBe(5);
});
