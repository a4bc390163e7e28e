import { once } from 'node:events';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { json } from '../../src/http/reply.js';
import type { Body, Edge } from './edge.js';
import { startEdge } from './edge.js';

const received: { body: Buffer; signature: string | undefined }[] = [];
const checks: Record<string, string> = { database: 'ok', pubsub: 'ok' };
let edge: Edge;
beforeAll(async () => {
  edge = await startEdge({
    registry: new Registry(),
    origins: ['https://shop.example'],
    ready: async () => ({ ...checks }),
    webhook: async (body, signature) => {
      received.push({ body, signature });
      return body.length === 0 ? Promise.reject(new Error('secret detail')) : { status: 202, body: 'stored' };
    },
    routes: {
      'GET /demo/orders/:id': ({ params, query }) => json(200, { ...params, ...Object.fromEntries(query) }),
      'POST /demo/orders': ({ body, headers }) =>
        json(201, { got: String(body), as: headers['authorization'] ?? null }),
      'GET /console/*': ({ params }) => json(200, params),
      'GET /broken': () => Promise.reject(new Error('secret detail')),
    },
  });
});
afterAll(() => edge.close());

/** Writes bytes to the server and gives all that it answers until it closes, or until `until` is seen. */
const talk = async (...parts: (string | Buffer)[]): Promise<string> => {
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => undefined);
  for (const part of parts) socket.write(part);
  await once(socket, 'close');
  return answer;
};

