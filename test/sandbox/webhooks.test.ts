import Stripe from 'stripe';
import { expect, test } from 'vitest';
import { failureOf, startReceiver, useWorlds, type World } from './harness.js';

const worlds = useWorlds();
const pay = ({ stripe }: World) =>
  stripe.paymentIntents.create({ amount: 1_000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true });
const deliveries = async ({ control }: World) =>
  (await control('GET', '/deliveries'))['data'] as {
    id: string;
    type: string;
    status: string;
    attempts: { status: number | null }[];
  }[];

test('every delivery is signed so that the official library takes it, and a changed byte is seen', async () => {
  const world = await worlds.start();
  await pay(world);
  await world.sandbox.settled();
  expect(world.receiver.received).toHaveLength(4);
  for (const { raw, signature } of world.receiver.received) {
    expect(Stripe.webhooks.constructEvent(raw, signature, 'whsec_sandbox').object).toBe('event');
    expect(() => Stripe.webhooks.constructEvent(`${raw} `, signature, 'whsec_sandbox')).toThrow('signature');
  }
});

test('an endpoint gets what it enabled, in its version, signed with its own secret, shown only at creation', async () => {
  const world = await worlds.start();
  const own = await startReceiver();
  const { stripe, sandbox } = world;
  const endpoint = await stripe.webhookEndpoints.create({
    url: own.url,
    enabled_events: ['payment_intent.succeeded'],
    api_version: '2025-09-30.clover' as never,
  });
  expect(endpoint.secret).toMatch(/^whsec_/);
  expect((await stripe.webhookEndpoints.retrieve(endpoint.id)).secret).toBeUndefined();
  await pay(world);
  await sandbox.settled();
  expect(own.types()).toEqual(['payment_intent.succeeded']);
  const [got] = own.received;
  expect(got?.event.api_version).toBe('2025-09-30.clover');
  Stripe.webhooks.constructEvent(got?.raw ?? '', got?.signature ?? '', endpoint.secret ?? '');
  await stripe.webhookEndpoints.update(endpoint.id, { disabled: true });
  await pay(world);
  await sandbox.settled();
  expect(own.types()).toHaveLength(1);
  await own.close();
});

test('an endpoint with an event or a version that Stripe has not is refused, when made and when changed', async () => {
  const { raw, stripe } = await worlds.start();
  const made = await stripe.webhookEndpoints.create({ url: 'http://127.0.0.1:9/x', enabled_events: ['invoice.paid'] });
  const unknown = 'enabled_events[0]=invoice.paid&enabled_events[1]=invoice.exploded';
  for (const [path, body] of [
    ['/v1/webhook_endpoints', `url=http://127.0.0.1:9/y&${unknown}`],
    [`/v1/webhook_endpoints/${made.id}`, unknown],
  ] as const)
    expect(await raw('POST', path, body)).toMatchObject({
      status: 400,
      body: {
        error: {
          type: 'invalid_request_error',
          param: 'enabled_events[1]',
          message: expect.stringMatching(/^Invalid enabled_events\[1\]: must be one of \*, account\..+, or /),
        },
      },
    });
  for (const type of ['charge.*', 'CHARGE.SUCCEEDED', 'payment_intent', '**'])
    expect(
      (await raw('POST', '/v1/webhook_endpoints', `url=http://127.0.0.1:9/y&enabled_events[]=${type}`)).status,
    ).toBe(400);
  const old = await raw(
    'POST',
    '/v1/webhook_endpoints',
    'url=http://127.0.0.1:9/y&enabled_events[]=*&api_version=1999-01-01',
  );
  expect(old).toMatchObject({ status: 400, body: { error: { param: 'api_version' } } });
  expect((await stripe.webhookEndpoints.list()).data).toMatchObject([
    { id: made.id, enabled_events: ['invoice.paid'] },
  ]);
});

test('an account has sixteen endpoints at most', async () => {
  const { stripe } = await worlds.start();
  for (let at = 0; at < 16; at++)
    await stripe.webhookEndpoints.create({ url: `http://127.0.0.1:9/${at}`, enabled_events: ['*'] });
  expect(
    (await failureOf(stripe.webhookEndpoints.create({ url: 'http://127.0.0.1:9/17', enabled_events: ['*'] }))).message,
  ).toContain('maximum of 16');
});

test('a failed delivery is tried again until it is taken, and pending_webhooks falls', async () => {
  const world = await worlds.start();
  let refusals = 2;
  world.receiver.answer = () => (refusals-- > 0 ? 500 : 200);
  await world.stripe.customers.create({});
  await world.sandbox.settled();
  expect(world.receiver.types()).toEqual(['customer.created', 'customer.created', 'customer.created']);
  const [event] = (await world.stripe.events.list({ delivery_success: true })).data;
  expect(event?.pending_webhooks).toBe(0);
  expect((await deliveries(world))[0]?.attempts.map(({ status }) => status)).toEqual([500, 500, 200]);
});

