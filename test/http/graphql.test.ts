import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_GRANTS } from '../../src/core/permissions.js';
import { collect, type Edge, payment, readEvents, startEdge } from './edge.js';

let edge: Edge;
let ann: string;
let admin: string;
beforeAll(async () => {
  edge = await startEdge();
  ann = await edge.token('ann');
  admin = await edge.token('admin');
});
afterAll(() => edge.close());

const code = (body: { errors?: { extensions: { code: string } }[] }): string | undefined =>
  body.errors?.[0]?.extensions.code;

describe('who asks', () => {
  test('a token names the account; without one the caller is anonymous', async () => {
    const query = '{ viewer { accountId roles permissions } }';
    const mine = await edge.ask(query, { token: ann });
    expect(mine.body.data?.['viewer']).toMatchObject({ accountId: 'ann', roles: ['logged_in'] });
    const nobody = await edge.ask(query);
    expect(nobody.body.data?.['viewer']).toEqual({ accountId: null, roles: ['anonymous'], permissions: ['PUBLIC'] });
  });

  test('a field refuses whoever lacks its permission with FORBIDDEN and names it, before its arguments are looked at', async () => {
    edge.grants.set('guest', ['PUBLIC']);
    const query = '{ payments(first: 1000) { edges { cursor } } }';
    const { body } = await edge.ask(query, { token: await edge.token('guest') });
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'FORBIDDEN', permission: 'PAYMENT_READ' });
  });

  test('who has no token is told so with UNAUTHENTICATED, and other fields are answered', async () => {
    const query = '{ publishableKey payment(id: 1) { id } }';
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const { status, body } = await edge.ask(query, { accept });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        data: { publishableKey: 'pk_test_1', payment: null },
        errors: [{ path: ['payment'], extensions: { code: 'UNAUTHENTICATED' } }],
      });
      expect(body.errors?.[0]?.message).toContain('PAYMENT_READ');
    }
  });

  test('a field of an object is refused as well, and the rest of the object is answered', async () => {
    const { body } = await edge.ask('{ publishableKey payment(id: 1) { id timeline { at } } }', { token: ann });
    expect(body.errors?.[0]).toMatchObject({
      path: ['payment', 'timeline'],
      extensions: { code: 'FORBIDDEN', permission: 'PAYMENT_READ_ANY' },
    });
    expect(body.data).toEqual({ publishableKey: 'pk_test_1', payment: null });
    const allowed = await edge.ask('{ payment(id: 1) { timeline { at } } }', { token: admin });
    expect(allowed.body.data).toEqual({ payment: { timeline: [] } });
  });

  test.each([
    'Bearer nonsense',
    'Basic YW5uOmFubg==',
    'Bearer ',
    'ann',
  ])('the authorization %j is answered with UNAUTHENTICATED as GraphQL JSON', async (authorization) => {
    const legacy = await edge.ask('{ viewer { accountId } }', { headers: { authorization } });
    expect([legacy.status, code(legacy.body)]).toEqual([200, 'UNAUTHENTICATED']);
    const modern = await edge.ask('{ viewer { accountId } }', {
      headers: { authorization },
      accept: 'application/graphql-response+json',
    });
    expect([modern.status, code(modern.body)]).toEqual([401, 'UNAUTHENTICATED']);
    expect(modern.headers.get('content-type')).toContain('application/graphql-response+json');
  });
});

describe('rows', () => {
  test('a payment shows in the forms of the contract', async () => {
    const { body } = await edge.ask(
      '{ payment(id: 1) { id orderId amount currency status amountRefundable createdAt version } }',
      { token: ann },
    );
    expect(body.data?.['payment']).toEqual({
      id: '1',
      orderId: '1',
      amount: 10_000,
      currency: 'USD',
      status: 'PENDING',
      amountRefundable: 0,
      createdAt: '2026-01-31T12:00:00.000Z',
      version: 1,
    });
  });

  test.each([
    'abc',
    '-1',
    '1.5',
    '01',
    '0',
    '9223372036854775808',
    '1; drop table payment',
    '',
  ])('the id %j finds nothing and asks nobody', async (id) => {
    const query = 'query ($id: ID!) { payment(id: $id) { id } node(id: $id) { id } }';
    const { body } = await edge.ask(query, { token: ann, variables: { id } });
    expect(body).toEqual({ data: { payment: null, node: null } });
  });

  test('continuePayment answers an id of another form with NOT_FOUND', async () => {
    const { body } = await edge.ask('mutation { continuePayment(input: { id: "x" }) { publishableKey } }', {
      token: ann,
    });
    expect(code(body)).toBe('NOT_FOUND');
  });

  test('node gives what the own field would, and nothing to whom that field is closed', async () => {
    const query = '{ node(id: 1) { __typename id ... on Payment { amount } } }';
    expect((await edge.ask(query, { token: ann })).body.data?.['node']).toEqual({
      __typename: 'Payment',
      id: '1',
      amount: 10_000,
    });
    expect((await edge.ask(query)).body).toEqual({ data: { node: null } });
    expect((await edge.ask(query, { token: await edge.token('ben') })).body).toEqual({ data: { node: null } });
  });
});

