import type Stripe from 'stripe';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DisputeCallbackData, Flow, RefundCallbackData } from '../../src/flows/flows.js';
import { ALWAYS, aloneFor, batches, expectShared, failures, send, sendAll, statusesOf } from '../harness/batches.js';
import { openDispute } from '../harness/disputes.js';
import { confirm, type Paid, pay } from '../harness/payments.js';
import { watchRefunds } from '../harness/refunds.js';
import { addFault, clearFaults } from '../harness/sandbox-control.js';
import { eventOf } from '../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

type Event = Record<string, unknown>;
interface Watched {
  refund?: Partial<Flow<RefundCallbackData>>;
  dispute?: Partial<Flow<DisputeCallbackData>>;
}

const MANY = 8;

let bed: TestBed;
/** Makes and pays; what it is told goes alone. */
let plain: Server;
beforeAll(async () => {
  bed = await openTestBed({
    binding: { orderTable: 'public.shop_order', idColumn: 'id', ownerColumn: 'account_id' },
    schema: `create table public.told (order_id text, what text, paid bigint);
      create table public.tally (n integer not null); insert into public.tally values (0)`,
  });
  plain = await bed.start({ environment: { TOLLGATE_EVENT_BATCHES: 'off' }, flows: flowsOf({}) });
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
  await bed.sql.query(`insert into tollgate.outgoing_webhook (url, event_types, secrets)
    values ('https://nobody.example/', '{payment.updated,refund.updated,dispute.updated}', '[]')`);
});
const started: Server[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});
afterAll(() => bed.close());

let mailed: string[] = [];
/** Each tells the shop by two statements, and mails. */
const flowsOf = ({ refund, dispute }: Watched) => {
  const run: Flow<RefundCallbackData | DisputeCallbackData>['run'] = async (data, { db, effects }) => {
    const { orderId, status, orderPaidAmount } = data;
    await db.query('insert into public.told values ($1, $2, $3)', [orderId, status, orderPaidAmount]);
    effects.add('mail', { orderId });
  };
  const mail = { run: ({ orderId }: { orderId: string }) => void mailed.push(orderId) };
  return {
    refundCallback: { run, ...refund },
    disputeCallback: { run, ...dispute },
    effects: new Map([['mail', mail]]),
  };
};
const startWith = async (watched: Watched = {}, environment = ALWAYS): Promise<Server> => {
  mailed = [];
  const server = await bed.start({ environment, flows: flowsOf(watched) });
  started.push(server);
  return server;
};

const intentOf = (paid: Paid | undefined): string => paid?.payment.stripePaymentIntentId ?? '';
const orderOf = (paid: Paid | undefined): string => paid?.payment.orderId ?? '';
const successOf = async (paid: Paid): Promise<Event> =>
  eventOf('payment_intent.succeeded', await bed.stripe.paymentIntents.retrieve(intentOf(paid)));
/** Paid with 100.00 USD, each for an order of its own. */
const buy = async (count = MANY, { orderId = '', amount = 10_000 } = {}): Promise<Paid[]> => {
  const many: Paid[] = [];
  for (let made = 0; made < count; made += 1) {
    const paid = await pay(plain, orderId || (await bed.createOrder()), { amount });
    await confirm(bed, paid);
    await send(plain, await successOf(paid));
    many.push(paid);
  }
  return many;
};

const refundOf = async (paid: Paid | undefined, amount = 2_500): Promise<Event> =>
  eventOf('refund.created', await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount }));
const disputeOf = async (paid: Paid | undefined): Promise<Event> => {
  const { id } = await openDispute(bed, intentOf(paid));
  return eventOf('charge.dispute.created', await bed.stripe.disputes.retrieve(id));
};
const chargeOf = async (paid: Paid | undefined): Promise<Event> => {
  const { latest_charge: id } = await bed.stripe.paymentIntents.retrieve(intentOf(paid));
  return eventOf('charge.updated', await bed.stripe.charges.retrieve(String(id)));
};
const KINDS = [
  ['refunds', refundOf],
  ['disputes', disputeOf],
  ['charges', chargeOf],
] as const;
const eventsFor = async (many: readonly Paid[], of: (paid: Paid) => Promise<Event>): Promise<Event[]> => {
  const events: Event[] = [];
  for (const paid of many) events.push(await of(paid));
  return events;
};

