import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, confirm, confirmUntil, type Paid, pay, readPayment } from '../../harness/payments.js';
import { eventually, intentOf, readCharges, renew, setLaterMethod, startActive } from '../../harness/recurring.js';
import { ADMIN, payOrder, refund } from '../../harness/refunds.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const ANN = { account: 'ann' };
const CONTINUE =
  'mutation ($id: ID!) { continuePayment(input: { id: $id }) { payment { id status amount } clientSecret } }';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const change = (orderId: string, set: string): Promise<unknown> =>
  bed.sql.query(`update public.shop_order set ${set} where id = $1`, [orderId]);
const goOn = (id: string, as?: typeof ANN) =>
  ask<{ payment: { id: string; status: string }; clientSecret: string | null }>(server, CONTINUE, { id }, as);
const statusAtStripe = async ({ payment }: Paid): Promise<string> =>
  (await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId)).status;
const problemsOf = async (code: string): Promise<string[]> =>
  (await ask<{ code: string; message: string }[]>(server, '{ problems { code message } }', {}, ADMIN))
    .filter((problem) => problem.code === code)
    .map(({ message }) => message);
/** Whether the problem names the order. */
const isOverpaid = async (orderId: string): Promise<boolean> =>
  (await problemsOf('ORDER_OVERPAID')).some((message) => new RegExp(`\\b${orderId}\\b`).test(message));

describe('what is due is the order’s amount less what was received for it and kept', () => {
  test('a refund of one cent leaves one cent to pay, never the whole order again', async () => {
    const { payment } = await payOrder(bed, server);
    await refund(server, payment.id, 1);
    await expect(pay(server, payment.orderId)).rejects.toMatchObject({
      code: 'AMOUNT_MISMATCH',
      message: expect.stringContaining('0.01 USD (1) is due'),
    });
  });

  test('after a partial capture the rest can be paid, and the order is paid then', async () => {
    const orderId = await bed.createOrder();
    const held = await pay(server, orderId, { captureMethod: 'MANUAL' });
    await confirmUntil(bed, server, held, { status: 'REQUIRES_CAPTURE' });
    await ask(
      server,
      'mutation ($id: ID!) { capturePayment(input: { id: $id, amount: 4000 }) { payment { id } } }',
      { id: held.payment.id },
      ADMIN,
    );
    await expect(pay(server, orderId)).rejects.toMatchObject({ code: 'AMOUNT_MISMATCH' });
    await confirmUntil(bed, server, await pay(server, orderId, { amount: 6_000 }));
    expect(await bed.orderStatus(orderId)).toBe('paid');
    await expect(pay(server, orderId)).rejects.toMatchObject({ code: 'ORDER_ALREADY_PAID' });
  });

  test('an amount that was raised after the payment leaves the difference to pay', async () => {
    const { payment } = await payOrder(bed, server);
    await change(payment.orderId, 'amount = 20000');
    await expect(pay(server, payment.orderId, { amount: 20_000 })).rejects.toMatchObject({ code: 'AMOUNT_MISMATCH' });
    await confirmUntil(bed, server, await pay(server, payment.orderId, { amount: 10_000 }));
    expect(await isOverpaid(payment.orderId)).toBe(false);
  });

  test('an order that was paid in one currency takes no other until that is refunded', async () => {
    const { payment } = await payOrder(bed, server);
    await change(payment.orderId, `currency = 'EUR'`);
    await expect(pay(server, payment.orderId, { currency: 'EUR' })).rejects.toMatchObject({
      code: 'CURRENCY_MISMATCH',
    });
    await refund(server, payment.id, 10_000);
    expect(await pay(server, payment.orderId, { currency: 'EUR' })).toMatchObject({ payment: { currency: 'EUR' } });
  });
});

describe('an order that changes while a payment is open', () => {
  test.each([
    ['its amount is lowered', 'amount = 7000', 'AMOUNT_MISMATCH'],
    ['its amount is raised', 'amount = 30000', 'AMOUNT_MISMATCH'],
    ['its currency changes', `currency = 'EUR'`, 'CURRENCY_MISMATCH'],
    ['its owner changes', `account_id = 'ann'`, 'ORDER_NOT_FOUND'],
  ])('%s: continuePayment hands out no old secret, the attempt ends at Stripe and the caller is told', async (_, set, code) => {
    const paid = await pay(server, await bed.createOrder());
    await change(paid.payment.orderId, set);
    await expect(goOn(paid.payment.id)).rejects.toMatchObject({ code });
    expect(await statusAtStripe(paid)).toBe('canceled');
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'CANCELED' });
  });

  test('pay takes the new amount, and the old attempt ends', async () => {
    const first = await pay(server, await bed.createOrder());
    await change(first.payment.orderId, 'amount = 7000');
    const second = await pay(server, first.payment.orderId, { amount: 7_000 });
    expect(second.payment.id).not.toBe(first.payment.id);
    expect(await statusAtStripe(first)).toBe('canceled');
  });

  test('its new owner pays: the attempt of who had it ends, and never pays for another’s order', async () => {
    const first = await pay(server, await bed.createOrder());
    await change(first.payment.orderId, `account_id = 'ann'`);
    const second = await pay(server, first.payment.orderId, {}, ANN);
    expect(second.payment.id).not.toBe(first.payment.id);
    expect(await statusAtStripe(first)).toBe('canceled');
    await expect(goOn(first.payment.id)).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  });

  test('a success that comes first all the same is recorded, and too much is a problem until it is refunded', async () => {
    const paid = await pay(server, await bed.createOrder());
    await change(paid.payment.orderId, 'amount = 7000');
    await confirmUntil(bed, server, paid);
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
    await expect.poll(() => isOverpaid(paid.payment.orderId), { timeout: 10_000 }).toBe(true);
    await refund(server, paid.payment.id, 3_000);
    await expect.poll(() => isOverpaid(paid.payment.orderId), { timeout: 10_000 }).toBe(false);
  });

  test('what Stripe is processing is not given back for another amount: PAYMENT_IN_PROGRESS names it', async () => {
    const paid = await pay(server, await bed.createOrder());
    await confirmUntil(bed, server, paid, { method: 'pm_usBankAccount_success', status: 'PROCESSING' });
    await change(paid.payment.orderId, 'amount = 7000');
    await expect(pay(server, paid.payment.orderId, { amount: 7_000 })).rejects.toMatchObject({
      code: 'PAYMENT_IN_PROGRESS',
    });
    await expect(goOn(paid.payment.id)).rejects.toMatchObject({ code: 'PAYMENT_IN_PROGRESS' });
    expect(await pay(server, paid.payment.orderId, { amount: 7_000 }).catch(() => 'refused')).toBe('refused');
  });
});

