import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { paymentCallback } from '../../flows/payment-callback.js';
import type { FlowContext, PaymentCallbackData } from '../../src/flows/flows.js';
import { confirm, type Paid, pay, Refusal, readPayment } from '../harness/payments.js';
import { refund } from '../harness/refunds.js';
import { addFault } from '../harness/sandbox-control.js';
import { deliver, eventOf } from '../harness/signed-event.js';
import { type As, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

const ADMIN: As = { account: 'admin', roles: ['admin'] };
let bed: TestBed;
let server: Server;
let runs: PaymentCallbackData[] = [];
let flow: (data: PaymentCallbackData, context: FlowContext) => unknown;
beforeAll(async () => {
  bed = await openTestBed({
    binding: { orderTable: 'public.shop_order', idColumn: 'id', ownerColumn: 'account_id' },
  });
  server = await bed.start({
    flows: {
      paymentCallback: {
        async run(data, context) {
          runs.push(data);
          await flow(data, context);
        },
      },
    },
  });
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
});
beforeEach(() => {
  runs = [];
  flow = paymentCallback.run;
});
afterAll(() => bed.close());

const succeeded = async (intentId: string, more: object = {}): Promise<Record<string, unknown>> => {
  const intent = await bed.stripe.paymentIntents.retrieve(intentId);
  return eventOf('payment_intent.succeeded', {
    ...intent,
    status: 'succeeded',
    amount_received: intent.amount,
    ...more,
  });
};
const successOf = ({ payment }: Paid): Promise<Record<string, unknown>> => succeeded(payment.stripePaymentIntentId);
const send = async (event: object): Promise<number> => (await deliver(server, JSON.stringify(event))).status;
const eventsThat = async (status: string): Promise<number> =>
  (await bed.sql.query('select 1 from tollgate.stripe_event where status = $1', [status])).rowCount ?? 0;

/** A second payment of the same order that is open at the same time, as a renewal's may be. */
const secondPayment = async ({ payment }: Paid): Promise<{ id: string; intentId: string }> => {
  const intent = await bed.stripe.paymentIntents.create({ amount: 5_000, currency: 'usd' });
  const { rows } = await bed.sql.query<{ id: string }>(
    `insert into tollgate.payment (order_id, account_id, amount, currency, mode, livemode, stripe_account, stripe_invoice_id,
        stripe_payment_intent_id, shares_order)
      select order_id, account_id, 5000, currency, mode, livemode, stripe_account, 'in_' || id, $2, true
      from tollgate.payment where id = $1 returning id::text`,
    [payment.id, intent.id],
  );
  return { id: rows[0]?.id ?? '', intentId: intent.id };
};

describe('the order’s lock', () => {
  test('two payments of one order that succeed at once: orderPaidAmount is right in both flows', async () => {
    for (let round = 0; round < 5; round += 1) {
      runs = [];
      const first = await pay(server, await bed.createOrder());
      const second = await secondPayment(first);
      const events = await Promise.all([successOf(first), succeeded(second.intentId)]);
      expect(await Promise.all(events.map(send))).toEqual([200, 200]);
      const sums = new Map(runs.map(({ payment, orderPaidAmount }) => [payment.id, orderPaidAmount]));
      const [earlier, later] = runs;
      expect(sums.size).toBe(2);
      expect(earlier?.orderPaidAmount).toBe(earlier?.payment.amount);
      expect(later?.orderPaidAmount).toBe(15_000);
    }
  });

  test('200 mixed operations at once on 10 orders: no deadlock reaches a client or Stripe, and the sums are right', async () => {
    const paid = await Promise.all(Array.from({ length: 10 }, async () => pay(server, await bed.createOrder())));
    await Promise.all(paid.map((one) => confirm(bed, one)));
    const seconds = await Promise.all(paid.map(secondPayment));
    const successes = await Promise.all([
      ...paid.map(successOf),
      ...seconds.map(({ intentId }) => succeeded(intentId)),
    ]);
    const codes: unknown[] = [];
    const statuses: number[] = [];
    const asClient = (work: Promise<unknown>): Promise<void> =>
      work.then(
        () => undefined,
        (error: unknown) => void codes.push(error instanceof Refusal ? error.code : error),
      );
    const asStripe = async (event: object | undefined): Promise<void> => {
      statuses.push(await send(event ?? {}));
    };
    const operations = Array.from({ length: 200 }, (_, n) => {
      const one = paid[n % 10] as Paid;
      switch (Math.floor(n / 10) % 5) {
        case 0:
          return asStripe(successes[n % 10]);
        case 1:
          return asStripe(successes[10 + (n % 10)]);
        case 2:
          return asClient(pay(server, one.payment.orderId, { amount: 1_000 + n }));
        case 3:
          return asClient(refund(server, one.payment.id, 100, {}, ADMIN));
        default:
          return asClient(readPayment(server, one.payment.id));
      }
    });
    await Promise.all(operations);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const allowed = [
      'PAYMENT_NOT_REFUNDABLE',
      'ORDER_ALREADY_PAID',
      'PAYMENT_IN_PROGRESS',
      'ILLEGAL_TRANSITION',
      'STRIPE_DECLINED',
      'REFUND_EXCEEDS_PAYMENT',
    ];
    expect(codes.filter((code) => !allowed.includes(String(code)))).toEqual([]);
    await until(async () => (await eventsThat('RECEIVED')) === 0, 'nothing waits in the inbox');
    expect(await eventsThat('FAILED')).toBe(0);
    const { rows } = await bed.sql.query(`select 1 from tollgate.payment
      where amount_refunded > amount_received or (status = 'SUCCESSFUL' and amount_received <> amount)`);
    expect(rows).toEqual([]);
  });
});

describe('flows that hang', () => {
  test('twenty at once leave connections to everyone: others are answered, and their events applied', async () => {
    const hanging = await Promise.all(Array.from({ length: 20 }, async () => pay(server, await bed.createOrder())));
    const healthy = await pay(server, await bed.createOrder());
    const stuck = new Set(hanging.map(({ payment }) => payment.id));
    flow = (data, context) =>
      stuck.has(data.payment.id) ? new Promise<void>(() => undefined) : paymentCallback.run(data, context);
    const events = await Promise.all(hanging.map(successOf));
    const deliveries = Promise.all(events.map(send));
    await until(() => runs.length >= 8, 'the flows hang');
    const startedAt = performance.now();
    expect(await readPayment(server, healthy.payment.id)).toMatchObject({ status: 'PENDING' });
    await pay(server, await bed.createOrder());
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await send(await successOf(healthy))).toBe(200);
    expect(await deliveries).toEqual(Array(20).fill(200));
    flow = paymentCallback.run;
    const all = [healthy, ...hanging].map(({ payment }) => payment.id);
    const deadline = performance.now() + 40_000;
    let left = all.length;
    while (left > 0 && performance.now() < deadline)
      left = (
        await bed.sql.query(`select 1 from tollgate.payment where id = any($1::bigint[]) and status <> 'SUCCESSFUL'`, [
          all,
        ])
      ).rows.length;
    expect(left).toBe(0);
  });

  test('a row that someone keeps locked fails its event within bounds, and it is applied once the lock is gone', async () => {
    const paid = await pay(server, await bed.createOrder());
    const client = await bed.sql.connect();
    try {
      await client.query('begin');
      await client.query('select 1 from public.shop_order where id = $1 for update', [paid.payment.orderId]);
      const startedAt = performance.now();
      expect(await send(await successOf(paid))).toBe(200);
      expect(performance.now() - startedAt).toBeLessThan(12_000);
      expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
    } finally {
      await client.query('rollback');
      client.release();
    }
    await until(async () => (await readPayment(server, paid.payment.id))['status'] === 'SUCCESSFUL', 'it is applied');
  });
});