describe('lists', () => {
  test('pages follow each other by cursor to the end', async () => {
    for (const id of ['11', '12', '13']) edge.rows.set(id, payment(id));
    const query = `query ($after: String) {
      payments(first: 2, after: $after) { edges { node { id } cursor } pageInfo { hasNextPage hasPreviousPage endCursor } }
    }`;
    const seen: unknown[] = [];
    let after: unknown;
    do {
      const { body } = await edge.ask(query, { token: ann, variables: { after } });
      const page = body.data?.['payments'] as {
        edges: { node: { id: string }; cursor: string }[];
        pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string };
      };
      expect(page.pageInfo.hasPreviousPage).toBe(after !== undefined);
      expect(page.pageInfo.endCursor).toBe(page.edges.at(-1)?.cursor);
      seen.push(...page.edges.map(({ node }) => node.id));
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined;
    } while (after !== undefined);
    expect(seen).toEqual(['13', '12', '11', '1']);
    for (const id of ['11', '12', '13']) edge.rows.delete(id);
  });

  test.each([
    'first: 0',
    'first: -1',
    'first: 101',
    'after: "nonsense"',
    'after: "MQ"',
    'after: ""',
    `after: "${Buffer.from('1; drop table').toString('base64')}"`,
  ])('payments(%s) is BAD_USER_INPUT', async (args) => {
    const { body } = await edge.ask(`{ payments(${args}) { pageInfo { hasNextPage } } }`, { token: ann });
    expect(code(body)).toBe('BAD_USER_INPUT');
  });
});

describe('values', () => {
  const pay = (amount: string, currency = '"usd"') =>
    `mutation { pay(input: { orderId: 7, amount: ${amount}, currency: ${currency} }) { clientSecret payment { amount currency orderId } } }`;

  test('amounts are taken as number or text, currencies in any case; defaults are those of the contract', async () => {
    for (const amount of ['10000', '"10000"']) {
      const { body } = await edge.ask(pay(amount), { token: ann });
      expect(body.data?.['pay']).toEqual({
        clientSecret: 'ELEMENTS AUTOMATIC',
        payment: { amount: 10_000, currency: 'USD', orderId: '7' },
      });
    }
    const query = 'mutation ($input: PayInput!) { pay(input: $input) { clientSecret payment { amount } } }';
    const input = { orderId: 7, amount: '999999999999', currency: 'JPY', mode: null, description: null };
    const { body } = await edge.ask(query, { token: ann, variables: { input } });
    expect(body.data?.['pay']).toEqual({ clientSecret: 'ELEMENTS AUTOMATIC', payment: { amount: 999_999_999_999 } });
  });

  test.each([
    '10.5',
    '1.0',
    '1e3',
    '-1',
    '1234567890123',
    '"12 "',
    '"abc"',
    'true',
    '[1]',
    '{ a: 1 }',
    '""',
  ])('the amount %s is BAD_USER_INPUT, written out and as a variable', async (amount) => {
    const literal = await edge.ask(pay(amount), { token: ann });
    expect(code(literal.body)).toBe('BAD_USER_INPUT');
    if (amount.startsWith('{') || amount === '1.0' || amount === '1e3') return; // JSON has no such value, or reads it as whole
    const query =
      'mutation ($amount: MinorUnits!) { pay(input: { orderId: 7, amount: $amount, currency: "USD" }) { clientSecret } }';
    const variable = await edge.ask(query, { token: ann, variables: { amount: JSON.parse(amount) } });
    expect(code(variable.body)).toBe('BAD_USER_INPUT');
    expect(variable.body.errors?.[0]?.message).toContain('smallest unit');
  });

  test.each(['5', '"U$D"', '"a currency that is none"'])('the currency %s is BAD_USER_INPUT', async (currency) => {
    expect(code((await edge.ask(pay('100', currency), { token: ann })).body)).toBe('BAD_USER_INPUT');
  });

  test('a missing variable, an unknown enum value and a null are BAD_USER_INPUT', async () => {
    const query =
      'query ($id: ID!, $status: PaymentStatus) { payment(id: $id) { id } payments(status: $status) { pageInfo { endCursor } } }';
    expect(code((await edge.ask(query, { token: ann })).body)).toBe('BAD_USER_INPUT');
    expect(code((await edge.ask(query, { token: ann, variables: { id: '1', status: 'PAID' } })).body)).toBe(
      'BAD_USER_INPUT',
    );
    const nulled = 'query ($id: ID = "1") { payment(id: $id) { id } }';
    expect(code((await edge.ask(nulled, { token: ann, variables: { id: null } })).body)).toBe('BAD_USER_INPUT');
  });
});

