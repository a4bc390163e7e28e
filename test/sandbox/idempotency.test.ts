import { expect, test } from 'vitest';
import { clientOf, errorBody, failureOf, useWorlds } from './harness.js';

const worlds = useWorlds();
const intent = 'amount=1000&currency=usd';
const key = (name: string) => ({ 'idempotency-key': name });

test('the first answer to a key is given again, with the header that says so', async () => {
  const { raw, stripe } = await worlds.start();
  const first = await raw('POST', '/v1/payment_intents', intent, key('k1'));
  const second = await raw('POST', '/v1/payment_intents', 'currency=usd&amount=1000', key('k1'));
  expect(second.body).toEqual(first.body);
  expect(second.headers.get('idempotent-replayed')).toBe('true');
  expect(second.headers.get('original-request')).toBe(first.headers.get('request-id'));
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  expect((await stripe.paymentIntents.list()).data).toHaveLength(1);
});

test('a declined card is replayed too, and makes no second charge', async () => {
  const { stripe } = await worlds.start();
  const attempt = () =>
    failureOf(
      stripe.paymentIntents.create(
        { amount: 1_000, currency: 'usd', payment_method: 'pm_card_visa_chargeDeclined', confirm: true },
        { idempotencyKey: 'k' },
      ),
    );
  const [first, second] = [await attempt(), await attempt()];
  expect(second.charge).toBe(first.charge);
  expect((await stripe.charges.list()).data).toHaveLength(1);
});

test('other parameters or another path under the same key are refused', async () => {
  const { raw } = await worlds.start();
  await raw('POST', '/v1/payment_intents', intent, key('k'));
  const other = await raw('POST', '/v1/payment_intents', 'amount=2000&currency=usd', key('k'));
  expect([other.status, errorBody(other.body)['type']]).toEqual([400, 'idempotency_error']);
  const elsewhere = await raw('POST', '/v1/customers', 'email=a@b.co', key('k'));
  expect(errorBody(elsewhere.body)['message']).toContain("('/v1/customers' vs '/v1/payment_intents')");
});

test('a key in use is refused with 409 while the first request is under way', async () => {
  const { raw, control } = await worlds.start();
  await control('POST', '/faults', { kind: 'delay', match: { path: '/v1/payment_intents' }, delayMs: 300 });
  const first = raw('POST', '/v1/payment_intents', intent, key('k'));
  let second = await raw('POST', '/v1/payment_intents', intent, key('k'));
  const answers = [await first, second];
  const refused = answers.find(({ status }) => status === 409);
  expect(errorBody(refused?.body ?? {})).toMatchObject({ type: 'idempotency_error', code: 'idempotency_key_in_use' });
  expect(refused?.headers.get('stripe-should-retry')).toBe('true');
  second = await raw('POST', '/v1/payment_intents', intent, key('k'));
  expect(second.status).toBe(200);
});

test('what fails before the work begins is not kept: validation, a bad key, 429', async () => {
  const { raw, control } = await worlds.start();
  expect((await raw('POST', '/v1/payment_intents', 'amount=1000', key('k'))).status).toBe(400);
  expect(
    (await raw('POST', '/v1/payment_intents', intent, { ...key('k'), authorization: 'Bearer sk_test_wrong' })).status,
  ).toBe(401);
  await control('POST', '/faults', { kind: 'status', status: 429, match: { path: '/v1/payment_intents' } });
  expect((await raw('POST', '/v1/payment_intents', intent, key('k'))).status).toBe(429);
  expect((await raw('POST', '/v1/payment_intents', intent, key('k'))).status).toBe(200);
});

test.each([
  ['with the work done', { applied: true }, 1],
  ['with nothing done', { applied: false, saved: true }, 0],
])('a 500 is kept and replayed, %s', async (_title, how, made) => {
  const { raw, control, stripe } = await worlds.start();
  await control('POST', '/faults', {
    kind: 'status',
    status: 500,
    match: { method: 'POST', path: '/v1/payment_intents' },
    ...how,
  });
  const first = await raw('POST', '/v1/payment_intents', intent, key('k'));
  const second = await raw('POST', '/v1/payment_intents', intent, key('k'));
  expect([first.status, second.status]).toEqual([500, 500]);
  expect(second.headers.get('idempotent-replayed')).toBe('true');
  expect((await stripe.paymentIntents.list()).data).toHaveLength(made);
});

test('a 500 before the work began leaves the key free', async () => {
  const { raw, control } = await worlds.start();
  await control('POST', '/faults', { kind: 'status', status: 503, match: { path: '/v1/payment_*' } });
  expect((await raw('POST', '/v1/payment_intents', intent, key('k'))).status).toBe(503);
  expect((await raw('POST', '/v1/payment_intents', intent, key('k'))).status).toBe(200);
});

test('a lost connection after the work was done is repaired by the same key', async () => {
  const { raw, control, stripe } = await worlds.start();
  await control('POST', '/faults', { kind: 'disconnect-after-apply', match: { path: '/v1/payment_intents' } });
  await expect(raw('POST', '/v1/payment_intents', intent, key('k'))).rejects.toThrow('fetch failed');
  expect((await raw('POST', '/v1/payment_intents', intent, key('k'))).headers.get('idempotent-replayed')).toBe('true');
  expect((await stripe.paymentIntents.list()).data).toHaveLength(1);
});

test.each([
  ['before', false, 0],
  ['after', true, 1],
])('the fault timeout hangs %s the work', async (_title, applied, made) => {
  const { control, stripe, sandbox } = await worlds.start();
  await control('POST', '/faults', {
    kind: 'timeout',
    applied,
    match: { method: 'POST', path: '/v1/payment_intents' },
  });
  const hurried = clientOf(sandbox.port);
  const call = hurried.paymentIntents.create({ amount: 1_000, currency: 'usd' }, { timeout: 200, idempotencyKey: 'k' });
  expect(await failureOf(call)).toMatchObject({ type: 'StripeConnectionError' });
  expect((await stripe.paymentIntents.list()).data).toHaveLength(made);
});

test('keys are forgotten after 24 hours of the clock', async () => {
  const { raw, advance } = await worlds.start();
  const first = await raw('POST', '/v1/payment_intents', intent, key('k'));
  await advance(24 * 60 * 60 + 1);
  const later = await raw('POST', '/v1/payment_intents', intent, key('k'));
  expect(later.body['id']).not.toBe(first.body['id']);
});

test('keys are apart per account and mode; GET pays no heed to them', async () => {
  const { raw, sandbox, stripe } = await worlds.start();
  const first = await raw('POST', '/v1/payment_intents', intent, key('k'));
  const other = await clientOf(sandbox.port, 'sk_test_sandbox_other').paymentIntents.create(
    { amount: 1_000, currency: 'usd' },
    { idempotencyKey: 'k' },
  );
  const live = await clientOf(sandbox.port, 'sk_live_sandbox').paymentIntents.create(
    { amount: 1_000, currency: 'usd' },
    { idempotencyKey: 'k' },
  );
  expect(new Set([first.body['id'], other.id, live.id]).size).toBe(3);
  expect(live.livemode).toBe(true);
  await stripe.paymentIntents.list({ limit: 1 }, { idempotencyKey: 'k' });
  expect((await stripe.paymentIntents.list({ limit: 2 }, { idempotencyKey: 'k' })).data).toHaveLength(1);
});
