import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { paymentRequest } from '../../../flows/payment-request.js';
import type { FlowDatabase } from '../../../src/flows/flows.js';
import type { PaymentRequestData } from '../../../src/flows/payment-request.js';
import { ask, confirm, confirmUntil, pay } from '../../harness/payments.js';
import { initiate, monthlyPrice, startActive } from '../../harness/recurring.js';
import { ADMIN, readMoney, readRefunds, refund, refundedAtStripe } from '../../harness/refunds.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let asked: PaymentRequestData[] = [];
let sells: 'all' | 'stock' = 'all';
let givesBack: { amount: number; paymentId?: string; fails?: boolean } | undefined;
let again: { amount: number } | undefined;

/** Takes the last piece from the shelf for an order, once. */
const take = async (db: FlowDatabase, orderId: string): Promise<boolean> => {
  const taken = await db.query(
    `insert into public.taken (order_id) select $1::bigint where (select count(*) from public.taken where order_id not in ($1::bigint, -1)) < 1
      on conflict (order_id) do update set tries = taken.tries + 1 returning order_id`,
    [orderId],
  );
  return taken.length > 0;
};

beforeAll(async () => {
  bed = await openTestBed({
    schema: 'create table public.taken (order_id bigint primary key, tries integer not null default 1)',
  });
  server = await bed.start({
    environment: { TOLLGATE_RECONCILE_MINUTES: '0' },
    flows: {
      paymentRequest: {
        async beforePay(data, { db, decline }) {
          asked.push(data);
          if (sells === 'all') return;
          await db.query('insert into public.taken (order_id) values (-1)');
          if (!(await take(db, data.orderId))) decline('SOLD_OUT', 'Sold out');
          await db.query('delete from public.taken where order_id = -1');
        },
      },
      paymentCallback: {
        async run({ paymentStatus, payment }, context) {
          if (paymentStatus !== 'SUCCESSFUL' || !givesBack) return;
          const { amount, paymentId = payment.id, fails } = givesBack;
          await context.refund({ paymentId, amount, reason: 'sold out meanwhile' });
          if (fails) {
            givesBack = { amount };
            throw new Error('the shop is on fire');
          }
        },
      },
      refundCallback: {
        async run({ payment }, context) {
          if (!again) return;
          const { amount } = again;
          again = undefined;
          await context.refund({ paymentId: payment.id, amount });
        },
      },
    },
  });
});
beforeEach(() => {
  asked = [];
  sells = 'all';
  givesBack = undefined;
  again = undefined;
});
afterAll(() => bed.close());

const counts = async (): Promise<unknown> => {
  const { rows } = await bed.sql.query(
    `select (select count(*) from tollgate.payment) as payments, (select count(*) from tollgate.recurring_payment) as recurring,
      (select count(*) from tollgate.change) as changes, (select count(*) from public.taken) as taken`,
  );
  return rows[0];
};
const writesAtStripe = async (): Promise<number> =>
  (
    (await (await fetch(`${bed.sandbox.url}/_sandbox/requests?limit=20000`)).json()) as {
      requests?: { method: string }[];
    }
  ).requests?.filter(({ method }) => method === 'POST').length ?? -1;
const goOn = (id: string): Promise<unknown> =>
  ask(server, 'mutation ($id: ID!) { continuePayment(input: { id: $id }) { payment { id } } }', { id });
const SOLD_OUT = { code: 'DECLINED_BY_APP', message: expect.stringContaining('Sold out') };

test('the app says no to a payment, to going on with one and to a recurring payment: DECLINED_BY_APP with its code, nothing written, Stripe not called; the last piece goes to one of ten', async () => {
  const early = await pay(server, await bed.createOrder(), { mode: 'ELEMENTS' });
  expect(asked).toEqual([
    { orderId: early.payment.orderId, amount: 10_000, currency: 'USD', accountId: 'customer', mode: 'ELEMENTS' },
  ]);
  const price = await monthlyPrice(bed);
  await startActive(bed, server, { priceId: price });
  expect(asked).toHaveLength(2);

  sells = 'stock';
  const orders = await Promise.all(Array.from({ length: 10 }, () => bed.createOrder()));
  const outcomes = await Promise.allSettled(orders.map((order) => pay(server, order)));
  const winners = outcomes.filter(({ status }) => status === 'fulfilled');
  expect(winners).toHaveLength(1);
  for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(SOLD_OUT);
  // The one that has it may go on: the app is asked again and says the same.
  const won = outcomes.findIndex(({ status }) => status === 'fulfilled');
  await pay(server, orders[won] ?? '');
  expect((await bed.sql.query('select tries from public.taken')).rows).toEqual([{ tries: 2 }]);

  const before = [await counts(), await writesAtStripe()];
  const lost = orders[won === 0 ? 1 : 0] ?? '';
  const { errors } = await server.request(
    'mutation ($orderId: ID!) { pay(input: { orderId: $orderId, idempotencyKey: "k1" }) { payment { id } } }',
    { orderId: lost },
  );
  expect(errors?.[0]).toMatchObject({
    message: 'Sold out',
    extensions: { code: 'DECLINED_BY_APP', reason: 'SOLD_OUT' },
  });
  await expect(goOn(early.payment.id)).rejects.toMatchObject(SOLD_OUT);
  await expect(pay(server, early.payment.orderId)).rejects.toMatchObject(SOLD_OUT);
  await expect(initiate(server, lost, price)).rejects.toMatchObject(SOLD_OUT);
  expect([await counts(), await writesAtStripe()]).toEqual(before);
  expect(await readMoney(server, early.payment.id)).toMatchObject({
    status: 'PENDING',
    version: early.payment.version,
  });

  // The shelf is full again: the same key goes through.
  sells = 'all';
  expect(await pay(server, lost, { idempotencyKey: 'k1', amount: undefined, currency: undefined })).toMatchObject({
    payment: { status: 'PENDING' },
  });
});

