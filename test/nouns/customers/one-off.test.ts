import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SAMPLE_ORDERS } from '../../../src/embedded/embedded-run.js';
import { payByCheckout, REDIRECTS, sessionOf } from '../../harness/checkout.js';
import { ask, confirmUntil, type Paid, pay } from '../../harness/payments.js';
import { initiate, monthlyPrice } from '../../harness/recurring.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openStripeProxy } from '../../harness/stripe-proxy.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: REDIRECTS });
});
afterAll(() => bed.close());

const ADMIN = { account: 'boss', roles: ['admin'] };
const orderOf = (account: string) => bed.createOrder({ account });
const intentOf = ({ payment }: Paid) => bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId);
/** The customers that were made for an account. */
const customersOf = async (account: string) =>
  (await bed.stripe.customers.list({ limit: 100 })).data.filter(
    ({ metadata }) => metadata['tollgate_account'] === account,
  );

describe('the customer of a one-off payment', () => {
  test('is the account’s one, for intents and pages, and the one of its recurring payments', async () => {
    const account = 'ada';
    const first = await intentOf(await pay(server, await orderOf(account), {}, { account }));
    const second = await intentOf(await pay(server, await orderOf(account), {}, { account }));
    const page = await payByCheckout(server, await orderOf(account), {}, { account });
    const session = await bed.stripe.checkout.sessions.retrieve(sessionOf(page.checkoutUrl));
    const started = await initiate(server, await orderOf(account), await monthlyPrice(bed), {}, { account });
    const subscription = await bed.stripe.subscriptions.retrieve(started.recurringPayment.stripeSubscriptionId);
    const [customer, ...others] = await customersOf(account);
    expect(others).toEqual([]);
    expect([first, second, session, subscription].map((object) => object.customer)).toEqual(
      Array(4).fill(customer?.id),
    );
  });

  test('is made once by twenty at once, on two servers', async () => {
    const account = 'twenty';
    const other = await bed.start({ environment: REDIRECTS });
    const orders = await Promise.all(Array.from({ length: 20 }, () => orderOf(account)));
    const paid = await Promise.all(orders.map((id, at) => pay(at % 2 ? server : other, id, {}, { account })));
    const intents = await Promise.all(paid.map(intentOf));
    const [customer, ...others] = await customersOf(account);
    expect(others).toEqual([]);
    expect(new Set(intents.map((intent) => intent.customer))).toEqual(new Set([customer?.id]));
  });

  test.each([
    ['the customer', '/v1/customers'],
    ['the intent', '/v1/payment_intents'],
  ])('is one although the answer about %s is lost, and so is the intent', async (_, path) => {
    const account = `lost ${path}`;
    const orderId = await orderOf(account);
    await addFault(bed.sandbox, { kind: 'disconnect-after-apply', times: 3, match: { method: 'POST', path } });
    await pay(server, orderId, {}, { account }).catch((error: { code: string }) =>
      expect(error.code).toBe('STRIPE_UNAVAILABLE'),
    );
    await clearFaults(bed.sandbox);
    const intent = await intentOf(await pay(server, orderId, {}, { account }));
    expect((await customersOf(account)).map(({ id }) => id)).toEqual([intent.customer]);
    const { data } = await bed.stripe.paymentIntents.list({ customer: String(intent.customer) });
    expect(data).toHaveLength(1);
  });

  test('that was deleted at Stripe is made anew, once, and the timeline says so', async () => {
    const account = 'deleted';
    await pay(server, await orderOf(account), {}, { account });
    const [gone] = await customersOf(account);
    // Its event is lost: the refusal tells.
    await addFault(bed.sandbox, { kind: 'drop', times: 1, match: { eventType: 'customer.deleted' } });
    await bed.stripe.customers.del(gone?.id ?? '');
    const orders = await Promise.all(Array.from({ length: 5 }, () => orderOf(account)));
    const paid = await Promise.all(orders.map((id) => pay(server, id, {}, { account })));
    const [anew, ...others] = await customersOf(account);
    expect(others).toEqual([]);
    expect(anew?.id).not.toBe(gone?.id);
    for (const one of paid) expect((await intentOf(one)).customer).toBe(anew?.id);
    const { rows } = await bed.sql.query<{ note: string | null }>(
      'select note from tollgate.change where node_id = any($1::bigint[]) and note is not null',
      [paid.map(({ payment }) => payment.id)],
    );
    expect(new Set(rows.map(({ note }) => note))).toEqual(
      new Set([`Stripe has deleted the customer ${gone?.id}; the payment is made for ${anew?.id}.`]),
    );
  });

  test('that was deleted at Stripe between two tries of an attempt is made anew by the next, in the same call', async () => {
    const account = 'deleted between';
    const orderId = await orderOf(account);
    await addFault(bed.sandbox, {
      kind: 'status',
      status: 503,
      times: 3,
      match: { method: 'POST', path: '/v1/payment_intents' },
    });
    await expect(pay(server, orderId, {}, { account })).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await clearFaults(bed.sandbox);
    const [gone] = await customersOf(account);
    await addFault(bed.sandbox, { kind: 'drop', times: 1, match: { eventType: 'customer.deleted' } });
    await bed.stripe.customers.del(gone?.id ?? '');
    const intent = await intentOf(await pay(server, orderId, {}, { account }));
    expect((await customersOf(account)).map(({ id }) => id)).toEqual([intent.customer]);
    expect(intent.customer).not.toBe(gone?.id);
  });

  test('of another account in an answer is not believed', async () => {
    const account = 'mistaken';
    const proxy = await openStripeProxy(bed.sandbox.url);
    const cautious = await bed.start({ environment: { ...REDIRECTS, STRIPE_API_BASE: proxy.url } });
    const orderId = await orderOf(account);
    proxy.lie(async (call, forward) => {
      const answer = await forward();
      return call.method === 'POST' && call.path === '/v1/payment_intents'
        ? { ...answer, body: { ...answer.body, id: 'pi_another', customer: 'cus_another' } }
        : answer;
    });
    const paid = await pay(cautious, orderId, {}, { account });
    proxy.lie();
    // What was made is found by its mark.
    const [customer] = await customersOf(account);
    const { data } = await bed.stripe.paymentIntents.list({ customer: customer?.id ?? '' });
    expect(data.map(({ id }) => id)).toEqual([paid.payment.stripePaymentIntentId]);
    await proxy.close();
  });

  test('is never found by an e-mail address', async () => {
    const account = 'mail';
    const stranger = await bed.stripe.customers.create({ email: 'ada@example.com' });
    const paid = await pay(server, await orderOf(account), { receiptEmail: 'ada@example.com' }, { account });
    expect((await intentOf(paid)).customer).not.toBe(stranger.id);
  });
});

