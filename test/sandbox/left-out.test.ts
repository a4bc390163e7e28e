import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { resources } from '../../sandbox/catalogue.js';
import { ApiError } from '../../sandbox/errors.js';
import type { FormValue } from '../../sandbox/form.js';
import spec from '../stripe-contract/stripe-spec-trimmed.json' with { type: 'json' };
import { clientOf, errorBody, failureOf, useWorlds } from './harness.js';

const worlds = useWorlds();

/** Every operation of the official client, from its own code: `GET /v1/coupons/:id`. */
const clientOperations = (): string[] => {
  const root = join(dirname(fileURLToPath(import.meta.resolve('stripe'))), 'resources');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'));
  const calls = /_makeRequest\(\s*'(GET|POST|DELETE)',\s*[`']([^`']+)[`']/g;
  return files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(calls)].map(
      ([, method, path = '']) => `${method} ${path.replaceAll(/\$\{[^}]*\}/g, 'x')}`,
    ),
  );
};

test('every operation of the official client is there or says in one shape that it is left out', async () => {
  const { raw } = await worlds.start();
  const operations = clientOperations().filter((operation) => !operation.includes('/oauth/'));
  expect(operations.length).toBeGreaterThan(600);
  const wrong: string[] = [];
  for (const operation of operations) {
    const [method = '', path = ''] = operation.split(' ');
    const { status, body } = await raw(method, path, method === 'POST' ? '' : undefined);
    if (status < 400) continue;
    const { type, code, message, param } = errorBody(body) as Record<string, string | undefined>;
    const isLeftOut =
      status === 400 && code === 'sandbox_left_out' && /^The sandbox leaves out .+\.$/.test(message ?? '');
    const isServed =
      code === 'resource_missing' || code === 'parameter_missing' || code === 'account_invalid' || param !== undefined;
    if (type !== 'invalid_request_error' || !(isLeftOut || isServed)) wrong.push(`${operation}: ${status} ${message}`);
  }
  expect(wrong).toEqual([]);
});

test('a path that Stripe has not either is unknown', async () => {
  const { raw } = await worlds.start();
  for (const path of ['/v1/unicorns', '/v1/payment_intents/pi_1/frobnicate', '/v1/customers/cus_1/pets', '/v3/x'])
    expect(await raw('POST', path, '')).toMatchObject({
      status: 404,
      body: { error: { message: expect.stringContaining(`Unrecognized request URL (POST: ${path})`) } },
    });
});

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly (string | null)[];
  readonly nullable?: boolean;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly 'x-metadata'?: boolean;
}
interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}
const schemas = spec.components.schemas as unknown as Readonly<Record<string, Schema>>;
const paths = spec.paths as unknown as Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const resolve = (schema: Schema): Schema =>
  schema.$ref ? resolve(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema;

const scalars = ({ type, format }: Schema): string[] => {
  if (type === 'boolean') return ['true', 'false'];
  return type === 'integer' || type === 'number' || format === 'decimal' ? ['1'] : ['x'];
};

/** A value for each thing that the schema tells apart: each word, each name with what must go with it. */
const samples = (given: Schema, depth = 0): FormValue[] => {
  const schema = resolve(given);
  if (schema.anyOf) return schema.anyOf.flatMap((one) => samples(one, depth));
  if (schema.enum) return schema.enum.filter((word) => word !== null);
  if (schema.type === 'array') return samples(schema.items ?? {}, depth).map((item) => ({ 0: item }));
  if (schema.type !== 'object') return scalars(schema);
  if (schema['x-metadata'] || !schema.properties) return [{ key: 'value' }];
  const { properties, required = [] } = schema;
  if (depth > 3) return [];
  const needed = Object.fromEntries(
    required.map((name) => [name, samples(properties[name] ?? {}, depth + 1)[0] ?? 'x'] as const),
  );
  return Object.entries(properties).flatMap(([name, inner]) =>
    samples(inner, depth + 1).map((value) => ({ ...needed, [name]: value })),
  );
};

const paramsOf = ({ parameters = [], requestBody }: Operation): [string, Schema][] => {
  const body = requestBody?.content['application/x-www-form-urlencoded']?.schema;
  return [
    ...parameters.filter((one) => one.in === 'query').map(({ name, schema }) => [name, schema] as [string, Schema]),
    ...Object.entries((body && resolve(body).properties) ?? {}),
  ];
};

test('every parameter and word that Stripe takes is taken or left out by name, at any depth', () => {
  const shape = (text: string): string => text.replaceAll(/:\w+|\{\w+\}/g, '*');
  const served = new Map(
    resources.flatMap(({ routes = [] }) => routes.map((route) => [`${route.method} ${shape(route.path)}`, route])),
  );
  const wrong = new Set<string>();
  let tried = 0;
  for (const [path, operations] of Object.entries(paths))
    for (const [method, operation] of Object.entries(operations)) {
      const route = served.get(`${method.toUpperCase()} ${shape(path)}`);
      for (const [name, schema] of paramsOf(operation))
        for (const value of samples(schema)) {
          const param = route?.params[name];
          if (!param) continue;
          tried += 1;
          try {
            param.parse(value, name);
          } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            const { code, message } = error.body;
            if (code !== 'sandbox_left_out' && !message.startsWith('Invalid decimal: x'))
              wrong.add(`${method} ${path}: ${message}`);
          }
        }
    }
  expect([...wrong]).toEqual([]);
  expect(tried).toBeGreaterThan(7_000);
});

test('Connect and another version are refused plainly', async () => {
  const { sandbox, raw } = await worlds.start();
  const connected = clientOf(sandbox.port).customers.list({}, { stripeAccount: 'acct_other' });
  expect(await failureOf(connected)).toMatchObject({ statusCode: 400, code: 'sandbox_left_out' });
  const old = await raw('GET', '/v1/customers', undefined, { 'stripe-version': '2020-08-27' });
  expect(old).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error' } } });
});
