import fc from 'fast-check';
import type Stripe from 'stripe';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { refundCallback } from '../../../flows/refund-callback.js';
import type { RefundCallbackData } from '../../../src/flows/flows.js';
import { confirm, type Paid, pay } from '../../harness/payments.js';
import { eventually } from '../../harness/recurring.js';
import { payOrder, readMoney, readRefunds, refund, refundedAtStripe, watchRefunds } from '../../harness/refunds.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { deliver, eventOf } from '../../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

type Call = Pick<RefundCallbackData, 'orderId' | 'status' | 'callbackProcessed' | 'orderPaidAmount' | 'previousStatus'>;

let bed: TestBed;
let server: Server;
let calls: Call[] = [];
let throwing = false;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    flows: {
      refundCallback: {
        run(data, context) {
          const { orderId, status, callbackProcessed, orderPaidAmount, previousStatus } = data;
          calls.push({ orderId, status, callbackProcessed, orderPaidAmount, previousStatus });
          if (throwing) throw new Error('the shop is on fire');
          return refundCallback.run(data, context);
        },
      },
    },
  });
});
beforeEach(async () => {
  calls = [];
  await clearFaults(bed.sandbox);
});
afterAll(() => bed.close());

const intentOf = ({ payment }: Paid): string => payment.stripePaymentIntentId;
const fail = (refundId: string): Promise<Response> =>
  fetch(`${bed.sandbox.url}/_sandbox/refunds/${refundId}/fail`, { method: 'POST' });
const holdEvents = (): Promise<unknown> =>
  addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 100_000 });
/** All events that Stripe has of the payment, oldest first. */
const eventsOf = async (paid: Paid): Promise<Stripe.Event[]> => {
  const { data } = await bed.stripe.events.list({ limit: 100 });
  const about = (object: object): boolean =>
    Reflect.get(object, 'id') === intentOf(paid) || Reflect.get(object, 'payment_intent') === intentOf(paid);
  return data.filter((event) => about(event.data.object)).reverse();
};
const deliverAll = async (events: readonly Stripe.Event[]): Promise<void> => {
  for (const event of events) expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
};
const inboxOf = async (type: string) =>
  (
    await bed.sql.query<{ status: string; reason: string | null }>(
      'select status, reason from tollgate.stripe_event where type = $1 order by received_at desc limit 1',
      [type],
    )
  ).rows[0];

describe('a refund made in Stripe’s dashboard', () => {
  test('appears as a row of its own, on its stream, and marks the order', async () => {
    const paid = await payOrder(bed, server);
    const watch = watchRefunds(server, paid.payment.id, { account: 'customer' });
    const made = await bed.stripe.refunds.create({
      payment_intent: intentOf(paid),
      amount: 2_500,
      reason: 'duplicate',
      metadata: { reason: 'paid twice' },
    });
    const [row] = await watch.until(({ status }) => status === 'REFUNDED');
    await watch.stop();
    expect(row).toMatchObject({ stripeRefundId: made.id, amount: 2_500, version: 1, reason: 'paid twice' });
    expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 2_500, amountRefundable: 7_500 });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('partially_refunded');
    expect(calls).toEqual([
      {
        orderId: paid.payment.orderId,
        status: 'REFUNDED',
        callbackProcessed: false,
        orderPaidAmount: 7_500,
        previousStatus: null,
      },
    ]);
  });

  test('against a reservation in flight is recorded all the same; nothing is DEAD, and the surplus is a problem', async () => {
    const paid = await payOrder(bed, server, { method: 'pm_card_pendingRefund' });
    const pending = await refund(server, paid.payment.id, 6_000);
    expect(pending.status).toBe('PENDING');
    // Stripe counts the pending one too: only a refund that it had made before ours could exceed the rest.
    const other = {
      ...(await bed.stripe.refunds.retrieve(pending.stripeRefundId ?? '')),
      id: 're_dashboard',
      amount: 9_000,
      metadata: {},
      status: 'succeeded',
    };
    await deliverAll([eventOf('refund.created', other) as unknown as Stripe.Event]);
    expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 9_000, amountRefundable: 0 });
    expect(await inboxOf('refund.created')).toMatchObject({ status: 'PROCESSED' });
    // The list waits for no check: on a busy machine one is known a moment later.
    const admin = { account: 'admin', roles: ['admin'] };
    const problems = async () => (await server.request('{ problems { code message } }', {}, admin)).data?.['problems'];
    await expect
      .poll(problems, { timeout: 30_000 })
      .toContainEqual(
        expect.objectContaining({ code: 'REFUNDS_OVER_RESERVED', message: expect.stringContaining(paid.payment.id) }),
      );
  });

  test('of another installation’s payment is ignored, with the reason', async () => {
    const intent = await bed.stripe.paymentIntents.create({
      amount: 1_000,
      currency: 'usd',
      payment_method: 'pm_card_visa',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      confirm: true,
      metadata: { tollgate_installation: 'another', tollgate_payment: '1' },
    });
    await bed.stripe.refunds.create({ payment_intent: intent.id });
    await bed.sandbox.settled();
    expect(await inboxOf('refund.created')).toMatchObject({ status: 'IGNORED' });
    expect(await inboxOf('charge.refunded')).toMatchObject({
      status: 'IGNORED',
      reason: 'The refund belongs to another installation on this Stripe account.',
    });
  });
});

