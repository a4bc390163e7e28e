import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { complete, REDIRECTS, SHOP, sessionOf, sessionsOf } from '../../harness/checkout.js';
import { ask, pay } from '../../harness/payments.js';
import {
  cancel,
  eventually,
  monthlyPrice,
  type Recurring,
  readCharges,
  readRecurring,
  renew,
  watchUntil,
} from '../../harness/recurring.js';
import { addFault, advanceClock, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let priceId: string;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: REDIRECTS });
  priceId = await monthlyPrice(bed);
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const INITIATE = `mutation ($input: InitiateRecurringPaymentInput!) { initiateRecurringPayment(input: $input) {
  recurringPayment { id status version stripeSubscriptionId } clientSecret checkoutUrl } }`;

interface Begun {
  readonly recurringPayment: Recurring;
  readonly clientSecret: string | null;
  readonly checkoutUrl: string | null;
}

const begin = (orderId: string, more: object = {}): Promise<Begun> =>
  ask(server, INITIATE, {
    input: {
      orderId,
      priceId,
      mode: 'CHECKOUT',
      successUrl: `${SHOP}/done`,
      cancelUrl: `${SHOP}/cart`,
      ...more,
    },
  });

describe('a recurring payment that begins on Stripe’s page', () => {
  test('learns its subscription when the customer pays, and renews into new orders', async () => {
    const orderId = await bed.createOrder();
    const begun = await begin(orderId);
    expect(begun).toMatchObject({
      recurringPayment: { status: 'INCOMPLETE', stripeSubscriptionId: null },
      clientSecret: null,
    });
    const { id } = begun.recurringPayment;
    expect(await bed.stripe.checkout.sessions.retrieve(sessionOf(begun.checkoutUrl))).toMatchObject({
      mode: 'subscription',
      customer: expect.stringMatching(/^cus_/),
      metadata: { tollgate_order: orderId, tollgate_recurring: id },
    });
    expect(await complete(bed, begun.checkoutUrl)).toBe(200);
    await watchUntil(server, id, ({ status }) => status === 'ACTIVE');
    const [first] = await eventually(
      () => readCharges(server, id),
      ([charge]) => charge?.status === 'SUCCESSFUL',
    );
    expect(first).toMatchObject({ orderId, amountReceived: 10_000 });
    expect(await bed.orderStatus(orderId)).toBe('paid');
    const { stripeSubscriptionId } = await readRecurring(server, id);
    const subscription = await bed.stripe.subscriptions.retrieve(stripeSubscriptionId);
    expect(subscription.metadata).toMatchObject({ tollgate_recurring: id });
    await renew(bed);
    const charges = await eventually(
      () => readCharges(server, id),
      (rows) => rows.length === 2 && rows[1]?.status === 'SUCCESSFUL',
    );
    expect(charges[1]?.orderId).not.toBe(orderId);
  });

  test('many calls at once make one page, which later calls give again; asked after the payment, it is ACTIVE', async () => {
    const orderId = await bed.createOrder();
    const answers = await Promise.all(Array.from({ length: 6 }, () => begin(orderId)));
    expect(new Set(answers.map(({ checkoutUrl }) => checkoutUrl)).size).toBe(1);
    expect(await sessionsOf(bed, orderId)).toHaveLength(1);
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'delay', delayMs: 3_000, times: 30 });
    await complete(bed, answers[0]?.checkoutUrl ?? null);
    expect(await begin(orderId)).toMatchObject({ recurringPayment: { status: 'ACTIVE' }, checkoutUrl: null });
    await clearFaults(bed.sandbox);
    await bed.sandbox.settled();
  });

  test('a decline leaves the page open for another card', async () => {
    const orderId = await bed.createOrder();
    const begun = await begin(orderId);
    expect(await complete(bed, begun.checkoutUrl, 'pm_card_visa_chargeDeclined')).toBe(402);
    await bed.sandbox.settled();
    expect(await begin(orderId)).toMatchObject({
      recurringPayment: { id: begun.recurringPayment.id, status: 'INCOMPLETE' },
      checkoutUrl: begun.checkoutUrl,
    });
    await complete(bed, begun.checkoutUrl);
    await watchUntil(server, begun.recurringPayment.id, ({ status }) => status === 'ACTIVE');
  });

  test('a trial begins without a charge', async () => {
    const trial = await monthlyPrice(bed, { recurring: { interval: 'month', trial_period_days: 7 } });
    const begun = await begin(await bed.createOrder(), { priceId: trial });
    await complete(bed, begun.checkoutUrl);
    await watchUntil(server, begun.recurringPayment.id, ({ status }) => status === 'TRIALING');
  });

  test('a page whose time runs out ends it, and the order takes another one', async () => {
    const orderId = await bed.createOrder();
    const begun = await begin(orderId);
    await expect(pay(server, orderId)).rejects.toMatchObject({ code: 'RECURRING_ALREADY_EXISTS' });
    await advanceClock(bed.sandbox, 25 * 3_600);
    await watchUntil(server, begun.recurringPayment.id, ({ status }) => status === 'INCOMPLETE_EXPIRED');
    expect((await begin(orderId)).recurringPayment.id).not.toBe(begun.recurringPayment.id);
  });

  test('cancelling closes the page, also after a decline', async () => {
    for (const declines of [false, true]) {
      const orderId = await bed.createOrder();
      const begun = await begin(orderId);
      if (declines) await complete(bed, begun.checkoutUrl, 'pm_card_visa_chargeDeclined');
      await bed.sandbox.settled();
      const ended = await cancel(server, { orderId });
      expect(['CANCELED', 'INCOMPLETE_EXPIRED']).toContain(ended.status);
      expect((await bed.stripe.checkout.sessions.retrieve(sessionOf(begun.checkoutUrl))).status).toBe('expired');
      await expect(cancel(server, { orderId })).rejects.toMatchObject({ code: 'RECURRING_NOT_CANCELABLE' });
    }
  });

  test('the other mode takes the place of one that has not begun', async () => {
    const orderId = await bed.createOrder();
    const page = await begin(orderId);
    const card = await begin(orderId, { mode: 'ELEMENTS', successUrl: null, cancelUrl: null });
    expect(card.clientSecret).not.toBeNull();
    expect((await bed.stripe.checkout.sessions.retrieve(sessionOf(page.checkoutUrl))).status).toBe('expired');
    const back = await begin(orderId);
    expect(back.checkoutUrl).not.toBeNull();
    expect(await readRecurring(server, card.recurringPayment.id)).toMatchObject({
      status: expect.stringMatching(/CANCELED|INCOMPLETE_EXPIRED/),
    });
  });

  test('a page elsewhere is refused before anything is made', async () => {
    const orderId = await bed.createOrder();
    await expect(begin(orderId, { successUrl: 'https://evil.example/' })).rejects.toMatchObject({
      code: 'REDIRECT_NOT_ALLOWED',
    });
    expect(await sessionsOf(bed, orderId)).toEqual([]);
  });

  test('an unclear answer of Stripe makes no second page', async () => {
    const orderId = await bed.createOrder();
    const match = { method: 'POST', path: '/v1/checkout/sessions' };
    await addFault(bed.sandbox, { match, kind: 'status', status: 500, applied: true, times: 3 });
    await expect(begin(orderId)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await clearFaults(bed.sandbox);
    expect((await begin(orderId)).checkoutUrl).not.toBeNull();
    expect(await sessionsOf(bed, orderId)).toHaveLength(1);
  });
});
