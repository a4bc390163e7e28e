import { expect, test } from 'vitest';
import { resources } from '../../sandbox/catalogue.js';
import { leftOutResource } from '../../sandbox/resources/left-out.js';
import spec from '../stripe-contract/stripe-spec-trimmed.json' with { type: 'json' };
import { clientOf, errorBody, failureOf, useWorlds } from './harness.js';

const worlds = useWorlds();

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: {
    readonly content: Record<string, { readonly schema: { readonly $ref?: string; readonly properties?: object } }>;
  };
}
const schemas = spec.components.schemas as unknown as Record<string, { properties?: object }>;
const paths = spec.paths as unknown as Record<string, Record<string, Operation>>;

const specParams = ({ parameters = [], requestBody }: Operation): string[] => {
  const body = requestBody?.content['application/x-www-form-urlencoded']?.schema;
  const properties = body?.$ref ? schemas[body.$ref.split('/').at(-1) ?? '']?.properties : body?.properties;
  return [...parameters.filter((one) => one.in === 'query').map(({ name }) => name), ...Object.keys(properties ?? {})];
};

const routes = resources
  .filter((resource) => resource !== leftOutResource)
  .flatMap((resource) => resource.routes ?? [])
  .filter(({ path }) => !path.startsWith('/v1/account'));

test.each(
  routes.map((route) => [route.method, route.path, route] as const),
)('%s %s knows exactly the parameters that Stripe takes', (method, path, route) => {
  const shape = (text: string): string => text.replaceAll(/:\w+|\{\w+\}/g, '*');
  const known = Object.keys(paths).find(
    (candidate) => shape(candidate) === shape(path) && paths[candidate]?.[method.toLowerCase()],
  );
  expect(known).toBeDefined();
  const wanted = specParams(paths[known ?? '']?.[method.toLowerCase()] ?? {});
  const given = Object.keys(route.params);
  const browserOnly = ['client_secret'];
  expect(given.filter((name) => !wanted.includes(name) && !browserOnly.includes(name))).toEqual([]);
  expect(wanted.filter((name) => !given.includes(name))).toEqual([]);
});

test('errors have the words, codes and links that Stripe gives them', async () => {
  const { raw } = await worlds.start();
  const missing = await raw('POST', '/v1/payment_intents', 'amount=100');
  expect([missing.status, errorBody(missing.body)]).toEqual([
    400,
    {
      type: 'invalid_request_error',
      message: 'Missing required param: currency.',
      code: 'parameter_missing',
      param: 'currency',
      doc_url: 'https://stripe.com/docs/error-codes/parameter-missing',
      request_log_url: expect.stringMatching(/^https:\/\/dashboard\.stripe\.com\/test\/logs\/req_/),
    },
  ]);
  const unknown = await raw('POST', '/v1/payment_intents', 'amount=100&currency=usd&payment_method_types[]=card');
  expect(errorBody(unknown.body)).toMatchObject({
    code: 'parameter_unknown',
    param: 'payment_method_types',
    message: 'Received unknown parameter: payment_method_types',
  });
  const nested = await raw('POST', '/v1/payment_intents', 'amount=100&currency=usd&automatic_payment_methods[on]=true');
  expect(errorBody(nested.body)).toMatchObject({ param: 'automatic_payment_methods[on]' });
  const fraction = await raw('POST', '/v1/payment_intents', 'amount=10.5&currency=usd');
  expect(errorBody(fraction.body)).toMatchObject({
    code: 'parameter_invalid_integer',
    message: 'Invalid integer: 10.5',
  });
  const empty = await raw('POST', '/v1/payment_intents', 'amount=100&currency=');
  expect(errorBody(empty.body)).toMatchObject({ code: 'parameter_invalid_empty', param: 'currency' });
  const choice = await raw('POST', '/v1/payment_intents', 'amount=100&currency=usd&capture_method=later');
  expect(errorBody(choice.body)).toMatchObject({
    message: 'Invalid capture_method: must be one of automatic, automatic_async, or manual',
  });
  const left = await raw('POST', '/v1/payment_intents', 'amount=100&currency=usd&on_behalf_of=acct_1');
  expect(errorBody(left.body)).toMatchObject({ code: 'sandbox_left_out', param: 'on_behalf_of' });
  const long = await raw('POST', '/v1/customers', `metadata[${'k'.repeat(41)}]=v`);
  expect(errorBody(long.body)['message']).toContain('up to 40 characters');
});

