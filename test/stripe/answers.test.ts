import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../cli/command.js';
import { ask, confirm, confirmUntil, type Paid, pay, readPayment } from '../harness/payments.js';
import {
  cancel,
  eventually,
  type Initiated,
  initiate,
  intentOf,
  monthlyPrice,
  readRecurring,
} from '../harness/recurring.js';
import { ADMIN, payOrder, readMoney, readRefunds, refund, refundedAtStripe } from '../harness/refunds.js';
import { addFault, clearFaults } from '../harness/sandbox-control.js';
import { type Liar, openStripeProxy, type StripeAnswer, type StripeProxy } from '../harness/stripe-proxy.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const TIMEOUT_MS = 2_500;
const CAPTURE = `mutation ($input: CapturePaymentInput!) { capturePayment(input: $input) { payment { id status amountReceived } } }`;
const CANCEL = `mutation ($input: CancelPaymentInput!) { cancelPayment(input: $input) { payment { id status } } }`;

let bed: TestBed;
let proxy: StripeProxy;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  proxy = await openStripeProxy(bed.sandbox.url);
  server = await bed.start({
    environment: {
      STRIPE_API_BASE: proxy.url,
      TOLLGATE_STRIPE_TIMEOUT_MS: String(TIMEOUT_MS),
      TOLLGATE_RECONCILE_MINUTES: '0',
    },
    refundTiming: { leaseMs: 300, readsApartMs: 200 },
  });
});
afterEach(async () => {
  proxy.lie();
  await clearFaults(bed.sandbox);
});
afterAll(async () => {
  await bed.close();
  await proxy.close();
});

type Change = (body: StripeAnswer['body']) => unknown;

/** Lies about the first `times` calls of this kind: Stripe does what is asked, and something else comes back. */
const lieOnce = (method: string, path: RegExp, change: Change, times = 1): Liar => {
  let left = times;
  return async (call, forward) => {
    const answer = await forward();
    if (call.method !== method || !path.test(call.path) || left === 0) return answer;
    left -= 1;
    return { ...answer, body: change(answer.body) };
  };
};

/** Two calls of this kind get each other's answers. */
const swap = (method: string, path: RegExp): Liar => {
  const waiting: ((answer: StripeAnswer) => void)[] = [];
  const answers: StripeAnswer[] = [];
  return async (call, forward) => {
    const own = await forward();
    if (call.method !== method || !path.test(call.path) || answers.length === 2) return own;
    answers.push(own);
    if (answers.length === 2) {
      waiting[0]?.(own);
      return answers[0] ?? own;
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
};

const INTENTS = /^\/v1\/payment_intents$/;

/** From here on the call itself finds the truth, and no webhook. */
const dropEvents = (): Promise<unknown> =>
  addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });

/** Every object at Stripe that carries the mark of one of our rows. */
const intentsOf = async (paymentId: string): Promise<string[]> =>
  (await bed.stripe.paymentIntents.list({ limit: 100 })).data
    .filter(({ metadata }) => metadata['tollgate_payment'] === paymentId)
    .map(({ id }) => id);

const reconcile = async (environment: Record<string, string> = {}): Promise<void> => {
  const { code, stderr } = await runCommand(['reconcile', '--json'], { ...bed.environment, ...environment });
  expect(code, stderr).toBe(0);
};

/** The payment of an order, whatever `pay` said. */
const paymentOf = async (orderId: string): Promise<string> => {
  const { rows } = await bed.sql.query<{ id: string }>('select id::text from tollgate.payment where order_id = $1', [
    orderId,
  ]);
  expect(rows).toHaveLength(1);
  return rows[0]?.id ?? '';
};

/** The order is paid by the one intent that Stripe has for its payment. */
const assertPays = async (orderId: string): Promise<void> => {
  const paid = await pay(server, orderId);
  expect(paid.payment.id).toBe(await paymentOf(orderId));
  expect(await intentsOf(paid.payment.id)).toEqual([paid.payment.stripePaymentIntentId]);
  await confirmUntil(bed, server, paid);
  expect(await bed.orderStatus(orderId)).toBe('paid');
};

