import { expect, test } from 'vitest';
import { useWorlds } from './harness.js';

const worlds = useWorlds();

test('the request log tells each request with its key, its body and its answer, in order', async () => {
  const { stripe, control } = await worlds.start();
  const customer = await stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'k' });
  await stripe.customers.retrieve(customer.id);
  const { total, data } = (await control('GET', '/requests')) as { total: number; data: Record<string, unknown>[] };
  expect(total).toBe(2);
  expect(data[0]).toMatchObject({
    n: 1,
    method: 'POST',
    path: '/v1/customers',
    body: 'name=Ada',
    idempotencyKey: 'k',
    status: 200,
    answer: { id: customer.id },
    headers: { authorization: 'Bearer sk_test_sandbox', 'stripe-version': '2026-10-28.endive' },
  });
  expect(data[1]).toMatchObject({ n: 2, method: 'GET', path: `/v1/customers/${customer.id}` });
  expect(await control('GET', '/requests?after=1')).toMatchObject({ total: 2, data: [{ n: 2 }] });
});

test('a fault strikes as often as it is told to, and no more once cleared', async () => {
  const { stripe, control } = await worlds.start();
  await control('POST', '/faults', {
    kind: 'status',
    status: 500,
    times: 2,
    match: { method: 'GET', path: '/v1/customers*' },
  });
  await expect(stripe.customers.list()).rejects.toMatchObject({ statusCode: 500, type: 'StripeAPIError' });
  expect(await control('GET', '/faults')).toMatchObject({ data: [{ times: 1 }] });
  await control('DELETE', '/faults');
  expect((await stripe.customers.list()).data).toEqual([]);
});

test('a control request that is not understood says why', async () => {
  const { control } = await worlds.start();
  expect(await control('POST', '/faults', { kind: 'fire' })).toMatchObject({
    error: { message: expect.stringContaining('kind must be one of') },
  });
  expect(await control('POST', '/clock', { seconds: 3 })).toMatchObject({
    error: { message: expect.stringContaining('seconds means nothing here') },
  });
  expect(await control('POST', '/refunds/re_none/fail')).toMatchObject({
    error: { message: "There is no refund 're_none'." },
  });
  expect(await control('GET', '/nothing')).toMatchObject({
    error: { message: expect.stringContaining('There is no GET /_sandbox/nothing') },
  });
});

test('an advance answers when all that was due has happened and been delivered', async () => {
  const { stripe, receiver, advance } = await worlds.start();
  await stripe.paymentIntents.create({
    amount: 1_000,
    currency: 'usd',
    payment_method: 'pm_usBankAccount_success',
    confirm: true,
  });
  await Promise.all([advance(100), advance(100)]);
  expect(receiver.types()).toContain('payment_intent.succeeded');
  const succeeded = receiver.received.find(({ event }) => event.type === 'payment_intent.succeeded');
  const created = receiver.received.find(({ event }) => event.type === 'payment_intent.created');
  expect((succeeded?.event.created ?? 0) - (created?.event.created ?? 0)).toBeGreaterThanOrEqual(180);
});

test('the webhook address can be set later', async () => {
  const { sandbox, stripe, receiver } = await worlds.start();
  sandbox.setWebhookUrl(`${receiver.url}?later`);
  await stripe.customers.create({});
  await sandbox.settled();
  expect(receiver.types()).toEqual(['customer.created']);
});