test('unknown objects and URLs answer 404; one of the other mode is named as such', async () => {
  const { stripe, sandbox } = await worlds.start();
  expect(await failureOf(stripe.paymentIntents.retrieve('pi_none'))).toMatchObject({
    statusCode: 404,
    code: 'resource_missing',
    param: 'intent',
    message: "No such payment_intent: 'pi_none'",
  });
  expect(await failureOf(stripe.refunds.create({ payment_intent: 'pi_none' }))).toMatchObject({
    statusCode: 400,
    param: 'payment_intent',
  });
  const live = await clientOf(sandbox.port, 'sk_live_sandbox').customers.create({});
  expect((await failureOf(stripe.customers.retrieve(live.id))).message).toContain(
    'a similar object exists in live mode',
  );
  const other = await clientOf(sandbox.port, 'sk_test_sandbox_other').customers.create({});
  expect((await failureOf(stripe.customers.retrieve(other.id))).message).toBe(`No such customer: '${other.id}'`);
  const lost = await fetch(`${sandbox.url}/v1/nothing`, { headers: { authorization: 'Bearer sk_test_sandbox' } });
  expect(lost.status).toBe(404);
  expect(((await lost.json()) as { error: { message: string } }).error.message).toContain(
    'Unrecognized request URL (GET: /v1/nothing)',
  );
});

test('an account has further keys, which see the same; one that expired is refused, the others go on', async () => {
  const { control, sandbox } = await worlds.start();
  const { id } = await clientOf(sandbox.port, 'sk_test_sandbox__old').customers.create({});
  expect(await control('POST', '/keys/expire', { key: 'sk_test_sandbox__old' })).toEqual({ expired: true });
  expect(await failureOf(clientOf(sandbox.port, 'sk_test_sandbox__old').customers.retrieve(id))).toMatchObject({
    statusCode: 401,
    code: 'api_key_expired',
    message: 'Expired API Key provided: sk_test_********_old',
  });
  for (const key of ['sk_test_sandbox__new', 'sk_test_sandbox'])
    expect((await clientOf(sandbox.port, key).customers.retrieve(id)).id).toBe(id);
  const other = clientOf(sandbox.port, 'sk_test_sandbox_acme__2');
  expect((await other.accounts.retrieveCurrent()).id).toBe('acct_acme');
  expect(await control('POST', '/keys/expire', { key: 'sk_test_51H' })).toMatchObject({
    error: { message: expect.stringContaining('must be a key of the sandbox') },
  });
});

test('keys, versions and content types are checked', async () => {
  const { raw, sandbox } = await worlds.start();
  const none = await fetch(`${sandbox.url}/v1/customers`);
  expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="Stripe"']);
  const wrong = await raw('GET', '/v1/customers', undefined, { authorization: 'Bearer sk_test_51Habcdefgh' });
  expect([wrong.status, errorBody(wrong.body)['message']]).toEqual([
    401,
    'Invalid API Key provided: sk_test_*******efgh',
  ]);
  expect((await failureOf(clientOf(sandbox.port, 'sk_test_other').customers.list())).type).toBe(
    'StripeAuthenticationError',
  );
  const basic = await raw('GET', '/v1/account', undefined, {
    authorization: `Basic ${Buffer.from('sk_test_sandbox_acme:').toString('base64')}`,
  });
  expect(basic.body['id']).toBe('acct_acme');
  const old = await raw('GET', '/v1/customers', undefined, { 'stripe-version': '2020-08-27' });
  expect([old.status, errorBody(old.body)['message']]).toEqual([
    400,
    expect.stringContaining('Invalid Stripe API version'),
  ]);
  const json = await raw('POST', '/v1/customers', '{}', { 'content-type': 'application/json' });
  expect(json.status).toBe(400);
});

