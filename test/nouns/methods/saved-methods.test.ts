import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { complete, payByCheckout, REDIRECTS, SHOP, sessionOf } from '../../harness/checkout.js';
import {
  customerOf,
  keepMethod,
  OPERATOR,
  readMethods,
  removeMethod,
  saveMethod,
  setDefault,
} from '../../harness/methods.js';
import { ask, confirm, pay } from '../../harness/payments.js';
import { eventually, startActive } from '../../harness/recurring.js';
import { addFault, clearFaults } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let other: Server;
beforeAll(async () => {
  bed = await openTestBed();
  other = await bed.start({ environment: REDIRECTS });
  server = await bed.start({ environment: REDIRECTS });
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const setupsOf = async (account: string) =>
  (await bed.stripe.setupIntents.list({ customer: (await customerOf(bed, account))?.id ?? '' })).data;
const PAGE = { mode: 'CHECKOUT', successUrl: `${SHOP}/saved`, cancelUrl: `${SHOP}/account` };

describe('saving a method', () => {
  test('without paying: by Stripe.js with a setup intent of the account’s customer', async () => {
    const as = { account: 'saver' };
    expect(await readMethods(server, as)).toEqual([]);
    expect(await saveMethod(server, {}, as)).toMatchObject({ clientSecretType: 'SETUP', checkoutUrl: null });
    const id = await keepMethod(bed, server, as);
    expect(await readMethods(server, as)).toMatchObject([
      { id, type: 'card', brand: 'visa', last4: '4242', isDefault: false },
    ]);
    const [setup] = await setupsOf('saver');
    expect(setup).toMatchObject({ customer: (await customerOf(bed, 'saver'))?.id, usage: 'off_session' });
    // What is saved is over: the next one is another.
    const next = await saveMethod(server, {}, as);
    expect(next.clientSecret).not.toContain(setup?.id);
  });

  test('without paying: on Stripe’s page', async () => {
    const as = { account: 'page saver' };
    const { checkoutUrl, clientSecret } = await saveMethod(server, PAGE, as);
    expect(clientSecret).toBeNull();
    const session = await bed.stripe.checkout.sessions.retrieve(sessionOf(checkoutUrl));
    expect(session).toMatchObject({ mode: 'setup', success_url: PAGE.successUrl });
    expect(await complete(bed, checkoutUrl)).toBe(200);
    expect(await readMethods(server, as)).toHaveLength(1);
    expect((await saveMethod(server, PAGE, as)).checkoutUrl).not.toBe(checkoutUrl);
    await expect(saveMethod(server, { ...PAGE, successUrl: 'https://evil.example' }, as)).rejects.toMatchObject({
      code: 'REDIRECT_NOT_ALLOWED',
    });
  });

  test('with a payment, by Stripe.js and on Stripe’s page; without the wish nothing is kept', async () => {
    const as = { account: 'payer' };
    const order = () => bed.createOrder({ account: 'payer' });
    await confirm(bed, await pay(server, await order(), {}, as));
    expect(await readMethods(server, as)).toEqual([]);
    await confirm(bed, await pay(server, await order(), { savePaymentMethod: true }, as));
    expect(await readMethods(server, as)).toHaveLength(1);
    const page = await payByCheckout(server, await order(), { savePaymentMethod: true }, as);
    await complete(bed, page.checkoutUrl, 'pm_card_mastercard');
    expect((await readMethods(server, as)).map(({ brand }) => brand).sort()).toEqual(['mastercard', 'visa']);
  });

  test('an open attempt that would keep it is replaced where the customer changes their mind', async () => {
    const as = { account: 'undecided' };
    const orderId = await bed.createOrder({ account: 'undecided' });
    const first = await pay(server, orderId, { savePaymentMethod: true }, as);
    const second = await pay(server, orderId, {}, as);
    expect(second.payment.id).not.toBe(first.payment.id);
    expect((await bed.stripe.paymentIntents.retrieve(first.payment.stripePaymentIntentId)).status).toBe('canceled');
  });

  test('a key gives the setup that it began, and nothing to do once that is over', async () => {
    const as = { account: 'key' };
    const input = { idempotencyKey: 'save-1' };
    const first = await saveMethod(server, input, as);
    expect(await saveMethod(server, input, as)).toEqual(first);
    await keepMethod(bed, server, as);
    expect(await saveMethod(server, input, as)).toMatchObject({ clientSecret: null });
    await expect(saveMethod(server, { ...input, ...PAGE }, as)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  test.each([
    ['the customer', '/v1/customers'],
    ['the setup', '/v1/setup_intents'],
  ])('makes one although the answer about %s is lost', async (_, path) => {
    const as = { account: `lost ${path}` };
    await addFault(bed.sandbox, { kind: 'disconnect-after-apply', times: 3, match: { method: 'POST', path } });
    await saveMethod(server, {}, as).catch((error: { code: string }) => expect(error.code).toBe('STRIPE_UNAVAILABLE'));
    await clearFaults(bed.sandbox);
    const { clientSecret } = await saveMethod(server, {}, as);
    const [setup, ...others] = await setupsOf(as.account);
    expect(others).toEqual([]);
    expect(clientSecret).toBe(setup?.client_secret);
  });

  test('twenty at once, on two servers, make one; and so they do for a customer that Stripe deleted', async () => {
    const as = { account: 'twenty' };
    const all = () => Promise.all(Array.from({ length: 20 }, (_, at) => saveMethod(at % 2 ? server : other, {}, as)));
    // So that both servers make it at once.
    const match = { method: 'POST', path: '/v1/setup_intents' };
    await addFault(bed.sandbox, { kind: 'delay', delayMs: 800, times: 2, match });
    expect(new Set((await all()).map(({ clientSecret }) => clientSecret)).size).toBe(1);
    expect(await setupsOf('twenty')).toHaveLength(1);
    await keepMethod(bed, server, as);
    await addFault(bed.sandbox, { kind: 'drop', times: 1, match: { eventType: 'customer.deleted' } });
    await bed.stripe.customers.del((await customerOf(bed, 'twenty'))?.id ?? '');
    expect(new Set((await all()).map(({ clientSecret }) => clientSecret)).size).toBe(1);
    expect(await setupsOf('twenty')).toHaveLength(1);
  });
});

describe('whose methods', () => {
  test('only one’s own are read, changed and paid with; an operator manages all', async () => {
    const ann = { account: 'ann' };
    const bob = { account: 'bob' };
    const id = await keepMethod(bed, server, ann);
    await keepMethod(bed, server, bob);
    const notFound = { code: 'PAYMENT_METHOD_NOT_FOUND' };
    const orderId = await bed.createOrder({ account: 'bob' });
    const foreign = await bed.stripe.paymentMethods.attach('pm_card_visa', {
      customer: (await bed.stripe.customers.create()).id,
    });
    for (const wrong of [id, foreign.id, 'pm_card_visa', 'pm_nothing', '7', '../customers', '']) {
      await expect(removeMethod(server, wrong, bob)).rejects.toMatchObject(notFound);
      await expect(setDefault(server, { id: wrong }, bob)).rejects.toMatchObject(notFound);
      await expect(pay(server, orderId, { paymentMethodId: wrong }, bob)).rejects.toMatchObject(notFound);
    }
    await expect(readMethods(server, bob, 'ann')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(readMethods(server, { account: null })).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await readMethods(server, OPERATOR, 'ann')).toMatchObject([{ id }]);
    expect(await setDefault(server, { id }, OPERATOR)).toMatchObject([{ id, isDefault: true }]);
    expect(await removeMethod(server, id, OPERATOR)).toEqual([]);
    expect(await readMethods(server, bob)).toHaveLength(1);
  });

  test('an installation that upgrades gives the permission to customers and admins, once', async () => {
    const { rows } = await bed.sql.query<{ role: string }>(
      `select role from tollgate.role_permission where permission = 'PAYMENT_METHOD_MANAGE' order by role`,
    );
    expect(rows.map(({ role }) => role)).toEqual(['admin', 'logged_in']);
  });
});

describe('the default, and what is removed', () => {
  test('the customer’s default is one; twenty at once set it, and a lost answer is found out', async () => {
    const as = { account: 'default' };
    const first = await keepMethod(bed, server, as);
    const second = await keepMethod(bed, server, { ...as, method: 'pm_card_mastercard' });
    await Promise.all(Array.from({ length: 20 }, () => setDefault(server, { id: first }, as)));
    const customer = await customerOf(bed, 'default');
    await addFault(bed.sandbox, {
      kind: 'disconnect-after-apply',
      times: 3,
      match: { method: 'POST', path: `/v1/customers/${customer?.id}` },
    });
    const after = await setDefault(server, { id: second }, as);
    expect(after.filter(({ isDefault }) => isDefault).map(({ id }) => id)).toEqual([second]);
    expect((await customerOf(bed, 'default'))?.invoice_settings.default_payment_method).toBe(second);
  });

  test('of a recurring payment: its later charges go to it', async () => {
    const as = { account: 'customer' };
    const { id: recurringPaymentId, stripeSubscriptionId } = await startActive(bed, server);
    const id = await keepMethod(bed, server, { ...as, method: 'pm_card_mastercard' });
    await setDefault(server, { id, recurringPaymentId }, as);
    const subscription = await bed.stripe.subscriptions.retrieve(stripeSubscriptionId);
    expect(subscription.default_payment_method).toBe(id);
    const stranger = await keepMethod(bed, server, { account: 'stranger' });
    await expect(
      setDefault(server, { id: stranger, recurringPaymentId }, { account: 'stranger' }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(setDefault(server, { id: stranger, recurringPaymentId }, OPERATOR)).rejects.toMatchObject({
      code: 'PAYMENT_METHOD_NOT_FOUND',
    });
    await bed.stripe.subscriptions.cancel(stripeSubscriptionId);
    await eventually(
      () =>
        ask<{ status: string }>(server, 'query ($id: ID!) { recurringPayment(id: $id) { status } }', {
          id: recurringPaymentId,
        }),
      ({ status }) => status === 'CANCELED',
    );
    await expect(setDefault(server, { id, recurringPaymentId }, as)).rejects.toMatchObject({
      code: 'ILLEGAL_TRANSITION',
    });
  });

  test('one that is removed is gone, once, also where the answer is lost or twenty ask at once', async () => {
    const as = { account: 'remover' };
    const first = await keepMethod(bed, server, as);
    await addFault(bed.sandbox, {
      kind: 'disconnect-after-apply',
      times: 3,
      match: { method: 'POST', path: `/v1/payment_methods/${first}/detach` },
    });
    expect(await removeMethod(server, first, as)).toEqual([]);
    await clearFaults(bed.sandbox);
    const second = await keepMethod(bed, server, as);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => removeMethod(server, second, as)));
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'PAYMENT_METHOD_NOT_FOUND' });
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(await readMethods(server, as)).toEqual([]);
  });
});
