import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../../harness/payments.js';
import {
  eventually,
  initiate,
  intentOf,
  monthlyPrice,
  readCharges,
  readRecurring,
  renew,
  setLaterMethod,
  startActive,
  watchUntil,
} from '../../harness/recurring.js';
import { readMoney } from '../../harness/refunds.js';
import { advanceClock, authenticate } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const DAY = 24 * 3_600;

let bed: TestBed;
let server: Server;
let failures = 0;
beforeAll(async () => {
  bed = await openTestBed();
  const { recurringCharge } = await import('../../../flows/recurring-charge.js');
  server = await bed.start({
    flows: {
      recurringCharge: {
        createOrder: (charge, context) => {
          if (failures > 0) {
            failures -= 1;
            throw new Error('the shop is closed');
          }
          return recurringCharge.createOrder(charge, context);
        },
      },
    },
  });
});
afterAll(() => bed.close());

const invoicesOf = async (subscription: string) =>
  (await bed.stripe.invoices.list({ subscription, limit: 100, expand: ['data.payments'] })).data.reverse();

const chargesOf = (id: string, count: number, status: string) =>
  eventually(
    () => readCharges(server, id),
    (rows) => rows.length === count && rows.at(-1)?.status === status,
  );

test('createOrder throws twice and then works: one order, one payment', async () => {
  const { id } = await startActive(bed, server);
  const before = await bed.sql.query('select count(*)::int as n from public.shop_order');
  failures = 2;
  await renew(bed);
  await chargesOf(id, 2, 'SUCCESSFUL');
  const after = await bed.sql.query('select count(*)::int as n from public.shop_order');
  expect(after.rows[0].n).toBe(before.rows[0].n + 1);
});

test('a refund that is heard of before its renewal has a payment is recorded once it has one', async () => {
  const { id, stripeSubscriptionId } = await startActive(bed, server);
  failures = Number.POSITIVE_INFINITY;
  await renew(bed);
  const [, invoice] = await invoicesOf(stripeSubscriptionId);
  const intent = invoice?.payments?.data[0]?.payment.payment_intent;
  await bed.stripe.refunds.create({ payment_intent: String(intent), amount: 2_500 });
  await bed.sandbox.settled();
  const refundEvents = async () =>
    (
      await bed.sql.query<{ status: string }>(
        `select status from tollgate.stripe_event where payload::json #>> '{data,object,payment_intent}' = $1
          and (type like 'refund.%' or type like 'charge.refund%')`,
        [String(intent)],
      )
    ).rows.map(({ status }) => status);
  expect(new Set(await refundEvents())).toEqual(new Set(['IGNORED']));
  failures = 0;
  const [, charge] = await chargesOf(id, 2, 'SUCCESSFUL');
  await eventually(refundEvents, (all) => all.every((status) => status === 'PROCESSED'));
  expect(await readMoney(server, charge?.id ?? '')).toMatchObject({ amountReceived: 10_000, amountRefunded: 2_500 });
  expect(await bed.orderStatus(charge?.orderId ?? '')).toBe('partially_refunded');
});

test('a declined renewal is FAILED and PAST_DUE; a later success of the same invoice pays the same order', async () => {
  const { id, stripeSubscriptionId } = await startActive(bed, server);
  await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_chargeCustomerFail');
  await renew(bed);
  const [, failed] = await chargesOf(id, 2, 'FAILED');
  await eventually(
    () => readRecurring(server, id),
    ({ status }) => status === 'PAST_DUE',
  );
  expect(await bed.orderStatus(failed?.orderId ?? '')).toBe('pending');
  await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_visa');
  await advanceClock(bed.sandbox, 8 * DAY);
  const [, paid] = await chargesOf(id, 2, 'SUCCESSFUL');
  expect(paid).toMatchObject({ id: failed?.id, orderId: failed?.orderId, amountReceived: 10_000 });
  expect(await bed.orderStatus(paid?.orderId ?? '')).toBe('paid');
  await eventually(
    () => readRecurring(server, id),
    ({ status }) => status === 'ACTIVE',
  );
});

test('a renewal that needs the customer goes on with continuePayment', async () => {
  const { id, stripeSubscriptionId } = await startActive(bed, server);
  await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_authenticationRequired');
  await renew(bed);
  const [, waiting] = await eventually(
    () => readCharges(server, id),
    (rows) => rows.length === 2 && ['REQUIRES_ACTION', 'FAILED'].includes(rows[1]?.status ?? ''),
  );
  const { clientSecret, clientSecretType } = await ask<{ clientSecret: string; clientSecretType: string }>(
    server,
    'mutation ($id: ID!) { continuePayment(input: { id: $id }) { clientSecret clientSecretType } }',
    { id: waiting?.id },
  );
  expect(clientSecretType).toBe('PAYMENT');
  expect(intentOf(clientSecret)).toBe(waiting?.stripePaymentIntentId);
  const intent = await bed.stripe.paymentIntents.retrieve(intentOf(clientSecret));
  if (intent.status !== 'requires_action')
    await bed.stripe.paymentIntents.confirm(intent.id, {
      payment_method: 'pm_card_authenticationRequired',
      return_url: 'https://shop.example/return',
    });
  await authenticate(bed.sandbox, intent.id, 'complete');
  expect((await chargesOf(id, 2, 'SUCCESSFUL'))[1]).toMatchObject({ id: waiting?.id, orderId: waiting?.orderId });
});

test('an invoice that is voided after a decline cancels its payment', async () => {
  const { id, stripeSubscriptionId } = await startActive(bed, server);
  await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_chargeCustomerFail');
  await renew(bed);
  await chargesOf(id, 2, 'FAILED');
  const invoice = (await invoicesOf(stripeSubscriptionId)).at(-1);
  await bed.stripe.invoices.voidInvoice(invoice?.id ?? '');
  await chargesOf(id, 2, 'CANCELED');
});

test('a trial starts with a setup secret and no payment; its first charge makes an order of its own', async () => {
  const orderId = await bed.createOrder();
  const priceId = await monthlyPrice(bed, { recurring: { interval: 'month', trial_period_days: 14 } });
  const started = await initiate(server, orderId, priceId);
  const { id } = started.recurringPayment;
  expect(started).toMatchObject({
    clientSecretType: 'SETUP',
    recurringPayment: { status: 'TRIALING', initialAmount: 10_000 },
  });
  await bed.stripe.setupIntents.confirm(intentOf(started.clientSecret), { payment_method: 'pm_card_visa' });
  expect(await readCharges(server, id)).toEqual([]);
  await advanceClock(bed.sandbox, 14 * DAY + 7_200);
  const [charge] = await chargesOf(id, 1, 'SUCCESSFUL');
  expect(charge?.orderId).not.toBe(orderId);
  await watchUntil(server, id, ({ status }) => status === 'ACTIVE');
});
