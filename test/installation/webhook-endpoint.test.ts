import fc from 'fast-check';
import type Stripe from 'stripe';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DomainError, StripeUnavailableError } from '../../src/core/errors.js';
import { readEndpointsRow } from '../../src/installation/stored-keys.js';
import { NOUNS } from '../../src/nouns.js';
import { eventTypesOf } from '../../src/parts/nouns.js';
import { StripeCallError } from '../../src/stripe/answer.js';
import { STRIPE_API_VERSION } from '../../src/stripe/client.js';
import { connectStripe } from '../../src/stripe/gateway.js';
import { type OperatorOptions, type OperatorParts, openOperator, TEST_KEYS } from '../doctor/operator-parts.js';
import { lieAbout } from '../harness/lies.js';
import { addFault, clearFaults } from '../harness/sandbox-control.js';
import { openStripeProxy } from '../harness/stripe-proxy.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';

const PUBLIC_URL = 'https://pay.example/shop';
const URL_AT_STRIPE = 'https://pay.example/shop/webhooks/stripe';

describe('the webhook endpoint', () => {
  let bed: TestBed;
  let opened: OperatorParts[] = [];
  const open = async (options: OperatorOptions = {}): Promise<OperatorParts> => {
    const parts = await openOperator(bed, { publicUrl: PUBLIC_URL, ...options });
    opened.push(parts);
    return parts;
  };
  const atStripe = async (): Promise<Stripe.WebhookEndpoint[]> =>
    (await bed.stripe.webhookEndpoints.list({ limit: 100 })).data;
  const only = async (): Promise<Stripe.WebhookEndpoint> => {
    const [endpoint, ...more] = await atStripe();
    if (!endpoint || more.length > 0) throw new Error(`${more.length + 1} endpoints`);
    return endpoint;
  };
  const configured = async (options: OperatorOptions = {}): Promise<OperatorParts> => {
    const parts = await open(options);
    await parts.settings.configure(TEST_KEYS);
    return parts;
  };
  const secretsOf = async ({ keys }: OperatorParts): Promise<readonly string[]> => {
    keys.forget();
    return (await keys.read())?.webhookSecrets ?? [];
  };

  beforeAll(async () => {
    bed = await openTestBed();
  });
  beforeEach(async () => {
    await bed.sql.query(`delete from tollgate.setting where key like 'stripe%'`);
    for (const { id } of await atStripe()) await bed.stripe.webhookEndpoints.del(id);
  });
  afterEach(async () => {
    await clearFaults(bed.sandbox);
    for (const parts of opened) await parts.close();
    opened = [];
  });
  afterAll(() => bed.close());

  test('configuring registers it with the pinned version and exactly the events that are applied; again changes nothing', async () => {
    const parts = await open();
    const { endpoint } = await parts.settings.configure(TEST_KEYS);
    expect(endpoint).toMatchObject({ outcome: 'made', url: URL_AT_STRIPE });
    const made = await only();
    expect(made).toMatchObject({ url: URL_AT_STRIPE, api_version: STRIPE_API_VERSION, status: 'enabled' });
    expect([...made.enabled_events].sort()).toEqual([...eventTypesOf(NOUNS)].sort());
    expect(await secretsOf(parts)).toEqual([expect.stringMatching(/^whsec_/)]);
    expect((await parts.settings.configure(TEST_KEYS)).endpoint).toMatchObject({ outcome: 'kept', id: made.id });
    expect(await only()).toEqual(made);
  });

  test('two processes at once register one', async () => {
    const [first, second] = [await configured({ publicUrl: undefined }), await open()];
    const other = await open();
    await Promise.all([second.endpoints.ensure(), other.endpoints.ensure()]);
    await only();
    expect(await secretsOf(first)).toHaveLength(1);
  });

  test('another address, another list of events or a switched-off endpoint is mended, with its secret kept', async () => {
    const parts = await configured();
    const { id } = await only();
    const secrets = await secretsOf(parts);
    const moved = await open({ publicUrl: 'https://other.example' });
    expect(await moved.endpoints.ensure()).toMatchObject({ outcome: 'mended', id });
    expect((await only()).url).toBe('https://other.example/webhooks/stripe');
    const fewer = await open({ eventTypes: ['payment_intent.succeeded'] });
    expect(await fewer.endpoints.ensure()).toMatchObject({ outcome: 'mended', id });
    expect((await only()).enabled_events).toEqual(['payment_intent.succeeded']);
    await bed.stripe.webhookEndpoints.update(id, { disabled: true });
    expect(await parts.endpoints.ensure()).toMatchObject({ outcome: 'mended', id });
    expect((await only()).status).toBe('enabled');
    expect(await secretsOf(parts)).toEqual(secrets);
  });

  test('one of another API version is replaced; the old secret is accepted while deliveries are on their way', async () => {
    const parts = await configured();
    const old = await only();
    const otherVersion = await open({
      tamper: (gateway) => ({
        ...gateway,
        listWebhookEndpoints: async () =>
          (await gateway.listWebhookEndpoints()).map((endpoint) =>
            endpoint.id === old.id ? { ...endpoint, api_version: '2020-08-27' } : endpoint,
          ),
      }),
    });
    expect(await otherVersion.endpoints.ensure()).toMatchObject({ outcome: 'replaced' });
    expect(await atStripe()).toHaveLength(2);
    expect(await secretsOf(parts)).toHaveLength(2);
  });

  test('any JSON as an answer to what sets up and looks after is told in words, and another one’s endpoint is not taken for ours', async () => {
    const proxy = await openStripeProxy(bed.sandbox.url);
    const parts = await open({ tamper: () => connectStripe({ secretKey: 'sk_test_sandbox', apiBase: proxy.url }) });
    const doctor = parts.checks.filter(({ title }) => /keys at Stripe|clock|endpoint|deliveries/.test(title));
    const works: (() => Promise<unknown>)[] = [
      () => parts.settings.configure(TEST_KEYS),
      () => parts.endpoints.ensure(),
      () => parts.endpoints.rotate(0),
      ...doctor.map((check) => () => check.run()),
    ];
    const property = fc.asyncProperty(fc.constantFrom(...works), fc.nat(4), fc.integer(), async (work, at, seed) => {
      let count = 0;
      proxy.lie(async (_, forward) => {
        const answer = await forward();
        count += 1;
        return count - 1 === at
          ? { ...answer, body: fc.sample(lieAbout(answer.body), { seed, numRuns: 1 })[0] }
          : answer;
      });
      const error: unknown = await work().then(
        () => undefined,
        (failure: unknown) => failure,
      );
      if (error !== undefined && !(error instanceof StripeCallError)) expect(error).toBeInstanceOf(DomainError);
    });
    try {
      await fc.assert(property, { numRuns: 60 });
      proxy.lie();
      await parts.settings.configure(TEST_KEYS);
      const another = await bed.stripe.webhookEndpoints.create({ url: 'https://other.example', enabled_events: ['*'] });
      proxy.lie(async ({ method, path }, forward) => {
        const answer = await forward();
        const isCreate = method === 'POST' && path === '/v1/webhook_endpoints';
        return isCreate ? { ...answer, body: JSON.parse(JSON.stringify(another)) } : answer;
      });
      const secrets = await secretsOf(parts);
      await expect(parts.endpoints.rotate(3_600)).rejects.toThrow(StripeUnavailableError);
      expect(await secretsOf(parts)).toEqual(secrets);
    } finally {
      await proxy.close();
    }
  });

  test('one that was deleted in the dashboard is made again', async () => {
    const parts = await configured();
    const { id } = await only();
    await bed.stripe.webhookEndpoints.del(id);
    expect(await parts.endpoints.ensure()).toMatchObject({ outcome: 'replaced' });
    expect((await only()).id).not.toBe(id);
    expect(await secretsOf(parts)).toHaveLength(1);
  });

  test('a rotation accepts both secrets, run again it makes no third, and afterwards the old endpoint is deleted', async () => {
    const parts = await configured();
    const [oldSecret] = await secretsOf(parts);
    const old = await only();
    const rotated = await parts.endpoints.rotate(3_600);
    expect(rotated).toMatchObject({ outcome: 'rotated', oldAcceptedUntil: expect.stringMatching(/Z$/) });
    expect(await secretsOf(parts)).toHaveLength(2);
    expect(await secretsOf(parts)).toContain(oldSecret);
    expect(await parts.endpoints.rotate(3_600)).toMatchObject({ outcome: 'under-way', id: rotated.id });
    expect(await atStripe()).toHaveLength(2);
    expect(await parts.endpoints.retireDue()).toBe(0);

    expect(await parts.endpoints.rotate(0)).toEqual({ outcome: 'under-way', id: rotated.id, oldAcceptedUntil: null });
    expect(await only()).toMatchObject({ id: rotated.id });
    expect(rotated.id).not.toBe(old.id);
    expect(await secretsOf(parts)).not.toContain(oldSecret);
  });

  test('a process that dies after Stripe made the endpoint loses nothing: the next run gets the same answer', async () => {
    const parts = await configured({ publicUrl: undefined });
    const dying = await open({
      tamper: (gateway) => ({
        ...gateway,
        createWebhookEndpoint: async (...asked) => {
          await gateway.createWebhookEndpoint(...asked);
          throw new Error('the process died');
        },
      }),
    });
    await expect(dying.endpoints.ensure()).rejects.toThrow('died');
    const made = await only();
    expect(await secretsOf(parts)).toHaveLength(0);
    const next = await open();
    expect(await next.endpoints.ensure()).toMatchObject({ outcome: 'made', id: made.id });
    expect(await secretsOf(parts)).toHaveLength(1);
  });

  test('a rotation that dies half-way keeps the old secret, and the next one ends with one endpoint', async () => {
    const parts = await configured();
    const [oldSecret] = await secretsOf(parts);
    const dying = await open({
      tamper: (gateway) => ({
        ...gateway,
        createWebhookEndpoint: async (...asked) => {
          await gateway.createWebhookEndpoint(...asked);
          throw new Error('the process died');
        },
      }),
    });
    await expect(dying.endpoints.rotate(3_600)).rejects.toThrow('died');
    expect(await secretsOf(parts)).toEqual([oldSecret]);
    const { id } = await parts.endpoints.rotate(0);
    expect(await only()).toMatchObject({ id });
    expect(await secretsOf(parts)).toHaveLength(1);
    expect((await readEndpointsRow(parts.database)).pending).toBeNull();
  });

  test('a timeout of Stripe is repeated with the same key and makes no second endpoint', async () => {
    const parts = await configured({ publicUrl: undefined });
    await addFault(bed.sandbox, {
      match: { method: 'POST', path: '/v1/webhook_endpoints' },
      kind: 'disconnect-after-apply',
      times: 3,
    });
    const next = await open();
    await expect(next.endpoints.ensure()).rejects.toMatchObject({ code: 'STRIPE_UNAVAILABLE' });
    await next.endpoints.ensure();
    await only();
    expect(await secretsOf(parts)).toHaveLength(1);
  });

  test('an account that is full is said in words, and the keys stay stored', async () => {
    for (let n = 0; n < 16; n += 1)
      await bed.stripe.webhookEndpoints.create({
        url: `https://others.example/${n}`,
        enabled_events: ['charge.succeeded'],
      });
    const parts = await open();
    const { endpoint } = await parts.settings.configure(TEST_KEYS);
    expect(endpoint).toMatchObject({ outcome: 'failed', error: { message: expect.stringContaining('(16)') } });
    expect(await parts.keys.read()).toMatchObject({ secretKey: 'sk_test_sandbox' });
  });

  test.each([
    [{ publicUrl: undefined }, 'PUBLIC_URL'],
    [{ environment: { webhookSecrets: ['whsec_env'] } }, 'STRIPE_WEBHOOK_SECRET'],
  ])('an endpoint that is the operator’s own is left alone, with the reason (%#)', async (options, words) => {
    const parts = await configured(options);
    expect(await parts.endpoints.ensure()).toMatchObject({ outcome: 'off', reason: expect.stringContaining(words) });
    await expect(parts.endpoints.rotate(0)).rejects.toThrow(words);
    expect(await atStripe()).toHaveLength(0);
  });
});
