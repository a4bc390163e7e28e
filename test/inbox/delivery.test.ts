import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, confirmUntil, pay, readPayment } from '../harness/payments.js';
import { deliver, eventOf } from '../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const OPERATOR = { account: 'operator', roles: ['admin'] };
const EVENTS = '{ webhookEvents(first: 100) { edges { node { id payload } } } }';

const countRequests = async (): Promise<number> => {
  const response = await fetch(`${bed.sandbox.url}/_sandbox/requests`);
  return ((await response.json()) as { data: unknown[] }).data.length;
};
const endOf = async (id: unknown) =>
  (await bed.sql.query('select status, reason from tollgate.stripe_event where id = $1', [id])).rows[0];
const nested = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`;
const intent = { id: 'pi_x', object: 'payment_intent' };

describe('a signed body that can never be an event is refused with the reason, and nothing is stored', () => {
  test.each([
    ['no JSON', 'no json', 'it is no JSON'],
    ['a number', '5', 'no event'],
    ['a list', '[]', 'no event'],
    ['another object', '{"object":"charge"}', 'its id'],
    ['no type', JSON.stringify(eventOf('x', intent, { type: undefined })), 'its type'],
    ['an empty type', JSON.stringify(eventOf('', intent)), 'its type'],
    ['a NUL in the type', JSON.stringify(eventOf('payment_intent.\0', intent)), 'its type'],
    ['a NUL in the id', JSON.stringify(eventOf('payment_intent.created', intent, { id: 'evt_\0' })), 'its id'],
    ['a number as id', JSON.stringify(eventOf('payment_intent.created', intent, { id: 7 })), 'its id'],
    ['no object', JSON.stringify(eventOf('payment_intent.created', intent, { data: {} })), 'its data.object'],
    ['no data', JSON.stringify(eventOf('payment_intent.created', intent, { data: null })), 'its data'],
    ['no time', JSON.stringify(eventOf('payment_intent.created', intent, { created: 'now' })), 'its created'],
    ['no mode', JSON.stringify(eventOf('payment_intent.created', intent, { livemode: null })), 'its livemode'],
    [
      'nested 20,000 deep',
      JSON.stringify(eventOf('payment_intent.created', { ...intent, deep: 0 })).replace(
        '"deep":0',
        `"deep":${nested(20_000)}`,
      ),
      'nested more than',
    ],
    [
      'nested 20,000 deep in its metadata',
      JSON.stringify(eventOf('payment_intent.created', { ...intent, metadata: { x: 0 } })).replace(
        '"x":0',
        `"x":${nested(20_000)}`,
      ),
      'nested more than',
    ],
  ])('%s', async (_, body, reason) => {
    const response = await deliver(server, body);
    expect(response.status).toBe(400);
    const words = await response.text();
    expect(words).toContain('The signature fits');
    expect(words).toContain(reason);
    expect((await bed.sql.query('select 1 from tollgate.stripe_event')).rowCount).toBe(0);
  });
});

test('what PostgreSQL can not hold is stored all the same: a NUL becomes the replacement character', async () => {
  const paid = await pay(server, await bed.createOrder());
  const present = await bed.stripe.paymentIntents.retrieve(paid.payment.stripePaymentIntentId);
  const failed = {
    ...present,
    last_payment_error: { type: 'card_error', code: 'card_declined', message: 'No\0 \uD800 money' },
  };
  const event = eventOf('payment_intent.payment_failed', failed);
  expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
  expect(await endOf(event['id'])).toEqual({ status: 'PROCESSED', reason: null });
  expect(await readPayment(server, paid.payment.id)).toMatchObject({
    status: 'FAILED',
    failureMessage: 'No\uFFFD \uFFFD money',
  });
});

describe('an object that is not ours is ignored without a call to Stripe, whatever its API version', () => {
  const objects: [string, object][] = [
    ['payment_intent.succeeded', { id: 'pi_unknown', object: 'payment_intent', metadata: {} }],
    ['charge.refunded', { id: 'ch_unknown', object: 'charge', payment_intent: 'pi_unknown', refunded: true }],
    ['charge.refunded', { id: 'ch_unknown', object: 'charge', refunded: true }],
    ['refund.created', { id: 're_unknown', object: 'refund', payment_intent: 'pi_unknown' }],
    // 2015: no currency on the subscription, plan in place of items
    ['customer.subscription.created', { id: 'sub_unknown', object: 'subscription', plan: { id: 'gold', amount: 100 } }],
    ['customer.subscription.deleted', { id: 'sub_unknown', object: 'subscription' }],
    ['invoice.paid', { id: 'in_unknown', object: 'invoice', subscription: 'sub_unknown' }],
    ['invoice.created', { id: 'in_unknown', object: 'invoice' }],
    ['checkout.session.completed', { id: 'cs_unknown', object: 'checkout.session', display_items: [] }],
    ['customer.deleted', { id: 'cus_unknown', object: 'customer' }],
  ];
  const versions = ['2015-10-16', '2019-02-19', '2020-08-27', '2024-06-20', null, undefined];

  test.each(
    objects.flatMap(([type, object]) => versions.map((version) => [type, version, object] as const)),
  )('%s of %s', async (type, version, object) => {
    const before = await countRequests();
    const event = eventOf(type, object, { ...(version !== undefined && { api_version: version }) });
    expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
    const end = await endOf(event['id']);
    expect(end?.status).toBe('IGNORED');
    expect(end?.reason).toMatch(/\w/);
    expect(await countRequests()).toBe(before);
  });
});

test('an event of an old version about our row is a hint: Stripe is asked, and nothing else of it is read', async () => {
  const paid = await pay(server, await bed.createOrder());
  bed.sandbox.setWebhookUrl('http://127.0.0.1:9/nowhere');
  await bed.stripe.paymentIntents.confirm(paid.payment.stripePaymentIntentId, {
    payment_method: 'pm_card_visa',
    return_url: 'https://shop.example/return',
  });
  bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
  const old = { id: paid.payment.stripePaymentIntentId, object: 'payment_intent', source_types: ['card'], charges: 7 };
  const event = eventOf('payment_intent.succeeded', old, { api_version: '2016-02-03' });
  expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
  expect(await endOf(event['id'])).toMatchObject({ status: 'PROCESSED' });
  expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
});

describe('secrets', () => {
  const stored = async (id: unknown): Promise<string> =>
    (await bed.sql.query('select payload from tollgate.stripe_event where id = $1', [id])).rows[0]?.payload;

  test('nothing that could confirm or open something is stored or shown, in any shape; what the app gave stays', async () => {
    const object = {
      id: 'pi_shape',
      object: 'payment_intent',
      client_secret: 'pi_shape_secret_abc',
      metadata: { url: 'https://shop.example/order', note: 'kept' },
      next_action: {
        redirect_to_url: {
          url: 'https://hooks.stripe.com/auth?client_secret=x',
          return_url: 'https://shop.example/back',
        },
      },
      confirmation_secret: { client_secret: 'pi_shape_secret_def', type: 'payment_intent' },
      latest_invoice: {
        hosted_invoice_url: 'https://invoice.stripe.com/i/1',
        invoice_pdf: 'https://pay.stripe.com/pdf',
      },
      list: [{ object: 'checkout.session', url: 'https://checkout.stripe.com/c/1' }, { secret: 'whsec_1' }],
      charges: { object: 'list', url: '/v1/charges' },
    };
    const bodies = [
      JSON.stringify(eventOf('payment_intent.created', object)),
      JSON.stringify(eventOf('payment_intent.created', object), null, 2),
      JSON.stringify(eventOf('payment_intent.created', object)).replaceAll('_secret_', '\\u005fsecret\\u005f'),
    ];
    for (const body of bodies) {
      expect((await deliver(server, body)).status).toBe(200);
      const payload = await stored((JSON.parse(body) as { id: string }).id);
      expect(payload).not.toMatch(/secret_|whsec_|hooks\.stripe|invoice\.stripe|pay\.stripe|checkout\.stripe/);
      expect(JSON.parse(payload)).toMatchObject({
        data: {
          object: {
            client_secret: '[redacted]',
            metadata: { url: 'https://shop.example/order', note: 'kept' },
            next_action: { redirect_to_url: { return_url: 'https://shop.example/back' } },
            charges: { url: '/v1/charges' },
          },
        },
      });
    }
  });

  test('a payment from its beginning to its end leaves none in the inbox', async () => {
    await confirmUntil(bed, server, await pay(server, await bed.createOrder()));
    const { edges } = await ask<{ edges: { node: { payload: unknown } }[] }>(server, EVENTS, {}, OPERATOR);
    const text = JSON.stringify(edges);
    expect(text).toContain('client_secret');
    expect(text).not.toMatch(/_secret_\w/);
  });

  test('those that an earlier release stored are taken out, once', async () => {
    const body = JSON.stringify(
      eventOf('payment_intent.created', { ...intent, client_secret: 'pi_old_secret_x' }, { id: 'evt_old' }),
    );
    await bed.sql.query(`delete from tollgate.setting where key = 'payload_redaction'`);
    await bed.sql.query(
      `insert into tollgate.stripe_event (id, type, status, payload) select 'evt_old' || n, 'payment_intent.created', 'IGNORED', $1
        from generate_series(1, 450) n`,
      [body],
    );
    const other = await bed.start();
    await expect
      .poll(
        async () =>
          (await bed.sql.query(`select 1 from tollgate.stripe_event where payload like '%secret_x%'`)).rowCount,
      )
      .toBe(0);
    await expect
      .poll(
        async () =>
          (await bed.sql.query(`select value from tollgate.setting where key = 'payload_redaction'`)).rows[0]?.value,
      )
      .toMatchObject({ finishedAt: expect.any(String) });
    await other.stop();
  });
});
