import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, pay } from '../../harness/payments.js';
import {
  cancel,
  eventually,
  initiate,
  intentOf,
  monthlyPrice,
  readCharges,
  readRecurring,
  renew,
  resume,
  startActive,
  watchUntil,
} from '../../harness/recurring.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

describe('starting a recurring payment', () => {
  test('its first charge is a payment of the initiating order, and the order is paid', async () => {
    const orderId = await bed.createOrder();
    const priceId = await monthlyPrice(bed);
    const { recurringPayment, clientSecret, clientSecretType } = await initiate(server, orderId, priceId);
    expect(recurringPayment).toMatchObject({
      orderId,
      priceId,
      status: 'INCOMPLETE',
      initialAmount: 10_000,
      currency: 'USD',
    });
    expect(clientSecretType).toBe('PAYMENT');
    const [pending] = await readCharges(server, recurringPayment.id);
    expect(pending).toMatchObject({ orderId, status: 'PENDING', amount: 10_000, amountReceived: 0 });

    const active = watchUntil(server, recurringPayment.id, ({ status }) => status === 'ACTIVE');
    await bed.stripe.paymentIntents.confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa' });
    const seen = await active;
    const versions = seen.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    const [paid, ...more] = await eventually(
      () => readCharges(server, recurringPayment.id),
      ([first]) => first?.status === 'SUCCESSFUL',
    );
    expect(paid).toMatchObject({ id: pending?.id, orderId, amountReceived: 10_000 });
    expect(more).toEqual([]);
    expect(await bed.orderStatus(orderId)).toBe('paid');
  });

  test('twenty at once start one subscription, and all get its secret', async () => {
    const orderId = await bed.createOrder();
    const priceId = await monthlyPrice(bed);
    const answers = await Promise.all(Array.from({ length: 20 }, () => initiate(server, orderId, priceId)));
    expect(new Set(answers.map(({ recurringPayment }) => recurringPayment.id)).size).toBe(1);
    expect(new Set(answers.map(({ clientSecret }) => clientSecret)).size).toBe(1);
    const { data } = await bed.stripe.subscriptions.list({ price: priceId, status: 'all' });
    expect(data).toHaveLength(1);
  });

  test('an account gets one customer, also when it starts many at once', async () => {
    const priceId = await monthlyPrice(bed);
    const orders = await Promise.all(Array.from({ length: 5 }, () => bed.createOrder({ account: 'racer' })));
    await Promise.all(orders.map((orderId) => initiate(server, orderId, priceId, {}, { account: 'racer' })));
    const { data } = await bed.stripe.subscriptions.list({ price: priceId, status: 'all' });
    expect(data).toHaveLength(5);
    expect(new Set(data.map(({ customer }) => customer)).size).toBe(1);
  });

  test('the same price again gives the living one back, another price is refused', async () => {
    const { id, orderId, priceId } = await startActive(bed, server);
    expect((await initiate(server, orderId, priceId)).recurringPayment.id).toBe(id);
    await expect(initiate(server, orderId, await monthlyPrice(bed))).rejects.toMatchObject({
      code: 'RECURRING_ALREADY_EXISTS',
    });
  });

  test('one-off and recurring payments of an order keep out of each other’s way', async () => {
    const priceId = await monthlyPrice(bed);
    const [open, recurring] = [await bed.createOrder(), await bed.createOrder()];
    await pay(server, open);
    await expect(initiate(server, open, priceId)).rejects.toMatchObject({ code: 'PAYMENT_IN_PROGRESS' });
    await initiate(server, recurring, priceId);
    await expect(pay(server, recurring)).rejects.toMatchObject({ code: 'RECURRING_ALREADY_EXISTS' });
  });

  test('prices that are unknown, archived, one-off, or of another amount or currency are refused', async () => {
    const orderId = await bed.createOrder();
    const refusal = (priceId: string) => initiate(server, orderId, priceId).catch(({ code }: { code: string }) => code);
    const archived = await monthlyPrice(bed);
    await bed.stripe.prices.update(archived, { active: false });
    const product = await bed.stripe.products.create({ name: 'Mug' });
    const oneOff = await bed.stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 10_000 });
    expect(await refusal('price_nobody')).toBe('PRICE_NOT_FOUND');
    expect(await refusal(archived)).toBe('PRICE_UNSUPPORTED');
    expect(await refusal(oneOff.id)).toBe('PRICE_UNSUPPORTED');
    expect(await refusal(await monthlyPrice(bed, { unit_amount: 9_900 }))).toBe('AMOUNT_MISMATCH');
    expect(await refusal(await monthlyPrice(bed, { currency: 'eur' }))).toBe('CURRENCY_MISMATCH');
    expect(
      (await initiate(server, orderId, await monthlyPrice(bed, { unit_amount: 5_000 }), { quantity: 2 }))
        .recurringPayment,
    ).toMatchObject({ initialAmount: 10_000, quantity: 2 });
  });

  test('another currency than that of a living one is CURRENCY_MISMATCH before anything is made at Stripe, also at once', async () => {
    const as = { account: 'two-currencies' };
    const [inDollars, inEuros] = [
      await bed.createOrder({ account: as.account }),
      await bed.createOrder({ account: as.account, currency: 'EUR' }),
    ];
    const [dollars, euros] = [await monthlyPrice(bed), await monthlyPrice(bed, { currency: 'eur' })];
    const ends = await Promise.allSettled([
      initiate(server, inDollars, dollars, {}, as),
      initiate(server, inEuros, euros, {}, as),
    ]);
    expect(ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))).toMatchObject([
      { code: 'CURRENCY_MISMATCH', message: expect.stringMatching(/recurring payment \d+ is in (USD|EUR)/) },
    ]);
    const [made] = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.recurringPayment] : []));
    await cancel(server, { recurringPaymentId: made?.id ?? '' }, as);
    const [orderId, priceId] = made?.currency === 'USD' ? [inEuros, euros] : [inDollars, dollars];
    expect(await initiate(server, orderId, priceId, {}, as)).toMatchObject({
      recurringPayment: { status: 'INCOMPLETE' },
    });
    const { rows } = await bed.sql.query(
      'select status from tollgate.recurring_payment where account_id = $1 order by id',
      [as.account],
    );
    expect(rows.map(({ status }) => status === 'INCOMPLETE')).toEqual([false, true]);
  });

  test('an idempotency key gives the same answer again, and refuses other arguments', async () => {
    const [orderId, priceId] = [await bed.createOrder(), await monthlyPrice(bed)];
    const first = await initiate(server, orderId, priceId, { idempotencyKey: 'k1' });
    const again = await initiate(server, orderId, priceId, { idempotencyKey: 'k1' });
    expect(again.recurringPayment.id).toBe(first.recurringPayment.id);
    await expect(initiate(server, orderId, priceId, { idempotencyKey: 'k1', quantity: 2 })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });
});

