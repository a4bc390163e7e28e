import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { goOn, paymentUntil } from '../../harness/checkout.js';
import { countWrites, keepMethod, OPERATOR, removeMethod } from '../../harness/methods.js';
import { ask, confirm, pay, readPayment } from '../../harness/payments.js';
import { eventually, initiate, monthlyPrice, readCharges, renew } from '../../harness/recurring.js';
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
    // So that both servers' confirmations are under way at once.
    await addFault(bed.sandbox, {
      kind: 'delay',
      delayMs: 800,
      times: 2,
      match: { method: 'POST', path: '/v1/payment_intents/*' },
    });
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

describe('a recurring payment with a saved method', () => {
  const begin = (orderId: string, priceId: string, more: object, as: As = AS, on = server) =>
    initiate(on, orderId, priceId, more, as);

  test('begins at once, and its renewals go to that method', async () => {
    const id = await keep('pm_card_mastercard');
    const { recurringPayment } = await begin(await bed.createOrder(), await monthlyPrice(bed), { paymentMethodId: id });
    expect(recurringPayment.status).toBe('ACTIVE');
    const subscription = await bed.stripe.subscriptions.retrieve(recurringPayment.stripeSubscriptionId);
    expect(subscription.default_payment_method).toBe(id);
    await renew(bed);
    const charges = await eventually(
      () => readCharges(server, recurringPayment.id),
      (rows) => rows.length === 2 && rows.every(({ status }) => status === 'SUCCESSFUL'),
    );
    expect(new Set(charges.map(({ orderId }) => orderId)).size).toBe(2);
  });

  test('twenty at once, on two servers, begin one subscription and charge once; so does one whose answer is lost', async () => {
    const paymentMethodId = await keep();
    const priceId = await monthlyPrice(bed);
    const orderId = await bed.createOrder();
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, at) => begin(orderId, priceId, { paymentMethodId }, AS, at % 2 ? server : other)),
    );
    expect(new Set(all.map(({ recurringPayment }) => recurringPayment.stripeSubscriptionId)).size).toBe(1);
    const lost = await bed.createOrder();
    await addFault(bed.sandbox, {
      kind: 'disconnect-after-apply',
      times: 3,
      match: { method: 'POST', path: '/v1/subscriptions' },
    });
    await begin(lost, priceId, { paymentMethodId }).catch((error: { code: string }) =>
      expect(error.code).toBe('STRIPE_UNAVAILABLE'),
    );
    await clearFaults(bed.sandbox);
    expect((await begin(lost, priceId, { paymentMethodId })).recurringPayment.status).toBe('ACTIVE');
    const { data } = await bed.stripe.subscriptions.list({ price: priceId });
    expect(data.map(({ metadata }) => metadata['tollgate_order']).sort()).toEqual([orderId, lost].sort());
  });

  test('that is declined, or whose bank asks, is INCOMPLETE, and its customer goes on', async () => {
    for (const method of ['pm_card_chargeCustomerFail', 'pm_card_authenticationRequired']) {
      const orderId = await bed.createOrder();
      const priceId = await monthlyPrice(bed);
      const started = await begin(orderId, priceId, { paymentMethodId: await keep(method) });
      expect(started).toMatchObject({ recurringPayment: { status: 'INCOMPLETE' }, clientSecretType: 'PAYMENT' });
      const again = await begin(orderId, priceId, { paymentMethodId: await keep() });
      expect(again.recurringPayment).toMatchObject({ status: 'ACTIVE' });
      expect(again.recurringPayment.id).not.toBe(started.recurringPayment.id);
    }
  });

  test('of another account is refused, and so is one on Stripe’s page', async () => {
    const id = await keepMethod(bed, server, { account: 'another' });
    const orderId = await bed.createOrder();
    const priceId = await monthlyPrice(bed);
    await expect(begin(orderId, priceId, { paymentMethodId: id })).rejects.toMatchObject({
      code: 'PAYMENT_METHOD_NOT_FOUND',
    });
    await expect(begin(orderId, priceId, { paymentMethodId: id, mode: 'CHECKOUT' })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });
});