describe('an answer that is none', () => {
  test.each([
    '5',
    'true',
    '"text"',
    'null',
    '[]',
    '{}',
    '',
    '{"object":"payment_intent"}',
  ])('%j ends the call with an unknown outcome, and the next one goes on with what was made', async (raw) => {
    const orderId = await bed.createOrder();
    proxy.lie(async ({ method, path }, forward) => {
      const answer = await forward();
      return INTENTS.test(path) && method === 'POST' ? { raw } : answer;
    });
    const startedAt = performance.now();
    const first = await pay(server, orderId).catch(({ code }: { code: string }) => code);
    // It is refused for what it is, not for the time that it takes.
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS);
    if (typeof first === 'string') expect(first).toBe('STRIPE_UNAVAILABLE');
    proxy.lie();
    await assertPays(orderId);
  });

  test.each([
    'drip',
    'silence',
    'flood',
  ] as const)('one that comes as %s ends with the time of the whole call, and so do all that wait for it', async (kind) => {
    const orderId = await bed.createOrder();
    proxy.lie(async ({ method }, forward) => {
      const answer = await forward();
      return method === 'POST' ? kind : answer;
    });
    const startedAt = performance.now();
    const ends = await Promise.allSettled([pay(server, orderId), pay(server, orderId), pay(server, orderId)]);
    // Stripe's client alone would try three times as long.
    expect(performance.now() - startedAt).toBeLessThan(3 * TIMEOUT_MS);
    for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'STRIPE_UNAVAILABLE' } });
    proxy.lie();
    await assertPays(orderId);
  });
});

describe('an answer about another row', () => {
  test.each([
    ['the same amount', 10_000],
    ['another amount', 20_000],
  ])('two payments at once, with %s, that get each other’s answers keep their own intents', async (_, amount) => {
    const orders = [await bed.createOrder(), await bed.createOrder({ amount })] as const;
    proxy.lie(swap('POST', INTENTS));
    const paid = await Promise.all([pay(server, orders[0]), pay(server, orders[1], { amount })]);
    proxy.lie();
    for (const { payment } of paid) expect(await intentsOf(payment.id)).toEqual([payment.stripePaymentIntentId]);
    await confirmUntil(bed, server, paid[0]);
    expect(await Promise.all(orders.map(bed.orderStatus))).toEqual(['paid', 'pending']);
  });

  test('two recurring payments at once that get each other’s answers keep their own subscriptions', async () => {
    const orders = [await bed.createOrder(), await bed.createOrder()] as const;
    const priceId = await monthlyPrice(bed);
    proxy.lie(swap('POST', /^\/v1\/subscriptions$/));
    const started = await Promise.all(orders.map((orderId) => initiate(server, orderId, priceId)));
    proxy.lie();
    for (const { recurringPayment } of started) {
      const { metadata } = await bed.stripe.subscriptions.retrieve(recurringPayment.stripeSubscriptionId);
      expect(metadata['tollgate_recurring']).toBe(recurringPayment.id);
    }
  });

  test('two refunds at once that get each other’s answers keep their own', async () => {
    const paid = [await payOrder(bed, server), await payOrder(bed, server)] as const;
    proxy.lie(swap('POST', /^\/v1\/refunds$/));
    const made = await Promise.all(paid.map(({ payment }) => refund(server, payment.id, 4_000)));
    proxy.lie();
    for (const [at, { id }] of made.entries()) {
      const own = paid[at]?.payment.id ?? '';
      const [row] = await eventually(
        () => readRefunds(server, own),
        ([only]) => only?.status === 'REFUNDED',
      );
      expect(row?.id).toBe(id);
      expect(await bed.stripe.refunds.retrieve(row?.stripeRefundId ?? '')).toMatchObject({
        metadata: { tollgate_refund: id },
      });
      expect(await readRefunds(server, own)).toHaveLength(1);
    }
  });
});