test('without an amount column, pay for another amount while one is processed is PAYMENT_IN_PROGRESS', async () => {
  const free = await openTestBed({
    binding: { orderTable: 'public.shop_order', idColumn: 'id', ownerColumn: 'account_id' },
  });
  try {
    const freeServer = await free.start();
    const paid = await pay(freeServer, await free.createOrder());
    await confirmUntil(free, freeServer, paid, { method: 'pm_usBankAccount_success', status: 'PROCESSING' });
    const result = await freeServer.request(
      'mutation ($id: ID!) { pay(input: { orderId: $id, amount: 500, currency: "USD" }) { payment { id } } }',
      { id: paid.payment.orderId },
    );
    expect(result.errors?.[0]?.extensions).toMatchObject({ code: 'PAYMENT_IN_PROGRESS', paymentId: paid.payment.id });
    expect(await pay(freeServer, paid.payment.orderId)).toMatchObject({ payment: { id: paid.payment.id } });
  } finally {
    await free.close();
  }
});

describe('an order has one open collection, whichever kind', () => {
  test('while a renewal’s invoice is open its order takes no one-off payment, and the one to continue is named', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_chargeCustomerFail');
    await renew(bed);
    const [, open] = await eventually(
      () => readCharges(server, id),
      ([, later]) => later?.status === 'FAILED',
    );
    const result = await server.request(
      'mutation ($id: ID!) { pay(input: { orderId: $id, amount: 10000, currency: "USD" }) { payment { id } } }',
      { id: open?.orderId },
    );
    expect(result.errors?.[0]?.extensions).toMatchObject({ code: 'PAYMENT_IN_PROGRESS', paymentId: open?.id });
    const { clientSecret } = await goOn(open?.id ?? '');
    await bed.stripe.paymentIntents.confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa' });
    await eventually(
      () => readCharges(server, id),
      ([, later]) => later?.status === 'SUCCESSFUL',
    );
    await expect(pay(server, open?.orderId ?? '')).rejects.toMatchObject({ code: 'ORDER_ALREADY_PAID' });
  });

  test('the database itself refuses a second one', async () => {
    const { payment } = await pay(server, await bed.createOrder());
    await expect(
      bed.sql.query(
        `insert into tollgate.payment (order_id, amount, currency, livemode, stripe_account, stripe_invoice_id)
          select order_id, amount, currency, livemode, stripe_account, 'in_second' from tollgate.payment where id = $1`,
        [payment.id],
      ),
    ).rejects.toThrow(/payment_collects_once/);
  });
});

test('an attempt whose order is covered by a refund that failed later is withdrawn at Stripe', async () => {
  const { payment } = await payOrder(bed, server);
  const given = await refund(server, payment.id, 10_000);
  const second = await pay(server, payment.orderId);
  // The withdrawal's first call gets lost: it is repeated.
  await addFault(bed.sandbox, {
    match: { method: 'POST', path: '/v1/payment_intents/*' },
    kind: 'status',
    status: 500,
    times: 1,
  });
  await fetch(`${bed.sandbox.url}/_sandbox/refunds/${given.stripeRefundId}/fail`, { method: 'POST' });
  await expect.poll(() => statusAtStripe(second), { timeout: 10_000 }).toBe('canceled');
  await clearFaults(bed.sandbox);
  await expect.poll(async () => (await readPayment(server, second.payment.id))['status']).toBe('CANCELED');
  expect(await bed.orderStatus(payment.orderId)).toBe('paid');
});

test('where the second payment went through before the refund failed, the order has too much, and that is a problem at once', async () => {
  const { payment } = await payOrder(bed, server);
  const given = await refund(server, payment.id, 10_000);
  const second = await pay(server, payment.orderId);
  await confirm(bed, second);
  await expect.poll(async () => (await readPayment(server, second.payment.id))['status']).toBe('SUCCESSFUL');
  await fetch(`${bed.sandbox.url}/_sandbox/refunds/${given.stripeRefundId}/fail`, { method: 'POST' });
  await expect.poll(() => isOverpaid(payment.orderId), { timeout: 10_000 }).toBe(true);
});
