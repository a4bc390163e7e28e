import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/graphql/limits.js';
import { type Body, collect, type Edge, readEvents, startEdge } from './edge.js';

type Asked = NonNullable<Body['errors']>[number] | undefined;
/** Asks on one door and gives the first error. */
type Ask = (edge: Edge, query: string, variables?: Record<string, unknown>) => Promise<Asked>;

const overHttp: Ask = async (edge, query, variables) =>
  (await edge.ask(query, { token: await edge.token(), ...(variables ? { variables } : {}) })).body.errors?.[0];

const overYoga: Ask = async (edge, query, variables) => {
  const search = new URLSearchParams({ query, ...(variables ? { variables: JSON.stringify(variables) } : {}) });
  const response = await fetch(`${edge.url}/graphql`, {
    method: 'POST',
    body: search,
    headers: { authorization: `Bearer ${await edge.token()}`, accept: 'application/json' },
  });
  return ((await response.json()) as Body).errors?.[0];
};

const overSse: Ask = async (edge, query, variables) => {
  const response = await fetch(`${edge.url}/graphql`, {
    method: 'POST',
    body: JSON.stringify({ query, variables }),
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${await edge.token()}`,
    },
  });
  for await (const { data } of readEvents(response)) if (data?.errors) return data.errors[0];
  return undefined;
};

const overSocket: Ask = async (edge, query, variables) => {
  const client = edge.socket(`Bearer ${await edge.token()}`);
  const message = collect(client, query, variables).next();
  const errors = await message.then(
    (body) => body?.errors,
    (refusal: Body['errors']) => refusal,
  );
  await client.dispose();
  return errors?.[0];
};

const DOORS: [string, Ask][] = [
  ['HTTP', overHttp],
  ['HTTP as a form', overYoga],
  ['SSE', overSse],
  ['a socket', overSocket],
];

const aliases = (count: number): string =>
  `{ ${Array.from({ length: count }, (_, index) => `a${index}: publishableKey`).join(' ')} }`;
const PAGE = 'edges { node { id orderId amount currency status createdAt } }';

describe.each(DOORS)('on %s', (_, ask) => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge({
      limits: { depth: 4, cost: 500, aliases: 5, directives: 3, tokens: 100, documentCharacters: 1_000 },
    });
  });
  afterAll(() => edge.close());

  test.each([
    ['depth', '{ payments(first: 1) { edges { node { timeline { at } } } } }', 'depth limit of 4'],
    [
      'depth in fragments',
      'query { payments(first: 1) { ...a } } fragment a on PaymentConnection { edges { ...b } } fragment b on PaymentEdge { node { timeline { at } } }',
      'depth limit of 4',
    ],
    ['cost', `{ payments(first: 100) { ${PAGE} } }`, 'costs'],
    ['cost through aliases', `{ a: payments(first: 50) { ${PAGE} } b: payments(first: 50) { ${PAGE} } }`, 'costs'],
    ['aliases', aliases(6), 'Aliases limit of 5'],
    ['directives', `{ publishableKey ${'@include(if: true) '.repeat(4)} }`, 'Directives limit of 3'],
    ['tokens', `{ viewer { ${'roles '.repeat(120)} } }`, 'at most 100'],
    ['characters', `# ${'x'.repeat(1_000)}\n{ publishableKey }`, 'at most 1000'],
  ])('too much %s is QUERY_TOO_COMPLEX, with the limit in the message', async (_what, query, message) => {
    const error = await ask(edge, query);
    expect(error?.extensions).toEqual({ code: 'QUERY_TOO_COMPLEX' });
    expect(error?.message).toContain(message);
  });

  test('a list counts by the rows that its variable asks for, or its default', async () => {
    const query = `query ($first: Int = 100) { payments(first: $first) { ${PAGE} } }`;
    expect(await ask(edge, query, { first: 10 })).toBeUndefined();
    expect((await ask(edge, query, { first: 100 }))?.extensions.code).toBe('QUERY_TOO_COMPLEX');
    expect((await ask(edge, query))?.extensions.code).toBe('QUERY_TOO_COMPLEX');
    expect((await ask(edge, query, { first: 1_000 }))?.extensions.code).toBe('QUERY_TOO_COMPLEX');
  });

  test('a list of more than 100 rows is BAD_USER_INPUT', async () => {
    expect((await ask(edge, '{ payments(first: 101) { pageInfo { endCursor } } }'))?.extensions.code).toBe(
      'BAD_USER_INPUT',
    );
  });

  test('fragments that circle are an error like any other', async () => {
    const error = await ask(
      edge,
      'query { ...a } fragment a on Query { ...b } fragment b on Query { ...a publishableKey }',
    );
    expect(error?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test('what is within the limits is answered', async () => {
    expect(await ask(edge, aliases(5))).toBeUndefined();
    expect(await ask(edge, `{ payments(first: 20) { ${PAGE} } }`)).toBeUndefined();
  });
});

describe('introspection', () => {
  test('passes the default limits where it is on', async () => {
    const edge = await startEdge();
    for (const [, ask] of DOORS) expect(await ask(edge, getIntrospectionQuery())).toBeUndefined();
    await edge.close();
  });

  const asked = (count: number, selection: string): string =>
    Array.from({ length: count }, (_, index) => `a${index}: ${selection}`).join(' ');

  test('is paid for: asking again and again for the schema, or for much of it, is QUERY_TOO_COMPLEX', async () => {
    const edge = await startEdge();
    const fields = '{ fields { name description type { name ofType { name } } args { name description } } }';
    for (const [, ask] of DOORS) {
      for (const query of [
        `{ ${asked(2, '__schema { types { name } }')} }`,
        '{ a: __schema { types { name } } ...more } fragment more on Query { b: __schema { queryType { name } } }',
        `{ __schema { ${asked(25, `types ${fields}`)} } }`,
        `{ __schema { types { ${asked(25, `fields { name description type ${fields} }`)} } } }`,
        `{ ${asked(25, `__type(name: "Mutation") { fields { ${asked(4, `type { ofType ${fields} }`)} } }`)} }`,
        `query ($all: Boolean = true) { __schema { ${asked(20, `types { fields(includeDeprecated: $all) { name type ${fields} } }`)} } }`,
      ])
        expect((await ask(edge, query))?.extensions, query.slice(0, 60)).toEqual({ code: 'QUERY_TOO_COMPLEX' });
      expect(await ask(edge, `{ ${asked(3, '__type(name: "Payment") { fields { name } }')} }`)).toBeUndefined();
    }
    await edge.close();
  });

  test('counting what was asked of the schema takes a moment, whatever was asked', async () => {
    const edge = await startEdge();
    const doubled = Array.from(
      { length: 25 },
      (_, index) => `fragment f${index} on __Type { ...f${index + 1} ...f${index + 1} }`,
    ).join(' ');
    const query = `{ __schema { types { ...f0 } } } ${doubled} fragment f25 on __Type { name }`;
    const startedAt = performance.now();
    expect((await edge.ask(query)).body.errors?.[0]?.extensions.code).toBe('QUERY_TOO_COMPLEX');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await edge.close();
  });

  test('is for callers with a token unless everyone may ask; no name of the schema is suggested to strangers', async () => {
    const edge = await startEdge({ introspection: 'logged_in' });
    for (const [, ask] of DOORS) {
      expect(await ask(edge, getIntrospectionQuery())).toBeUndefined();
      expect((await ask(edge, '{ publishableKeys }'))?.message).not.toContain('Did you mean');
    }
    const anonymous = edge.socket();
    const overAnonymousSocket = await collect(anonymous, '{ __schema { types { name } } }')
      .next()
      .catch((refusal: Body['errors']) => ({ errors: refusal }) as Body);
    const overAnonymousHttp = await edge.ask('{ a: __type(name: "Payment") { name } }');
    for (const body of [overAnonymousSocket, overAnonymousHttp.body])
      expect(body?.errors?.[0]?.extensions).toEqual({ code: 'UNAUTHENTICATED' });
    expect((await edge.ask('{ __typename }')).body.errors).toBeUndefined();
    await edge.close();
  });

  test('where it is off it is refused with FORBIDDEN, __typename aside, and no name of the schema is suggested', async () => {
    const edge = await startEdge({ introspection: 'nobody' });
    for (const [, ask] of DOORS) {
      expect((await ask(edge, getIntrospectionQuery()))?.extensions.code).toBe('FORBIDDEN');
      expect((await ask(edge, '{ __type(name: "Payment") { name } }'))?.extensions.code).toBe('FORBIDDEN');
      expect(await ask(edge, '{ __typename viewer { __typename } }')).toBeUndefined();
      expect((await ask(edge, '{ publishableKeys }'))?.message).toBe(
        'Cannot query field "publishableKeys" on type "Query".',
      );
      expect((await ask(edge, '{ payments(status: SUCCESFUL) { pageInfo { endCursor } } }'))?.message).not.toContain(
        'Did you mean',
      );
      const status = 'query ($status: PaymentStatus) { payments(status: $status) { pageInfo { endCursor } } }';
      expect((await ask(edge, status, { status: 'SUCCESFUL' }))?.message).not.toContain('SUCCESSFUL');
    }
    await edge.close();
  });
});

describe('size', () => {
  test('a body beyond the limit is answered with 413, also when it does not say its length', async () => {
    const edge = await startEdge({ limits: { bodyBytes: 1_000 } });
    const body = JSON.stringify({ query: `# ${'x'.repeat(2_000)}\n{ publishableKey }` });
    const send = (init: RequestInit & { duplex?: 'half' }, type: string) =>
      fetch(`${edge.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': type, 'x-tollgate-csrf': '1' },
        ...init,
      });
    const chunked = () => new Blob([body]).stream();
    for (const type of ['application/json', 'application/graphql']) {
      const told = await send({ body }, type);
      expect([told.status, ((await told.json()) as Body).errors?.[0]?.extensions.code]).toEqual([
        413,
        'BAD_USER_INPUT',
      ]);
      const untold = await send({ body: chunked(), duplex: 'half' }, type);
      expect([untold.status, ((await untold.json()) as Body).errors?.[0]?.extensions.code]).toEqual([
        413,
        'BAD_USER_INPUT',
      ]);
    }
    await edge.close();
  });

  test('a batch is refused unless it is allowed, and then up to its size', async () => {
    const batch = async (edge: Edge, size: number) => {
      const response = await fetch(`${edge.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(Array.from({ length: size }, () => ({ query: '{ publishableKey }' }))),
      });
      return { status: response.status, body: (await response.json()) as Body | Body[] };
    };
    const one = await startEdge();
    expect(await batch(one, 2)).toMatchObject({
      status: 400,
      body: { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
    });
    await one.close();
    const some = await startEdge({ limits: { batchSize: 3, operationsPerAddress: 4 } });
    const fits = await batch(some, 3);
    expect(fits).toMatchObject({ status: 200 });
    expect(fits.body).toHaveLength(3);
    expect(await batch(some, 4)).toMatchObject({
      status: 413,
      body: { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
    });
    const counted = (await batch(some, 3)).body as Body[];
    expect(counted.filter(({ errors }) => errors?.[0]?.extensions.code === 'RATE_LIMITED')).toHaveLength(2);
    await some.close();
  });
});

describe('rates', () => {
  test('an account has so many operations in a window, over all doors together', async () => {
    const edge = await startEdge({ limits: { operationsPerAccount: 4, windowSeconds: 60 } });
    for (const [, ask] of DOORS) expect(await ask(edge, '{ publishableKey }')).toBeUndefined();
    for (const [door, ask] of DOORS) {
      const error = await ask(edge, '{ publishableKey }');
      expect(error?.extensions, door).toEqual({ code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) });
      expect(error?.extensions['retryAfterSeconds']).toBeGreaterThan(50);
    }
    const other = await edge.ask('{ publishableKey }', { token: await edge.token('ben') });
    expect(other.body.errors).toBeUndefined();
    const accept = 'application/graphql-response+json';
    const modern = await edge.ask('{ publishableKey }', { token: await edge.token(), accept });
    expect([modern.status, Number(modern.headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
    await edge.close();
  });

  test('an address has so many, guesses of tokens included', async () => {
    const edge = await startEdge({ limits: { operationsPerAddress: 3, windowSeconds: 60 } });
    const guess = () => edge.ask('{ publishableKey }', { token: 'guess' });
    const codes = [await guess(), await guess(), await guess(), await guess()].map(
      ({ body }) => body.errors?.[0]?.extensions.code,
    );
    expect(codes).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED', 'RATE_LIMITED']);
    expect((await edge.ask('{ publishableKey }')).body.errors?.[0]?.extensions.code).toBe('RATE_LIMITED');
    await edge.close();
  });

  test('what a client says of its address counts only behind our own proxies, in whatever form, and its port never', async () => {
    const claim = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    const direct = await startEdge({ limits: { operationsPerAddress: 2, windowSeconds: 60 } });
    for (const address of ['10.0.0.1', '10.0.0.2']) await direct.ask('{ publishableKey }', claim(address));
    expect((await direct.ask('{ publishableKey }', claim('10.0.0.3'))).body.errors?.[0]?.extensions.code).toBe(
      'RATE_LIMITED',
    );
    await direct.close();
    const behind = await startEdge({ limits: { operationsPerAddress: 1, windowSeconds: 60 }, trustedProxies: 1 });
    expect((await behind.ask('{ publishableKey }', claim('1.1.1.1, 10.0.0.1'))).body.errors).toBeUndefined();
    expect((await behind.ask('{ publishableKey }', claim('1.1.1.1, 10.0.0.2'))).body.errors).toBeUndefined();
    const again = await behind.ask('{ publishableKey }', claim('9.9.9.9, 10.0.0.2'));
    expect(again.body.errors?.[0]?.extensions.code).toBe('RATE_LIMITED');
    const forms = ['10.0.0.2:51234', '[2001:db8::1]:443', '2001:db8::2', '"[2001:0DB8:0::3]:9"', '::ffff:a00:2'];
    const answers = [];
    for (const form of forms) answers.push(await behind.ask('{ publishableKey }', claim(form)));
    expect(answers.map(({ body }) => body.errors?.[0]?.extensions.code)).toEqual([
      'RATE_LIMITED',
      undefined,
      'RATE_LIMITED',
      'RATE_LIMITED',
      'RATE_LIMITED',
    ]);
    await behind.close();
  });

  test('forty webhooks, twenty mutations and a hundred queries in a second by one client are no abuse', async () => {
    const edge = await startEdge({ limits: DEFAULT_LIMITS });
    const token = await edge.token();
    const pay = 'mutation { pay(input: { orderId: 1, amount: 100, currency: "USD" }) { publishableKey } }';
    const startedAt = performance.now();
    const answers = await Promise.all([
      ...Array.from({ length: 100 }, () => edge.ask('{ payment(id: 1) { id } }', { token })),
      ...Array.from({ length: 20 }, () => edge.ask(pay, { token })),
    ]);
    const deliveries = await Promise.all(
      Array.from({ length: 40 }, () => fetch(`${edge.url}/webhooks/stripe`, { method: 'POST', body: '{}' })),
    );
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(answers.filter(({ body }) => body.errors)).toEqual([]);
    expect(deliveries.every(({ status }) => status === 200)).toBe(true);
    await edge.close();
  });
});