describe("the webhook's door", () => {
  const deliver = (body: BodyInit, init: RequestInit = {}) =>
    fetch(`${edge.url}/webhooks/stripe`, { method: 'POST', body, ...init });

  test('hands on the exact bytes and the signature', async () => {
    const bytes = Buffer.from('{ "a": "ü\u2028" }\r\n ');
    const response = await deliver(bytes, { headers: { 'stripe-signature': 't=1,v1=abc' } });
    expect([response.status, await response.text()]).toEqual([202, 'stored']);
    expect(received.at(-1)?.body.equals(bytes)).toBe(true);
    expect(received.at(-1)?.signature).toBe('t=1,v1=abc');
  });

  test('takes 1 MiB and answers 413 to more, without handing anything on', async () => {
    expect((await deliver(Buffer.alloc(1_048_576, 'x'))).status).toBe(202);
    const before = received.length;
    expect((await deliver(Buffer.alloc(1_048_577, 'x'))).status).toBe(413);
    const chunks = new Blob([Buffer.alloc(4_000_000, 'x')]).stream();
    expect((await deliver(chunks, { duplex: 'half' } as RequestInit)).status).toBe(413);
    expect(received.length).toBe(before);
  });

  test('refuses by the announced length before a byte of the body was sent, and hangs up on who never sends it', async () => {
    const answer = await talk('POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  test('takes POST only; what fails inside is 500 without the detail', async () => {
    const wrong = await fetch(`${edge.url}/webhooks/stripe`);
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
    const failed = await deliver('');
    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain('secret');
    expect(edge.log.lines.some(({ fields }) => (fields['err'] as Error | undefined)?.message === 'secret detail')).toBe(
      true,
    );
  });
});

describe('probes', () => {
  test('health is alive; ready names what fails, and is 503 where no payment can be taken', async () => {
    expect(await (await fetch(`${edge.url}/health`)).json()).toEqual({ status: 'alive' });
    expect((await fetch(`${edge.url}/ready`)).status).toBe(200);
    checks['pubsub'] = 'Redis does not answer';
    const response = await fetch(`${edge.url}/ready`);
    expect([response.status, await response.json()]).toEqual([
      200,
      { status: 'degraded', checks: { database: 'ok', pubsub: 'Redis does not answer' } },
    ]);
    checks['pubsub'] = 'ok';
    checks['database'] = 'PostgreSQL does not answer';
    const failing = await fetch(`${edge.url}/ready`);
    expect([failing.status, await failing.json()]).toMatchObject([503, { status: 'not ready' }]);
    expect(await (await fetch(`${edge.url}/metrics`)).text()).toContain('tollgate_up{part="database"} 0');
    checks['database'] = 'ok';
  });

  test('where a token is set, metrics are for whoever sends it', async () => {
    const own = await startEdge({ metricsToken: 'a token of the metrics' });
    const read = (authorization?: string) =>
      fetch(`${own.url}/metrics`, authorization === undefined ? {} : { headers: { authorization } });
    expect((await read()).status).toBe(401);
    expect((await read('Bearer guess')).status).toBe(401);
    expect(await (await read('Bearer a token of the metrics')).text()).toContain('tollgate_sockets');
    await own.close();
  });

  test('metrics count answers by door and status, beside those of the process', async () => {
    await edge.ask('{ publishableKey }');
    await expect
      .poll(async () => (await fetch(`${edge.url}/metrics`)).text())
      .toMatch(/tollgate_http_answers_total\{door="graphql",status="200"\} \d+/);
    expect(await (await fetch(`${edge.url}/metrics`)).text()).toContain('process_cpu_seconds_total');
  });
});

describe('pages and further routes', () => {
  test('the landing page names the doors and loads nothing from anywhere', async () => {
    const response = await fetch(edge.url);
    const page = await response.text();
    for (const door of ['/graphql', '/webhooks/stripe', '/health', '/ready', '/metrics']) expect(page).toContain(door);
    expect(page).not.toMatch(/https?:|src=|<script|@import/);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test('routes get their parameters, query and body; others are 404, other methods 405', async () => {
    const get = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${edge.url}${path}`, init);
      return [response.status, await response.json()];
    };
    expect(await get('/demo/orders/a%2Fb?x=1')).toEqual([200, { id: 'a/b', x: '1' }]);
    expect(await get('/demo/orders', { method: 'POST', body: 'hi', headers: { authorization: 'Bearer t' } })).toEqual([
      201,
      { got: 'hi', as: 'Bearer t' },
    ]);
    expect(await get('/console/assets/app.js')).toEqual([200, { '*': 'assets/app.js' }]);
    expect((await get('/nowhere'))[0]).toBe(404);
    expect((await get('/demo/orders', { method: 'DELETE' }))[0]).toBe(405);
    const [status, body] = await get('/broken');
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('secret');
    const head = await fetch(`${edge.url}/health`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('every answer carries the security headers and its id, and none names the software', async () => {
    for (const path of ['/', '/health', '/graphql?query={__typename}', '/nowhere', '/webhooks/stripe']) {
      const { headers } = await fetch(`${edge.url}${path}`);
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(headers.get('referrer-policy'), path).toBe('no-referrer');
      expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
      expect(headers.get('cache-control'), path).toBe('no-store');
      expect(headers.get('x-request-id'), path).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get('server') ?? headers.get('x-powered-by'), path).toBeNull();
    }
  });
});

describe('other sites', () => {
  const preflight = (origin: string) =>
    fetch(`${edge.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });

  test('a page of a listed origin may call, any other may not', async () => {
    const listed = await preflight('https://shop.example');
    expect(listed.status).toBe(204);
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(listed.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(listed.headers.get('access-control-allow-credentials')).toBeNull();
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
    for (const accept of ['application/json', 'text/event-stream']) {
      const { headers } = await fetch(`${edge.url}/graphql`, {
        method: 'POST',
        headers: { origin: 'https://shop.example', 'content-type': 'application/json', accept },
        body: '{"query":"{ __typename }"}',
      });
      expect(headers.get('access-control-allow-origin'), accept).toBe('https://shop.example');
      expect(headers.get('vary'), accept).toContain('origin');
    }
  });

  test('a form of another site changes nothing; application/json needs no further header', async () => {
    const query = 'mutation { pay(input: { orderId: 1, amount: 100, currency: "USD" }) { publishableKey } }';
    const post = (body: BodyInit, headers: Record<string, string>) =>
      fetch(`${edge.url}/graphql`, { method: 'POST', body, headers: { accept: 'application/json', ...headers } });
    const form = await post(new URLSearchParams({ query }), {});
    expect([form.status, ((await form.json()) as Body).errors?.[0]?.extensions.code]).toEqual([403, 'FORBIDDEN']);
    const plain = await post(JSON.stringify({ query }), { 'content-type': 'text/plain' });
    expect(plain.status).toBeGreaterThanOrEqual(400);
    const asked = await post(new URLSearchParams({ query: '{ __typename }' }), { 'x-tollgate-csrf': '1' });
    expect(asked.status).toBe(200);
    const api = await post(JSON.stringify({ query: '{ __typename }' }), { 'content-type': 'application/json' });
    expect(await api.json()).toEqual({ data: { __typename: 'Query' } });
  });

  test('a GET reads and never changes', async () => {
    const get = (query: string) =>
      fetch(`${edge.url}/graphql?query=${encodeURIComponent(query)}`, { headers: { accept: 'application/json' } });
    expect(await (await get('{ publishableKey sandboxUrl }')).json()).toEqual({
      data: { publishableKey: 'pk_test_1', sandboxUrl: null },
    });
    const refused = await get('mutation { continuePayment(input: { id: 1 }) { publishableKey } }');
    expect(refused.status).toBe(405);
    expect((await fetch(`${edge.url}/graphql`, { method: 'DELETE' })).status).toBe(405);
  });
});
