import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { complete, payByCheckout, paymentUntil, REDIRECTS, sessionOf } from '../../harness/checkout.js';
import { ask, confirm, confirmUntil, pay, readPayment } from '../../harness/payments.js';
import { eventually, initiate, monthlyPrice, readCharges } from '../../harness/recurring.js';
import { addFault, authenticate, clearFaults } from '../../harness/sandbox-control.js';
import { type As, openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: REDIRECTS });
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const ADMIN: As = { account: 'boss', roles: ['admin'] };
const CANCEL =
  'mutation ($input: CancelPaymentInput!) { cancelPayment(input: $input) { payment { id status version } } }';

const cancel = async (id: string, more: object = {}, as?: As) =>
  (
    await ask<{ payment: { id: string; status: string; version: number } }>(
      server,
      CANCEL,
      { input: { id, ...more } },
      as,
    )
  ).payment;

const timeline = async (id: string) =>
  (
    await ask<{ timeline: { toStatus: string; actor: string }[] }>(
      server,
      'query ($id: ID!) { payment(id: $id) { timeline { toStatus actor } } }',
      { id },
      ADMIN,
    )
  ).timeline;

const intentStatus = async (id: string) => (await bed.stripe.paymentIntents.retrieve(id)).status;

describe('cancelling an open payment', () => {
  test('ends it at Stripe, on the socket and on the timeline, and frees the order', async () => {
    const orderId = await bed.createOrder();
    const paid = await pay(server, orderId);
    const seen = paymentUntil(server, paid.payment.id, 'CANCELED');
    expect(await cancel(paid.payment.id)).toMatchObject({ status: 'CANCELED' });
    await seen;
    expect(await intentStatus(paid.payment.stripePaymentIntentId)).toBe('canceled');
    expect((await timeline(paid.payment.id)).at(-1)).toEqual({ toStatus: 'CANCELED', actor: 'account:customer' });
    expect((await pay(server, orderId)).payment.id).not.toBe(paid.payment.id);
  });

  test.each([
    ['REQUIRES_ACTION', 'pm_card_authenticationRequired', 'AUTOMATIC'],
    ['FAILED', 'pm_card_visa_chargeDeclined', 'AUTOMATIC'],
    ['REQUIRES_CAPTURE', 'pm_card_visa', 'MANUAL'],
  ])('%s is CANCELED, without a refund', async (status, method, captureMethod) => {
    const paid = await pay(server, await bed.createOrder(), { captureMethod });
    await confirmUntil(bed, server, paid, { method, status });
    expect(await cancel(paid.payment.id)).toMatchObject({ status: 'CANCELED' });
    expect(await intentStatus(paid.payment.stripePaymentIntentId)).toBe('canceled');
    expect((await bed.stripe.refunds.list({ payment_intent: paid.payment.stripePaymentIntentId })).data).toEqual([]);
  });

  test('a page of Stripe’s is closed; one that was paid there with held money lets it go', async () => {
    const page = await payByCheckout(server, await bed.createOrder());
    expect(await cancel(page.payment.id)).toMatchObject({ status: 'CANCELED' });
    expect((await bed.stripe.checkout.sessions.retrieve(sessionOf(page.checkoutUrl))).status).toBe('expired');
    expect(await complete(bed, page.checkoutUrl)).toBe(400);

    const held = await payByCheckout(server, await bed.createOrder(), { captureMethod: 'MANUAL' });
    await complete(bed, held.checkoutUrl);
    const row = (await paymentUntil(server, held.payment.id, 'REQUIRES_CAPTURE')).at(-1);
    expect(await cancel(held.payment.id)).toMatchObject({ status: 'CANCELED' });
    expect(await intentStatus(String(row?.['stripePaymentIntentId']))).toBe('canceled');
  });

  test('one that went through meanwhile comes back as it is', async () => {
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'delay', delayMs: 2_000, times: 20 });
    const card = await pay(server, await bed.createOrder());
    await confirm(bed, card);
    expect(await cancel(card.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
    const page = await payByCheckout(server, await bed.createOrder());
    await complete(bed, page.checkoutUrl);
    expect(await cancel(page.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
    await bed.sandbox.settled();
  });

  test('what Stripe is processing can’t be stopped, and nothing is changed', async () => {
    const paid = await pay(server, await bed.createOrder());
    await confirmUntil(bed, server, paid, { method: 'pm_usBankAccount_processing', status: 'PROCESSING' });
    await expect(cancel(paid.payment.id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PROCESSING' });
  });

  test('one that has ended is refused, save to the key that ended it', async () => {
    const paid = await pay(server, await bed.createOrder());
    const key = { idempotencyKey: 'stop' };
    const first = await cancel(paid.payment.id, key);
    expect(await cancel(paid.payment.id, key)).toEqual(first);
    await expect(cancel(paid.payment.id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    const other = await pay(server, await bed.createOrder());
    await expect(cancel(other.payment.id, key)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    await confirmUntil(bed, server, other);
    await expect(cancel(other.payment.id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  });

  test('another account’s payment is not found; who may read any may cancel any', async () => {
    const paid = await pay(server, await bed.createOrder());
    for (const id of [paid.payment.id, '999999999', 'x'])
      await expect(cancel(id, {}, { account: 'other' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(cancel(paid.payment.id, {}, { account: null })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await cancel(paid.payment.id, {}, ADMIN)).toMatchObject({ status: 'CANCELED' });
  });

  test('a recurring payment’s charge is left to it', async () => {
    const begun = await initiate(server, await bed.createOrder(), await monthlyPrice(bed));
    const [charge] = await readCharges(server, begun.recurringPayment.id);
    await expect(cancel(String(charge?.id))).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  });

  test('one that was made with other keys is left to those', async () => {
    const intent = await bed.stripe.paymentIntents.create({ amount: 10_000, currency: 'usd' });
    const { rows } = await bed.sql.query<{ id: string }>(
      `insert into tollgate.payment (order_id, account_id, amount, currency, livemode, stripe_account, stripe_payment_intent_id)
        values ($1, 'customer', 10000, 'USD', false, 'acct_other', $2) returning id::text`,
      [await bed.createOrder(), intent.id],
    );
    await expect(cancel(rows[0]?.id ?? '')).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      message: expect.stringContaining('another Stripe account or mode'),
    });
    expect(await intentStatus(intent.id)).toBe('requires_payment_method');
  });

  test('one that Stripe refuses to make is CANCELED, as was asked', async () => {
    const orderId = await bed.createOrder();
    const make = { method: 'POST', path: '/v1/payment_intents' };
    await addFault(bed.sandbox, { match: make, kind: 'status', status: 500, times: 5 });
    await expect(pay(server, orderId)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await clearFaults(bed.sandbox);
    const { rows } = await bed.sql.query<{ id: string }>('select id::text from tollgate.payment where order_id = $1', [
      orderId,
    ]);
    await addFault(bed.sandbox, { match: make, kind: 'status', status: 400, times: 5 });
    expect(await cancel(rows[0]?.id ?? '')).toMatchObject({ status: 'CANCELED' });
  });

  test('an unclear answer of Stripe is told, and the next call finishes', async () => {
    const paid = await pay(server, await bed.createOrder());
    const path = `/v1/payment_intents/${paid.payment.stripePaymentIntentId}/cancel`;
    await addFault(bed.sandbox, { match: { method: 'POST', path }, kind: 'status', status: 500, times: 3 });
    await expect(cancel(paid.payment.id)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await clearFaults(bed.sandbox);
    // Within the same second Stripe tells the stored answer once more.
    const again = () => cancel(paid.payment.id).catch(() => undefined);
    expect(await eventually(again, (payment) => payment !== undefined)).toMatchObject({ status: 'CANCELED' });
    expect(await intentStatus(paid.payment.stripePaymentIntentId)).toBe('canceled');
  });
});

describe('3-D Secure', () => {
  test('completed, it is SUCCESSFUL; failed, it is FAILED and takes another card', async () => {
    const good = await pay(server, await bed.createOrder());
    await confirmUntil(bed, server, good, { method: 'pm_card_authenticationRequired', status: 'REQUIRES_ACTION' });
    const done = paymentUntil(server, good.payment.id, 'SUCCESSFUL');
    await authenticate(bed.sandbox, good.payment.stripePaymentIntentId, 'complete');
    await done;
    const bad = await pay(server, await bed.createOrder());
    await confirmUntil(bed, server, bad, { method: 'pm_card_authenticationRequired', status: 'REQUIRES_ACTION' });
    const failed = paymentUntil(server, bad.payment.id, 'FAILED');
    await authenticate(bed.sandbox, bad.payment.stripePaymentIntentId, 'fail');
    expect((await failed).at(-1)).toMatchObject({ failureCode: 'payment_intent_authentication_failure' });
    await confirmUntil(bed, server, bad);
    expect((await timeline(bad.payment.id)).map(({ toStatus }) => toStatus)).toEqual(
      expect.arrayContaining(['REQUIRES_ACTION', 'FAILED', 'SUCCESSFUL']),
    );
  });
});