describe('two processes', () => {
  test('twenty at once against two servers start one subscription', async () => {
    const other = await bed.start();
    const [orderId, priceId] = [await bed.createOrder(), await monthlyPrice(bed)];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => initiate(index % 2 ? server : other, orderId, priceId)),
    );
    expect(new Set(answers.map(({ clientSecret }) => clientSecret)).size).toBe(1);
    const { data } = await bed.stripe.subscriptions.list({ price: priceId, status: 'all' });
    expect(data).toHaveLength(1);
    await other.stop();
    bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
  });

  test.each([
    ['the answer is lost', { kind: 'disconnect-after-apply', times: 3 }],
    ['Stripe made it and answers 500', { kind: 'status', status: 500, applied: true, saved: true, times: 3 }],
    ['Stripe answers 500 and made nothing', { kind: 'status', status: 500, times: 3 }],
  ])('one subscription, also when %s', async (_, fault) => {
    const [orderId, priceId] = [await bed.createOrder(), await monthlyPrice(bed)];
    await addFault(bed.sandbox, { ...fault, match: { method: 'POST', path: '/v1/subscriptions' } });
    await initiate(server, orderId, priceId).catch(({ code }: { code: string }) => {
      expect(code).toBe('STRIPE_UNAVAILABLE');
    });
    await clearFaults(bed.sandbox);
    const { recurringPayment } = await initiate(server, orderId, priceId);
    const { data } = await bed.stripe.subscriptions.list({ price: priceId, status: 'all' });
    expect(data.map(({ id }) => id)).toEqual([recurringPayment.stripeSubscriptionId]);
  });
});

