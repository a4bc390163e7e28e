import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../cli/command.js';
import {
  complete,
  goOn,
  payByCheckout,
  paymentUntil,
  REDIRECTS,
  SHOP,
  sessionOf,
  sessionsOf,
} from '../../harness/checkout.js';
import { ask, pay, readPayment } from '../../harness/payments.js';
import { addFault, advanceClock, authenticate, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: REDIRECTS });
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const timeline = (id: string) =>
  ask<{ timeline: { fromStatus: string; toStatus: string; actor: string }[] }>(
    server,
    'query ($id: ID!) { payment(id: $id) { timeline { fromStatus toStatus actor } } }',
    { id },
    { account: 'boss', roles: ['admin'] },
  ).then((payment) => payment.timeline);

describe('a payment on Stripe’s page', () => {
  test('gives the page, learns its intent from Stripe, and is SUCCESSFUL once Stripe says so', async () => {
    const orderId = await bed.createOrder();
    const begun = await payByCheckout(server, orderId, { description: 'Tea' });
    expect(begun).toMatchObject({ payment: { status: 'PENDING', stripePaymentIntentId: null }, clientSecret: null });
    const session = await bed.stripe.checkout.sessions.retrieve(sessionOf(begun.checkoutUrl), {
      expand: ['line_items'],
    });
    expect(session).toMatchObject({
      url: begun.checkoutUrl,
      mode: 'payment',
      amount_total: 10_000,
      currency: 'usd',
      client_reference_id: orderId,
      success_url: `${SHOP}/done?session={CHECKOUT_SESSION_ID}`,
      cancel_url: `${SHOP}/cart`,
      metadata: { tollgate_order: orderId, tollgate_payment: begun.payment.id },
      line_items: { data: [{ description: 'Tea', quantity: 1, amount_total: 10_000 }] },
    });
    const seen = paymentUntil(server, begun.payment.id, 'SUCCESSFUL');
    expect(await complete(bed, begun.checkoutUrl)).toBe(200);
    expect((await seen).at(-1)).toMatchObject({
      amountReceived: 10_000,
      stripePaymentIntentId: expect.stringMatching(/^pi_/),
    });
    expect(await bed.orderStatus(orderId)).toBe('paid');
    await expect(payByCheckout(server, orderId)).rejects.toMatchObject({ code: 'ORDER_ALREADY_PAID' });
  });

  test('the return page changes nothing by itself; asked there, the server asks Stripe at once', async () => {
    const begun = await payByCheckout(server, await bed.createOrder());
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'delay', delayMs: 4_000, times: 20 });
    await fetch(`${server.url}/?payment=${begun.payment.id}&checkout=done`);
    expect((await goOn(server, begun.payment.id)).payment.status).toBe('PENDING');
    await complete(bed, begun.checkoutUrl);
    expect(await readPayment(server, begun.payment.id)).toMatchObject({ status: 'PENDING' });
    expect(await goOn(server, begun.payment.id)).toMatchObject({
      payment: { status: 'SUCCESSFUL' },
      checkoutUrl: null,
    });
    await expect(goOn(server, begun.payment.id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    await bed.sandbox.settled();
    expect(await readPayment(server, begun.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
  });

  test('many calls at once make one page; later ones give the same page while it is open', async () => {
    const orderId = await bed.createOrder();
    const answers = await Promise.all(Array.from({ length: 8 }, () => payByCheckout(server, orderId)));
    expect(new Set(answers.map(({ checkoutUrl }) => checkoutUrl)).size).toBe(1);
    const again = await payByCheckout(server, orderId, { idempotencyKey: 'again' });
    expect(again.checkoutUrl).toBe(answers[0]?.checkoutUrl);
    expect((await payByCheckout(server, orderId, { idempotencyKey: 'again' })).checkoutUrl).toBe(again.checkoutUrl);
    expect((await goOn(server, again.payment.id)).checkoutUrl).toBe(again.checkoutUrl);
    expect(await sessionsOf(bed, orderId)).toHaveLength(1);
  });

  test('another mode closes the page, and the other way round', async () => {
    const orderId = await bed.createOrder();
    const page = await payByCheckout(server, orderId);
    const card = await pay(server, orderId);
    expect(card.payment.id).not.toBe(page.payment.id);
    expect(await readPayment(server, page.payment.id)).toMatchObject({ status: 'CANCELED' });
    expect((await bed.stripe.checkout.sessions.retrieve(sessionOf(page.checkoutUrl))).status).toBe('expired');
    const back = await payByCheckout(server, orderId);
    expect(await readPayment(server, card.payment.id)).toMatchObject({ status: 'CANCELED' });
    await complete(bed, back.checkoutUrl);
    await paymentUntil(server, back.payment.id, 'SUCCESSFUL');
  });

  test('a decline is FAILED and the same page takes another card', async () => {
    const orderId = await bed.createOrder();
    const begun = await payByCheckout(server, orderId);
    expect(await complete(bed, begun.checkoutUrl, 'pm_card_visa_chargeDeclinedInsufficientFunds')).toBe(402);
    const failed = await paymentUntil(server, begun.payment.id, 'FAILED');
    expect(failed.at(-1)).toMatchObject({ failureCode: 'insufficient_funds' });
    expect(await payByCheckout(server, orderId)).toMatchObject({
      payment: { id: begun.payment.id, status: 'FAILED' },
      checkoutUrl: begun.checkoutUrl,
    });
    await complete(bed, begun.checkoutUrl);
    await paymentUntil(server, begun.payment.id, 'SUCCESSFUL');
  });

  test('3-D Secure on the page is REQUIRES_ACTION until it is done', async () => {
    const begun = await payByCheckout(server, await bed.createOrder());
    await complete(bed, begun.checkoutUrl, 'pm_card_authenticationRequired');
    const [row] = (await paymentUntil(server, begun.payment.id, 'REQUIRES_ACTION')).slice(-1);
    await authenticate(bed.sandbox, String(row?.['stripePaymentIntentId']), 'complete');
    await paymentUntil(server, begun.payment.id, 'SUCCESSFUL');
  });

  test('a delayed method is PROCESSING on a complete page, then succeeds', async () => {
    const begun = await payByCheckout(server, await bed.createOrder());
    await complete(bed, begun.checkoutUrl, 'pm_usBankAccount_success');
    await paymentUntil(server, begun.payment.id, 'PROCESSING');
    expect(await goOn(server, begun.payment.id)).toMatchObject({
      payment: { status: 'PROCESSING' },
      checkoutUrl: null,
    });
    await advanceClock(bed.sandbox, 300);
    await paymentUntil(server, begun.payment.id, 'SUCCESSFUL');
  });

  test('a delayed method that fails leaves no dead end: paying again gives a new page', async () => {
    const orderId = await bed.createOrder();
    const begun = await payByCheckout(server, orderId);
    await complete(bed, begun.checkoutUrl, 'pm_usBankAccount_insufficientFunds');
    await paymentUntil(server, begun.payment.id, 'PROCESSING');
    await advanceClock(bed.sandbox, 300);
    await paymentUntil(server, begun.payment.id, 'FAILED');
    const again = await payByCheckout(server, orderId);
    expect(again.payment.id).not.toBe(begun.payment.id);
    await complete(bed, again.checkoutUrl);
    await paymentUntil(server, again.payment.id, 'SUCCESSFUL');
    expect(await readPayment(server, begun.payment.id)).toMatchObject({ status: 'CANCELED' });
  });

  test('a page whose time runs out is CANCELED, and the order takes another one', async () => {
    const orderId = await bed.createOrder();
    const begun = await payByCheckout(server, orderId);
    await advanceClock(bed.sandbox, 25 * 3_600);
    await paymentUntil(server, begun.payment.id, 'CANCELED');
    const again = await payByCheckout(server, orderId);
    expect(again.payment.id).not.toBe(begun.payment.id);
    expect(again.checkoutUrl).not.toBeNull();
  });

  test('manual capture holds the money on the page', async () => {
    const begun = await payByCheckout(server, await bed.createOrder(), { captureMethod: 'MANUAL' });
    await complete(bed, begun.checkoutUrl);
    await paymentUntil(server, begun.payment.id, 'REQUIRES_CAPTURE');
  });

  test('events in any order, repeated, or lost leave Stripe’s state', async () => {
    for (const fault of [
      { kind: 'reorder', times: 3 },
      { kind: 'duplicate', times: 6 },
      { kind: 'same-second', times: 6 },
      { kind: 'drop', times: 1, match: { eventType: 'payment_intent.succeeded' } },
      { kind: 'drop', times: 1, match: { eventType: 'checkout.session.completed' } },
    ]) {
      await addFault(bed.sandbox, { match: { eventType: '*' }, ...fault });
      const begun = await payByCheckout(server, await bed.createOrder());
      await complete(bed, begun.checkoutUrl);
      await paymentUntil(server, begun.payment.id, 'SUCCESSFUL');
      await bed.sandbox.settled();
      await clearFaults(bed.sandbox);
      const moves = (await timeline(begun.payment.id)).filter(({ fromStatus, toStatus }) => fromStatus !== toStatus);
      expect(moves.map(({ toStatus }) => toStatus)).toEqual(['PENDING', 'SUCCESSFUL']);
    }
  });
});

test('reconciliation finds what no webhook told: a page that was paid, and one that ran out', async () => {
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000 });
  const paid = await payByCheckout(server, await bed.createOrder());
  const left = await payByCheckout(server, await bed.createOrder());
  await complete(bed, paid.checkoutUrl);
  await advanceClock(bed.sandbox, 25 * 3_600);
  expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
  const { code, stderr } = await runCommand(['reconcile', '--json'], bed.environment);
  expect(code, stderr).toBe(0);
  expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
  expect(await readPayment(server, left.payment.id)).toMatchObject({ status: 'CANCELED' });
});

