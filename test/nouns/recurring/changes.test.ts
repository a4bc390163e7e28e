import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recurringCharge } from '../../../flows/recurring-charge.js';
import type { PaymentRequestData } from '../../../src/flows/payment-request.js';
import { ask } from '../../harness/payments.js';
import {
  alter,
  eventually,
  initiate,
  monthlyPrice,
  type Recurring,
  readCharges,
  readRecurring,
  renew,
  setLaterMethod,
  startActive,
} from '../../harness/recurring.js';
import { addFault, authenticate, clearFaults } from '../../harness/sandbox-control.js';
import { type As, openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

/** What the app was asked, and what it says. */
const asked: PaymentRequestData[] = [];
let isDeclined = false;
let lowered: number | undefined;

let bed: TestBed;
let server: Server;
let dear: string;
let cheap: string;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    flows: {
      paymentRequest: {
        beforePay(data, { decline }) {
          asked.push(data);
          if (isDeclined) decline('NO_UPGRADES', 'Upgrades are closed.');
        },
      },
      recurringCharge: { ...recurringCharge, amount: () => lowered },
    },
  });
  dear = await monthlyPrice(bed, { unit_amount: 20_000 });
  cheap = await monthlyPrice(bed, { unit_amount: 5_000 });
});
beforeEach(() => {
  asked.length = 0;
  isDeclined = false;
  lowered = undefined;
});
afterAll(() => bed.close());

const change = (recurringPaymentId: string, more: object, as?: As): Promise<Recurring> =>
  alter(server, 'changeRecurringPayment', { recurringPaymentId, ...more }, as);
/** The app brings its order to the new terms. */
const orderCosts = (orderId: string, amount: number) =>
  bed.sql.query('update public.shop_order set amount = $2 where id = $1', [orderId, amount]);
/** A change of terms that the order says too. */
const changeTo = async ({ id, orderId }: Recurring, amount: number, more: object): Promise<Recurring> => {
  await orderCosts(orderId, amount);
  return change(id, more);
};
const invoicesOf = async (subscription: string) =>
  (await bed.stripe.invoices.list({ subscription, limit: 100 })).data.reverse();
const itemAtStripe = async (id: string) => {
  const { items } = await bed.stripe.subscriptions.retrieve(id);
  return { priceId: items.data[0]?.price.id, quantity: items.data[0]?.quantity };
};
const orderCount = async (): Promise<number> =>
  Number((await bed.sql.query<{ count: string }>('select count(*) from public.shop_order')).rows[0]?.count);