describe('no customer is made', () => {
  test('where the setting keeps it off; the payment goes as before', async () => {
    const account = 'off';
    const without = await bed.start({ environment: { TOLLGATE_PAYMENT_CUSTOMERS: 'false' } });
    const paid = await pay(without, await orderOf(account), {}, { account });
    expect((await intentOf(paid)).customer).toBeNull();
    expect(await confirmUntil(bed, without, paid, { as: account })).toMatchObject({ status: 'SUCCESSFUL' });
    expect(await customersOf(account)).toEqual([]);
  });

  test('without an account', async () => {
    const { ownerColumn: _, ...binding } = SAMPLE_ORDERS;
    const open = await openTestBed({ binding });
    try {
      const anyone = await open.start();
      const grant = 'mutation ($input: RolePermissionInput!) { grantPermission(input: $input) { role { name } } }';
      await ask(anyone, grant, { input: { role: 'anonymous', permission: 'PAYMENT_CREATE' } }, ADMIN);
      const paid = await pay(anyone, await open.createOrder(), {}, { account: null });
      const intent = await open.stripe.paymentIntents.retrieve(paid.payment.stripePaymentIntentId);
      expect(intent.customer).toBeNull();
      expect((await open.stripe.customers.list()).data).toEqual([]);
    } finally {
      await open.close();
    }
  });
});
