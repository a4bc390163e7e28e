import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { paymentUntil } from '../../harness/checkout.js';
import { ask, confirm, confirmUntil, type Paid, pay, readPayment } from '../../harness/payments.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { type As, openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const ADMIN: As = { account: 'boss', roles: ['admin'] };
const CAPTURE = `mutation ($input: CapturePaymentInput!) { capturePayment(input: $input) {
  payment { id status amountReceived amountRefundable version } } }`;

interface Captured {
  readonly id: string;
  readonly status: string;
  readonly amountReceived: number;
  readonly amountRefundable: number;
}

const capture = async (id: string, more: object = {}, as: As = ADMIN): Promise<Captured> =>
  (await ask<{ payment: Captured }>(server, CAPTURE, { input: { id, ...more } }, as)).payment;

const hold = async (order: { amount?: number; currency?: string } = {}): Promise<Paid> => {
  const orderId = await bed.createOrder(order);
  const paid = await pay(server, orderId, { captureMethod: 'MANUAL', ...order });
  await confirmUntil(bed, server, paid, { status: 'REQUIRES_CAPTURE' });
  return paid;
};

describe('capturing held money', () => {
  test('all of it is taken, the order is paid, and who did it is on the timeline', async () => {
    const { payment } = await hold();
    expect(await bed.orderStatus(payment.orderId)).toBe('pending');
    const seen = paymentUntil(server, payment.id, 'SUCCESSFUL');
    expect(await capture(payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
    await seen;
    expect(await bed.orderStatus(payment.orderId)).toBe('paid');
    const { timeline } = await ask<{ timeline: object[] }>(
      server,
      'query ($id: ID!) { payment(id: $id) { timeline { fromStatus toStatus actor flow } } }',
      { id: payment.id },
      ADMIN,
    );
    expect(timeline.at(-1)).toEqual({
      fromStatus: 'REQUIRES_CAPTURE',
      toStatus: 'SUCCESSFUL',
      actor: 'account:boss',
      flow: 'payment-callback',
    });
    await bed.sandbox.settled();
    await expect(capture(payment.id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  });

  test('a part is taken and the rest let go: no more than that can be refunded', async () => {
    const { payment } = await hold();
    expect(await capture(payment.id, { amount: 6_000 })).toMatchObject({
      status: 'SUCCESSFUL',
      amountReceived: 6_000,
      amountRefundable: 6_000,
    });
    const intent = await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId);
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: 6_000, amount_capturable: 0 });
  });

  test('more than is held, nothing, or what the currency doesn’t take is AMOUNT_INVALID, and the hold stays', async () => {
    const { payment } = await hold({ amount: 10_000, currency: 'KWD' });
    for (const amount of [10_010, 0, 5_005])
      await expect(capture(payment.id, { amount })).rejects.toMatchObject({ code: 'AMOUNT_INVALID' });
    expect(await readPayment(server, payment.id)).toMatchObject({ status: 'REQUIRES_CAPTURE' });
    expect(await capture(payment.id, { amount: 5_000 })).toMatchObject({ amountReceived: 5_000 });
  });

  test('a payment that holds nothing is refused', async () => {
    const open = await pay(server, await bed.createOrder());
    await expect(capture(open.payment.id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    const unconfirmed = await pay(server, await bed.createOrder(), { captureMethod: 'MANUAL' });
    await expect(capture(unconfirmed.payment.id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  });

  test('a hold whose event is still under way is captured', async () => {
    const paid = await pay(server, await bed.createOrder(), { captureMethod: 'MANUAL' });
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'delay', delayMs: 1_500, times: 10 });
    await confirm(bed, paid);
    expect(await capture(paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
    await bed.sandbox.settled();
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
  });

  test('a hold that ended meanwhile is told, though its event was lost, and the payment is CANCELED', async () => {
    const { payment } = await hold();
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 10 });
    await bed.stripe.paymentIntents.cancel(payment.stripePaymentIntentId);
    await expect(capture(payment.id)).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      message: expect.stringContaining('cancelled meanwhile'),
    });
    expect(await readPayment(server, payment.id)).toMatchObject({ status: 'CANCELED' });
  });

  test('a payment that was made with other keys is left to those', async () => {
    const intent = await bed.stripe.paymentIntents.create({
      ...{ amount: 10_000, currency: 'usd', capture_method: 'manual', confirm: true, payment_method: 'pm_card_visa' },
      return_url: 'https://shop.example/return',
    });
    const { rows } = await bed.sql.query<{ id: string }>(
      `insert into tollgate.payment (order_id, account_id, amount, currency, livemode, stripe_account, status, capture_method, stripe_payment_intent_id)
        values ($1, 'customer', 10000, 'USD', false, 'acct_other', 'REQUIRES_CAPTURE', 'MANUAL', $2) returning id::text`,
      [await bed.createOrder(), intent.id],
    );
    await expect(capture(rows[0]?.id ?? '')).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      message: expect.stringContaining('another Stripe account or mode'),
    });
    expect(await bed.stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
      status: 'requires_capture',
    });
  });

  test('only who may manage payments captures', async () => {
    const { payment } = await hold();
    await expect(capture(payment.id, {}, { account: 'customer' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(capture('999999999')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await readPayment(server, payment.id)).toMatchObject({ status: 'REQUIRES_CAPTURE' });
  });

  test('the same key captures once; other arguments are a conflict', async () => {
    const { payment } = await hold();
    const key = { amount: 4_000, idempotencyKey: `take ${payment.id}` };
    const first = await capture(payment.id, key);
    expect(await capture(payment.id, key)).toEqual(first);
    await expect(capture(payment.id, { ...key, amount: 5_000 })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });

  test('two at once take one amount, and the other is told so', async () => {
    const { payment } = await hold();
    const ends = await Promise.allSettled([4_000, 7_000].map((amount) => capture(payment.id, { amount })));
    const taken = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.amountReceived] : []));
    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as { code: string }] : []));
    expect(taken).toHaveLength(1);
    expect(refused).toMatchObject([{ code: 'ILLEGAL_TRANSITION' }]);
    const intent = await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId);
    expect([intent.amount_received]).toEqual(taken);
    await bed.sandbox.settled();
  });

  test.each([
    ['answers 500 after applying', { kind: 'status', status: 500, applied: true }],
    ['applies and drops the connection', { kind: 'disconnect-after-apply' }],
  ])('Stripe %s: the present state tells that it was captured', async (_, fault) => {
    const { payment } = await hold();
    const path = `/v1/payment_intents/${payment.stripePaymentIntentId}/capture`;
    await addFault(bed.sandbox, { match: { method: 'POST', path }, times: 3, ...fault });
    expect(await capture(payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
  });

  test('Stripe answers 500 without applying: the client is told, and the hold stays', async () => {
    const { payment } = await hold();
    const path = `/v1/payment_intents/${payment.stripePaymentIntentId}/capture`;
    await addFault(bed.sandbox, {
      match: { method: 'POST', path },
      kind: 'status',
      status: 500,
      applied: false,
      times: 3,
    });
    await expect(capture(payment.id)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    expect(await readPayment(server, payment.id)).toMatchObject({ status: 'REQUIRES_CAPTURE' });
  });
});