/** All that is kept of a payment, without what differs between any two. */
const keptOf = async ({ payment: { id, orderId } }: Paid): Promise<unknown> => {
  const list = async (text: string): Promise<object[]> => (await bed.sql.query<object>(text, [id])).rows;
  const mine = `(select 'PAYMENT', $1::bigint union all select 'REFUND', id from tollgate.refund where payment_id = $1
    union all select 'DISPUTE', id from tollgate.dispute where payment_id = $1)`;
  const kept = {
    payment: await list(
      `select status, version, amount_received, amount_refunded, amount_refund_pending, amount_disputed, payment_method,
        receipt_url is not null as receipt, excess_at from tollgate.payment where id = $1`,
    ),
    refunds: await list('select amount, status, version, failure_reason from tollgate.refund where payment_id = $1'),
    disputes: await list('select amount, status, version, reason from tollgate.dispute where payment_id = $1'),
    timeline: await list(
      `select node_type, version, from_status, to_status, actor, event_id is not null as by_event, flow, flow_outcome,
        regexp_replace(note, '(refund|dispute) \\d+', '\\1') as note from tollgate.change where (node_type, node_id) in ${mine} order by 1, 2`,
    ),
    sent: await list(
      `select event_type, version, from_status from tollgate.outgoing_delivery
        where (node_type, node_id::bigint) in ${mine} order by 1, 2`,
    ),
    told: (await bed.sql.query<object>('select what, paid from public.told where order_id = $1', [orderId])).rows,
  };
  return JSON.parse(JSON.stringify(kept));
};
const countOf = async (table: string, many: readonly Paid[]): Promise<number> =>
  Number(
    (
      await bed.sql.query<{ count: string }>(
        `select count(*) from tollgate.${table} where payment_id = any($1::bigint[])`,
        [many.map(({ payment }) => payment.id)],
      )
    ).rows[0]?.count,
  );

describe.each(KINDS)('%s that share a transaction', (kind, of) => {
  test('leave just what each leaves alone: rows, sums, timelines, what the flow wrote, and what is sent on', async () => {
    const server = await startWith();
    const [lone, ...many] = await buy();
    await send(plain, await of(lone as Paid));
    const events = await eventsFor(many, of);
    expect(await sendAll(server, events)).toEqual(events.map(() => 200));
    expect(await statusesOf(bed, events)).toEqual(events.map(() => 'PROCESSED'));
    const alone = await keptOf(lone as Paid);
    for (const paid of many) expect(await keptOf(paid)).toEqual(alone);
    await expectShared(server, events.length);
    if (kind === 'charges') return;
    await until(() => mailed.length >= MANY, 'the effects run');
    expect([...mailed].sort()).toEqual([lone, ...many].map(orderOf).sort());
  });

  test('are known when they come again, at once or later', async () => {
    const server = await startWith();
    const [paid, ...others] = await buy(3);
    const events = await eventsFor([paid as Paid, ...others], of);
    expect(await sendAll(server, [...events, ...events, ...events])).toEqual(Array(9).fill(200));
    const kept = await keptOf(paid as Paid);
    expect(await sendAll(server, events)).toEqual(Array(3).fill(200));
    expect(await keptOf(paid as Paid)).toEqual(kept);
    expect(await keptOf(others[0] as Paid)).toEqual(kept);
  });

  test('are left where their order is held, or they lead to no row; the others do not wait', async () => {
    const server = await startWith();
    const [held, ...free] = await buy(4);
    const strange = await bed.stripe.paymentIntents.create({
      amount: 10_000,
      currency: 'usd',
      confirm: true,
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example/return',
    });
    const unmatched = await of({ payment: { stripePaymentIntentId: strange.id } } as Paid);
    const waits = await of(held as Paid);
    const events = await eventsFor(free, of);
    const holder = await bed.sql.connect();
    await holder.query('begin');
    await holder.query('select 1 from public.shop_order where id = $1 for update', [orderOf(held)]);
    const waiting = send(server, waits);
    expect(await sendAll(server, [...events, unmatched])).toEqual(Array(4).fill(200));
    expect(await statusesOf(bed, events)).toEqual(Array(3).fill('PROCESSED'));
    expect(await statusesOf(bed, [unmatched])).toEqual(['IGNORED']);
    expect(await statusesOf(bed, [waits])).toEqual(['RECEIVED']);
    await holder.query('commit');
    holder.release();
    expect(await waiting).toBe(200);
    expect(await keptOf(held as Paid)).toEqual(await keptOf(free[0] as Paid));
    expect(await aloneFor(server, 'left')).toBe(2);
  });
});

