import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { paymentCallback } from '../../../flows/payment-callback.js';
import type { PaymentCallbackData } from '../../../src/flows/flows.js';
import { ask, pay, readPayment } from '../../harness/payments.js';
import {
  cancel,
  eventually,
  initiate,
  intentOf,
  monthlyPrice,
  readCharges,
  readRecurring,
  renew,
  setLaterMethod,
  startActive,
} from '../../harness/recurring.js';
import { refund } from '../../harness/refunds.js';
import { advanceClock } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const DAY = 86_400;

let bed: TestBed;
let server: Server;
/** What the payment callback was told, by payment. */
const told = new Map<string, PaymentCallbackData>();
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    flows: {
      paymentCallback: {
        run(data, context) {
          if (data.paymentStatus === 'SUCCESSFUL') told.set(data.payment.id, data);
          return paymentCallback.run(data, context);
        },
      },
    },
  });
});
afterAll(() => bed.close());

const isSettled = (id: string) =>
  ask<{ settledOutOfBand: boolean }>(server, 'query ($id: ID!) { payment(id: $id) { settledOutOfBand } }', { id });

const chargesOf = (id: string, count: number, status: string) =>
  eventually(
    () => readCharges(server, id),
    (rows) => rows.length === count && rows.at(-1)?.status === status,
  );
const statusOf = (orderId: string, status: string) =>
  eventually(
    () => bed.orderStatus(orderId),
    (now) => now === status,
  );

/** Credit of the account's customer at Stripe, in US cents; a recurring payment of before made the customer. */
const giveCredit = async (account: string, amount: number): Promise<void> => {
  const { rows } = await bed.sql.query<{ id: string }>(
    'select stripe_customer_id as id from tollgate.stripe_customer where account_id = $1',
    [account],
  );
  await bed.stripe.customers.createBalanceTransaction(rows[0]?.id ?? '', { amount: -amount, currency: 'usd' });
};

/** An account that Stripe knows, and an order of its own. */
const knownAccount = async (account: string) => {
  const as = { account };
  const first = await initiate(server, await bed.createOrder({ account }), await monthlyPrice(bed), {}, as);
  await bed.stripe.paymentIntents.confirm(intentOf(first.clientSecret), { payment_method: 'pm_card_visa' });
  return { as, orderId: await bed.createOrder({ account }), priceId: await monthlyPrice(bed) };
};

const readAs = (as: { account: string }, id: string) =>
  ask<{
    payments: { edges: { node: { id: string; status: string; amountReceived: number; settledOutOfBand: boolean } }[] };
  }>(
    server,
    'query ($id: ID!) { recurringPayment(id: $id) { payments { edges { node { id status amountReceived settledOutOfBand } } } } }',
    { id },
    as,
  ).then(({ payments }) => payments.edges.map(({ node }) => node));

describe('an invoice that was paid out of band', () => {
  test('settles its order: the flow is told, the API shows it, and nothing is counted as received', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    await setLaterMethod(bed, stripeSubscriptionId, 'pm_card_chargeCustomerFail');
    await renew(bed);
    await chargesOf(id, 2, 'FAILED');
    const [invoice] = (await bed.stripe.invoices.list({ subscription: stripeSubscriptionId })).data;
    await bed.stripe.invoices.pay(invoice?.id ?? '', { paid_out_of_band: true });
    const [first, settled] = await chargesOf(id, 2, 'SUCCESSFUL');
    if (!first || !settled) throw new Error('no charges');
    expect(settled).toMatchObject({ amount: 10_000, amountReceived: 0 });
    await statusOf(settled.orderId, 'paid');
    expect(await isSettled(settled.id)).toEqual({ settledOutOfBand: true });
    expect(await isSettled(first.id)).toEqual({ settledOutOfBand: false });
    expect(told.get(settled.id)).toMatchObject({
      settledOutOfBand: true,
      orderPaidAmount: 0,
      orderCoveredAmount: 10_000,
    });
    expect(told.get(first.id)).toMatchObject({ settledOutOfBand: false, orderPaidAmount: 10_000 });
    await expect(refund(server, settled.id, 100)).rejects.toMatchObject({
      code: 'PAYMENT_NOT_REFUNDABLE',
      message: expect.stringContaining('settled out of band or from credit'),
    });
    await expect(pay(server, settled.orderId)).rejects.toMatchObject({ code: 'ORDER_ALREADY_PAID' });
  });

  test('settles the order of a first invoice too, which nobody can pay again', async () => {
    const orderId = await bed.createOrder();
    const { recurringPayment } = await initiate(server, orderId, await monthlyPrice(bed));
    const [invoice] = (await bed.stripe.invoices.list({ subscription: recurringPayment.stripeSubscriptionId })).data;
    await bed.stripe.invoices.pay(invoice?.id ?? '', { paid_out_of_band: true });
    await statusOf(orderId, 'paid');
    await eventually(
      () => readRecurring(server, recurringPayment.id),
      ({ status }) => status === 'ACTIVE',
    );
    await expect(pay(server, orderId)).rejects.toMatchObject({ code: 'ORDER_ALREADY_PAID' });
  });
});