describe('a change of terms now', () => {
  test('that charges at once makes no order: its payment is of the order that it was started for, and says so', async () => {
    const active = await startActive(bed, server);
    const orders = await orderCount();
    expect(active.agreedAmount).toBe(10_000);
    const changed = await changeTo(active, 20_000, { priceId: dear, proration: 'ALWAYS_INVOICE' });
    expect(changed).toMatchObject({ status: 'ACTIVE', priceId: dear, initialAmount: 10_000, agreedAmount: 20_000 });
    const [, difference, ...more] = await readCharges(server, active.id);
    expect(difference).toMatchObject({ orderId: active.orderId, status: 'SUCCESSFUL' });
    expect(difference?.amount).toBeGreaterThan(9_990);
    expect(difference?.amountReceived).toBe(difference?.amount);
    expect(more).toEqual([]);
    expect(await orderCount()).toBe(orders);
    const { rows } = await bed.sql.query<{ note: string }>(
      'select note from tollgate.change where node_id = $1 and note is not null',
      [difference?.id],
    );
    expect(rows[0]?.note).toContain('change of the recurring payment');
    const { rows: told } = await bed.sql.query<{ actor: string; note: string }>(
      `select actor, note from tollgate.change where node_id = $1 and note is not null and actor not like 'payment:%'`,
      [active.id],
    );
    expect(told).toEqual([{ actor: 'account:boss', note: `From 1 × ${active.priceId} to 1 × ${dear}.` }]);

    await renew(bed);
    const charges = await eventually(
      () => readCharges(server, active.id),
      (rows) => rows[2]?.status === 'SUCCESSFUL',
    );
    expect(charges[2]).toMatchObject({ amount: 20_000 });
    expect(charges[2]?.orderId).not.toBe(active.orderId);
  });

  test('with CREATE_PRORATIONS the next invoice holds the difference, with NONE it doesn’t', async () => {
    const [one, two] = [await startActive(bed, server), await startActive(bed, server)];
    expect(await changeTo(one, 20_000, { priceId: dear })).toMatchObject({ agreedAmount: 20_000 });
    expect(await changeTo(two, 30_000, { quantity: 3, proration: 'NONE' })).toMatchObject({
      priceId: two.priceId,
      quantity: 3,
      agreedAmount: 30_000,
    });
    for (const { id } of [one, two]) expect(await readCharges(server, id)).toHaveLength(1);
    await renew(bed);
    const amountOf = async (id: string): Promise<number> => {
      const charges = await eventually(
        () => readCharges(server, id),
        (rows) => rows[1]?.status === 'SUCCESSFUL',
      );
      return charges[1]?.amountReceived ?? 0;
    };
    expect(await amountOf(one.id)).toBeGreaterThan(29_990);
    expect(await amountOf(two.id)).toBe(30_000);
  });

  test('to less charges nothing, and what a later charge may be lowered to follows', async () => {
    const active = await startActive(bed, server);
    expect(await changeTo(active, 5_000, { priceId: cheap, proration: 'ALWAYS_INVOICE' })).toMatchObject({
      agreedAmount: 5_000,
    });
    expect((await invoicesOf(active.stripeSubscriptionId)).at(-1)?.total).toBeLessThan(0);
    expect(await readCharges(server, active.id)).toHaveLength(1);
    await changeTo(active, 20_000, { priceId: dear, proration: 'NONE' });
    // More than the first amount, and less than was agreed on.
    lowered = 15_000;
    await renew(bed);
    const invoice = (await invoicesOf(active.stripeSubscriptionId)).at(-1);
    expect(invoice?.total).toBe(15_000);
    lowered = 20_001;
    await renew(bed);
    const { rows } = await bed.sql.query<{ problem: string }>(
      'select problem from tollgate.renewal where recurring_payment_id = $1 order by created_at desc limit 1',
      [active.id],
    );
    expect(rows[0]?.problem).toBe('ABOVE_FIRST');
  });

  test('to another rhythm begins a new period, charged at once', async () => {
    const yearly = await monthlyPrice(bed, { unit_amount: 100_000, recurring: { interval: 'year' } });
    const active = await startActive(bed, server);
    const changed = await changeTo(active, 100_000, { priceId: yearly });
    expect(changed).toMatchObject({ priceId: yearly, agreedAmount: 100_000 });
    const [from, to] = [active, changed].map(({ currentPeriodEnd }) => new Date(currentPeriodEnd ?? 0).getTime());
    expect((to ?? 0) - (from ?? 0)).toBeGreaterThan(300 * 86_400_000);
    const charges = await readCharges(server, active.id);
    expect(charges[1]).toMatchObject({ orderId: active.orderId, status: 'SUCCESSFUL' });
    expect(charges[1]?.amount).toBeLessThan(90_100);
  });
});

test.each([
  'ALWAYS_INVOICE',
  'CREATE_PRORATIONS',
  'NONE',
])('a preview with %s says what the change charges now and next, and changes nothing', async (proration) => {
  const active = await startActive(bed, server);
  const preview = (input: object) =>
    ask<{ amountDueNow: number; nextAmount: number; nextAt: string; currency: string }>(
      server,
      `query ($input: ChangeRecurringPaymentInput!) { previewRecurringChange(input: $input) {
          amountDueNow nextAmount nextAt currency } }`,
      { input: { recurringPaymentId: active.id, proration, ...input } },
      { account: 'boss', roles: ['admin'] },
    );
  // From the middle of the period on.
  await renew(bed, 15 * 86_400);
  const said = await preview({ priceId: dear });
  expect(said).toMatchObject({ currency: 'USD', nextAt: active.currentPeriodEnd });
  expect(await preview({ priceId: dear, at: 'PERIOD_END' })).toMatchObject({
    amountDueNow: 0,
    nextAmount: 20_000,
    nextAt: active.currentPeriodEnd,
  });
  expect(await readRecurring(server, active.id)).toEqual(active);
  expect(await invoicesOf(active.stripeSubscriptionId)).toHaveLength(1);
  await changeTo(active, 20_000, { priceId: dear, proration });
  const paidNow = (await readCharges(server, active.id))[1]?.amountReceived ?? 0;
  expect(paidNow).toBe(said.amountDueNow);
  expect(paidNow > 0).toBe(proration === 'ALWAYS_INVOICE');
  await renew(bed, 19 * 86_400);
  const charges = await eventually(
    () => readCharges(server, active.id),
    (rows) => rows.at(-1)?.status === 'SUCCESSFUL' && rows.at(-1)?.orderId !== active.orderId,
  );
  expect(charges.at(-1)?.amountReceived).toBe(said.nextAmount);
});