describe('an order whose row someone keeps locked', () => {
  /** Runs the work while the order's row is locked by someone else, and frees it then. */
  const whileLocked = async (orderId: string, work: () => Promise<void>): Promise<void> => {
    const client = await bed.sql.connect();
    try {
      await client.query('begin');
      await client.query('select 1 from public.shop_order where id = $1 for update', [orderId]);
      await work();
    } finally {
      await client.query('rollback');
      client.release();
    }
  };
  const timed = async (work: Promise<unknown>): Promise<number> => {
    const startedAt = performance.now();
    await work;
    return performance.now() - startedAt;
  };
  /** So long a statement waits for a lock: whoever stands behind one takes at least this. */
  const LOCK_MS = 8_000;
  const PAY = 'mutation ($id: ID!) { pay(input: { orderId: $id, amount: 10000, currency: "USD" }) { payment { id } } }';

  test('stops nobody else: others pay and their events are applied at once, and who wants it is told when to come again', async () => {
    const [locked, other] = [await bed.createOrder(), await pay(server, await bed.createOrder())];
    await whileLocked(locked, async () => {
      const asked = Promise.all(Array.from({ length: 40 }, () => server.request(PAY, { id: locked })));
      // Time for all of them to be under way.
      await until(async () => {
        const { rows } = await bed.sql.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      }, 'they wait for the lock');
      for (let round = 0; round < 5; round += 1)
        expect(await timed(pay(server, await bed.createOrder()))).toBeLessThan(LOCK_MS - 2_000);
      const event = await successOf(other);
      expect(await timed(send(event))).toBeLessThan(LOCK_MS - 2_000);
      expect(await readPayment(server, other.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
      for (const { errors } of await asked)
        expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: expect.any(Number) });
    });
    expect(await pay(server, locked)).toMatchObject({ payment: { status: 'PENDING' } });
  });

  test('its own events are stored and wait without being given up, others go on before them', async () => {
    const [stuck, other] = [await pay(server, await bed.createOrder()), await pay(server, await bed.createOrder())];
    const success = await successOf(stuck);
    const events = Array.from({ length: 40 }, (_, n) => ({ ...success, id: `evt_stuck_${n}_${Date.now()}` }));
    const ids = events.map(({ id }) => id);
    const read = async () =>
      (
        await bed.sql.query<{ status: string; attempts: number }>(
          'select status, attempts from tollgate.stripe_event where id = any($1)',
          [ids],
        )
      ).rows;
    await whileLocked(stuck.payment.orderId, async () => {
      const delivered = Promise.all(events.map(send));
      expect(await timed(send(await successOf(other)))).toBeLessThan(LOCK_MS - 2_000);
      expect(await timed(delivered)).toBeLessThan(12_000);
      expect(new Set(await delivered)).toEqual(new Set([200]));
      // One that waits for a job has its turn although so many of the locked order wait.
      const third = await pay(server, await bed.createOrder());
      const late = await successOf(third);
      await bed.sql.query(
        `insert into tollgate.stripe_event (id, type, object_id, status, attempts, payload, next_attempt_at)
          values ($1, 'payment_intent.succeeded', $2, 'RECEIVED', 0, $3, now())`,
        [late['id'], third.payment.stripePaymentIntentId, JSON.stringify(late)],
      );
      await until(
        async () => (await readPayment(server, third.payment.id))['status'] === 'SUCCESSFUL',
        'the other event is applied',
      );
      expect((await read()).every(({ status, attempts }) => status === 'RECEIVED' && attempts === 0)).toBe(true);
    });
    await until(async () => (await read()).every(({ status }) => status === 'PROCESSED'), 'all are applied');
    expect(await readPayment(server, stuck.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
  });
});
