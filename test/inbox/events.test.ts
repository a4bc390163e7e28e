import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PaymentCallbackData } from '../../src/flows/flows.js';
import { createPayloadKeeping } from '../../src/inbox/payload-keeping.js';
import { createDatabase } from '../../src/storage/database.js';
import { runCommand } from '../cli/command.js';
import { makeOlder } from '../harness/age.js';
import { ask, type Paid, pay, readPayment } from '../harness/payments.js';
import { addFault } from '../harness/sandbox-control.js';
import { deliver, eventOf } from '../harness/signed-event.js';
import { type As, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

const ADMIN: As = { account: 'admin', roles: ['admin'] };
const LIMITS = { firstWaitSeconds: 0.01, longestWaitSeconds: 0.05, maximumAttempts: 2, leaseSeconds: 60 };

let bed: TestBed;
let server: Server;
let runs: PaymentCallbackData[] = [];
let broken = false;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    inboxLimits: LIMITS,
    flows: {
      paymentCallback: {
        run: (data) => {
          runs.push(data);
          if (broken) throw new Error('the shop is closed');
        },
      },
    },
  });
  // What Stripe knows reaches us only as these tests deliver it.
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
});
beforeEach(() => {
  runs = [];
  broken = false;
});
afterAll(() => bed.close());

const succeeded = async ({ payment }: Paid, more: object = {}): Promise<Record<string, unknown>> =>
  eventOf(
    'payment_intent.succeeded',
    {
      ...(await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId)),
      status: 'succeeded',
      amount_received: payment.amount,
    },
    more,
  );
const payNew = async (): Promise<Paid> => pay(server, await bed.createOrder());
const EVENT = 'id type status reason attempts lastError receivedAt processedAt payload';
const readEvent = (id: unknown): Promise<Record<string, unknown>> =>
  ask(server, `query ($id: ID!) { webhookEvent(id: $id) { ${EVENT} } }`, { id }, ADMIN);
const replay = (id: unknown): Promise<{ event: Record<string, unknown> }> =>
  ask(server, `mutation ($id: ID!) { replayEvent(input: { id: $id }) { event { ${EVENT} } } }`, { id }, ADMIN);
const untilStatus = (id: unknown, status: string): Promise<void> =>
  until(async () => (await readEvent(id))?.['status'] === status, `${String(id)} is ${status}`);
const changesOf = async (id: string) =>
  (
    await bed.sql.query<{ to_status: string; actor: string; event_id: string | null }>(
      'select to_status, actor, event_id from tollgate.change where node_id = $1 order by version',
      [id],
    )
  ).rows;

/** An event whose flow failed until it was given up on. */
const deadEvent = async (): Promise<{ paid: Paid; event: Record<string, unknown> }> => {
  const paid = await payNew();
  const event = await succeeded(paid);
  broken = true;
  expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
  await untilStatus(event['id'], 'DEAD');
  broken = false;
  return { paid, event };
};

describe('an event that keeps failing', () => {
  test('is retried so often, then DEAD with the error, and a problem for the operator', async () => {
    const { paid, event } = await deadEvent();
    expect(runs).toHaveLength(LIMITS.maximumAttempts);
    const row = await readEvent(event['id']);
    expect(row).toMatchObject({
      attempts: LIMITS.maximumAttempts,
      lastError: expect.stringContaining('the shop is closed'),
    });
    const sent = JSON.parse(JSON.stringify(event), (key, value) => (key === 'client_secret' ? '[redacted]' : value));
    expect(row['payload']).toEqual(sent);
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
    await until(async () => {
      const problems = await ask<{ code: string; message: string }[]>(
        server,
        '{ problems { code message } }',
        {},
        ADMIN,
      );
      return problems.some(({ code, message }) => code === 'EVENTS_DEAD' && message.includes(String(event['id'])));
    }, 'the problem is listed');
  });

  test('replayed by an operator it is applied once, and the timeline says who', async () => {
    const { paid, event } = await deadEvent();
    runs = [];
    expect((await replay(event['id'])).event).toMatchObject({ status: 'PROCESSED', lastError: null });
    expect(runs).toHaveLength(1);
    expect((await changesOf(paid.payment.id)).at(-1)).toEqual({
      to_status: 'SUCCESSFUL',
      actor: 'operator',
      event_id: event['id'],
    });
  });

  test('replayed while the cause is still there it stays DEAD, with the newest error', async () => {
    const { event } = await deadEvent();
    broken = true;
    expect((await replay(event['id'])).event).toMatchObject({ status: 'DEAD', attempts: 3 });
  });
});