describe('errors', () => {
  test('what is unexpected is INTERNAL with the id of the request; only the log has the detail', async () => {
    const { body, headers, status } = await edge.ask('{ payment(id: 500) { id } }', { token: ann });
    const requestId = headers.get('x-request-id');
    expect(status).toBe(200);
    expect(body.errors?.[0]).toMatchObject({ path: ['payment'], extensions: { code: 'INTERNAL', requestId } });
    expect(JSON.stringify(body)).not.toMatch(/hunter2|db\.internal|stack|\.ts:/);
    const line = edge.log.lines.find(({ fields }) => fields['requestId'] === requestId);
    expect((line?.fields['err'] as Error).message).toContain('hunter2');
  });

  test('a syntax error and an unknown field keep their message; a status tells them from answers', async () => {
    const accept = 'application/graphql-response+json';
    const syntax = await edge.ask('{ payment(', { accept });
    expect([syntax.status, code(syntax.body)]).toEqual([400, 'GRAPHQL_PARSE_FAILED']);
    const unknown = await edge.ask('{ publishableKeys }', { accept });
    expect([unknown.status, code(unknown.body)]).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
    expect(unknown.body.errors?.[0]?.message).toContain('Did you mean "publishableKey"?');
    expect(JSON.stringify([syntax.body, unknown.body])).not.toMatch(/"http"|stack/);
  });

  test('the operation to run must be named where there are several', async () => {
    expect(code((await edge.ask('query a { publishableKey } query b { publishableKey }')).body)).toBe('BAD_USER_INPUT');
  });

  test('a subscription over a plain POST or GET is refused and starts nothing', async () => {
    const query = 'subscription { paymentUpdated(id: 1) { id } }';
    expect(code((await edge.ask(query, { token: ann })).body)).toBe('BAD_USER_INPUT');
    const response = await fetch(`${edge.url}/graphql?query=${encodeURIComponent(query)}`, {
      headers: { accept: 'application/json', authorization: `Bearer ${ann}` },
    });
    expect(code(await response.json())).toBe('BAD_USER_INPUT');
    expect(edge.streams.open.size).toBe(0);
  });
});

describe('the fields of an answer', () => {
  const selection = 'timeline { at } version id status orderId';
  const order = ['timeline', 'version', 'id', 'status', 'orderId'];
  const query = `{ b: payment(id: 1) { ${selection} } v: viewer { accountId } a: payment(id: 1) { id } p: publishableKey }`;
  const watch = `subscription { paymentUpdated(id: 1) { ${selection} } }`;
  const isInOrder = (data: Record<string, unknown> | null | undefined): void => {
    expect(Object.keys(data ?? {})).toEqual(['b', 'v', 'a', 'p']);
    expect(Object.keys(data?.['b'] ?? {})).toEqual(order);
  };

  test('keep the order of the query on every door, whichever is there first', async () => {
    edge.grants.set('ann', DEFAULT_GRANTS.admin);
    isInOrder((await edge.ask(query, { token: ann })).body.data);
    const stream = await fetch(`${edge.url}/graphql?query=${encodeURIComponent(query)}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${ann}` },
    });
    isInOrder((await readEvents(stream).next()).value?.data?.data);
    const client = edge.socket(`Bearer ${ann}`);
    isInOrder((await collect(client, query).next())?.data);
    const watched = collect(client, watch);
    expect(Object.keys((await watched.next())?.data?.['paymentUpdated'] ?? {})).toEqual(order);
    await watched.stop();
    edge.grants.delete('ann');
  });
});
