import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { payByCheckout, REDIRECTS } from '../../harness/checkout.js';
import { ask, confirm, confirmUntil, pay, readPayment } from '../../harness/payments.js';
import { addFault, advanceClock, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const CONTINUE = `mutation ($id: ID!) { continuePayment(input: { id: $id }) {
  payment { id status version amount currency orderId stripePaymentIntentId } clientSecret } }`;

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const countRows = async (orderId: string): Promise<number> =>
  (await bed.sql.query('select 1 from tollgate.payment where order_id = $1', [orderId])).rowCount ?? 0;

const intentsOf = async (orderId: string) =>
  (await bed.stripe.paymentIntents.list({ limit: 100 })).data.filter(
    ({ metadata }) => metadata['tollgate_order'] === orderId,
  );

const pagesOf = async (orderId: string) =>
  (await bed.stripe.checkout.sessions.list({ limit: 100 })).data.filter(
    ({ metadata }) => metadata?.['tollgate_order'] === orderId,
  );

describe('paying for an order', () => {
  test('a payment becomes SUCCESSFUL on its socket, moved only by the signed webhook, and the order is paid', async () => {
    const orderId = await bed.createOrder();
    const paid = await pay(server, orderId, { currency: 'usd' });
    expect(paid).toMatchObject({
      payment: { status: 'PENDING', currency: 'USD', amount: 10_000 },
      publishableKey: 'pk_test_sandbox',
      clientSecretType: 'PAYMENT',
    });
    expect(paid.clientSecret).toContain(paid.payment.stripePaymentIntentId);
    expect(await confirmUntil(bed, server, paid)).toMatchObject({ amountReceived: 10_000 });
    expect(await bed.orderStatus(orderId)).toBe('paid');
  });

  test('twenty payments in a row are each seen live with rising versions', async () => {
    for (let round = 0; round < 20; round += 1) {
      const paid = await pay(server, await bed.createOrder());
      const watch = server.watch('subscription ($id: ID!) { paymentUpdated(id: $id) { status version } }', {
        id: paid.payment.id,
      });
      const first = await watch.next();
      await confirm(bed, paid);
      const rest = await watch.until(({ status }) => status === 'SUCCESSFUL');
      const versions = [first, ...rest].map(({ version }) => Number(version));
      expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
      await watch.stop();
    }
  });

  test('twenty simultaneous calls for one order make one row and one payment intent', async () => {
    const orderId = await bed.createOrder();
    const answers = await Promise.all(Array.from({ length: 20 }, () => pay(server, orderId)));
    expect(new Set(answers.map(({ payment }) => payment.stripePaymentIntentId)).size).toBe(1);
    expect(answers.every(({ clientSecret }) => clientSecret !== null)).toBe(true);
    expect(await countRows(orderId)).toBe(1);
    expect(await intentsOf(orderId)).toHaveLength(1);
  });

  test('two servers asked at once for one order make one payment intent', async () => {
    const other = await bed.start();
    const orderId = await bed.createOrder();
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => pay(n % 2 ? server : other, orderId)));
    expect(new Set(answers.map(({ payment }) => payment.stripePaymentIntentId)).size).toBe(1);
    expect(await intentsOf(orderId)).toHaveLength(1);
    await other.stop();
    bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
  });

  test('an order that is paid is not paid again', async () => {
    const orderId = await bed.createOrder();
    await confirmUntil(bed, server, await pay(server, orderId));
    await expect(pay(server, orderId)).rejects.toMatchObject({ code: 'ORDER_ALREADY_PAID' });
  });

  test('a declined attempt stays payable: the same payment takes another card', async () => {
    const orderId = await bed.createOrder();
    const paid = await pay(server, orderId);
    const declined = await confirmUntil(bed, server, paid, {
      method: 'pm_card_visa_chargeDeclinedInsufficientFunds',
      status: 'FAILED',
    });
    expect(declined['failureCode']).toBe('insufficient_funds');
    const again = await pay(server, orderId);
    expect(again.payment.id).toBe(paid.payment.id);
    await confirmUntil(bed, server, again);
    expect(await bed.orderStatus(orderId)).toBe('paid');
  });

  test('a second decline is a new version with its own failure code', async () => {
    const paid = await pay(server, await bed.createOrder());
    const first = await confirmUntil(bed, server, paid, {
      method: 'pm_card_visa_chargeDeclinedInsufficientFunds',
      status: 'FAILED',
    });
    const watch = server.watch('subscription ($id: ID!) { paymentUpdated(id: $id) { version failureCode } }', {
      id: paid.payment.id,
    });
    await watch.next();
    await confirm(bed, paid, 'pm_card_visa_chargeDeclinedLostCard');
    const seen = await watch.until(({ failureCode }) => failureCode === 'lost_card');
    expect(Number(seen.at(-1)?.['version'])).toBeGreaterThan(Number(first['version']));
    await watch.stop();
  });

  test('a delayed method is PROCESSING, and paying again gives that payment back', async () => {
    const orderId = await bed.createOrder();
    const paid = await pay(server, orderId);
    await confirmUntil(bed, server, paid, { method: 'pm_usBankAccount_success', status: 'PROCESSING' });
    const again = await pay(server, orderId);
    expect(again).toMatchObject({ payment: { id: paid.payment.id, status: 'PROCESSING' }, clientSecret: null });
  });

  test("a bank debit that fails late tells the bank's own reason", async () => {
    const paid = await pay(server, await bed.createOrder());
    const failed = await confirmUntil(bed, server, paid, {
      method: 'pm_usBankAccount_accountClosed',
      status: 'PROCESSING',
    });
    expect(failed['failureCode']).toBeNull();
    await advanceClock(bed.sandbox, 86_400);
    await expect
      .poll(() => readPayment(server, paid.payment.id))
      .toMatchObject({
        status: 'FAILED',
        failureCode: 'account_closed',
      });
  });

  test('continuePayment gives a fresh client secret for an open payment, and refuses one that is over', async () => {
    const orderId = await bed.createOrder();
    const paid = await pay(server, orderId);
    const again = await ask<{ clientSecret: string }>(server, CONTINUE, { id: paid.payment.id });
    expect(again.clientSecret).toBe(paid.clientSecret);
    await confirmUntil(bed, server, paid);
    await expect(ask(server, CONTINUE, { id: paid.payment.id })).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    await expect(ask(server, CONTINUE, { id: paid.payment.id }, { account: 'other' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('a payment that was made with other keys is left to those', async () => {
    const { rows } = await bed.sql.query<{ id: string }>(
      `insert into tollgate.payment (order_id, account_id, amount, currency, livemode, stripe_account)
        values ($1, 'customer', 10000, 'USD', false, 'acct_other') returning id::text`,
      [await bed.createOrder()],
    );
    const before = (await bed.stripe.paymentIntents.list({ limit: 100 })).data.length;
    await expect(ask(server, CONTINUE, { id: rows[0]?.id })).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
      message: expect.stringContaining('another Stripe account or mode'),
    });
    expect((await bed.stripe.paymentIntents.list({ limit: 100 })).data).toHaveLength(before);
  });
});

test.each([
  ['an intent', '/v1/payment_intents', pay, intentsOf],
  ['a page', '/v1/checkout/sessions', payByCheckout, pagesOf],
] as const)('two processes that each made %s hand out the one that the row knows', async (_, path, payBy, made) => {
  const patient = await bed.start({ environment: REDIRECTS });
  const brisk = await bed.start({ environment: REDIRECTS });
  const orderId = await bed.createOrder();
  const match = { method: 'POST', path };
  // One's first try gets lost after a while, and is repeated; meanwhile the other hears a 500, and makes the next attempt.
  await addFault(bed.sandbox, { match, kind: 'timeout', delayMs: 4_000, times: 1 });
  const slow = payBy(patient, orderId);
  await expect.poll(() => countRows(orderId)).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await addFault(bed.sandbox, { match, kind: 'status', status: 500, times: 3 });
  await expect(payBy(brisk, orderId)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
  const quick = await payBy(brisk, orderId);
  const { clientSecret, checkoutUrl } = { checkoutUrl: null, ...quick };
  expect(await slow).toMatchObject({ clientSecret, ...(checkoutUrl !== null && { checkoutUrl }) });
  expect(await made(orderId)).toHaveLength(2);
  await Promise.all([patient.stop(), brisk.stop()]);
  bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
});

describe('an order table without owners', () => {
  let free: TestBed;
  let freeServer: Server;
  beforeAll(async () => {
    free = await openTestBed({ binding: { orderTable: 'public.shop_order', idColumn: 'id' } });
    freeServer = await free.start();
  });
  afterAll(() => free.close());

  test('who watches an order sees their own payments of it, not those of others', async () => {
    const orderId = await free.createOrder();
    const watchAs = (account: string, roles: string[] = []) =>
      freeServer.watch(
        'subscription ($orderId: ID!) { orderPaymentsUpdated(orderId: $orderId) { id version status } }',
        { orderId },
        { account, roles },
      );
    const [ann, bob, admin] = [watchAs('ann'), watchAs('bob'), watchAs('boss', ['admin'])];
    const first = await pay(freeServer, orderId, {}, { account: 'ann' });
    await confirm(free, first);
    await ann.until(({ status }) => status === 'SUCCESSFUL');
    const second = await pay(freeServer, orderId, {}, { account: 'bob' });
    await confirm(free, second);
    const seenByBob = await bob.until(({ status }) => status === 'SUCCESSFUL');
    expect(new Set(seenByBob.map(({ id }) => id))).toEqual(new Set([second.payment.id]));
    const seenByAdmin = await admin.until(({ id, status }) => id === second.payment.id && status === 'SUCCESSFUL');
    expect(new Set(seenByAdmin.map(({ id }) => id))).toEqual(new Set([first.payment.id, second.payment.id]));
    const late = watchAs('bob');
    expect(await late.next()).toMatchObject({ id: second.payment.id, status: 'SUCCESSFUL' });
    await Promise.all([ann, bob, admin, late].map((watch) => watch.stop()));
  });
});

describe('another amount for an order whose amount is not bound', () => {
  let free: TestBed;
  let freeServer: Server;
  beforeAll(async () => {
    free = await openTestBed({
      binding: { orderTable: 'public.shop_order', idColumn: 'id', ownerColumn: 'account_id' },
    });
    freeServer = await free.start();
  });
  afterAll(() => free.close());

  test('cancels the open attempt at Stripe and makes a new one', async () => {
    const orderId = await free.createOrder();
    const first = await pay(freeServer, orderId);
    const second = await pay(freeServer, orderId, { amount: 4_000 });
    expect(second.payment).toMatchObject({ amount: 4_000, status: 'PENDING' });
    expect(await readPayment(freeServer, first.payment.id)).toMatchObject({ status: 'CANCELED' });
    expect((await free.stripe.paymentIntents.retrieve(first.payment.stripePaymentIntentId)).status).toBe('canceled');
  });

  test('gives the first back if it went through meanwhile', async () => {
    const orderId = await free.createOrder();
    const first = await pay(freeServer, orderId);
    await addFault(free.sandbox, { match: { eventType: 'payment_intent.*' }, kind: 'delay', delayMs: 1_000, times: 3 });
    await confirm(free, first);
    const second = await pay(freeServer, orderId, { amount: 4_000 });
    expect(second).toMatchObject({ payment: { id: first.payment.id, status: 'SUCCESSFUL' }, clientSecret: null });
    await free.sandbox.settled();
  });

  test('simultaneous calls with two amounts leave one open attempt', async () => {
    const orderId = await free.createOrder();
    await Promise.allSettled([1, 2, 3, 4].map((n) => pay(freeServer, orderId, { amount: n % 2 ? 5_000 : 6_000 })));
    const { rows } = await free.sql.query(
      `select status from tollgate.payment where order_id = $1 and status <> 'CANCELED'`,
      [orderId],
    );
    expect(rows).toHaveLength(1);
    const open = (await free.stripe.paymentIntents.list({ limit: 100 })).data.filter(
      ({ metadata, status }) => metadata['tollgate_order'] === orderId && status !== 'canceled',
    );
    expect(open).toHaveLength(1);
  });
});

describe('idempotency keys', () => {
  test('the same key gives the same payment, also at once; other arguments are a conflict', async () => {
    const orderId = await bed.createOrder();
    const key = { idempotencyKey: 'once' };
    const answers = await Promise.all([
      pay(server, orderId, key),
      pay(server, orderId, key),
      pay(server, orderId, key),
    ]);
    expect(new Set(answers.map(({ payment }) => payment.id)).size).toBe(1);
    await confirmUntil(bed, server, await pay(server, orderId, key));
    // The order is paid now; the retry still answers as before.
    expect((await pay(server, orderId, key)).payment).toMatchObject({
      id: answers[0]?.payment.id,
      status: 'SUCCESSFUL',
    });
    await expect(pay(server, orderId, { ...key, description: 'other' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    await expect(pay(server, await bed.createOrder(), key)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  test('keys of two accounts have nothing to do with each other', async () => {
    const mine = await pay(server, await bed.createOrder(), { idempotencyKey: 'shared' });
    const other = { account: 'other' };
    const theirs = await pay(server, await bed.createOrder(other), { idempotencyKey: 'shared' }, other);
    expect(theirs.payment.id).not.toBe(mine.payment.id);
  });
});

describe('Stripe in trouble', () => {
  test.each([
    ['answers 500 after applying', { kind: 'status', status: 500, applied: true }],
    ['answers 500 without applying', { kind: 'status', status: 500, applied: false }],
    ['applies and drops the connection', { kind: 'disconnect-after-apply' }],
  ])('%s: the client is told, and the next call finishes with one payment intent', async (_, fault) => {
    const orderId = await bed.createOrder();
    // The client library repeats a failed call twice.
    await addFault(bed.sandbox, { match: { method: 'POST', path: '/v1/payment_intents' }, times: 3, ...fault });
    const first = await pay(server, orderId).catch((error: unknown) => error);
    if (first instanceof Error) expect(first).toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await clearFaults(bed.sandbox);
    const paid = await pay(server, orderId);
    expect(await intentsOf(orderId)).toHaveLength(1);
    expect(await countRows(orderId)).toBe(1);
    await confirmUntil(bed, server, paid);
  });

  test('a definite refusal ends the attempt with a clear code, and the order can be paid again', async () => {
    const orderId = await bed.createOrder();
    await addFault(bed.sandbox, {
      match: { method: 'POST', path: '/v1/payment_intents' },
      kind: 'status',
      status: 400,
      times: 1,
    });
    await expect(pay(server, orderId, { idempotencyKey: 'refused' })).rejects.toMatchObject({
      code: 'STRIPE_DECLINED',
    });
    await expect(pay(server, orderId, { idempotencyKey: 'refused' })).rejects.toMatchObject({
      code: 'STRIPE_DECLINED',
    });
    expect((await pay(server, orderId)).payment.status).toBe('PENDING');
  });

  test('a key that Stripe does not accept is NOT_CONFIGURED, and shows no key', async () => {
    await addFault(bed.sandbox, {
      match: { method: 'POST', path: '/v1/payment_intents' },
      kind: 'status',
      status: 401,
      times: 1,
    });
    const refusal = await pay(server, await bed.createOrder()).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'NOT_CONFIGURED' });
    expect(String(refusal)).not.toContain('sk_test');
  });
});