describe('a replay is safe to repeat', () => {
  test('of a processed event it changes nothing and runs no flow, however many ask at once', async () => {
    const paid = await payNew();
    const event = await succeeded(paid);
    await deliver(server, JSON.stringify(event));
    const before = await changesOf(paid.payment.id);
    await Promise.all(Array.from({ length: 10 }, () => replay(event['id'])));
    expect(runs).toHaveLength(1);
    expect(await changesOf(paid.payment.id)).toEqual(before);
  });

  test('of a DEAD event by many at once it is applied once', async () => {
    const { paid, event } = await deadEvent();
    runs = [];
    await Promise.all(Array.from({ length: 10 }, () => replay(event['id'])));
    expect(runs).toHaveLength(1);
    expect((await changesOf(paid.payment.id)).filter(({ to_status }) => to_status === 'SUCCESSFUL')).toHaveLength(1);
  });

  test('of an ignored event, once the reason is gone, applies it', async () => {
    const paid = await payNew();
    await bed.sql.query('update tollgate.payment set stripe_payment_intent_id = null where id = $1', [paid.payment.id]);
    const event = await succeeded(paid);
    const object = (event['data'] as { object: { metadata: Record<string, string> } }).object;
    const mark = object.metadata;
    object.metadata = {};
    await deliver(server, JSON.stringify(event));
    expect(await readEvent(event['id'])).toMatchObject({
      status: 'IGNORED',
      reason: expect.stringContaining('No payment'),
    });
    object.metadata = mark;
    await bed.sql.query('update tollgate.payment set stripe_payment_intent_id = $2 where id = $1', [
      paid.payment.id,
      paid.payment.stripePaymentIntentId,
    ]);
    expect((await replay(event['id'])).event).toMatchObject({ status: 'PROCESSED', reason: null });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
  });

  test('with duplicates: deliver the flow sees a processed event again, told as a duplicate', async () => {
    const seen: boolean[] = [];
    const other = await bed.start({
      flows: { paymentCallback: { duplicates: 'deliver', run: (data) => void seen.push(data.callbackProcessed) } },
    });
    const paid = await pay(other, await bed.createOrder());
    const event = await succeeded(paid);
    await deliver(other, JSON.stringify(event));
    await ask(
      other,
      'mutation ($id: ID!) { replayEvent(input: { id: $id }) { event { id } } }',
      { id: event['id'] },
      ADMIN,
    );
    expect(seen).toEqual([false, true]);
    await other.stop();
  });

  test('an event that is not there is NOT_FOUND, and only who may replays', async () => {
    await expect(replay('evt_none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(
      ask(server, 'mutation { replayEvent(input: { id: "evt_none" }) { event { id } } }', {}, { account: 'customer' }),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(ask(server, '{ webhookEvents { edges { cursor } } }')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('the inbox as a list', () => {
  test('pages newest first by type and status, each event once', async () => {
    const paid = await payNew();
    const ids: unknown[] = [];
    for (let n = 0; n < 5; n += 1) {
      const event = eventOf(
        'charge.pending',
        { id: 'ch_1', object: 'charge', livemode: false },
        { id: `evt_page${n}` },
      );
      await deliver(server, JSON.stringify(event));
      ids.push(event['id']);
    }
    await deliver(server, JSON.stringify(await succeeded(paid)));
    const seen: unknown[] = [];
    let after: string | null = null;
    do {
      const page: {
        edges: { node: { id: string; status: string } }[];
        pageInfo: { hasNextPage: boolean; endCursor: string };
      } = await ask(
        server,
        `query ($after: String) { webhookEvents(type: "charge.pending", status: IGNORED, first: 2, after: $after) {
          edges { node { id status } } pageInfo { hasNextPage endCursor } } }`,
        { after },
        ADMIN,
      );
      seen.push(...page.edges.map(({ node }) => node.id));
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after !== null);
    expect(seen).toEqual(ids.reverse());
  });

  test('payloads older than are kept go, their ids stay, and a late duplicate is still known', async () => {
    const paid = await payNew();
    const event = await succeeded(paid);
    await deliver(server, JSON.stringify(event));
    await makeOlder(bed, {
      table: 'stripe_event',
      column: 'received_at',
      id: String(event['id']),
      by: '91 days',
    });
    const database = createDatabase({ url: bed.database.url, poolSize: 1 });
    try {
      expect(await createPayloadKeeping(database, 90).forgetOld()).toBe(1);
      expect(await createPayloadKeeping(database, 90).forgetOld()).toBe(0);
    } finally {
      await database.close();
    }
    expect(await readEvent(event['id'])).toMatchObject({ status: 'PROCESSED', payload: null });
    await deliver(server, JSON.stringify(event));
    expect(runs).toHaveLength(1);
    await expect(replay(event['id'])).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe('a replay of all that fit', () => {
  const STEP = `mutation ($input: ReplayEventsInput!) { replayEvents(input: $input) { replayed failed { id error } next } }`;
  interface Step {
    readonly replayed: number;
    readonly failed: { id: string; error: string }[];
    readonly next: string | null;
  }
  const step = (input: object, as: As = ADMIN) => ask<Step>(server, STEP, { input }, as);
  const count = (variables: object) =>
    ask(
      server,
      `query ($receivedTo: DateTime) { webhookEventCount(status: DEAD, receivedTo: $receivedTo) { count isMore } }`,
      { ...variables },
      ADMIN,
    );

  test('is counted before, goes on step by step, is audited with its reason, and twice is once', async () => {
    await bed.sql.query(
      `update tollgate.stripe_event set status = 'IGNORED', reason = 'of an earlier test' where status = 'DEAD'`,
    );
    const dead = [await deadEvent(), await deadEvent(), await deadEvent()];
    const receivedTo = new Date(Date.now() + 1_000).toISOString();
    const later = { receivedTo: new Date(Date.now() - 3_600_000).toISOString() };
    expect(await count({ receivedTo })).toEqual({ count: 3, isMore: false });
    expect(await count(later)).toEqual({ count: 0, isMore: false });
    expect(await step({ status: 'DEAD', ...later })).toEqual({ replayed: 0, failed: [], next: null });
    runs = [];
    const filter = { status: 'DEAD', receivedTo, reason: 'the shop is open again' };
    const first = await step({ ...filter, first: 2 });
    expect(first).toEqual({ replayed: 2, failed: [], next: dead[1]?.event['id'] });
    broken = true;
    const second = await step({ ...filter, first: 2, after: first.next });
    expect(second).toMatchObject({ replayed: 1, failed: [{ id: dead[2]?.event['id'] }], next: null });
    expect(second.failed[0]?.error).toContain('the shop is closed');
    broken = false;
    expect(await step(filter)).toEqual({ replayed: 1, failed: [], next: null });
    expect(await step(filter)).toEqual({ replayed: 0, failed: [], next: null });
    for (const { paid } of dead) {
      expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
      expect((await changesOf(paid.payment.id)).filter(({ to_status }) => to_status === 'SUCCESSFUL')).toHaveLength(1);
    }
    const { rows } = await bed.sql.query<{ actor: string; detail: object }>(
      `select actor, detail from tollgate.audit where action = 'EVENTS_REPLAYED' order by id`,
    );
    expect(rows).toMatchObject([
      { actor: 'account:admin', detail: { status: 'DEAD', count: 2, reason: 'the shop is open again' } },
      { detail: { count: 1, firstEventId: dead[2]?.event['id'] } },
      { detail: { count: 1 } },
    ]);
  });

  test('says what it was given wrongly, and is not for those who only look', async () => {
    const receivedTo = new Date().toISOString();
    for (const wrong of [{ first: 0 }, { first: 101 }, { after: 'evt' }, { reason: 'x'.repeat(501) }])
      await expect(step({ receivedTo, ...wrong })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(step({ receivedTo }, { account: 'customer' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('tollgate events', () => {
  test('lists, shows and replays one, many or by status, as words and as JSON, and is safe to repeat', async () => {
    await bed.sql.query(
      `update tollgate.stripe_event set status = 'IGNORED', reason = 'of an earlier test' where status = 'DEAD'`,
    );
    const dead = [await deadEvent(), await deadEvent()];
    runs = [];
    const env = bed.environment;
    const [list, show] = await Promise.all([
      runCommand(['events', 'list', '--status', 'DEAD', '--json'], env),
      runCommand(['events', 'show', String(dead[0]?.event['id'])], env),
    ]);
    expect(JSON.parse(list.stdout)).toMatchObject({ hasMore: false, events: [{ status: 'DEAD' }, { status: 'DEAD' }] });
    expect(show.stdout).toContain('the shop is closed');
    const dry = await runCommand(['events', 'replay', '--status', 'DEAD', '--dry-run', '--json'], env);
    expect(JSON.parse(dry.stdout)).toEqual({ count: 2, isMore: false });
    const replayed = await runCommand(['events', 'replay', '--status', 'DEAD', '--json'], env);
    expect(JSON.parse(replayed.stdout)).toMatchObject({ replayed: 2, failed: 0 });
    expect(replayed.code).toBe(0);
    for (const { paid } of dead) {
      expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
      expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
    }
    const again = await runCommand(['events', 'replay', ...dead.map(({ event }) => String(event['id']))], env);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('2 event(s) replayed, 0 of them failed') });
    const none = await runCommand(['events', 'replay', 'evt_none'], env);
    expect(none).toMatchObject({ code: 1, stdout: expect.stringContaining('evt_none') });
    const unclear = await runCommand(['events', 'replay'], env);
    expect(unclear).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--type') });
  });
});
