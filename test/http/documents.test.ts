import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_GRANTS } from '../../src/core/permissions.js';
import { ANY_DOCUMENT, type DocumentRules } from '../../src/graphql/documents.js';
import { hashOf, MANIFEST_LIMITS, readManifest } from '../../src/graphql/manifest.js';
import { type Body, type Edge, readEvents, startEdge } from './edge.js';

const KEY = 'query Key { publishableKey }';
const WATCH = 'subscription Watch { paymentUpdated(id: 1) { ...Row } }\n\nfragment Row on Payment { id version }';
const OTHER = '{ viewer { accountId } }';
const MANIFEST = readManifest(JSON.stringify({ key: KEY, [hashOf(WATCH)]: WATCH }));

const edges: Edge[] = [];
const start = async (documents: DocumentRules): Promise<Edge> => {
  const edge = await startEdge({ documents });
  edges.push(edge);
  return edge;
};
let any: Edge;
let only: Edge;
let automatic: Edge;
beforeAll(async () => {
  any = await start({ ...ANY_DOCUMENT, manifest: MANIFEST });
  only = await start({ manifest: MANIFEST, only: true, automatic: false });
  automatic = await start({ ...ANY_DOCUMENT, automatic: true });
});
afterAll(() => Promise.all(edges.map((edge) => edge.close())));

interface Answer {
  readonly status: number;
  readonly body: Body;
}
type Door = (edge: Edge, body: Record<string, unknown>, token?: string) => Promise<Answer>;

const authorization = (token?: string): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {});

const post =
  (contentType: string): Door =>
  async (edge, body, token) => {
    const response = await fetch(`${edge.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': contentType, accept: 'application/graphql-response+json', ...authorization(token) },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };

const get: Door = async (edge, body, token) => {
  const search = new URLSearchParams(
    Object.entries(body).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
  const response = await fetch(`${edge.url}/graphql?${search}`, {
    headers: { accept: 'application/graphql-response+json', ...authorization(token) },
  });
  return { status: response.status, body: (await response.json()) as Body };
};

const sse: Door = async (edge, body, token) => {
  const response = await fetch(`${edge.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...authorization(token) },
    body: JSON.stringify(body),
  });
  if (!response.headers.get('content-type')?.includes('event-stream'))
    return { status: response.status, body: (await response.json()) as Body };
  for await (const { data } of readEvents(response)) return { status: response.status, body: data ?? {} };
  return { status: response.status, body: {} };
};

/** The protocol wants "query" to be a text, so it is empty where an id stands for it. */
const socket: Door = async (edge, body, token) => {
  const client = edge.socket(token && `Bearer ${token}`);
  const messages = client.iterate<Record<string, unknown>>({ query: '', ...body });
  const answer = await messages.next().then(
    ({ value }) => value as Body,
    (errors: unknown) => ({ errors }) as Body,
  );
  await client.dispose();
  return { status: 0, body: answer };
};

const DOORS: readonly (readonly [string, Door])[] = [
  ['the short way of POST', post('application/json')],
  ["Yoga's own handler", post('application/json; charset=latin1')],
  ['GET', get],
  ['server-sent events', sse],
  ['a socket', socket],
];

const codeOf = ({ body }: Answer): unknown => body.errors?.[0]?.extensions.code;
const persistedQuery = (sha256Hash: string): { extensions: object } => ({
  extensions: { persistedQuery: { version: 1, sha256Hash } },
});