describe.each([
  ['refund', refundOf],
  ['dispute', disputeOf],
] as const)('the flow of a %s', (kind, of) => {
  test('that throws costs its own event alone', async () => {
    const many = await buy();
    const bad = orderOf(many[3]);
    const run: Flow<RefundCallbackData | DisputeCallbackData>['run'] = async (data, context) => {
      if (data.orderId === bad) throw new Error('no stock');
      await flowsOf({}).refundCallback.run(data as RefundCallbackData, context);
    };
    const server = await startWith({ [kind]: { run } });
    const events = await eventsFor(many, of);
    expect(await sendAll(server, events)).toEqual(events.map(() => 200));
    expect(await statusesOf(bed, events)).toEqual(['FAILED', ...Array(MANY - 1).fill('PROCESSED')]);
    expect(await countOf(kind, many)).toBe(MANY - 1);
    expect(await failures(server, 'flow')).toBeGreaterThan(0);
    await until(() => mailed.length >= MANY - 1, 'the effects run');
    expect([...mailed].sort()).toEqual(
      many
        .map(orderOf)
        .filter((orderId) => orderId !== bad)
        .sort(),
    );
  });

  test('that reads, waits, and writes is kept apart from those of the others: nothing is lost', async () => {
    await bed.sql.query('update public.tally set n = 0');
    const many = await buy();
    const orders = new Set(many.map(orderOf));
    const run: Flow<RefundCallbackData | DisputeCallbackData>['run'] = async ({ orderId }, { db }) => {
      // Events of the tests before may be tried again meanwhile.
      if (!orders.has(orderId)) return;
      const [row] = await db.query<{ n: number }>('select n from public.tally for update');
      await db.query('update public.tally set n = $1', [(row?.n ?? 0) + 1]);
    };
    const server = await startWith({ [kind]: { run } });
    const events = await eventsFor(many, of);
    expect(await sendAll(server, events)).toEqual(events.map(() => 200));
    expect(await statusesOf(bed, events)).toEqual(events.map(() => 'PROCESSED'));
    const { rows } = await bed.sql.query<{ n: number }>('select n from public.tally');
    expect(rows[0]?.n).toBe(MANY);
    expect(await failures(server, 'interleaved')).toBe(1);
  });

  test('that says batch: false is never in a batch', async () => {
    const server = await startWith({ [kind]: { batch: false } });
    const events = await eventsFor(await buy(3), of);
    expect(await sendAll(server, events)).toEqual(Array(3).fill(200));
    expect(await statusesOf(bed, events)).toEqual(Array(3).fill('PROCESSED'));
    expect(await batches(server)).toBe(0);
  });

  test('is owed where it failed too often: the event is applied, and the flow runs once later', async () => {
    const [paid] = await buy(1);
    let fails = true;
    const run: Flow<RefundCallbackData | DisputeCallbackData>['run'] = async (data, context) => {
      if (fails) throw new Error('no stock');
      await flowsOf({}).refundCallback.run(data as RefundCallbackData, context);
    };
    const server = await startWith({ [kind]: { run } });
    const event = await of(paid);
    await send(server, event);
    await until(async () => (await statusesOf(bed, [event]))[0] === 'PROCESSED', 'it is applied without its flow');
    fails = false;
    const owed = async (): Promise<string | undefined> =>
      (
        await bed.sql.query<{ flow: string }>(
          `select flow from tollgate.owed_flow where order_id = $1 and status = 'OWED'`,
          [orderOf(paid)],
        )
      ).rows[0]?.flow;
    await until(async () => (await owed()) === undefined, 'the flow runs after all');
    await until(() => mailed.length > 0, 'its effect runs');
    expect(mailed.filter((orderId) => orderId === orderOf(paid))).toHaveLength(1);
  });
});