test('a callback gives money back in the transaction of the change: rolled back with it, made at Stripe once after its commit, never of another order or more than is left', async () => {
  const other = await pay(server, await bed.createOrder());
  await confirmUntil(bed, server, other);
  // the first run throws after it reserved: nothing of it is left
  givesBack = { amount: 4_000, fails: true };
  const paid = await pay(server, await bed.createOrder());
  await confirm(bed, paid);
  await expect
    .poll(() => readMoney(server, paid.payment.id), { timeout: 15_000 })
    .toMatchObject({ status: 'SUCCESSFUL', amountRefunded: 4_000, amountRefundable: 6_000 });
  expect(await readRefunds(server, paid.payment.id)).toMatchObject([
    { amount: 4_000, status: 'REFUNDED', reason: 'sold out meanwhile' },
  ]);
  expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 4_000, count: 1 });

  // a refund's own callback may give back more
  givesBack = undefined;
  again = { amount: 1_000 };
  await refund(server, paid.payment.id, 500);
  await expect
    .poll(() => readMoney(server, paid.payment.id), { timeout: 15_000 })
    .toMatchObject({ amountRefunded: 5_500 });
  expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 5_500, count: 3 });
  const timeline = await ask<{ timeline: { version: number; actor: string }[] }>(
    server,
    'query ($id: ID!) { payment(id: $id) { timeline { version actor } } }',
    { id: paid.payment.id },
    ADMIN,
  );
  expect(timeline.timeline.map(({ version }) => version)).toEqual(timeline.timeline.map((_, at) => at + 1));
  expect(timeline.timeline.map(({ actor }) => actor)).toContain('flow');

  for (const wrong of [{ amount: 10_001 }, { amount: 100, paymentId: other.payment.id }]) {
    givesBack = wrong;
    const refused = await pay(server, await bed.createOrder());
    await confirm(bed, refused);
    await expect
      .poll(
        async () =>
          (
            await bed.sql.query(
              `select last_error from tollgate.stripe_event
        where object_id = $1 and type = 'payment_intent.succeeded'`,
              [refused.payment.stripePaymentIntentId],
            )
          ).rows[0]?.last_error,
        {
          timeout: 10_000,
        },
      )
      .toMatch(/Can't refund|payment/);
    expect(await refundedAtStripe(bed, refused)).toEqual({ amount: 0, count: 0 });
    givesBack = undefined;
  }
  expect(await refundedAtStripe(bed, other)).toEqual({ amount: 0, count: 0 });
});

test('the sample shop sells its last piece once: who pays for it meanwhile gets the money back, whoever comes later is declined', async () => {
  await server.stop(); // it may take up this shop's refunds, and its flow marks no order
  const shop = await bed.start({ flows: { paymentRequest } });
  await bed.sql.query('update public.shop_stock set pieces = 1');
  const order = async (): Promise<string> => {
    const id = await bed.createOrder();
    await bed.sql.query(
      'update public.shop_order set product = (select product from public.shop_stock) where id = $1',
      [id],
    );
    return id;
  };
  const [first, meanwhile] = [await pay(shop, await order()), await pay(shop, await order())];
  await confirmUntil(bed, shop, first);
  await confirmUntil(bed, shop, meanwhile);
  await expect.poll(() => bed.orderStatus(meanwhile.payment.orderId), { timeout: 15_000 }).toBe('refunded');
  expect(await refundedAtStripe(bed, meanwhile)).toEqual({ amount: 10_000, count: 1 });
  expect(await readRefunds(shop, meanwhile.payment.id)).toMatchObject([{ status: 'REFUNDED', reason: 'Sold out' }]);
  expect(await bed.orderStatus(first.payment.orderId)).toBe('paid');
  expect(await refundedAtStripe(bed, first)).toEqual({ amount: 0, count: 0 });
  await expect(pay(shop, await order())).rejects.toMatchObject(SOLD_OUT);
  expect((await bed.sql.query('select pieces from public.shop_stock')).rows).toEqual([{ pieces: 0 }]);
  // What takes nothing from the shelf never sells out.
  await confirmUntil(bed, shop, await pay(shop, await bed.createOrder()));
});