describe('the end of a recurring payment', () => {
  test('works below the plan PRO, where nothing can be started or resumed', async () => {
    const { id, priceId } = await startActive(bed, server);
    const boss = { account: 'boss', roles: ['admin'] };
    const setPlan = (plan: string) =>
      ask(
        server,
        'mutation ($input: SetPlanInput!) { setPlan(input: $input) { liveRecurringPayments } }',
        { input: { plan } },
        boss,
      );
    await setPlan('BASIC');
    await expect(initiate(server, await bed.createOrder(), priceId)).rejects.toMatchObject({
      code: 'FEATURE_INACTIVE',
    });
    await expect(resume(server, id)).rejects.toMatchObject({ code: 'FEATURE_INACTIVE' });
    expect(await cancel(server, { recurringPaymentId: id })).toMatchObject({ status: 'CANCELED' });
    await setPlan('PRO');
  });

  test('now: Stripe has canceled it, and a second cancel is told that it has ended', async () => {
    const { id, orderId, stripeSubscriptionId } = await startActive(bed, server);
    const ended = await cancel(server, { orderId, idempotencyKey: `end-${id}` });
    expect(ended).toMatchObject({ id, status: 'CANCELED' });
    expect(ended.endedAt).not.toBeNull();
    expect((await bed.stripe.subscriptions.retrieve(stripeSubscriptionId)).status).toBe('canceled');
    expect(await cancel(server, { orderId, idempotencyKey: `end-${id}` })).toMatchObject({ id, status: 'CANCELED' });
    await expect(cancel(server, { recurringPaymentId: id })).rejects.toMatchObject({
      code: 'RECURRING_NOT_CANCELABLE',
    });
    await expect(cancel(server, { recurringPaymentId: id, orderId })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('with its period, taken back, and scheduled by date in the dashboard, taken back as well', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    expect(await cancel(server, { recurringPaymentId: id, at: 'PERIOD_END' })).toMatchObject({
      status: 'ACTIVE',
      cancelAtPeriodEnd: true,
    });
    expect(await resume(server, id)).toMatchObject({ status: 'ACTIVE', cancelAtPeriodEnd: false, cancelAt: null });
    const { items } = await bed.stripe.subscriptions.retrieve(stripeSubscriptionId);
    const soon = (items.data[0]?.current_period_end ?? 0) - 3_600;
    await bed.stripe.subscriptions.update(stripeSubscriptionId, { cancel_at: soon });
    await watchUntil(server, id, ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd);
    expect((await readRecurring(server, id)).cancelAt).toBe(new Date(soon * 1000).toISOString());
    expect(await resume(server, id)).toMatchObject({ cancelAtPeriodEnd: false, cancelAt: null });
    expect((await bed.stripe.subscriptions.retrieve(stripeSubscriptionId)).cancel_at).toBeNull();
  });

  test('a repeated key does nothing again, whatever was done since, and answers with the row as it is', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    const end = { recurringPaymentId: id, at: 'PERIOD_END', idempotencyKey: `end-${id}` };
    await cancel(server, end);
    await resume(server, id, { idempotencyKey: `on-${id}` });
    expect(await cancel(server, end)).toMatchObject({ id, cancelAtPeriodEnd: false });
    expect((await bed.stripe.subscriptions.retrieve(stripeSubscriptionId)).cancel_at_period_end).toBe(false);
    await cancel(server, { recurringPaymentId: id, at: 'PERIOD_END' });
    expect(await resume(server, id, { idempotencyKey: `on-${id}` })).toMatchObject({ id, cancelAtPeriodEnd: true });
    expect((await bed.stripe.subscriptions.retrieve(stripeSubscriptionId)).cancel_at_period_end).toBe(true);
    await expect(cancel(server, { ...end, at: 'NOW' })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  test('a cancel whose answer got lost is read again and told as done; repeated, it touches no later one', async () => {
    const [orderId, priceId] = [await bed.createOrder(), await monthlyPrice(bed)];
    const { id } = (await initiate(server, orderId, priceId)).recurringPayment;
    const end = { orderId, idempotencyKey: `lost-${id}` };
    await addFault(bed.sandbox, {
      kind: 'disconnect-after-apply',
      times: 3,
      match: { method: 'DELETE', path: '/v1/subscriptions/*' },
    });
    expect(await cancel(server, end)).toMatchObject({ id, status: 'INCOMPLETE_EXPIRED' });
    await clearFaults(bed.sandbox);
    await eventually(
      () => readRecurring(server, id),
      ({ status }) => status === 'INCOMPLETE_EXPIRED',
    );
    const later = await initiate(server, orderId, priceId);
    expect(await cancel(server, end)).toMatchObject({ id, status: 'INCOMPLETE_EXPIRED' });
    expect(await readRecurring(server, later.recurringPayment.id)).toMatchObject({ status: 'INCOMPLETE' });
  });

  test('many at once with one key end it once, and each is told so', async () => {
    const { id } = await startActive(bed, server);
    const end = { recurringPaymentId: id, idempotencyKey: `together-${id}` };
    const ended = await Promise.all(Array.from({ length: 8 }, () => cancel(server, end)));
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['CANCELED']));
  });

  test('what was refused is refused again with the same key', async () => {
    const { id } = await startActive(bed, server);
    await cancel(server, { recurringPaymentId: id });
    for (let time = 1; time <= 2; time += 1) {
      await expect(cancel(server, { recurringPaymentId: id, idempotencyKey: `late-${id}` })).rejects.toMatchObject({
        code: 'RECURRING_NOT_CANCELABLE',
      });
      await expect(resume(server, id, { idempotencyKey: `late-${id}` })).rejects.toMatchObject({
        code: 'ILLEGAL_TRANSITION',
      });
    }
  });

  test('one that was made with other keys is left to those', async () => {
    const orderId = await bed.createOrder();
    const { rows } = await bed.sql.query<{ id: string }>(
      `insert into tollgate.recurring_payment (order_id, account_id, price_id, quantity, status, initial_amount, currency,
          livemode, stripe_account, stripe_subscription_id)
        values ($1, 'customer', 'price_1', 1, 'ACTIVE', 10000, 'USD', false, 'acct_other', 'sub_other') returning id::text`,
      [orderId],
    );
    const id = rows[0]?.id ?? '';
    const refusal = { code: 'ILLEGAL_TRANSITION', message: expect.stringContaining('another Stripe account or mode') };
    await expect(cancel(server, { recurringPaymentId: id })).rejects.toMatchObject(refusal);
    await expect(resume(server, id)).rejects.toMatchObject(refusal);
  });

  test('pauses and cancels of the dashboard arrive', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    const paused = watchUntil(server, id, ({ collectionPaused }) => collectionPaused);
    await bed.stripe.subscriptions.update(stripeSubscriptionId, { pause_collection: { behavior: 'void' } });
    await paused;
    const canceled = watchUntil(server, id, ({ status }) => status === 'CANCELED');
    await bed.stripe.subscriptions.cancel(stripeSubscriptionId);
    await canceled;
  });

  test('a customer who was deleted at Stripe ends it, and gets a new customer for the next one', async () => {
    const as = { account: 'gone' };
    const orderId = await bed.createOrder(as);
    const { recurringPayment } = await initiate(server, orderId, await monthlyPrice(bed), {}, as);
    const { customer } = await bed.stripe.subscriptions.retrieve(recurringPayment.stripeSubscriptionId);
    await bed.stripe.customers.del(String(customer));
    await eventually(
      () => readRecurring(server, recurringPayment.id, as),
      ({ status }) => status === 'CANCELED' || status === 'INCOMPLETE_EXPIRED',
    );
    const next = await initiate(server, orderId, await monthlyPrice(bed), {}, as);
    const { customer: successor } = await bed.stripe.subscriptions.retrieve(next.recurringPayment.stripeSubscriptionId);
    expect(successor).not.toBe(customer);
  });

  test('someone else can neither see nor end it', async () => {
    const { id, orderId } = await startActive(bed, server);
    const stranger = { account: 'stranger' };
    expect(await readRecurring(server, id, stranger)).toBeNull();
    await expect(cancel(server, { recurringPaymentId: id }, stranger)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(cancel(server, { orderId }, stranger)).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
    expect(await cancel(server, { orderId }, { account: 'boss', roles: ['admin'] })).toMatchObject({
      status: 'CANCELED',
    });
  });
});

describe('a later charge', () => {
  test('makes one new order, paid, and the initiating one stays as it is', async () => {
    const { id, orderId } = await startActive(bed, server);
    await renew(bed);
    const charges = await eventually(
      () => readCharges(server, id),
      (rows) => rows.length === 2 && rows.every(({ status }) => status === 'SUCCESSFUL'),
    );
    expect(charges.map((charge) => charge.orderId)).toEqual([orderId, expect.not.stringMatching(`^${orderId}$`)]);
    expect(await bed.orderStatus(charges[1]?.orderId ?? '')).toBe('paid');
  });
});
