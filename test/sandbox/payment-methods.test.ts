import { expect, test } from 'vitest';
import { clientOf, errorBody, failureOf, useWorlds } from './harness.js';

const worlds = useWorlds();
const form = (values: Record<string, string>) => new URLSearchParams(values).toString();
const browser = { authorization: 'Bearer pk_test_sandbox' };
const nextYear = new Date().getUTCFullYear() + 1;

test('each use of a test name makes a payment method of its own', async () => {
  const { stripe } = await worlds.start();
  const customer = await stripe.customers.create({});
  const one = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const two = await stripe.paymentMethods.attach('pm_card_mastercard', { customer: customer.id });
  expect([one.card?.brand, two.card?.brand]).toEqual(['visa', 'mastercard']);
  expect((await stripe.paymentMethods.list({ customer: customer.id })).data.map(({ id }) => id)).toEqual([
    two.id,
    one.id,
  ]);
  expect((await stripe.customers.listPaymentMethods(customer.id, { type: 'card' })).data).toHaveLength(2);
  await stripe.paymentMethods.detach(one.id);
  expect((await failureOf(stripe.paymentMethods.attach(one.id, { customer: customer.id }))).message).toContain(
    'may not be used again',
  );
});

test('a card that the bank refuses is not attached; one that fails later is', async () => {
  const { stripe } = await worlds.start();
  const customer = await stripe.customers.create({});
  expect(
    await failureOf(stripe.paymentMethods.attach('pm_card_visa_chargeDeclined', { customer: customer.id })),
  ).toMatchObject({ type: 'StripeCardError', code: 'card_declined' });
  const method = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
  const error = await failureOf(
    stripe.paymentIntents.create({
      amount: 1_000,
      currency: 'usd',
      customer: customer.id,
      payment_method: method.id,
      confirm: true,
    }),
  );
  expect(error.code).toBe('card_declined');
});

test('a method of a customer is used with this customer only', async () => {
  const { stripe } = await worlds.start();
  const owner = await stripe.customers.create({ payment_method: 'pm_card_visa' });
  const [method] = (await stripe.paymentMethods.list({ customer: owner.id })).data;
  const error = await failureOf(
    stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: String(method?.id), confirm: true }),
  );
  expect(error.message).toContain('Please include the Customer');
});

test.each([
  ['4242424242424242', undefined],
  ['4242 4242 4242 4242', undefined],
  ['4000000000000002', 'card_declined'],
  ['4000000000009995', 'card_declined'],
  ['4000000000000341', 'card_declined'],
])('a browser pays with card %s by the publishable key and the client secret', async (number, code) => {
  const { stripe, raw } = await worlds.start();
  const intent = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd' });
  const card = {
    type: 'card',
    'card[number]': number,
    'card[exp_month]': '12',
    'card[exp_year]': String(nextYear),
    'card[cvc]': '123',
  };
  const method = await raw('POST', '/v1/payment_methods', form(card), browser);
  const secret = String(intent.client_secret);
  const paid = await raw(
    'POST',
    `/v1/payment_intents/${intent.id}/confirm`,
    form({ client_secret: secret, payment_method: String(method.body['id']) }),
    browser,
  );
  if (code) expect([paid.status, errorBody(paid.body)['code']]).toEqual([402, code]);
  else expect(paid.body).toMatchObject({ status: 'succeeded', client_secret: secret });
  expect(paid.headers.get('access-control-allow-origin')).toBe('*');
  const seen = await raw('GET', `/v1/payment_intents/${intent.id}?client_secret=${secret}`, undefined, browser);
  expect(seen.body).not.toHaveProperty('metadata');
});

test('a browser without the right client secret, or at another door, is refused', async () => {
  const { stripe, raw, sandbox } = await worlds.start();
  const intent = await stripe.paymentIntents.create({ amount: 1_000, currency: 'usd' });
  const wrong = await raw(
    'POST',
    `/v1/payment_intents/${intent.id}/confirm`,
    form({ client_secret: `${intent.id}_secret_x`, payment_method: 'pm_card_visa' }),
    browser,
  );
  expect([wrong.status, errorBody(wrong.body)['param']]).toEqual([400, 'client_secret']);
  expect((await raw('GET', `/v1/payment_intents/${intent.id}`, undefined, browser)).status).toBe(400);
  expect(
    await failureOf(clientOf(sandbox.port, 'pk_test_sandbox').refunds.create({ payment_intent: intent.id })),
  ).toMatchObject({ statusCode: 401, code: 'secret_key_required' });
  const preflight = await fetch(`${sandbox.url}/v1/payment_methods`, { method: 'OPTIONS' });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe('requires_payment_method');
});

test.each([
  [{ number: '4242424242424241' }, 'incorrect_number'],
  [{ number: '4000000000000010', cvc: '12' }, 'invalid_cvc'],
  [{ exp_month: 13 }, 'invalid_expiry_month'],
  [{ exp_year: 2020 }, 'invalid_expiry_year'],
  [{ number: '4012888888881881' }, 'card_declined'],
])('the card %o is refused with %s', async (values, code) => {
  const { stripe } = await worlds.start();
  const card = { number: '4242424242424242', exp_month: 12, exp_year: nextYear, ...values };
  expect(await failureOf(stripe.paymentMethods.create({ type: 'card', card }))).toMatchObject({
    statusCode: 402,
    code,
  });
});

test('tokens, bank accounts and IBANs of the documentation make payment methods', async () => {
  const { stripe } = await worlds.start();
  expect((await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } })).card?.last4).toBe('4242');
  const bank = await stripe.paymentMethods.create({
    type: 'us_bank_account',
    us_bank_account: { account_number: '000123456789', routing_number: '110000000', account_holder_type: 'individual' },
    billing_details: { name: 'Ada' },
  });
  expect(bank.us_bank_account?.last4).toBe('6789');
  const sepa = await stripe.paymentMethods.create({
    type: 'sepa_debit',
    sepa_debit: { iban: 'DE89370400440532013000' },
    billing_details: { name: 'Ada', email: 'ada@example.com' },
  });
  expect(sepa.sepa_debit?.country).toBe('DE');
});

test('a deleted customer is shown as deleted and can not be changed', async () => {
  const { stripe, receiver, sandbox } = await worlds.start();
  const customer = await stripe.customers.create({ name: 'Ada', payment_method: 'pm_card_visa' });
  expect(await stripe.customers.del(customer.id)).toMatchObject({ deleted: true });
  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ id: customer.id, deleted: true });
  expect(await failureOf(stripe.customers.update(customer.id, { name: 'Grace' }))).toMatchObject({
    code: 'resource_missing',
  });
  await sandbox.settled();
  expect(receiver.types().at(-1)).toBe('customer.deleted');
});