describe.each(DOORS)('over %s', (name, ask) => {
  test('a listed document runs by its id, by its hash, and as text however it is written', async () => {
    const reordered = '# written otherwise\nquery   Key{publishableKey}';
    for (const edge of [any, only])
      for (const body of [
        { documentId: 'key' },
        { documentId: `sha256:${hashOf(KEY)}` },
        persistedQuery(hashOf(KEY)),
        { query: KEY },
        { query: reordered },
      ])
        expect((await ask(edge, body)).body, JSON.stringify(body)).toEqual({ data: { publishableKey: 'pk_test_1' } });
  });

  test('any other is refused where the manifest alone counts, unless the caller has DOCUMENT_ANY', async () => {
    expect(codeOf(await ask(any, { query: OTHER }))).toBeUndefined();
    const ann = await only.token('ann');
    for (const body of [{ query: OTHER }, { query: OTHER, ...persistedQuery(hashOf(OTHER)) }]) {
      const refused = await ask(only, body, ann);
      expect(codeOf(refused)).toBe('DOCUMENT_NOT_LISTED');
      expect(refused.body.data).toBeUndefined();
      expect((await ask(only, body, await only.token('admin'))).body.data).toEqual({ viewer: { accountId: 'admin' } });
    }
    only.grants.set('developer', [...DEFAULT_GRANTS.logged_in, 'DOCUMENT_ANY']);
    expect(codeOf(await ask(only, { query: OTHER }, await only.token('developer')))).toBeUndefined();
  });

  test('an id that is not listed, one that is no text, and a text of another id have their errors', async () => {
    expect(codeOf(await ask(any, { documentId: 'nonsense' }))).toBe('DOCUMENT_NOT_FOUND');
    expect(codeOf(await ask(automatic, { documentId: 'key' }))).toBe('DOCUMENT_NOT_FOUND');
    expect(codeOf(await ask(any, { documentId: 'key', query: OTHER }))).toBe('DOCUMENT_MISMATCH');
    expect(codeOf(await ask(any, { ...persistedQuery(hashOf(KEY)), query: OTHER }))).toBe('DOCUMENT_MISMATCH');
    expect(codeOf(await ask(any, persistedQuery('')))).toBe('BAD_USER_INPUT');
    if (name !== 'GET') expect(codeOf(await ask(any, { documentId: 7 }))).toBe('BAD_USER_INPUT');
  });

  test('a hash is learned with its text where that is on, and refused in the words that clients know', async () => {
    const text = `query ${name.replace(/\W/g, '')} { publishableKey }`;
    const hash = persistedQuery(hashOf(text));
    const unknown = await ask(automatic, hash);
    expect(unknown.body.errors?.[0]).toMatchObject({
      message: 'PersistedQueryNotFound',
      extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' },
    });
    expect((await ask(automatic, { ...hash, query: text })).body.data).toEqual({ publishableKey: 'pk_test_1' });
    expect((await ask(automatic, hash)).body.data).toEqual({ publishableKey: 'pk_test_1' });
    const off = await ask(any, hash);
    expect(off.body.errors?.[0]).toMatchObject({
      message: 'PersistedQueryNotSupported',
      extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' },
    });
  });
});

test.each([
  ['server-sent events', sse],
  ['a socket', socket],
])('a listed subscription streams by its id over %s', async (_, ask) => {
  const { body } = await ask(only, { documentId: hashOf(WATCH) }, await only.token('ann'));
  expect(body).toEqual({ data: { paymentUpdated: { id: '1', version: 1 } } });
});

test('a mutation that is known by its id is not run by GET', async () => {
  const text = 'mutation { pay(input: { orderId: 1, amount: 100, currency: "USD" }) { publishableKey } }';
  const edge = await start({ ...ANY_DOCUMENT, manifest: readManifest(JSON.stringify({ pay: text })) });
  const ann = await edge.token('ann');
  expect((await get(edge, { documentId: 'pay' }, ann)).status).toBe(405);
  expect((await post('application/json')(edge, { documentId: 'pay' }, ann)).body.data).toBeTruthy();
});

describe('a manifest', () => {
  test("is read in Apollo's form too", () => {
    const apollo = {
      format: 'apollo-persisted-query-manifest',
      version: 1,
      operations: [{ id: 'a', name: 'Key', body: KEY }],
    };
    expect([...readManifest(JSON.stringify(apollo))]).toEqual([['a', KEY]]);
  });

  test.each([
    ['nonsense', 'is not JSON'],
    ['[]', 'is no object'],
    ['{}', 'lists no document'],
    ['{"a": 1}', 'holds an entry that is no id with a text'],
    ['{"operations": [null]}', 'holds an entry that is no id with a text'],
    [
      JSON.stringify({ ['a'.repeat(MANIFEST_LIMITS.idCharacters + 1)]: KEY }),
      'holds an entry that is no id with a text',
    ],
    ['{"a": "{"}', 'holds a document that is not GraphQL, under the id "a"'],
    [
      JSON.stringify(Object.fromEntries(Array.from({ length: MANIFEST_LIMITS.documents + 1 }, (_, i) => [i, KEY]))),
      `lists ${MANIFEST_LIMITS.documents + 1} documents`,
    ],
    [' '.repeat(MANIFEST_LIMITS.bytes + 1), `is larger than ${MANIFEST_LIMITS.bytes} bytes`],
  ])('that can not be used says why (%#)', (json, problem) => {
    expect(() => readManifest(json)).toThrow(problem);
  });
});