describe('a wrong id in the answer to a create', () => {
  test('is dropped once Stripe was asked twice, and the intent found by its mark', async () => {
    const orderId = await bed.createOrder();
    proxy.lie(lieOnce('POST', INTENTS, (body) => ({ ...body, id: 'pi_wrong' })));
    await pay(server, orderId).catch(() => undefined);
    proxy.lie();
    await assertPays(orderId);
  });

  test('the customer who pays first all the same is heard', async () => {
    const orderId = await bed.createOrder();
    proxy.lie(lieOnce('POST', INTENTS, (body) => ({ ...body, id: 'pi_paid_first' })));
    await pay(server, orderId).catch(() => undefined);
    proxy.lie();
    const id = await paymentOf(orderId);
    const [intent] = await intentsOf(id);
    await bed.stripe.paymentIntents.confirm(intent ?? '', { payment_method: 'pm_card_visa' });
    await eventually(
      () => bed.orderStatus(orderId),
      (status) => status === 'paid',
    );
    expect(await readPayment(server, id)).toMatchObject({ status: 'SUCCESSFUL', stripePaymentIntentId: intent });
  });

  test('the same one for two orders leaves neither stuck: both are healed by one reconcile', async () => {
    const orders = [await bed.createOrder(), await bed.createOrder()];
    proxy.lie(lieOnce('POST', INTENTS, (body) => ({ ...body, id: 'pi_twice' }), 2));
    for (const orderId of orders) {
      const end = await pay(server, orderId).catch(({ code }: { code: string }) => code);
      if (typeof end === 'string') expect(end).toBe('STRIPE_UNAVAILABLE');
    }
    proxy.lie();
    await reconcile();
    for (const orderId of orders) {
      const id = await paymentOf(orderId);
      const [intent] = await intentsOf(id);
      expect(await readPayment(server, id)).toMatchObject({ stripePaymentIntentId: intent, status: 'PENDING' });
      await ask(server, CANCEL, { input: { id } });
    }
  });

  test('of a subscription is healed by reconcile too', async () => {
    const orderId = await bed.createOrder();
    const priceId = await monthlyPrice(bed);
    proxy.lie(lieOnce('POST', /^\/v1\/subscriptions$/, (body) => ({ ...body, id: 'sub_wrong' })));
    await initiate(server, orderId, priceId).catch(() => undefined);
    proxy.lie();
    await reconcile();
    const { recurringPayment, clientSecret } = await initiate(server, orderId, priceId);
    const { metadata } = await bed.stripe.subscriptions.retrieve(recurringPayment.stripeSubscriptionId);
    expect(metadata['tollgate_recurring']).toBe(recurringPayment.id);
    await bed.stripe.paymentIntents.confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa' });
    await eventually(
      () => bed.orderStatus(orderId),
      (status) => status === 'paid',
    );
  });
});

describe('a refund that is answered wrongly', () => {
  test.each<[string, Change]>([
    ['in another currency', (body) => ({ ...body, currency: 'eur' })],
    ['with another amount', (body) => ({ ...body, amount: 7_000 })],
    ['with another id', (body) => ({ ...body, id: 're_wrong' })],
    ['as another payment’s', (body) => ({ ...body, payment_intent: 'pi_another' })],
    ['without its mark', (body) => ({ ...body, metadata: {} })],
  ])('%s is one refund of the right amount on both sides', async (_, change) => {
    const paid = await payOrder(bed, server);
    await dropEvents();
    proxy.lie(lieOnce('POST', /^\/v1\/refunds$/, change));
    const { id } = await refund(server, paid.payment.id, 4_000);
    proxy.lie();
    // An answer that is wrong in its id alone looks right: Stripe's events tell.
    if ((await readRefunds(server, paid.payment.id))[0]?.stripeRefundId === 're_wrong') await reconcile();
    const [made] = (await bed.stripe.refunds.list({ payment_intent: paid.payment.stripePaymentIntentId })).data;
    await eventually(
      () => readRefunds(server, paid.payment.id),
      (rows) => rows.length === 1 && rows[0]?.status === 'REFUNDED' && rows[0].stripeRefundId === made?.id,
    );
    expect((await readRefunds(server, paid.payment.id))[0]).toMatchObject({ id, amount: 4_000, currency: 'USD' });
    expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 4_000, count: 1 });
    expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 4_000, amountRefundable: 6_000 });
  });
});

describe('a capture that is answered wrongly', () => {
  const hold = async (): Promise<Paid> => {
    const paid = await pay(server, await bed.createOrder(), { captureMethod: 'MANUAL' });
    await confirmUntil(bed, server, paid, { status: 'REQUIRES_CAPTURE' });
    return paid;
  };

  test.each<[string, Change]>([
    ['with another amount', (body) => ({ ...body, amount_received: 9_999 })],
    ['with more than was held', (body) => ({ ...body, amount: 90_000, amount_received: 90_000 })],
    ['in another currency', (body) => ({ ...body, currency: 'eur' })],
    ['as another intent', (body) => ({ ...body, id: 'pi_other' })],
    ['as if nothing had been done', (body) => ({ ...body, status: 'requires_capture', amount_received: 0 })],
    ['as canceled', (body) => ({ ...body, status: 'canceled', amount_received: 0 })],
  ])('%s ends as it is at Stripe', async (_, change) => {
    const { payment } = await hold();
    await dropEvents();
    proxy.lie(lieOnce('POST', /\/capture$/, change));
    await ask(server, CAPTURE, { input: { id: payment.id, amount: 6_000 } }, ADMIN);
    proxy.lie();
    expect(await readPayment(server, payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 6_000 });
  });
});

