import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { goOn, paymentUntil } from '../../harness/checkout.js';
import { countWrites, keepMethod, OPERATOR, removeMethod } from '../../harness/methods.js';
import { ask, confirm, pay, readPayment } from '../../harness/payments.js';
import { eventually } from '../../harness/recurring.js';
import { addFault, authenticate, clearFaults } from '../../harness/sandbox-control.js';
import { type As, openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let other: Server;
beforeAll(async () => {
  bed = await openTestBed();
  other = await bed.start();
  server = await bed.start();
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const AS: As = { account: 'customer' };
const keep = (method?: string) => keepMethod(bed, server, { account: 'customer', ...(method && { method }) });
const payWith = (orderId: string, paymentMethodId: string, more: object = {}, as: As = AS, on = server) =>
  pay(on, orderId, { paymentMethodId, ...more }, as);
const chargesOf = async (intent: string) => (await bed.stripe.charges.list({ payment_intent: intent })).data;
/** The order's payments, oldest first. */
const paymentsOf = async (orderId: string) =>
  (
    await bed.sql.query<{ id: string; status: string; intent: string }>(
      'select id, status, stripe_payment_intent_id as intent from tollgate.payment where order_id = $1 order by id',
      [orderId],
    )
  ).rows;

describe('a payment with a saved method', () => {
  test('is confirmed by the server, and its order is paid', async () => {
    const orderId = await bed.createOrder();
    const paid = await payWith(orderId, await keep());
    expect(paid).toMatchObject({ payment: { status: 'SUCCESSFUL' }, clientSecret: null });
    expect(await bed.orderStatus(orderId)).toBe('paid');
  });

  test('twenty at once, on two servers, with a key or without, charge once', async () => {
    const id = await keep();
    for (const more of [{}, { idempotencyKey: 'twenty' }]) {
      const orderId = await bed.createOrder();
      const all = await Promise.allSettled(
        Array.from({ length: 20 }, (_, at) => payWith(orderId, id, more, AS, at % 2 ? server : other)),
      );
      for (const one of all)
        if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'ORDER_ALREADY_PAID' });
        else expect(one.value.payment.status).toBe('SUCCESSFUL');
      const [payment, ...others] = await paymentsOf(orderId);
      expect(others).toEqual([]);
      expect(await chargesOf(payment?.intent ?? '')).toHaveLength(1);
    }
  });

  test('that is declined is tried once by twenty at once, and each is told so; the customer may go on with another', async () => {
    const id = await keep('pm_card_chargeCustomerFail');
    const orderId = await bed.createOrder();
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => payWith(orderId, id, {}, AS, at % 2 ? server : other)),
    );
    expect(all.map((one) => one.status === 'rejected' && (one.reason as { code: string }).code)).toEqual(
      Array(20).fill('STRIPE_DECLINED'),
    );
    const [payment, ...others] = await paymentsOf(orderId);
    expect(others).toEqual([]);
    expect(await chargesOf(payment?.intent ?? '')).toHaveLength(1);
    const { errors } = await server.request(
      'mutation ($input: PayInput!) { pay(input: $input) { payment { id } } }',
      { input: { orderId, amount: 10_000, currency: 'USD', paymentMethodId: id } },
      AS,
    );
    expect(errors?.[0]?.extensions).toMatchObject({ declineCode: 'generic_decline', paymentId: payment?.id });
    expect(await chargesOf(payment?.intent ?? '')).toHaveLength(1);
    const continued = await goOn(server, payment?.id ?? '');
    expect(continued.clientSecret).toContain(payment?.intent);
    await bed.stripe.paymentIntents.confirm(payment?.intent ?? '', { payment_method: 'pm_card_visa' });
    await paymentUntil(server, payment?.id ?? '', 'SUCCESSFUL');
    expect(await bed.orderStatus(orderId)).toBe('paid');
  });

  test('that was declined is tried again with another key, or with another method: one attempt is open', async () => {
    const failing = await keep('pm_card_chargeCustomerFail');
    const orderId = await bed.createOrder();
    for (const idempotencyKey of ['try-1', 'try-2', 'try-2'])
      await expect(payWith(orderId, failing, { idempotencyKey })).rejects.toMatchObject({ code: 'STRIPE_DECLINED' });
    expect((await paymentsOf(orderId)).map(({ status }) => status)).toEqual(['CANCELED', 'FAILED']);
    expect(await payWith(orderId, await keep())).toMatchObject({ payment: { status: 'SUCCESSFUL' } });
    expect((await paymentsOf(orderId)).map(({ status }) => status)).toEqual(['CANCELED', 'CANCELED', 'SUCCESSFUL']);
  });

  test('whose bank asks, the customer there, is REQUIRES_ACTION with a client secret', async () => {
    const id = await keep('pm_card_authenticationRequired');
    const orderId = await bed.createOrder();
    const paid = await payWith(orderId, id);
    expect(paid).toMatchObject({ payment: { status: 'REQUIRES_ACTION' }, clientSecretType: 'PAYMENT' });
    expect(await payWith(orderId, id)).toMatchObject({ clientSecret: paid.clientSecret });
    await authenticate(bed.sandbox, paid.payment.stripePaymentIntentId, 'complete');
    await paymentUntil(server, paid.payment.id, 'SUCCESSFUL');
  });

  test('whose bank asks while nobody is there is declined with authentication_required, and the customer goes on', async () => {
    const id = await keep('pm_card_authenticationRequired');
    const orderId = await bed.createOrder();
    const { errors } = await server.request(
      'mutation ($input: PayInput!) { pay(input: $input) { payment { id } } }',
      { input: { orderId, amount: 10_000, currency: 'USD', paymentMethodId: id, offSession: true } },
      OPERATOR,
    );
    const [payment] = await paymentsOf(orderId);
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'STRIPE_DECLINED',
      declineCode: 'authentication_required',
      paymentId: payment?.id,
    });
    expect(await readPayment(server, payment?.id ?? '')).toMatchObject({
      status: 'FAILED',
      failureCode: 'authentication_required',
    });
    const continued = await goOn(server, payment?.id ?? '');
    expect(continued.clientSecret).toContain(payment?.intent);
    await bed.stripe.paymentIntents.confirm(payment?.intent ?? '', {
      payment_method: id,
      return_url: 'https://shop.example',
    });
    await authenticate(bed.sandbox, payment?.intent ?? '', 'complete');
    await paymentUntil(server, payment?.id ?? '', 'SUCCESSFUL');
  });

  test('off session takes PAYMENT_MANAGE and a method; a card that was set up for it goes through', async () => {
    const id = await keep('pm_card_authenticationRequiredSetupForOffSession');
    const orderId = await bed.createOrder();
    await expect(payWith(orderId, id, { offSession: true })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(pay(server, orderId, { offSession: true }, OPERATOR)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    await expect(payWith(orderId, id, { mode: 'CHECKOUT' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await payWith(orderId, id, { offSession: true }, OPERATOR)).toMatchObject({
      payment: { status: 'SUCCESSFUL' },
    });
  });

  test('takes PAYMENT_MANAGE where the order is another’s', async () => {
    const id = await keep();
    const orderId = await bed.createOrder();
    const grant = 'mutation ($input: RolePermissionInput!) { grantPermission(input: $input) { role { name } } }';
    for (const permission of ['PAYMENT_READ_ANY', 'PAYMENT_CREATE'])
      await ask(server, grant, { input: { role: 'clerk', permission } }, OPERATOR);
    await expect(payWith(orderId, id, {}, { account: 'clerk', roles: ['clerk'] })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  test.each([
    ['the answer that made it is lost', '/v1/payment_intents'],
    ['the answer that confirmed it is lost', '/v1/payment_intents/*'],
  ])('charges once although %s', async (_, path) => {
    const id = await keep();
    const orderId = await bed.createOrder();
    await addFault(bed.sandbox, { kind: 'disconnect-after-apply', times: 3, match: { method: 'POST', path } });
    await payWith(orderId, id, { idempotencyKey: orderId }).catch((error: { code: string }) =>
      expect(error.code).toBe('STRIPE_UNAVAILABLE'),
    );
    await clearFaults(bed.sandbox);
    expect(await payWith(orderId, id, { idempotencyKey: orderId })).toMatchObject({
      payment: { status: 'SUCCESSFUL' },
    });
    const [payment, ...others] = await paymentsOf(orderId);
    expect(others).toEqual([]);
    expect(await chargesOf(payment?.intent ?? '')).toHaveLength(1);
  });

  test('with a method that was removed meanwhile tells so, and the order can be paid with another', async () => {
    const id = await keep();
    const orderId = await bed.createOrder();
    await removeMethod(server, id, AS);
    await expect(payWith(orderId, id)).rejects.toMatchObject({ code: 'PAYMENT_METHOD_NOT_FOUND' });
    expect(await payWith(orderId, await keep())).toMatchObject({ payment: { status: 'SUCCESSFUL' } });
  });

  test('whose order changed before a repeated key came is not charged', async () => {
    const id = await keep();
    const orderId = await bed.createOrder();
    // Nothing but the intent is made: the confirmation never reaches Stripe.
    await addFault(bed.sandbox, {
      kind: 'status',
      status: 503,
      times: 10,
      match: { method: 'POST', path: '/v1/payment_intents/*' },
    });
    await expect(payWith(orderId, id, { idempotencyKey: orderId })).rejects.toMatchObject({
      code: 'STRIPE_UNAVAILABLE',
    });
    await clearFaults(bed.sandbox);
    await bed.sql.query('update public.shop_order set amount = 20000 where id = $1', [orderId]);
    await expect(payWith(orderId, id, { idempotencyKey: orderId })).rejects.toMatchObject({ code: 'AMOUNT_MISMATCH' });
    const [payment] = await eventually(
      () => paymentsOf(orderId),
      ([row]) => row?.status === 'CANCELED',
    );
    expect(await chargesOf(payment?.intent ?? '')).toEqual([]);
  });

  test('a page that is left open is closed where the customer pays with a saved method', async () => {
    const orderId = await bed.createOrder();
    const first = await pay(server, orderId, {}, AS);
    expect(await payWith(orderId, await keep())).toMatchObject({ payment: { status: 'SUCCESSFUL' } });
    await confirm(bed, first).catch(() => undefined);
    expect((await bed.stripe.paymentIntents.retrieve(first.payment.stripePaymentIntentId)).status).toBe('canceled');
    expect(await countWrites(bed, /\/confirm$/)).toBeGreaterThan(0);
  });
});