test('an advance of the clock brings the retries with it', async () => {
  const world = await worlds.start();
  world.receiver.answer = () => 503;
  await world.stripe.customers.create({});
  await world.advance(4 * 24 * 60 * 60);
  expect(world.receiver.received).toHaveLength(16);
  expect((await deliveries(world))[0]?.status).toBe('failed');
  expect((await world.stripe.events.list({ delivery_success: false })).data).toHaveLength(1);
});

test.each([
  ['duplicate', 2, 'succeeded'],
  ['drop', 0, 'dropped'],
])('the fault %s gives %i deliveries', async (kind, count, status) => {
  const world = await worlds.start();
  await world.control('POST', '/faults', { kind, match: { eventType: 'customer.created' } });
  await world.stripe.customers.create({});
  await world.sandbox.settled();
  expect(world.receiver.received).toHaveLength(count);
  expect((await deliveries(world))[0]?.status).toBe(status);
});

test('the fault reorder lets the next event overtake', async () => {
  const world = await worlds.start();
  await world.control('POST', '/faults', { kind: 'reorder', match: { eventType: 'payment_intent.created' } });
  await pay(world);
  await world.sandbox.settled();
  expect(world.receiver.types().indexOf('payment_intent.created')).toBeGreaterThan(
    world.receiver.types().indexOf('charge.succeeded'),
  );
});

test('the faults status and timeout on a delivery lead to a retry', async () => {
  const world = await worlds.start();
  await world.control('POST', '/faults', { kind: 'status', status: 500, match: { eventType: 'customer.created' } });
  await world.control('POST', '/faults', { kind: 'timeout', match: { eventType: 'customer.updated' } });
  const customer = await world.stripe.customers.create({});
  await world.stripe.customers.update(customer.id, { name: 'Ada' });
  await world.sandbox.settled();
  expect(world.receiver.types().sort()).toEqual(['customer.created', 'customer.updated', 'customer.updated']);
});

test('the fault same-second gives an event the second of the one before', async () => {
  let now = 1_800_000_000_000;
  const world = await worlds.start({ now: () => now });
  const { stripe, control } = world;
  const customer = await stripe.customers.create({});
  await control('POST', '/faults', { kind: 'same-second', match: { eventType: 'customer.updated' } });
  now += 5_000;
  await stripe.customers.update(customer.id, { name: 'Ada' });
  const [updated, created] = (await stripe.events.list()).data;
  expect(updated?.created).toBe(created?.created);
});

test('an event and a delivery can be sent again, also labelled with an older version', async () => {
  const world = await worlds.start();
  await world.stripe.customers.create({});
  await world.sandbox.settled();
  const [delivery] = await deliveries(world);
  await world.control('POST', `/deliveries/${delivery?.id}/resend`);
  await world.control('POST', `/events/${world.receiver.received[0]?.event.id}/resend`, { apiVersion: '2020-08-27' });
  await world.sandbox.settled();
  expect(world.receiver.received.map(({ event }) => event.api_version).sort()).toEqual([
    '2020-08-27',
    '2026-10-28.endive',
    '2026-10-28.endive',
  ]);
});

test('an update tells what changed', async () => {
  const { stripe } = await worlds.start();
  const customer = await stripe.customers.create({ metadata: { a: '1' }, name: 'Ada' });
  await stripe.customers.update(customer.id, { name: 'Grace', metadata: { b: '2' } });
  const [event] = (await stripe.events.list({ type: 'customer.updated' })).data;
  expect(event?.data.previous_attributes).toEqual({ name: 'Ada', metadata: { b: null } });
});

test('events are listed by type, by types and by pattern, and are gone after 30 days', async () => {
  const world = await worlds.start();
  const { stripe, advance } = world;
  await pay(world);
  expect((await stripe.events.list({ type: 'charge.*' })).data).toHaveLength(2);
  expect((await stripe.events.list({ types: ['charge.succeeded', 'payment_intent.created'] })).data).toHaveLength(2);
  expect(
    (await failureOf(stripe.events.list({ types: Array.from({ length: 21 }, () => 'charge.succeeded') }))).statusCode,
  ).toBe(400);
  const [event] = (await stripe.events.list()).data;
  expect((await stripe.events.retrieve(String(event?.id))).id).toBe(event?.id);
  await advance(30 * 24 * 60 * 60 + 1);
  expect((await stripe.events.list()).data).toEqual([]);
  expect(await failureOf(stripe.events.retrieve(String(event?.id)))).toMatchObject({
    statusCode: 404,
    code: 'resource_missing',
  });
});

test('what is undelivered goes to the new address of its endpoint, and to a deleted one no more', async () => {
  const world = await worlds.start({ webhookUrl: 'http://127.0.0.1:9/gone' });
  const { stripe, sandbox, receiver } = world;
  const endpoint = await stripe.webhookEndpoints.create({ url: 'http://127.0.0.1:9/x', enabled_events: ['*'] });
  await stripe.customers.create({});
  sandbox.setWebhookUrl(receiver.url);
  await stripe.webhookEndpoints.del(endpoint.id);
  await sandbox.settled();
  expect(receiver.types()).toEqual(['customer.created']);
  expect((await deliveries(world)).map(({ status }) => status).sort()).toEqual(['failed', 'succeeded']);
});