describe('an upgrade whose payment fails', () => {
  test('leaves the old terms; paid with another card, the new ones stand', async () => {
    const active = await startActive(bed, server);
    await setLaterMethod(bed, active.stripeSubscriptionId, 'pm_card_chargeCustomerFail');
    const changed = await changeTo(active, 20_000, { priceId: dear, proration: 'ALWAYS_INVOICE' });
    expect(changed).toMatchObject({ status: 'ACTIVE', priceId: active.priceId, agreedAmount: 10_000 });
    const [, failed] = await readCharges(server, active.id);
    expect(failed).toMatchObject({ orderId: active.orderId, status: 'FAILED', amountReceived: 0 });
    // Once more: the same payment waits, and the card isn't asked again.
    await change(active.id, { priceId: dear, proration: 'ALWAYS_INVOICE' });
    expect(await readCharges(server, active.id)).toHaveLength(2);
    await bed.stripe.paymentIntents.confirm(failed?.stripePaymentIntentId ?? '', { payment_method: 'pm_card_visa' });
    await eventually(
      () => readRecurring(server, active.id),
      ({ priceId, agreedAmount }) => priceId === dear && agreedAmount === 20_000,
    );
    await eventually(
      () => readCharges(server, active.id),
      ([, paid]) => paid?.status === 'SUCCESSFUL',
    );
  });

  test('that the customer must confirm waits for them, and is dropped after a day', async () => {
    const active = await startActive(bed, server);
    await setLaterMethod(bed, active.stripeSubscriptionId, 'pm_card_authenticationRequired');
    expect(await changeTo(active, 20_000, { priceId: dear, proration: 'ALWAYS_INVOICE' })).toMatchObject({
      status: 'ACTIVE',
      priceId: active.priceId,
    });
    const [, open] = await readCharges(server, active.id);
    expect(open).toMatchObject({ status: 'REQUIRES_ACTION' });
    const { clientSecret } = await ask<{ clientSecret: string }>(
      server,
      'mutation ($input: ContinuePaymentInput!) { continuePayment(input: $input) { clientSecret } }',
      { input: { id: open?.id } },
    );
    expect(clientSecret).toContain(open?.stripePaymentIntentId);
    await authenticate(bed.sandbox, open?.stripePaymentIntentId ?? '', 'complete');
    await eventually(
      () => readRecurring(server, active.id),
      ({ priceId }) => priceId === dear,
    );
    await orderCosts(active.orderId, 5_000);
    await changeTo(active, 60_000, { quantity: 3, proration: 'ALWAYS_INVOICE' });
    await renew(bed, 24 * 3_600);
    const charges = await eventually(
      () => readCharges(server, active.id),
      (rows) => rows[2]?.status === 'CANCELED',
    );
    expect(charges).toHaveLength(3);
    expect(await readRecurring(server, active.id)).toMatchObject({
      status: 'ACTIVE',
      quantity: 1,
      agreedAmount: 20_000,
    });
  });
});

describe('many changes at once', () => {
  test('twenty of the same write it once, and charge once', async () => {
    const active = await startActive(bed, server);
    await orderCosts(active.orderId, 20_000);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => change(active.id, { priceId: dear, proration: 'ALWAYS_INVOICE' })),
    );
    expect(new Set(answers.map(({ priceId }) => priceId))).toEqual(new Set([dear]));
    expect(await readCharges(server, active.id)).toHaveLength(2);
    expect(await invoicesOf(active.stripeSubscriptionId)).toHaveLength(2);
  });

  test('twenty of different terms against two servers: one wins, the others get the newest state', async () => {
    const active = await startActive(bed, server);
    const other = await bed.start();
    bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
    const prices = await Promise.all(Array.from({ length: 20 }, () => monthlyPrice(bed, { unit_amount: 20_000 })));
    await orderCosts(active.orderId, 20_000);
    const answers = await Promise.all(
      prices.map((priceId, index) =>
        alter(index % 2 ? server : other, 'changeRecurringPayment', {
          recurringPaymentId: active.id,
          priceId,
          proration: 'ALWAYS_INVOICE',
        }),
      ),
    );
    const { priceId } = await readRecurring(server, active.id);
    expect(new Set(answers.map((answer) => answer.priceId))).toEqual(new Set([priceId]));
    expect(await itemAtStripe(active.stripeSubscriptionId)).toMatchObject({ priceId });
    expect(await invoicesOf(active.stripeSubscriptionId)).toHaveLength(2);
    await other.stop();
  });

  test('a key does nothing again, whatever was done since', async () => {
    const active = await startActive(bed, server);
    const key = { quantity: 2, proration: 'NONE', idempotencyKey: `two-${active.id}` };
    await changeTo(active, 20_000, key);
    await changeTo(active, 30_000, { quantity: 3, proration: 'NONE' });
    expect(await change(active.id, key)).toMatchObject({ quantity: 3 });
    await expect(change(active.id, { ...key, quantity: 4 })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });
});