describe("an invoice that the customer's credit covers", () => {
  test('settles the order that the recurring payment was started for', async () => {
    const { as, orderId, priceId } = await knownAccount('credit-first');
    await giveCredit('credit-first', 10_000);
    const { recurringPayment } = await initiate(server, orderId, priceId, {}, as);
    await statusOf(orderId, 'paid');
    await eventually(
      () => readRecurring(server, recurringPayment.id, as),
      ({ status }) => status === 'ACTIVE',
    );
    const [payment] = await readAs(as, recurringPayment.id);
    expect(payment).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 0, settledOutOfBand: true });
    await expect(pay(server, orderId, {}, as)).rejects.toMatchObject({ code: 'ORDER_ALREADY_PAID' });
  });

  test('in part settles it once the rest is received; what was received alone can be refunded, and paid again', async () => {
    const { as, orderId, priceId } = await knownAccount('credit-part');
    await giveCredit('credit-part', 4_000);
    const { recurringPayment, clientSecret } = await initiate(server, orderId, priceId, {}, as);
    const [open] = await readAs(as, recurringPayment.id);
    expect(open).toMatchObject({ status: 'PENDING', settledOutOfBand: false });
    await bed.stripe.paymentIntents.confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa' });
    await statusOf(orderId, 'paid');
    const [payment] = await readAs(as, recurringPayment.id);
    expect(payment).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 6_000, settledOutOfBand: true });
    await expect(refund(server, payment?.id ?? '', 6_001)).rejects.toMatchObject({ code: 'REFUND_EXCEEDS_PAYMENT' });
    await refund(server, payment?.id ?? '', 6_000);
    await statusOf(orderId, 'partially_refunded');
    await expect(pay(server, orderId, {}, as)).rejects.toMatchObject({ code: 'AMOUNT_MISMATCH' });
    await cancel(server, { recurringPaymentId: recurringPayment.id }, as);
    expect(await pay(server, orderId, { amount: 6_000 }, as)).toMatchObject({ payment: { amount: 6_000 } });
  });

  test('settles a later order alike', async () => {
    const { as, orderId, priceId } = await knownAccount('credit-later');
    const { recurringPayment, clientSecret } = await initiate(server, orderId, priceId, {}, as);
    await bed.stripe.paymentIntents.confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa' });
    await statusOf(orderId, 'paid');
    await giveCredit('credit-later', 50_000);
    await renew(bed);
    const [later] = await eventually(
      () => readAs(as, recurringPayment.id),
      (rows) => rows.length === 2 && rows[0]?.status === 'SUCCESSFUL',
    );
    expect(later).toMatchObject({ amountReceived: 0, settledOutOfBand: true });
    const { orderId: laterOrder } = await ask<{ orderId: string }>(
      server,
      'query ($id: ID!) { payment(id: $id) { orderId } }',
      { id: later?.id },
      as,
    );
    await statusOf(laterOrder, 'paid');
  });
});

describe('a trial that ends without a card', () => {
  test('is PAST_DUE with a payment that waits, then CANCELED with it: nothing is left payable', async () => {
    const priceId = await monthlyPrice(bed, { recurring: { interval: 'month', trial_period_days: 7 } });
    const { recurringPayment } = await initiate(server, await bed.createOrder(), priceId);
    const { id, stripeSubscriptionId } = recurringPayment;
    await advanceClock(bed.sandbox, 7 * DAY + 7_200);
    await eventually(
      () => readRecurring(server, id),
      ({ status }) => status === 'PAST_DUE',
    );
    const [waiting] = await chargesOf(id, 1, 'PENDING');
    await advanceClock(bed.sandbox, 40 * DAY);
    await eventually(
      () => readRecurring(server, id),
      ({ status }) => status === 'CANCELED',
    );
    await eventually(
      () => readPayment(server, waiting?.id ?? ''),
      ({ status }) => status === 'CANCELED',
    );
    const invoices = (await bed.stripe.invoices.list({ subscription: stripeSubscriptionId })).data;
    expect(invoices.filter(({ status }) => status === 'open')).toEqual([]);
  });
});