describe('where people come back to', () => {
  test.each([
    ['another origin', 'https://evil.example/done'],
    ['a look-alike', 'https://shop.example.evil.example/'],
    ['another scheme', 'http://shop.example/'],
    ['another port', 'https://shop.example:8443/'],
    ['a name before the host', 'https://shop.example@evil.example/'],
    ['a login', 'https://user:secret@shop.example/'],
    ['a backslash', 'https://evil.example\\@shop.example/'],
    ['a script', 'javascript:alert(1)'],
  ])('%s is refused', async (_, address) => {
    const orderId = await bed.createOrder();
    for (const name of ['successUrl', 'cancelUrl'])
      await expect(payByCheckout(server, orderId, { [name]: address })).rejects.toMatchObject({
        code: 'REDIRECT_NOT_ALLOWED',
      });
    expect(await sessionsOf(bed, orderId)).toEqual([]);
  });

  test('what is no address, or belongs to the other mode, is BAD_USER_INPUT; without an address of our own both are needed', async () => {
    const orderId = await bed.createOrder();
    await expect(payByCheckout(server, orderId, { successUrl: '/done' })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    await expect(payByCheckout(server, orderId, { cancelUrl: null })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(payByCheckout(server, orderId, { mode: 'ELEMENTS' })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });

  test('with PUBLIC_URL its origin is allowed, and left-out addresses lead there, with its path', async () => {
    const other = await bed.start({ environment: { PUBLIC_URL: 'https://pay.example/app' } });
    try {
      const begun = await payByCheckout(other, await bed.createOrder(), {
        successUrl: 'https://pay.example/thanks',
        cancelUrl: undefined,
      });
      expect(await bed.stripe.checkout.sessions.retrieve(sessionOf(begun.checkoutUrl))).toMatchObject({
        success_url: 'https://pay.example/thanks',
        cancel_url: `https://pay.example/app/?payment=${begun.payment.id}&checkout=canceled`,
      });
      await expect(payByCheckout(other, await bed.createOrder())).rejects.toMatchObject({
        code: 'REDIRECT_NOT_ALLOWED',
      });
    } finally {
      await other.stop();
      bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
    }
  });
});

test("left-out addresses lead to the shop's origin, the first of CORS_ORIGINS that people may be sent to", async () => {
  const environment = {
    PUBLIC_URL: 'https://pay.example/app',
    CORS_ORIGINS: 'https://admin.example,https://shop.example',
    REDIRECT_ORIGINS: 'https://shop.example',
  };
  const other = await bed.start({ environment });
  try {
    const left = { successUrl: undefined, cancelUrl: undefined };
    const begun = await payByCheckout(other, await bed.createOrder(), left);
    expect(await bed.stripe.checkout.sessions.retrieve(sessionOf(begun.checkoutUrl))).toMatchObject({
      success_url: `https://shop.example/?payment=${begun.payment.id}&checkout=done`,
      cancel_url: `https://shop.example/?payment=${begun.payment.id}&checkout=canceled`,
    });
  } finally {
    await other.stop();
    bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
  }
});

describe('Stripe in trouble', () => {
  test.each([
    ['answers 500 after applying', { kind: 'status', status: 500, applied: true }],
    ['answers 500 without applying', { kind: 'status', status: 500, applied: false }],
    ['applies and drops the connection', { kind: 'disconnect-after-apply' }],
  ])('%s: the client is told, and the next call finishes with one page', async (_, fault) => {
    const orderId = await bed.createOrder();
    await addFault(bed.sandbox, { match: { method: 'POST', path: '/v1/checkout/sessions' }, times: 3, ...fault });
    const first = await payByCheckout(server, orderId).catch((error: unknown) => error);
    if (first instanceof Error) expect(first).toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await clearFaults(bed.sandbox);
    const begun = await payByCheckout(server, orderId);
    expect(await sessionsOf(bed, orderId)).toHaveLength(1);
    await complete(bed, begun.checkoutUrl);
    await paymentUntil(server, begun.payment.id, 'SUCCESSFUL');
  });

  test('a definite refusal ends the attempt, and the order can be paid again', async () => {
    const orderId = await bed.createOrder();
    await addFault(bed.sandbox, {
      match: { method: 'POST', path: '/v1/checkout/sessions' },
      kind: 'status',
      status: 400,
      times: 1,
    });
    await expect(payByCheckout(server, orderId)).rejects.toMatchObject({ code: 'STRIPE_DECLINED' });
    expect((await payByCheckout(server, orderId)).checkoutUrl).not.toBeNull();
  });
});