describe('a refund that fails after it succeeded', () => {
  test('frees its amount, corrects what was refunded, and the order is paid again', async () => {
    const paid = await payOrder(bed, server);
    const watch = watchRefunds(server, paid.payment.id);
    const made = await refund(server, paid.payment.id, 10_000);
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('refunded');
    await bed.sandbox.settled();
    // Stripe's time moves by the second: within one, it is asked.
    await fail(made.stripeRefundId ?? '');
    const seen = await watch.until(({ status }) => status === 'FAILED');
    await watch.stop();
    expect(seen.at(-1)).toMatchObject({ failureReason: 'expired_or_canceled_card' });
    expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 0, amountRefundable: 10_000 });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
    expect(calls.map(({ status, orderPaidAmount }) => [status, orderPaidAmount])).toEqual([
      ['REFUNDED', 0],
      ['FAILED', 10_000],
    ]);
    expect(await refund(server, paid.payment.id, 10_000)).toMatchObject({ status: 'REFUNDED' });
  });

  test('may be unheard of when the next refund arrives: both are brought to Stripe’s state', async () => {
    const paid = await payOrder(bed, server);
    const first = await refund(server, paid.payment.id, 10_000);
    await bed.sandbox.settled();
    await holdEvents();
    await fail(first.stripeRefundId ?? '');
    const second = await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount: 8_000 });
    const created = (await eventsOf(paid)).filter(
      ({ type, data }) => type === 'refund.created' && Reflect.get(data.object, 'id') === second.id,
    );
    await deliverAll(created);
    expect(await readRefunds(server, paid.payment.id)).toMatchObject([
      { stripeRefundId: second.id, status: 'REFUNDED' },
      { id: first.id, status: 'FAILED' },
    ]);
    expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 8_000, amountRefundable: 2_000 });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('partially_refunded');
  });
});

test('a refund heard of before its payment’s success brings the payment first: its flow, then the refund’s', async () => {
  await holdEvents();
  const paid = await pay(server, await bed.createOrder());
  await confirm(bed, paid);
  await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount: 1_000 });
  await deliverAll((await eventsOf(paid)).filter(({ type }) => type === 'refund.created'));
  expect(await readMoney(server, paid.payment.id)).toMatchObject({
    status: 'SUCCESSFUL',
    amountReceived: 10_000,
    amountRefunded: 1_000,
  });
  expect(await bed.orderStatus(paid.payment.orderId)).toBe('partially_refunded');
});