describe('a cancel that is answered wrongly', () => {
  /** Says what isn't so, and keeps the request from Stripe. */
  const pretend =
    (method: string, path: RegExp, change: Change): Liar =>
    async (call, forward) => {
      if (call.method !== method || !path.test(call.path)) return forward();
      const id = call.path.split('/')[3] ?? '';
      const present = call.path.startsWith('/v1/subscriptions')
        ? await bed.stripe.subscriptions.retrieve(id)
        : await bed.stripe.paymentIntents.retrieve(id);
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: change(JSON.parse(JSON.stringify(present))),
      };
    };

  test('of a payment, as done, leaves it open, for it can still be paid', async () => {
    const paid = await pay(server, await bed.createOrder());
    proxy.lie(pretend('POST', /\/cancel$/, (body) => ({ ...body, status: 'canceled' })));
    const cancelled = ask(server, CANCEL, { input: { id: paid.payment.id } });
    await expect(cancelled).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    proxy.lie();
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
    await confirmUntil(bed, server, paid);
  });

  test('of a recurring payment, as done, leaves it alive, for it can still begin', async () => {
    const orderId = await bed.createOrder();
    const { recurringPayment, clientSecret } = await initiate(server, orderId, await monthlyPrice(bed));
    proxy.lie(pretend('DELETE', /^\/v1\/subscriptions\//, (body) => ({ ...body, status: 'canceled' })));
    const ended = cancel(server, { recurringPaymentId: recurringPayment.id, at: 'NOW' });
    await expect(ended).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    proxy.lie();
    expect(await readRecurring(server, recurringPayment.id)).toMatchObject({ status: 'INCOMPLETE' });
    await bed.stripe.paymentIntents.confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa' });
    await eventually(
      () => readRecurring(server, recurringPayment.id),
      ({ status }) => status === 'ACTIVE',
    );
  });

  test('of another one’s leaves both as they are at Stripe', async () => {
    const priceId = await monthlyPrice(bed);
    const [one, other] = [
      await initiate(server, await bed.createOrder(), priceId),
      await initiate(server, await bed.createOrder(), priceId),
    ];
    await cancel(server, { recurringPaymentId: other.recurringPayment.id, at: 'NOW' });
    const ended = await bed.stripe.subscriptions.retrieve(other.recurringPayment.stripeSubscriptionId);
    proxy.lie(lieOnce('DELETE', /^\/v1\/subscriptions\//, () => JSON.parse(JSON.stringify(ended))));
    const answer = await cancel(server, { recurringPaymentId: one.recurringPayment.id, at: 'NOW' });
    proxy.lie();
    expect(answer).toMatchObject({
      id: one.recurringPayment.id,
      status: expect.stringMatching(/CANCELED|INCOMPLETE_EXPIRED/),
    });
    const { status } = await bed.stripe.subscriptions.retrieve(one.recurringPayment.stripeSubscriptionId);
    expect(status).toMatch(/canceled|incomplete_expired/);
  });

  test('a payment that is answered as paid at its creation is not paid', async () => {
    const orderId = await bed.createOrder();
    proxy.lie(lieOnce('POST', INTENTS, (body) => ({ ...body, status: 'succeeded', amount_received: 10_000 })));
    await pay(server, orderId).catch(() => undefined);
    proxy.lie();
    expect(await bed.orderStatus(orderId)).toBe('pending');
    await assertPays(orderId);
  });
});

describe('a read that is older than the truth', () => {
  beforeEach(dropEvents);

  test('leaves a payment PENDING until one reconcile, however young it is and whatever Stripe’s list of events holds', async () => {
    const paid = await pay(server, await bed.createOrder());
    const old = JSON.parse(
      JSON.stringify(await bed.stripe.paymentIntents.retrieve(paid.payment.stripePaymentIntentId)),
    );
    await confirm(bed, paid);
    const stale: Liar = async ({ method, path }, forward) => {
      const answer = await forward();
      if (path === '/v1/events') return { ...answer, body: { ...answer.body, data: [], has_more: false } };
      return method === 'GET' && path.endsWith(paid.payment.stripePaymentIntentId) ? { ...answer, body: old } : answer;
    };
    proxy.lie(stale);
    await reconcile({ STRIPE_API_BASE: proxy.url });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'PENDING' });
    proxy.lie(async ({ path }, forward) => {
      const answer = await forward();
      return path === '/v1/events' ? { ...answer, body: { ...answer.body, data: [], has_more: false } } : answer;
    });
    await reconcile({ STRIPE_API_BASE: proxy.url });
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
  });
});

describe('a status that is said once, of what could never go back', () => {
  /** The first answer of this kind says it. */
  const sayOnce = (path: RegExp, change: Change): void => proxy.lie(lieOnce('GET', path, change));
  const chargeOf = async (recurringId: string): Promise<Record<string, unknown>> => {
    const { rows } = await bed.sql.query<{ id: string }>(
      'select id::text from tollgate.payment where recurring_payment_id = $1 order by id desc limit 1',
      [recurringId],
    );
    return readPayment(server, rows[0]?.id ?? '');
  };

  test('of an invoice, void or paid, neither ends its payment nor settles its order', async () => {
    const priceId = await monthlyPrice(bed);
    const lies = new Map<string, string>();
    const started: Initiated[] = [];
    for (const status of ['void', 'paid']) {
      const made = await initiate(server, await bed.createOrder(), priceId);
      const { latest_invoice: invoice } = await bed.stripe.subscriptions.retrieve(
        made.recurringPayment.stripeSubscriptionId,
      );
      lies.set(`/v1/invoices/${invoice}`, status);
      started.push(made);
    }
    proxy.lie(async ({ method, path }, forward) => {
      const answer = await forward();
      const status = method === 'GET' ? lies.get(path) : undefined;
      return lies.delete(path) ? { ...answer, body: { ...answer.body, status } } : answer;
    });
    await reconcile({ STRIPE_API_BASE: proxy.url });
    proxy.lie();
    expect(lies.size).toBe(0);
    for (const { recurringPayment, clientSecret } of started) {
      expect(await chargeOf(recurringPayment.id)).toMatchObject({ status: 'PENDING' });
      await bed.stripe.paymentIntents.confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa' });
      await eventually(
        () => bed.orderStatus(recurringPayment.orderId),
        (status) => status === 'paid',
      );
    }
  });

  test('of what an event tells of: the object is read once more', async () => {
    const { recurringPayment, clientSecret } = await initiate(server, await bed.createOrder(), await monthlyPrice(bed));
    const { id, stripeSubscriptionId } = recurringPayment;
    const processed = async (about: string): Promise<number> =>
      (await bed.sql.query(`select from tollgate.stripe_event where object_id = $1 and status = 'PROCESSED'`, [about]))
        .rowCount ?? 0;
    const tell = async (about: string, path: RegExp, lie: object, work: () => Promise<unknown>): Promise<void> => {
      const before = await processed(about);
      sayOnce(path, (body) => ({ ...body, ...lie }));
      await work();
      await eventually(
        () => processed(about),
        (count) => count > before,
      );
      proxy.lie();
    };
    await tell(stripeSubscriptionId, /^\/v1\/subscriptions\/sub_/, { status: 'canceled' }, () =>
      bed.stripe.subscriptions.update(stripeSubscriptionId, { metadata: { note: 'as it was' } }),
    );
    expect(await readRecurring(server, id)).toMatchObject({ status: 'INCOMPLETE' });
    const invoiceId = String((await bed.stripe.subscriptions.retrieve(stripeSubscriptionId)).latest_invoice);
    await tell(invoiceId, /^\/v1\/invoices\/in_/, { status: 'void' }, () =>
      bed.stripe.paymentIntents
        .confirm(intentOf(clientSecret), { payment_method: 'pm_card_visa_chargeDeclined' })
        .catch(() => undefined),
    );
    await eventually(
      () => chargeOf(id),
      ({ status }) => status === 'FAILED',
    );
    const { payment } = await pay(server, await bed.createOrder());
    await tell(payment.stripePaymentIntentId, /^\/v1\/payment_intents\/pi_/, { status: 'canceled' }, () =>
      bed.stripe.paymentIntents
        .confirm(payment.stripePaymentIntentId, { payment_method: 'pm_card_visa_chargeDeclined' })
        .catch(() => undefined),
    );
    await eventually(
      () => readPayment(server, payment.id),
      ({ status }) => status === 'FAILED',
    );
  });

  test('of an invoice that is to be voided, as paid, leaves it to be voided', async () => {
    const { recurringPayment } = await initiate(server, await bed.createOrder(), await monthlyPrice(bed));
    const { id, stripeSubscriptionId } = recurringPayment;
    const invoiceId = String((await bed.stripe.subscriptions.retrieve(stripeSubscriptionId)).latest_invoice);
    await bed.sql.query(`update tollgate.payment set withdraw_at = null where stripe_invoice_id = $1`, [invoiceId]);
    sayOnce(/^\/v1\/invoices\/in_/, (body) => ({ ...body, status: 'paid' }));
    await cancel(server, { recurringPaymentId: id, at: 'NOW' });
    proxy.lie();
    await eventually(
      () => chargeOf(id),
      ({ status }) => status === 'CANCELED',
    );
    expect(await bed.stripe.invoices.retrieve(invoiceId)).toMatchObject({ status: 'void' });
  });
});