describe('an answer that is lost', () => {
  test.each([
    ['the answer is lost', 'POST', { kind: 'disconnect-after-apply', times: 3 }],
    ['Stripe did it and answers 500', 'POST', { kind: 'status', status: 500, applied: true, saved: true, times: 3 }],
  ])('%s: the change is told as done, and charged once', async (_, method, fault) => {
    const active = await startActive(bed, server);
    await orderCosts(active.orderId, 20_000);
    await addFault(bed.sandbox, {
      ...fault,
      match: { method, path: `/v1/subscriptions/${active.stripeSubscriptionId}` },
    });
    const changed = await change(active.id, { priceId: dear, proration: 'ALWAYS_INVOICE' });
    await clearFaults(bed.sandbox);
    expect(changed).toMatchObject({ priceId: dear, agreedAmount: 20_000 });
    const charges = await eventually(
      () => readCharges(server, active.id),
      (rows) => rows[1]?.status === 'SUCCESSFUL',
    );
    expect(charges).toHaveLength(2);
  });

  test('of the invoice’s reading: the event brings the payment, and the same key goes on', async () => {
    const active = await startActive(bed, server);
    await orderCosts(active.orderId, 20_000);
    const wanted = { priceId: dear, proration: 'ALWAYS_INVOICE', idempotencyKey: `lost-${active.id}` };
    await addFault(bed.sandbox, {
      kind: 'disconnect-after-apply',
      times: 2,
      match: { method: 'GET', path: '/v1/invoices/*' },
    });
    await change(active.id, wanted).catch(({ code }: { code: string }) => expect(code).toBe('STRIPE_UNAVAILABLE'));
    await clearFaults(bed.sandbox);
    expect(await change(active.id, wanted)).toMatchObject({ priceId: dear });
    const charges = await eventually(
      () => readCharges(server, active.id),
      (rows) => rows[1]?.status === 'SUCCESSFUL',
    );
    expect(charges).toHaveLength(2);
  });
});

describe('what is refused', () => {
  test('terms that the order doesn’t say, another currency, unknown and archived prices, nothing asked for', async () => {
    const active = await startActive(bed, server);
    const { id } = active;
    await expect(change(id, { priceId: dear })).rejects.toMatchObject({ code: 'AMOUNT_MISMATCH' });
    const euros = await monthlyPrice(bed, { currency: 'eur' });
    await expect(change(id, { priceId: euros })).rejects.toMatchObject({ code: 'CURRENCY_MISMATCH' });
    await expect(change(id, { priceId: 'price_none' })).rejects.toMatchObject({ code: 'PRICE_NOT_FOUND' });
    const archived = await monthlyPrice(bed);
    await bed.stripe.prices.update(archived, { active: false });
    await expect(change(id, { priceId: archived })).rejects.toMatchObject({ code: 'PRICE_UNSUPPORTED' });
    await expect(change(id, {})).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(change(id, { quantity: 0 })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await readRecurring(server, id)).toEqual(active);
    // One's own price, archived since, still takes another quantity.
    await bed.stripe.prices.update(active.priceId, { active: false });
    expect(await changeTo(active, 20_000, { quantity: 2 })).toMatchObject({ quantity: 2 });
  });

  test('one that has not begun, another account’s, and without the permission', async () => {
    const { recurringPayment } = await initiate(server, await bed.createOrder(), await monthlyPrice(bed));
    await expect(change(recurringPayment.id, { quantity: 2 })).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    const { id } = await startActive(bed, server);
    await expect(change(id, { quantity: 2 }, { account: 'customer' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('what the app declines: it is asked with the new terms, and nothing is written', async () => {
    const active = await startActive(bed, server);
    isDeclined = true;
    await orderCosts(active.orderId, 20_000);
    asked.length = 0;
    await expect(change(active.id, { priceId: dear })).rejects.toMatchObject({ code: 'DECLINED_BY_APP' });
    expect(asked).toEqual([
      {
        orderId: active.orderId,
        amount: 20_000,
        currency: 'USD',
        accountId: 'customer',
        mode: 'ELEMENTS',
        change: {
          recurringPaymentId: active.id,
          priceId: dear,
          quantity: 1,
          at: 'NOW',
          previousAmount: 10_000,
        },
      },
    ]);
    expect(await itemAtStripe(active.stripeSubscriptionId)).toMatchObject({ priceId: active.priceId });
  });
});

test('a change in Stripe’s dashboard arrives, and is agreed on', async () => {
  const active = await startActive(bed, server);
  const { items } = await bed.stripe.subscriptions.retrieve(active.stripeSubscriptionId);
  await bed.stripe.subscriptions.update(active.stripeSubscriptionId, {
    items: [{ id: items.data[0]?.id ?? '', quantity: 4 }],
  });
  await eventually(
    () => readRecurring(server, active.id),
    ({ quantity, agreedAmount }) => quantity === 4 && agreedAmount === 40_000,
  );
});