test('what was read for a hint before the refund failed is not applied after it', async () => {
  const paid = await payOrder(bed, server);
  const { stripeRefundId } = await refund(server, paid.payment.id, 4_000);
  await bed.sandbox.settled();
  // An event of another API version is a hint: Stripe is read, and its answer comes late.
  await addFault(bed.sandbox, {
    match: { method: 'GET', path: '/v1/refunds' },
    kind: 'delay',
    delayMs: 1_000,
    applied: true,
    times: 1,
  });
  const object = await bed.stripe.charges.retrieve(
    String((await bed.stripe.refunds.retrieve(stripeRefundId ?? '')).charge),
  );
  const hint = deliver(server, JSON.stringify(eventOf('charge.refunded', object, { api_version: '2020-08-27' })));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await fail(stripeRefundId ?? '');
  await bed.sandbox.settled();
  expect((await readRefunds(server, paid.payment.id)).map(({ status }) => status)).toEqual(['FAILED']);
  expect((await hint).status).toBe(200);
  expect((await readRefunds(server, paid.payment.id)).map(({ status }) => status)).toEqual(['FAILED']);
  expect(calls.map(({ status }) => status)).toEqual(['REFUNDED', 'FAILED']);
});

test('an answer about another refund leads no event to that one’s payment', async () => {
  const [paid, other] = [await payOrder(bed, server), await payOrder(bed, server)];
  const { stripeRefundId } = await refund(server, paid.payment.id, 4_000);
  const id = stripeRefundId ?? '';
  await bed.sandbox.settled();
  await holdEvents();
  await fail(id);
  await bed.stripe.refunds.create({ payment_intent: intentOf(other), amount: 2_000 });
  await addFault(bed.sandbox, { match: { method: 'GET', path: `/v1/refunds/${id}` }, kind: 'another', times: 2 });
  // An event of an older API version, in which a refund names no payment intent: Stripe is asked for it.
  const hint = eventOf('refund.failed', { id, object: 'refund' }, { api_version: '2018-02-28' });
  await deliver(server, JSON.stringify(hint));
  await eventually(
    () => readRefunds(server, paid.payment.id),
    ([row]) => row?.status === 'FAILED',
  );
  expect(await readRefunds(server, other.payment.id)).toEqual([]);
});

test('charge.refunded alone brings all refunds that Stripe lists', async () => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  for (const amount of [100, 200, 300]) await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount });
  await deliverAll((await eventsOf(paid)).filter(({ type }) => type === 'charge.refunded').slice(0, 1));
  expect((await readRefunds(server, paid.payment.id)).map(({ amount }) => amount)).toEqual([300, 200, 100]);
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 600 });
});

test('a flow that throws rolls its event back; retried, everything is there once', async () => {
  const paid = await payOrder(bed, server);
  await holdEvents();
  await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount: 100 });
  const [created] = (await eventsOf(paid)).filter(({ type }) => type === 'refund.created');
  if (!created) throw new Error('no event');
  throwing = true;
  await deliverAll([created]);
  expect(await inboxOf('refund.created')).toMatchObject({ status: 'FAILED' });
  throwing = false;
  expect(await readRefunds(server, paid.payment.id)).toEqual([]);
  const watch = watchRefunds(server, paid.payment.id);
  await watch.until(({ status }) => status === 'REFUNDED', 10_000);
  await watch.stop();
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 100 });
});

test('a flow that asked for duplicates sees a repeated event, told as one', async () => {
  const seen: boolean[] = [];
  const eager = await bed.start({
    flows: {
      refundCallback: { duplicates: 'deliver', run: ({ callbackProcessed }) => void seen.push(callbackProcessed) },
    },
  });
  const paid = await payOrder(bed, eager);
  await holdEvents();
  await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount: 100 });
  const created = (await eventsOf(paid)).filter(({ type }) => type === 'refund.created');
  for (const event of [...created, ...created]) await deliver(eager, JSON.stringify(event));
  expect(seen).toEqual([false, true]);
  expect(await readRefunds(eager, paid.payment.id)).toMatchObject([{ version: 1, status: 'REFUNDED' }]);
  await eager.stop();
  bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
});

/** What must be the same in the end, whatever the order. */
const endOf = async (paid: Paid) => ({
  refunds: (await readRefunds(server, paid.payment.id))
    .map(({ amount, status, stripeRefundId }) => ({ amount, status, stripeRefundId }))
    .sort((a, b) => a.amount - b.amount),
  money: await readMoney(server, paid.payment.id).then(({ version: _, ...money }) => money),
  order: await bed.orderStatus(paid.payment.orderId),
});