test('answers carry the request id, the version and the date of the sandbox clock', async () => {
  const { raw, advance } = await worlds.start();
  await advance(3_600);
  const { headers } = await raw('GET', '/v1/customers');
  expect(headers.get('request-id')).toMatch(/^req_/);
  expect(headers.get('stripe-version')).toBe('2026-10-28.endive');
  expect(Date.parse(String(headers.get('date'))) - Date.now()).toBeGreaterThan(3_500_000);
});

test('lists are paged newest first in both directions, filtered, and gone through by the client itself', async () => {
  const { stripe } = await worlds.start();
  const made: string[] = [];
  for (let at = 0; at < 25; at++) made.unshift((await stripe.customers.create({ email: `${at % 2}@example.com` })).id);
  const first = await stripe.customers.list({ limit: 10 });
  expect([first.data.map(({ id }) => id), first.has_more]).toEqual([made.slice(0, 10), true]);
  const next = await stripe.customers.list({ limit: 10, starting_after: made[19] ?? '' });
  expect([next.data.map(({ id }) => id), next.has_more]).toEqual([made.slice(20), false]);
  const back = await stripe.customers.list({ limit: 5, ending_before: made[10] ?? '' });
  expect([back.data.map(({ id }) => id), back.has_more]).toEqual([made.slice(5, 10), true]);
  const all: string[] = [];
  for await (const { id } of stripe.customers.list({ limit: 7 })) all.push(id);
  expect(all).toEqual(made);
  expect((await stripe.customers.list({ email: '1@example.com', limit: 100 })).data).toHaveLength(12);
  const { created } = (await stripe.customers.retrieve(made[0] ?? '')) as { created: number };
  expect((await stripe.customers.list({ created: { gt: created } })).data).toEqual([]);
  expect(
    (await stripe.customers.list({ created: { gte: created - 100, lte: created }, limit: 100 })).data,
  ).toHaveLength(25);
  expect((await failureOf(stripe.customers.list({ limit: 101 }))).code).toBe('parameter_invalid_integer');
  expect((await failureOf(stripe.customers.list({ starting_after: 'cus_none' }))).param).toBe('starting_after');
});

test('fields are expanded in objects and lists, and what can not be expanded is refused', async () => {
  const { stripe } = await worlds.start();
  const customer = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const intent = await stripe.paymentIntents.create({
    amount: 1_000,
    currency: 'usd',
    customer: customer.id,
    payment_method: String(customer.invoice_settings.default_payment_method),
    confirm: true,
    expand: ['customer.invoice_settings.default_payment_method', 'latest_charge.balance_transaction'],
  });
  expect(intent).toMatchObject({
    customer: { invoice_settings: { default_payment_method: { object: 'payment_method' } } },
    latest_charge: { balance_transaction: { object: 'balance_transaction' } },
  });
  const listed = await stripe.paymentIntents.list({ expand: ['data.latest_charge', 'data.payment_method'] });
  expect(listed.data[0]).toMatchObject({
    latest_charge: { object: 'charge' },
    payment_method: { object: 'payment_method' },
  });
  expect((await stripe.paymentIntents.retrieve(intent.id)).latest_charge).toEqual(expect.any(String));
  expect((await failureOf(stripe.paymentIntents.retrieve(intent.id, { expand: ['amount'] }))).message).toContain(
    'cannot be expanded (amount)',
  );
});

test('the account tells who the key belongs to', async () => {
  const { stripe } = await worlds.start();
  expect(await stripe.accounts.retrieveCurrent()).toMatchObject({ id: 'acct_sandbox', object: 'account' });
});
