import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Paid, pay, readPayment } from '../harness/payments.js';
import { deliver, eventOf, sign } from '../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let calls: { orderId: string; paymentStatus: string; callbackProcessed: boolean; orderPaidAmount: number }[] = [];
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    environment: { STRIPE_WEBHOOK_SECRET: 'whsec_new,whsec_sandbox' },
    flows: { paymentCallback: { run: (data) => void calls.push(data) } },
  });
});
afterAll(() => bed.close());

const eventCount = async (): Promise<number> =>
  Number((await bed.sql.query('select count(*) from tollgate.stripe_event')).rows[0]?.count);
const inboxRow = async (id: unknown) =>
  (await bed.sql.query('select status, reason, attempts from tollgate.stripe_event where id = $1', [id])).rows[0];
const changesOf = async (paymentId: string): Promise<number> =>
  (await bed.sql.query('select 1 from tollgate.change where node_id = $1', [paymentId])).rowCount ?? 0;

/** The payment's intent as it is once it has succeeded, which this test's Stripe has not told anyone. */
const succeededIntent = async ({ payment }: Paid, more: object = {}): Promise<object> => ({
  ...(await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId)),
  status: 'succeeded',
  amount_received: payment.amount,
  latest_charge: 'ch_test',
  ...more,
});
const payNew = async (): Promise<Paid> => pay(server, await bed.createOrder());

describe('a delivery that can not be trusted is refused, and nothing is stored', () => {
  test.each([
    ['signed with another secret', (body: string) => ({ body, signature: sign(body, { secret: 'whsec_wrong' }) })],
    ['unsigned', (body: string) => ({ body, signature: '' })],
    ['tampered with', (body: string) => ({ body: body.replace('10000', '1'), signature: sign(body) })],
    [
      'signed ten minutes ago',
      (body: string) => ({ body, signature: sign(body, { timestamp: Date.now() / 1000 - 600 }) }),
    ],
    [
      'signed in ten minutes',
      (body: string) => ({ body, signature: sign(body, { timestamp: Date.now() / 1000 + 600 }) }),
    ],
    ['signed but no JSON', () => ({ body: 'no json', signature: sign('no json') })],
    ['signed but no event', () => ({ body: '{"object":"charge"}', signature: sign('{"object":"charge"}') })],
  ])('%s', async (_, forge) => {
    const paid = await payNew();
    const event = eventOf('payment_intent.succeeded', await succeededIntent(paid));
    const { body, signature } = forge(JSON.stringify(event));
    const response = await deliver(server, body, signature);
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/signature/);
    expect(await inboxRow(event['id'])).toBeUndefined();
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
  });

  test('more than 1 MiB is answered 413', async () => {
    const before = await eventCount();
    const response = await deliver(server, JSON.stringify({ filler: 'x'.repeat(1_100_000) }));
    expect(response.status).toBe(413);
    expect(await eventCount()).toBe(before);
  });

  test('without a signing secret the door answers 503, so that Stripe keeps the event', async () => {
    const other = await bed.start({ environment: { STRIPE_WEBHOOK_SECRET: '' } });
    bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
    const response = await deliver(other, '{}');
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('STRIPE_WEBHOOK_SECRET');
    await other.stop();
  });
});

describe('a verified event that is not for us is stored with the reason and changes nothing', () => {
  test.each([
    ['of a type that is not used', 'charge.pending', {}, {}, /not used/],
    [
      'of another installation',
      'payment_intent.succeeded',
      { metadata: { tollgate_installation: 'other', tollgate_payment: '1' } },
      {},
      /another installation/,
    ],
    [
      'about an intent that nobody here made',
      'payment_intent.succeeded',
      { id: 'pi_foreign', metadata: {} },
      {},
      /No payment/,
    ],
    ['of the wrong mode', 'payment_intent.succeeded', {}, { livemode: true }, /live event/],
  ])('%s', async (_, type, object, more, reason) => {
    const paid = await payNew();
    const event = eventOf(type, await succeededIntent(paid, object), more);
    expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
    expect(await inboxRow(event['id'])).toMatchObject({ status: 'IGNORED', reason: expect.stringMatching(reason) });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
  });

  test('our mark alone does not open a payment: another amount is unmatched', async () => {
    const paid = await payNew();
    const event = eventOf(
      'payment_intent.succeeded',
      await succeededIntent(paid, { id: 'pi_forged', amount: 1, amount_received: 1 }),
    );
    await deliver(server, JSON.stringify(event));
    expect(await inboxRow(event['id'])).toMatchObject({ status: 'IGNORED' });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
  });
});

