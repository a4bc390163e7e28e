import fc from 'fast-check';
import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { paymentCallback } from '../../flows/payment-callback.js';
import type { PaymentCallbackData } from '../../src/flows/flows.js';
import { confirm, type Paid, pay, readPayment } from '../harness/payments.js';
import { addFault } from '../harness/sandbox-control.js';
import { deliver, eventOf } from '../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

let bed: TestBed;
let server: Server;
const runs: PaymentCallbackData[] = [];
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    flows: {
      paymentCallback: {
        run(data, context) {
          runs.push(data);
          return paymentCallback.run(data, context);
        },
      },
    },
  });
  // Stripe's own deliveries never come: the tests deliver its events themselves, in their order.
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
});
afterAll(() => bed.close());

const intentOf = ({ payment }: Paid): string => payment.stripePaymentIntentId;
const CARDS = {
  decline: 'pm_card_visa_chargeDeclined',
  shortOfFunds: 'pm_card_visa_chargeDeclinedInsufficientFunds',
  action: 'pm_card_authenticationRequired',
} as const;
type Step = keyof typeof CARDS;
type End = 'succeed' | 'cancel' | 'stay';

/** What the customer does; then how it ends at Stripe. */
const live = async (paid: Paid, steps: readonly Step[], end: End): Promise<void> => {
  for (const step of steps) await confirm(bed, paid, CARDS[step]);
  if (end === 'succeed') await confirm(bed, paid);
  if (end === 'cancel') await bed.stripe.paymentIntents.cancel(intentOf(paid));
};
const eventsOf = async (paid: Paid): Promise<Stripe.Event[]> => {
  const { data } = await bed.stripe.events.list({ limit: 100, types: ['payment_intent.*'] });
  return data.filter(({ data: { object } }) => Reflect.get(object, 'id') === intentOf(paid)).reverse();
};

const OURS: Readonly<Record<string, string>> = {
  succeeded: 'SUCCESSFUL',
  canceled: 'CANCELED',
  requires_action: 'REQUIRES_ACTION',
  requires_payment_method: 'PENDING',
};
const expectedOf = (intent: Stripe.PaymentIntent): string =>
  intent.status === 'requires_payment_method' && intent.last_payment_error ? 'FAILED' : (OURS[intent.status] ?? '');

/** An older API version: other shapes. The events of that time had the intent's charges inside and no latest charge. */
const asOlder = (event: Stripe.Event): Stripe.Event => {
  const { latest_charge: _charge, ...object } = event.data.object as Stripe.PaymentIntent;
  return { ...event, api_version: '2020-08-27', data: { object: { ...object, charges: { data: [] } } } } as never;
};

const expectStripesState = async (paid: Paid, events: readonly Stripe.Event[]): Promise<void> => {
  const intent = await bed.stripe.paymentIntents.retrieve(intentOf(paid));
  const payment = await readPayment(server, paid.payment.id);
  expect(payment).toMatchObject({
    status: expectedOf(intent),
    amountReceived: intent.amount_received,
    stripePaymentIntentId: intent.id,
  });
  expect(await bed.orderStatus(paid.payment.orderId)).toBe(intent.status === 'succeeded' ? 'paid' : 'pending');
  const { rows } = await bed.sql.query('select distinct status from tollgate.stripe_event where id = any($1)', [
    events.map(({ id }) => id),
  ]);
  expect(rows).toEqual([{ status: 'PROCESSED' }]);
  const ends = runs.filter(
    ({ orderId, paymentStatus }) => orderId === paid.payment.orderId && paymentStatus === 'SUCCESSFUL',
  );
  expect(ends).toHaveLength(intent.status === 'succeeded' ? 1 : 0);
};

describe('whatever the order of events, the end state is Stripe’s, and so is the order’s', () => {
  test('any permutation, repeated, in the same second, of older API versions, and before our row has its Stripe id', {
    timeout: 240_000,
  }, async () => {
    const history = fc.record({
      steps: fc.array(fc.constantFrom<Step>('decline', 'shortOfFunds', 'action'), { maxLength: 3 }),
      end: fc.constantFrom<End>('succeed', 'succeed', 'cancel', 'stay'),
      order: fc.array(fc.nat(1_000), { minLength: 8, maxLength: 8 }),
      repeats: fc.nat(3),
      older: fc.nat(7),
      sameSecond: fc.boolean(),
      together: fc.boolean(),
      early: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ steps, end, order, repeats, older, sameSecond, together, early }) => {
        const paid = await pay(server, await bed.createOrder());
        await live(paid, steps, end);
        const known = (await eventsOf(paid)).filter(({ type }) => !type.endsWith('.created'));
        if (known.length === 0) return;
        if (early)
          await bed.sql.query('update tollgate.payment set stripe_payment_intent_id = null where id = $1', [
            paid.payment.id,
          ]);
        const created = known[0]?.created ?? 0;
        const events = known
          .map((event, n) => (n === older ? asOlder(event) : event))
          .map((event) => (sameSecond ? { ...event, created } : event));
        const sent = [...events, ...events.slice(0, repeats)]
          .map((event, n) => ({ event, place: order[n % order.length] ?? 0 }))
          .sort((a, b) => a.place - b.place);
        const send = async ({ event }: { event: Stripe.Event }): Promise<void> => {
          expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
        };
        if (together) await Promise.all(sent.map(send));
        else for (const one of sent) await send(one);
        await expectStripesState(paid, events);
      }),
      { numRuns: 25 },
    );
  });

  test('an old event after a new one changes nothing: a decline of last week does not un-pay', async () => {
    const paid = await pay(server, await bed.createOrder());
    await live(paid, ['decline'], 'succeed');
    const events = await eventsOf(paid);
    for (const event of events.reverse())
      await deliver(
        server,
        JSON.stringify({ ...event, created: event.created - (event.type.endsWith('failed') ? 604_800 : 0) }),
      );
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
  });

  test('an event that comes while our own call is under way, before the row has its Stripe id, is the row’s', async () => {
    const orderId = await bed.createOrder();
    // The answer is held back; Stripe has made the intent already, and somebody pays it.
    await addFault(bed.sandbox, {
      match: { method: 'POST', path: '/v1/payment_intents' },
      kind: 'delay',
      delayMs: 1_500,
      applied: true,
      times: 1,
    });
    const paying = pay(server, orderId);
    let intent: Stripe.PaymentIntent | undefined;
    while (!intent) {
      const { data } = await bed.stripe.paymentIntents.list({ limit: 5 });
      intent = data.find(({ metadata }) => metadata['tollgate_order'] === orderId);
    }
    await bed.stripe.paymentIntents.confirm(intent.id, {
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example',
    });
    const { data } = await bed.stripe.events.list({ limit: 20, type: 'payment_intent.succeeded' });
    const event = data.find(({ data: { object } }) => Reflect.get(object, 'id') === intent.id);
    expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
    const paid = await paying;
    expect(await readPayment(server, paid.payment.id)).toMatchObject({
      status: 'SUCCESSFUL',
      stripePaymentIntentId: intent.id,
    });
    expect(await bed.orderStatus(orderId)).toBe('paid');
  });

  test('an event for an object that we never made changes nothing, also where it names our order', async () => {
    const paid = await pay(server, await bed.createOrder());
    const foreign = await bed.stripe.paymentIntents.create({
      amount: 10_000,
      currency: 'usd',
      metadata: { tollgate_order: paid.payment.orderId },
    });
    const event = eventOf('payment_intent.succeeded', { ...foreign, status: 'succeeded', amount_received: 10_000 });
    await deliver(server, JSON.stringify(event));
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('pending');
  });
});