test('two refunds of one payment, and of many payments of one order, follow each other: each is told the sum of its turn', async () => {
  const server = await startWith();
  const orderId = await bed.createOrder();
  const many: Paid[] = [];
  for (let made = 0; made < MANY; made += 1) many.push(...(await buy(1, { orderId })));
  const events = [...(await eventsFor(many, refundOf)), await refundOf(many[0])];
  expect(await sendAll(server, events)).toEqual(events.map(() => 200));
  expect(await statusesOf(bed, events)).toEqual(events.map(() => 'PROCESSED'));
  const { rows } = await bed.sql.query<{ refunded: string }>(
    'select amount_refunded::text as refunded from tollgate.payment where order_id = $1 order by id',
    [orderId],
  );
  expect(rows.map(({ refunded }) => refunded)).toEqual(['5000', ...Array(MANY - 1).fill('2500')]);
  const told = await bed.sql.query<{ paid: string }>('select paid::text from public.told where order_id = $1', [
    orderId,
  ]);
  const left = told.rows.map(({ paid }) => Number(paid)).sort((a, b) => b - a);
  expect(left).toEqual(events.map((_, at) => MANY * 10_000 - (at + 1) * 2_500));
});

test('events of every kind in one moment, also about one payment, are each applied once', async () => {
  const server = await startWith();
  const open: Paid[] = [];
  for (let made = 0; made < 4; made += 1) {
    const paid = await pay(plain, await bed.createOrder());
    await confirm(bed, paid);
    open.push(paid);
  }
  const bought = await buy(4);
  const events = [
    ...(await eventsFor(open, successOf)),
    ...(await eventsFor(open, chargeOf)),
    ...(await eventsFor(bought, refundOf)),
    ...(await eventsFor(bought, chargeOf)),
    ...(await eventsFor(bought.slice(0, 2), disputeOf)),
  ];
  expect(await sendAll(server, events)).toEqual(events.map(() => 200));
  expect(await statusesOf(bed, events)).toEqual(events.map(() => 'PROCESSED'));
  for (const paid of open)
    expect(await keptOf(paid)).toMatchObject({ payment: [{ status: 'SUCCESSFUL', amount_refunded: '0' }] });
  for (const paid of bought) expect(await keptOf(paid)).toMatchObject({ payment: [{ amount_refunded: '2500' }] });
  expect(await countOf('refund', bought)).toBe(4);
  expect(await countOf('dispute', bought)).toBe(2);
  // What is about one payment waits for its turn; it isn't taken out of its batch.
  expect(await aloneFor(server, 'left')).toBe(0);
  await expectShared(server, events.length);
});

test('watchers hear of each refund in a batch', async () => {
  const server = await startWith();
  const many = await buy(3);
  const watches = many.map(({ payment }) => watchRefunds(server, payment.id));
  await sendAll(server, await eventsFor(many, refundOf));
  for (const watch of watches) {
    await watch.until(({ status }) => status === 'REFUNDED');
    await watch.stop();
  }
});

test('a refund of what has not arrived here yet asks Stripe, and a charge that only hints at one does so too', async () => {
  const server = await startWith();
  const paid = await pay(plain, await bed.createOrder());
  await confirm(bed, paid);
  const [bought] = await buy(1);
  const early = await refundOf(paid);
  const { latest_charge: id } = await bed.stripe.paymentIntents.retrieve(intentOf(bought));
  await refundOf(bought);
  const hint = eventOf('charge.refunded', (await bed.stripe.charges.retrieve(String(id))) as Stripe.Charge);
  expect(await sendAll(server, [early, hint])).toEqual([200, 200]);
  expect(await statusesOf(bed, [early, hint])).toEqual(['PROCESSED', 'PROCESSED']);
  expect(await keptOf(paid)).toMatchObject({ payment: [{ status: 'SUCCESSFUL', amount_refunded: '2500' }] });
  expect(await keptOf(bought as Paid)).toMatchObject({ payment: [{ amount_refunded: '2500' }] });
  await clearFaults(bed.sandbox);
});
