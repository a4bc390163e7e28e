import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServerProcess, startServerProcess } from '../harness/server-process.js';

const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-embedded-'));
fs.chmodSync(parent, 0o755);
/** Made by the run. */
const dataDir = path.join(parent, 'data');
const run = (more: Record<string, string> = {}): Promise<ServerProcess> =>
  startServerProcess({ TOLLGATE_DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0', ...more });

const json = async (url: string, init?: RequestInit): Promise<Record<string, unknown>> =>
  (await (await fetch(url, init)).json()) as Record<string, unknown>;

const takePort = async (): Promise<{ port: number; free: () => void }> => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, free: () => void server.close() };
};

describe('the embedded run', () => {
  let first: ServerProcess;
  beforeAll(async () => {
    first = await run();
  });
  afterAll(async () => {
    await first.end('SIGTERM');
    fs.rmSync(parent, { recursive: true, force: true });
  });

  const order = async (url: string): Promise<{ token: string; id: unknown }> => {
    const { token } = await json(`${url}/demo/token?account=demo-customer`);
    const { id } = await json(`${url}/demo/orders`, {
      method: 'POST',
      headers: { authorization: `Bearer ${String(token)}` },
      body: JSON.stringify({ amount: 10_000, currency: 'USD', description: 'a mug' }),
    });
    return { token: String(token), id };
  };

  test('tells where to go and what to try, is healthy and ready, and opens the demo door', async () => {
    expect(first.output()).toMatch(/GraphQL[\s\S]*Sandbox[\s\S]*Try it/);
    expect(await json(`${first.url}/ready`)).toMatchObject({ status: 'ready' });
    const { id } = await order(first.url ?? '');
    expect(await json(`${first.url}/demo/orders/${String(id)}`)).toEqual({ id, status: 'pending' });
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query": "{ sandboxUrl }"}',
    };
    expect(await json(`${first.url}/graphql`, init)).toEqual({ data: { sandboxUrl: first.sandboxUrl } });
    expect((await fetch(`${first.url}/demo/token?account=root`)).status).toBe(400);
    expect((await fetch(`${first.url}/demo/orders`, { method: 'POST', body: '{}' })).status).toBe(401);
  });

  test('lets a page try faults, test cards and disputes, for whoever has a token of it', async () => {
    const url = first.url ?? '';
    const { token, id } = await order(url);
    const send = async (method: string, path: string, body?: object, bearer = token) =>
      fetch(`${url}/demo/${path}`, {
        method,
        headers: { authorization: `Bearer ${bearer}` },
        ...(body && { body: JSON.stringify(body) }),
      });
    for (const [method, path] of [
      ['POST', 'faults'],
      ['DELETE', 'faults'],
      ['POST', 'disputes'],
      ['POST', 'confirm'],
    ] as const)
      expect((await send(method, path, {}, 'none')).status, path).toBe(401);
    const { data } = (await json(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({
        query: `mutation { pay(input: { orderId: "${String(id)}" }) { payment { stripePaymentIntentId } } }`,
      }),
    })) as { data: { pay: { payment: { stripePaymentIntentId: string } } } };
    const paymentIntentId = data.pay.payment.stripePaymentIntentId;
    expect((await send('POST', 'disputes', { paymentIntentId })).status).toBe(400);
    const declined = await send('POST', 'confirm', { paymentIntentId, paymentMethod: 'pm_card_visa_chargeDeclined' });
    expect(await declined.json()).toMatchObject({
      error: { code: 'BAD_USER_INPUT', message: expect.stringMatching(/declined/) },
    });
    expect((await send('POST', 'confirm', { paymentIntentId, paymentMethod: 'pm_card_visa' })).status).toBe(200);
    const opened = await send('POST', 'disputes', { paymentIntentId });
    expect(opened.status).toBe(200);
    const { id: disputeId } = (await opened.json()) as { id: string };
    expect(await (await send('POST', `disputes/${disputeId}/close`, { status: 'lost' })).json()).toMatchObject({
      status: 'lost',
    });
    expect(await (await send('GET', 'clock')).json()).toMatchObject({ offsetSeconds: expect.any(Number) });
    expect((await send('POST', 'faults', { kind: 'nonsense' })).status).toBe(400);
    expect((await send('POST', 'faults', { kind: 'status', match: { path: '/v1/nothing' } })).status).toBe(200);
    expect(JSON.stringify(await (await send('GET', 'faults')).json())).toContain('/v1/nothing');
    expect((await send('DELETE', 'faults')).status).toBe(200);
    expect(JSON.stringify(await (await send('GET', 'faults')).json())).not.toContain('/v1/nothing');
  });

  test.skipIf(process.platform === 'win32')('what it keeps is for its owner’s eyes alone', () => {
    const mode = (file: string): string => (fs.statSync(path.join(dataDir, file)).mode & 0o777).toString(8);
    expect(
      Object.fromEntries(['', 'sandbox.json', 'secrets.json', 'run.json'].map((file) => [file, mode(file)])),
    ).toEqual({
      '': '700',
      'sandbox.json': '600',
      'secrets.json': '600',
      'run.json': '600',
    });
  });

  test('it answers to loopback’s names alone, over HTTP and on sockets, so that no page can let its own name lead here', async () => {
    const { hostname, port } = new URL(first.url ?? '');
    const sandbox = new URL(first.sandboxUrl ?? '').port;
    const ask = (
      host: string,
      path: string,
      headers: object = {},
      to = port,
    ): Promise<[status: number, body: string]> =>
      new Promise((resolve, reject) => {
        const request = http.get(
          { hostname, port: to, path, headers: { host, ...headers }, agent: false },
          (response) => {
            let body = '';
            response.on('data', (chunk) => {
              body += chunk;
            });
            response.on('end', () => resolve([response.statusCode ?? 0, body]));
          },
        );
        request.on('upgrade', (response, socket) => {
          socket.destroy();
          resolve([response.statusCode ?? 0, '']);
        });
        request.on('error', reject);
      });
    const upgrade = (host: string) =>
      ask(host, '/graphql', {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'graphql-transport-ws',
        origin: `http://${host}`,
      });
    const strangers = [
      'rebound.example',
      `rebound.example:${port}`,
      'localhost.example',
      '127.0.0.1.example',
      '192.168.1.5',
      'x@localhost',
      '0.0.0.0',
    ];
    for (const host of strangers) {
      for (const path of [
        '/',
        '/demo/token?account=demo-admin',
        '/graphql?query={__typename}',
        '/health',
        '/console',
      ]) {
        const [status, body] = await ask(host, path);
        expect([status, body.includes('token')], `${host} ${path}`).toEqual([421, false]);
      }
      expect((await upgrade(host))[0], host).toBe(421);
      expect((await ask(host, '/_sandbox/requests', {}, sandbox))[0], host).toBe(421);
    }
    for (const host of ['localhost', `127.0.0.1:${port}`, '127.0.0.1:8080', `[::1]:${port}`, 'shop.localhost']) {
      expect((await ask(host, '/demo/token?account=demo-admin'))[0], host).toBe(200);
      expect((await upgrade(host))[0], host).toBe(101);
      expect((await ask(host, '/_sandbox/requests', {}, sandbox))[0], host).toBe(200);
    }
  });

  test('a second one on the same data directory names the first’s address and leaves it alone', async () => {
    const second = await run();
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(first.url);
    expect((await fetch(`${first.url}/health`)).status).toBe(200);
  });

  test('killed or stopped, it starts again with everything that it had', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const { id } = await order(first.url ?? '');
      const code = await first.end(signal);
      expect(code).toBe(signal === 'SIGTERM' ? 0 : null);
      first = await run();
      expect(await json(`${first.url}/demo/orders/${String(id)}`)).toEqual({ id, status: 'pending' });
    }
  });

  test('a PORT that was asked for and is taken stops the start by name', async () => {
    const { port, free } = await takePort();
    const other = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-embedded-'));
    const refused = await startServerProcess({ TOLLGATE_DATA_DIR: other, PORT: String(port), SANDBOX_PORT: '0' });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toMatch(new RegExp(`PORT is ${port}, which is taken`));
    free();
    fs.rmSync(other, { recursive: true, force: true });
  });

  test('wrong variables are named with their remedy, without a stack', async () => {
    const refused = await startServerProcess({ TOLLGATE_DATA_DIR: dataDir, PORT: 'x', HOST: '0.0.0.0' });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toMatch(/PORT is no port number[\s\S]*HOST is not a loopback/);
    expect(refused.output()).not.toContain('    at ');
  });

  test('live keys that were stored for its sandbox end a start without it, and are not taken then', async () => {
    const other = path.join(parent, 'live');
    const start = (more: Record<string, string> = {}) => run({ TOLLGATE_DATA_DIR: other, ...more });
    const configure = async ({ url }: ServerProcess, mode: string) => {
      const { token } = await json(`${url}/demo/token?account=demo-admin`);
      const input = { secretKey: `sk_${mode}_sandbox`, publishableKey: `pk_${mode}_sandbox` };
      return json(`${url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          query:
            'mutation ($input: ConfigureStripeInput!) { configureStripe(input: $input) { settings { livemode } } }',
          variables: { input },
        }),
      });
    };
    const stripe = { STRIPE_API_BASE: first.sandboxUrl ?? '' };
    const second = await start(stripe);
    expect(await configure(second, 'live')).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(await configure(second, 'test')).toMatchObject({
      data: { configureStripe: { settings: { livemode: false } } },
    });
    await second.end('SIGTERM');
    const third = await start();
    expect(await configure(third, 'live')).toMatchObject({
      data: { configureStripe: { settings: { livemode: true } } },
    });
    await third.end('SIGTERM');
    const refused = await start(stripe);
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toMatch(/DATABASE_URL is missing, and live keys are stored.*Set it for a real run/);
  });
});