describe('a verified event is applied exactly once', () => {
  test('any of several secrets will do', async () => {
    const paid = await payNew();
    const body = JSON.stringify(eventOf('payment_intent.succeeded', await succeededIntent(paid)));
    expect((await deliver(server, body, sign(body, { secret: 'whsec_new' }))).status).toBe(200);
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
  });

  test('forty simultaneous deliveries: one change, one flow run', async () => {
    const paid = await payNew();
    const before = await changesOf(paid.payment.id);
    calls = [];
    const body = JSON.stringify(eventOf('payment_intent.succeeded', await succeededIntent(paid)));
    const answers = await Promise.all(Array.from({ length: 40 }, () => deliver(server, body)));
    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
    expect(await changesOf(paid.payment.id)).toBe(before + 1);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({
      orderId: paid.payment.orderId,
      paymentStatus: 'SUCCESSFUL',
      callbackProcessed: false,
      orderPaidAmount: 10_000,
    });
  });

  test('a late decline does not un-pay', async () => {
    const paid = await payNew();
    await deliver(server, JSON.stringify(eventOf('payment_intent.succeeded', await succeededIntent(paid))));
    const failed = await succeededIntent(paid, {
      status: 'requires_payment_method',
      amount_received: 0,
      last_payment_error: { type: 'card_error', code: 'card_declined' },
    });
    const late = eventOf('payment_intent.payment_failed', failed, { created: 1_000 });
    await deliver(server, JSON.stringify(late));
    expect(await inboxRow(late['id'])).toMatchObject({ status: 'PROCESSED' });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
  });

  test('money of another amount or currency is quarantined', async () => {
    for (const wrong of [{ amount_received: 9_000 }, { currency: 'eur' }]) {
      const paid = await payNew();
      await deliver(server, JSON.stringify(eventOf('payment_intent.succeeded', await succeededIntent(paid, wrong))));
      expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'QUARANTINED' });
    }
  });

  test('an event of another API version is a hint: the payment intent is fetched', async () => {
    const paid = await payNew();
    // The payload says succeeded; Stripe itself says that nothing was paid.
    const event = eventOf('payment_intent.succeeded', await succeededIntent(paid), { api_version: '2020-08-27' });
    await deliver(server, JSON.stringify(event));
    expect(await inboxRow(event['id'])).toMatchObject({ status: 'PROCESSED' });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
  });
});

describe('a flow that fails', () => {
  test('rolls its event back, keeps it with the error, and runs once more until it works', async () => {
    let failures = 2;
    const runs: string[] = [];
    const other = await bed.start({
      flows: {
        paymentCallback: {
          run: async ({ payment }, { db }) => {
            await db.query(`update public.shop_order set status = 'paid' where id = $1`, [payment.orderId]);
            runs.push(payment.status);
            if (failures-- > 0) throw new Error('the shop is closed');
          },
        },
      },
    });
    await server.stop();
    const paid = await pay(other, await bed.createOrder());
    const event = eventOf('payment_intent.succeeded', await succeededIntent(paid));
    expect((await deliver(other, JSON.stringify(event))).status).toBe(200);
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('pending');
    expect(await readPayment(other, paid.payment.id)).toMatchObject({ status: 'PENDING' });
    const watch = other.watch('subscription ($id: ID!) { paymentUpdated(id: $id) { status } }', {
      id: paid.payment.id,
    });
    await watch.until(({ status }) => status === 'SUCCESSFUL', 10_000);
    await watch.stop();
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
    expect(runs).toHaveLength(3);
    expect(await inboxRow(event['id'])).toMatchObject({ status: 'PROCESSED', attempts: 2 });
    await other.stop();
    server = await bed.start();
  });

  test('can not end the transaction, and can not use it afterwards', async () => {
    let leaked: (() => Promise<unknown>) | undefined;
    const refusals: string[] = [];
    const other = await bed.start({
      flows: {
        paymentCallback: {
          run: async (_, { db }) => {
            for (const text of ['commit', ' /* x */ ROLLBACK', '-- x\nbegin', 'select 1; commit'])
              await db.query(text).catch((error: Error) => refusals.push(error.message));
            leaked = () => db.query('select 1');
            throw new Error('enough');
          },
        },
      },
    });
    const paid = await pay(other, await bed.createOrder());
    await deliver(other, JSON.stringify(eventOf('payment_intent.succeeded', await succeededIntent(paid))));
    expect(refusals).toHaveLength(4);
    await expect(leaked?.()).rejects.toThrow(/has ended/);
    await other.stop();
  });
});
