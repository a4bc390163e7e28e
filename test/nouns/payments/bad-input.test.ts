import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CURRENCIES } from '../../../src/core/currencies.js';
import { largestCharge } from '../../../src/core/money.js';
import { ask, pay } from '../../harness/payments.js';
import { initiate } from '../../harness/recurring.js';
import { clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const countPayments = async (): Promise<number> =>
  Number((await bed.sql.query('select count(*) from tollgate.payment')).rows[0]?.count);
const countRequests = async (): Promise<number> =>
  ((await (await fetch(`${bed.sandbox.url}/_sandbox/requests`)).json()) as { total: number }).total;

describe('a wrong pay is refused in words before Stripe is called', () => {
  const cases: [string, object, string][] = [
    ['an unknown order', { orderId: '999999' }, 'ORDER_NOT_FOUND'],
    ['an order id that is no key', { orderId: "1' or true" }, 'ORDER_NOT_FOUND'],
    ['a huge order id', { orderId: '99999999999999999999' }, 'ORDER_NOT_FOUND'],
    ['an amount that is not the order’s', { amount: 9_999 }, 'AMOUNT_MISMATCH'],
    ['a currency that is not the order’s', { currency: 'EUR' }, 'CURRENCY_MISMATCH'],
    ['a fraction', { amount: 100.5 }, 'BAD_USER_INPUT'],
    ['a negative amount', { amount: -100 }, 'BAD_USER_INPUT'],
    ['thirteen digits', { amount: '1000000000000' }, 'BAD_USER_INPUT'],
    ['zero', { amount: 0 }, 'AMOUNT_INVALID'],
    ['less than Stripe charges', { amount: 49 }, 'AMOUNT_INVALID'],
    ['a currency that Stripe does not have', { currency: 'XXX' }, 'CURRENCY_UNSUPPORTED'],
    ['three decimals with a last digit', { currency: 'KWD', amount: 1_001 }, 'AMOUNT_INVALID'],
    ['an empty idempotency key', { idempotencyKey: '' }, 'BAD_USER_INPUT'],
    ['a description that is too long', { description: 'x'.repeat(1_001) }, 'BAD_USER_INPUT'],
    ['a return address with Elements', { successUrl: 'https://evil.example' }, 'BAD_USER_INPUT'],
  ];
  test.each(cases)('%s', async (_, input, code) => {
    const orderId = await bed.createOrder();
    const [rows, requests] = [await countPayments(), await countRequests()];
    await expect(pay(server, orderId, input)).rejects.toMatchObject({ code });
    expect([await countPayments(), await countRequests()]).toEqual([rows, requests]);
  });

  test('another account’s order looks like none', async () => {
    const orderId = await bed.createOrder({ account: 'someone' });
    await expect(pay(server, orderId)).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  });

  test('nobody may pay without a token', async () => {
    const orderId = await bed.createOrder();
    await expect(pay(server, orderId, {}, { account: null })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('a character that can’t be stored is BAD_USER_INPUT, and Stripe is not asked', () => {
  const START =
    'mutation ($input: InitiateRecurringPaymentInput!) { initiateRecurringPayment(input: $input) { clientSecret } }';
  const ASSIGN = 'mutation ($input: AccountRoleInput!) { assignRole(input: $input) { accountId } }';
  const LIST = (argument: string) => `query ($value: ${argument === 'type' ? 'String' : 'ID'}) {
    ${argument === 'type' ? 'webhookEvents' : 'payments'}(${argument}: $value) { edges { cursor } } }`;

  test.each(['a\u0000b', '\ud800', 'a\udc00'])('%j', async (text) => {
    const orderId = await bed.createOrder();
    const admin = { account: 'admin', roles: ['admin'] };
    const start = (input: object) => ask(server, START, { input: { orderId, priceId: 'price_1', ...input } });
    const requests = await countRequests();
    for (const refused of [
      () => pay(server, orderId, { description: text }),
      () => pay(server, orderId, { idempotencyKey: text }),
      () => pay(server, text),
      () => start({ priceId: text }),
      () => start({ idempotencyKey: text }),
      () => ask(server, ASSIGN, { input: { accountId: text, role: 'admin' } }, admin),
      () => ask(server, ASSIGN, { input: { accountId: 'ann', role: text } }, admin),
      () => ask(server, LIST('type'), { value: text }, admin),
      () => ask(server, LIST('accountId'), { value: text }, admin),
      () => ask(server, LIST('orderId'), { value: text }, admin),
    ])
      await expect(refused()).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining('holds'),
      });
    expect(await countRequests()).toBe(requests);
  });

  test('in a token’s subject it is UNAUTHENTICATED', async () => {
    for (const account of ['a\u0000b', 'a\ud800'])
      await expect(ask(server, '{ viewer { accountId } }', {}, { account })).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
        message: expect.stringContaining('"sub"'),
      });
  });
});

describe('another account’s payment is not to be had', () => {
  test('by query, list, node or subscription', async () => {
    const { payment } = await pay(server, await bed.createOrder());
    const thief = { account: 'thief' };
    const variables = { id: payment.id, orderId: payment.orderId };
    expect(await ask(server, 'query ($id: ID!) { payment(id: $id) { id } }', variables, thief)).toBeNull();
    expect(await ask(server, 'query ($id: ID!) { node(id: $id) { id } }', variables, thief)).toBeNull();
    const list = 'query ($orderId: ID) { payments(orderId: $orderId) { edges { node { id } } } }';
    expect(await ask(server, list, variables, thief)).toEqual({ edges: [] });
    await expect(
      ask(server, 'query { payments(accountId: "customer") { edges { cursor } } }', {}, thief),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    for (const [query, code] of [
      ['subscription ($id: ID!) { paymentUpdated(id: $id) { id } }', 'NOT_FOUND'],
      ['subscription ($orderId: ID!) { orderPaymentsUpdated(orderId: $orderId) { id } }', 'ORDER_NOT_FOUND'],
    ] as const) {
      const watch = server.watch(query, variables, thief);
      await expect(watch.next()).rejects.toMatchObject({ errors: [{ extensions: { code } }] });
      await watch.stop();
    }
  });

  test('an id that is no id finds nothing', async () => {
    for (const id of ['x', '0', '-1', '99999999999999999999', "1' or true"])
      expect(await ask(server, 'query ($id: ID!) { payment(id: $id) { id } }', { id })).toBeNull();
  });
});

describe('an order table without owner, amount or currency', () => {
  test('takes any account’s payment for any amount, but not in the middle of another’s', async () => {
    const open = await openTestBed({ binding: { orderTable: 'shop_order', idColumn: 'id' } });
    const openServer = await open.start();
    const orderId = await open.createOrder();
    await pay(openServer, orderId, { amount: 700, currency: 'EUR' });
    await expect(pay(openServer, orderId, {}, { account: 'other' })).rejects.toMatchObject({
      code: 'PAYMENT_IN_PROGRESS',
    });
    await open.close();
  });
});

describe('Stripe that can not be used', () => {
  const listen = async (server: net.Server): Promise<string> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  };

  test('down: STRIPE_UNAVAILABLE, and the same call works once it is back', async () => {
    const silent = net.createServer();
    const apiBase = await listen(silent);
    await new Promise((resolve) => silent.close(resolve));
    // The account is known already, as after any first call.
    const orderId = await bed.createOrder();
    const other = await bed.start({ environment: { STRIPE_API_BASE: apiBase } });
    await expect(pay(other, orderId)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await other.stop();
    bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
    expect((await pay(server, orderId)).payment.status).toBe('PENDING');
  });

  test('answering garbage: STRIPE_UNAVAILABLE, nothing is believed', async () => {
    for (const body of ['<html>proxy</html>', '{"object":"payment_intent_","id":"x"}', '{}']) {
      const garbage = net.createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () =>
          socket.end(
            `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
          ),
        );
      });
      const orderId = await bed.createOrder();
      const other = await bed.start({ environment: { STRIPE_API_BASE: await listen(garbage) } });
      await expect(pay(other, orderId)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
      await other.stop();
      await new Promise((resolve) => garbage.close(resolve));
      bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
      expect((await pay(server, orderId)).payment.status).toBe('PENDING');
    }
  });

  test('slow: STRIPE_UNAVAILABLE after the limit, and the payment intent that it made is found', async () => {
    const orderId = await bed.createOrder();
    const other = await bed.start({ environment: { TOLLGATE_STRIPE_TIMEOUT_MS: '300' } });
    const fault = { match: { method: 'POST', path: '/v1/payment_intents' }, kind: 'timeout', applied: true, times: 3 };
    await fetch(`${bed.sandbox.url}/_sandbox/faults`, { method: 'POST', body: JSON.stringify(fault) });
    await expect(pay(other, orderId)).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await clearFaults(bed.sandbox);
    const paid = await pay(other, orderId);
    const made = (await bed.stripe.paymentIntents.list({ limit: 100 })).data.filter(
      ({ metadata }) => metadata['tollgate_order'] === orderId,
    );
    expect(made.map(({ id }) => id)).toEqual([paid.payment.stripePaymentIntentId]);
    await other.stop();
  });
});

describe('nothing leaks', () => {
  test('a database error is INTERNAL, without SQL or stack', async () => {
    const orderId = await bed.createOrder();
    const { rows } = await bed.sql.query('select last_value from tollgate.node_id');
    await bed.sql.query(`select setval('tollgate.node_id', 9223372036854775807)`);
    const { errors } = await server.request(
      'mutation ($orderId: ID!) { pay(input: { orderId: $orderId, amount: 10000, currency: "USD" }) { publishableKey } }',
      { orderId },
    );
    await bed.sql.query(`select setval('tollgate.node_id', $1)`, [rows[0]?.last_value]);
    expect(errors?.[0]?.extensions?.['code']).toBe('INTERNAL');
    expect(JSON.stringify(errors)).not.toMatch(/shop_order|node_id|nextval|select|\.ts|node_modules/);
  });
});

describe('amounts at their ends', () => {
  test('an order below zero is told as it is', async () => {
    const orderId = await bed.createOrder({ amount: -5 });
    await expect(pay(server, orderId)).rejects.toThrow('-0.05 USD');
  });

  test('the sandbox takes what the product takes, in every currency, and not a step more or less', async () => {
    const create = (amount: number, currency: string) =>
      bed.stripe.paymentIntents.create({ amount, currency }).then(
        () => 'taken',
        () => 'refused',
      );
    for (const { code, step, minimumCharge } of CURRENCIES.values()) {
      const largest = Math.floor(largestCharge(code) / step) * step;
      const amounts = [minimumCharge - step, minimumCharge, largest, largest + step];
      expect([code, ...(await Promise.all(amounts.map((amount) => create(amount, code))))]).toEqual([
        code,
        'refused',
        'taken',
        'taken',
        'refused',
      ]);
    }
  });

  test('the largest amount of a currency is paid, one more is refused', async () => {
    for (const [currency, amount] of [
      ['JPY', 9_999_999_999],
      ['INR', 999_999_999],
      ['IDR', 999_999_999_999],
      ['USD', 99_999_999],
    ] as const) {
      const paid = await pay(server, await bed.createOrder({ amount, currency }), { amount, currency });
      expect(paid.clientSecret).not.toBeNull();
      if (currency === 'IDR') continue; // one more has thirteen digits
      const more = { amount: amount + 1, currency };
      await expect(pay(server, await bed.createOrder(more), more)).rejects.toMatchObject({ code: 'AMOUNT_INVALID' });
    }
  });
});

describe('a priceId that can not be one', () => {
  test.each([
    '',
    'price_\ud800',
    '\udc00price',
    'price\u0000',
    'price\n',
    'price 1',
    '.',
    '..',
    'x'.repeat(256),
  ])('%j is refused in words before Stripe is called', async (priceId) => {
    const orderId = await bed.createOrder();
    const requests = await countRequests();
    await expect(initiate(server, orderId, priceId)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await countRequests()).toBe(requests);
  });

  test.each([
    'price_none',
    '../customers',
    'price_1?expand[]=x',
    'plan:gold/2020',
    '价',
    '😀',
    '%00',
    'a#b',
  ])('%j is a price that Stripe does not have', async (priceId) => {
    const initiated = initiate(server, await bed.createOrder(), priceId);
    await expect(initiated).rejects.toMatchObject({ code: 'PRICE_NOT_FOUND' });
  });
});