test('every order of the events, repeated or not, ends in the same rows and the same order status', async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), async (random) => {
      const number = (): number => random.next().value ?? 0;
      await holdEvents();
      const paid = await pay(server, await bed.createOrder());
      await confirm(bed, paid);
      const first = await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount: 10_000 });
      await fail(first.id);
      const second = await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount: 4_000 });
      const events = await eventsOf(paid);
      const shuffled = [...events, ...events.filter(() => number() < 0.3)]
        .map((event) => ({ event, place: number() }))
        .sort((a, b) => a.place - b.place)
        .map(({ event }) => event);
      calls = [];
      await deliverAll(shuffled);
      expect(await endOf(paid)).toEqual({
        refunds: [
          { amount: 4_000, status: 'REFUNDED', stripeRefundId: second.id },
          { amount: 10_000, status: 'FAILED', stripeRefundId: first.id },
        ],
        money: {
          id: paid.payment.id,
          status: 'SUCCESSFUL',
          amountReceived: 10_000,
          amountRefunded: 4_000,
          amountRefundable: 6_000,
        },
        order: 'partially_refunded',
      });
      expect(calls.filter(({ callbackProcessed }) => callbackProcessed)).toEqual([]);
      await clearFaults(bed.sandbox);
    }),
    { numRuns: 15 },
  );
});

type Step = { readonly kind: 'ours' | 'dashboard' | 'fail'; readonly amount: number; readonly pick: number };
const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('ours' as const, 'ours' as const, 'dashboard' as const, 'fail' as const),
  amount: fc.integer({ min: 1, max: 6_000 }),
  pick: fc.nat(20),
});

test('whatever happens, what Stripe refunded is what we show, and our own calls never overshoot', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 3, maxLength: 10 }), fc.boolean(), async (steps, lossy) => {
      const paid = await payOrder(bed, server);
      if (lossy) await holdEvents();
      for (const { kind, amount, pick } of steps) {
        if (!lossy) await bed.sandbox.settled();
        const before = await readMoney(server, paid.payment.id);
        if (kind === 'ours') {
          const end = await refund(server, paid.payment.id, amount).then(
            ({ status }) => status,
            (error: { code: string }) => error.code,
          );
          if (amount > before.amountRefundable) expect(end).toBe('REFUND_EXCEEDS_PAYMENT');
          else expect(lossy ? ['REFUNDED', 'STRIPE_DECLINED'] : ['REFUNDED']).toContain(end);
        } else if (kind === 'dashboard') {
          await bed.stripe.refunds.create({ payment_intent: intentOf(paid), amount }).catch(() => undefined);
        } else {
          const { data } = await bed.stripe.refunds.list({ payment_intent: intentOf(paid), limit: 100 });
          const chosen = data[pick % Math.max(1, data.length)];
          if (chosen) await fail(chosen.id);
        }
        const money = await readMoney(server, paid.payment.id);
        expect(money.amountRefunded).toBeLessThanOrEqual(money.amountReceived);
      }
      if (lossy) {
        await clearFaults(bed.sandbox);
        await deliverAll((await eventsOf(paid)).filter(({ type }) => type !== 'charge.refunded').reverse());
      }
      await bed.sandbox.settled();
      const shown = await readRefunds(server, paid.payment.id);
      const { data } = await bed.stripe.refunds.list({ payment_intent: intentOf(paid), limit: 100 });
      const made = shown.filter(({ stripeRefundId }) => stripeRefundId !== null);
      expect(
        Object.fromEntries(made.map(({ stripeRefundId, status, amount }) => [stripeRefundId, [status, amount]])),
      ).toEqual(
        Object.fromEntries(
          data.map(({ id, status, amount }) => [id, [status === 'succeeded' ? 'REFUNDED' : 'FAILED', amount]]),
        ),
      );
      const { amount } = await refundedAtStripe(bed, paid);
      expect(await readMoney(server, paid.payment.id)).toMatchObject({
        amountRefunded: amount,
        amountRefundable: 10_000 - amount,
      });
      expect(await bed.orderStatus(paid.payment.orderId)).toBe(
        amount === 0 ? 'paid' : amount === 10_000 ? 'refunded' : 'partially_refunded',
      );
    }),
    { numRuns: 12 },
  );
}, 180_000);
