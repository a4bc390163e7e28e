import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/storage/embedded-postgres.js';
import { migrate } from '../src/storage/migrate.js';
import { type Paid, pay, readPayment } from './harness/payments.js';
import { addFault, clearFaults } from './harness/sandbox-control.js';
import { startServerProcess } from './harness/server-process.js';
import { deliver, eventOf } from './harness/signed-event.js';
import { openTestBed, type Server, type TestBed, tokenFor } from './harness/tollgate.js';
import { startProxy } from './outbox/proxy.js';
import { until } from './outbox/until.js';

const successOf = async (bed: TestBed, { payment }: Paid): Promise<Record<string, unknown>> =>
  eventOf('payment_intent.succeeded', {
    ...(await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId)),
    status: 'succeeded',
    amount_received: payment.amount,
  });

const PAY = 'mutation ($order: PayInput!) { pay(input: $order) { payment { id } } }';

interface Refusal {
  readonly extensions: Record<string, unknown>;
}
/** A refused operation ends with its errors; a field's are part of its one message. */
interface Message {
  readonly payload: readonly Refusal[] | { readonly errors?: readonly Refusal[] };
}
const errorOf = ({ payload }: Message): Refusal | undefined =>
  (Array.isArray(payload)
    ? (payload as readonly Refusal[])
    : (payload as { readonly errors?: readonly Refusal[] }).errors)?.[0];

describe('a server that is told to stop', () => {
  let bed: TestBed;
  beforeAll(async () => {
    bed = await openTestBed();
  });
  afterAll(() => bed.close());

  test.each([
    'SIGTERM',
    'SIGINT',
  ] as const)('by %s answers what is under way, closes sockets with 1001, takes nothing new and ends within bounds with code 0', async (signal) => {
    const running = await startServerProcess(bed.environment);
    const server = bed.attach(running.url ?? '', () => running.end('SIGKILL').then(() => undefined));
    const orderId = await bed.createOrder();
    const socket = new WebSocket(`${running.url?.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    const acknowledged = new Promise((resolve) => socket.once('message', resolve));
    await new Promise((resolve) => socket.once('open', resolve));
    const authorization = `Bearer ${await tokenFor('customer')}`;
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
    await acknowledged;

    await addFault(bed.sandbox, {
      match: { method: 'POST', path: '/v1/payment_intents' },
      kind: 'delay',
      applied: true,
      delayMs: 800, // a stop gives five seconds to what is under way, and a busy machine needs its part
      times: 1,
    });
    const paying = pay(server, orderId);
    await until(async () => {
      const { data } = await bed.stripe.paymentIntents.list({ limit: 3 });
      return data.some(({ metadata }) => metadata['tollgate_order'] === orderId);
    }, 'the call to Stripe is under way');
    const startedAt = performance.now();
    const ended = running.end(signal);
    expect(await closed).toBe(1001);
    await expect(fetch(`${running.url}/health`)).rejects.toThrow();
    expect((await paying).payment).toMatchObject({ status: 'PENDING', stripePaymentIntentId: expect.any(String) });
    expect(await ended).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await clearFaults(bed.sandbox);
  });

  test('servers that are replaced one after the other while customers pay lose nothing', async () => {
    let current = await startServerProcess(bed.environment);
    bed.sandbox.setWebhookUrl(`${current.url}/webhooks/stripe`);
    const orders: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const server = bed.attach(current.url ?? '', async () => undefined);
      const paid = await Promise.all(Array.from({ length: 8 }, async () => pay(server, await bed.createOrder())));
      orders.push(...paid.map(({ payment }) => payment.orderId));
      const next = await startServerProcess(bed.environment);
      const confirmed = paid.map(({ payment }) =>
        bed.stripe.paymentIntents.confirm(payment.stripePaymentIntentId, {
          payment_method: 'pm_card_visa',
          return_url: 'https://shop.example/return',
        }),
      );
      const ended = current.end('SIGTERM');
      bed.sandbox.setWebhookUrl(`${next.url}/webhooks/stripe`);
      await Promise.all(confirmed);
      expect(await ended).toBe(0);
      current = next;
    }
    // What a stopping server refused, Stripe delivers again.
    const { data } = (await (await fetch(`${bed.sandbox.url}/_sandbox/deliveries`)).json()) as {
      data: { id: string; type: string }[];
    };
    for (const { id, type } of data)
      if (type === 'payment_intent.succeeded')
        await fetch(`${bed.sandbox.url}/_sandbox/deliveries/${id}/resend`, { method: 'POST' });
    await until(async () => {
      const statuses = await Promise.all(orders.map((id) => bed.orderStatus(id)));
      return statuses.every((status) => status === 'paid');
    }, 'every order is paid');
    const { rows } = await bed.sql.query(
      `select 1 from tollgate.change where to_status = 'SUCCESSFUL' and node_type = 'PAYMENT' and from_status <> to_status`,
    );
    expect(rows).toHaveLength(orders.length);
    expect(await current.end('SIGTERM')).toBe(0);
  });
});

describe('PostgreSQL restarts under a running server', { timeout: 180_000 }, () => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-restart-'));
  const start = (): Promise<EmbeddedPostgres> => startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } });
  let postgres: EmbeddedPostgres;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let bed: TestBed;
  let server: Server;
  beforeAll(async () => {
    fs.chmodSync(dataDir, 0o755);
    postgres = await start();
    await migrate(postgres.url);
    proxy = await startProxy(postgres.url);
    bed = await openTestBed({ database: { url: postgres.url, drop: async () => undefined } });
    const throughProxy = new URL(postgres.url);
    throughProxy.port = new URL(proxy.url).port;
    server = await bed.start({ environment: { DATABASE_URL: throughProxy.href } });
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
  });
  afterAll(async () => {
    await bed.close();
    await proxy.close();
    await postgres.stop();
    fs.rmSync(dataDir, { recursive: true, force: true });
  });

  test('requests fail clearly and tell nothing, webhooks get 503, and all of it recovers by itself with none lost', async () => {
    const paid = await Promise.all([1, 2, 3].map(async () => pay(server, await bed.createOrder())));
    const events = await Promise.all(paid.map((one) => successOf(bed, one)));
    await postgres.stop();

    const refused = await server.request('{ payment(id: "1") { id } }');
    expect(refused.errors?.[0]?.extensions).toEqual({ code: 'UNAVAILABLE', retryAfterSeconds: expect.any(Number) });
    expect(refused.errors?.[0]?.message).toMatch(/try again/);
    expect(JSON.stringify(refused)).not.toMatch(/ECONN|127\.0\.0\.1|postgres|password|\bat /i);
    const answers = await Promise.all(events.map((event) => deliver(server, JSON.stringify(event))));
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect((await fetch(`${server.url}/ready`)).status).toBe(503);

    postgres = await start();
    proxy.switchTo(postgres.url);
    await until(async () => (await fetch(`${server.url}/ready`)).status === 200, 'the server is ready again');
    for (const event of events) expect((await deliver(server, JSON.stringify(event))).status).toBe(200);
    for (const { payment } of paid)
      expect(await readPayment(server, payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
    const sql = new pg.Pool({ connectionString: postgres.url, max: 1 });
    try {
      const { rows } = await sql.query(`select status from public.shop_order`);
      expect(rows).toEqual([{ status: 'paid' }, { status: 'paid' }, { status: 'paid' }]);
    } finally {
      await sql.end();
    }
  });

  test('while the database is down every door answers UNAVAILABLE and when to come again, never INTERNAL', async () => {
    const orderId = await insertOrder();
    const order = { orderId, amount: 10_000, currency: 'USD' };
    const { payment } = await pay(server, orderId);
    const watching = `subscription { paymentUpdated(id: "${payment.id}") { id } }`;
    const open = await openSocket();
    const isUnavailable = { code: 'UNAVAILABLE', retryAfterSeconds: expect.any(Number) };
    await postgres.stop();

    const paying = await server.request(PAY, { order });
    expect(paying.errors?.[0]?.extensions).toEqual(isUnavailable);
    for (const [query, accept] of [
      ['{ viewer { accountId } }', 'application/graphql-response+json'],
      [watching, 'text/event-stream'],
    ] as const) {
      const response = await ask(query, accept);
      const told = await response.text();
      expect(told).toContain('"code":"UNAVAILABLE"');
      expect(told).not.toContain('INTERNAL');
      if (accept !== 'text/event-stream')
        expect([response.status, Number(response.headers.get('retry-after'))]).toEqual([503, expect.any(Number)]);
    }
    for (const query of ['{ payment(id: "1") { id } }', watching])
      expect(errorOf(await open.ask(query))?.extensions).toEqual(isUnavailable);
    const newcomer = await openSocket('newcomer');
    expect(await newcomer.closed).toBe(1013);

    postgres = await start();
    proxy.switchTo(postgres.url);
    await until(async () => (await server.request(PAY, { order })).errors === undefined, 'the payment goes on');
    open.close();
  });

  /** Over a connection of its own: the database may have moved since the test bed opened its. */
  const insertOrder = async (): Promise<string> => {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    try {
      const { rows } = await client.query<{ id: string }>(
        `insert into public.shop_order (account_id, amount, currency) values ('customer', 10000, 'USD') returning id::text`,
      );
      return rows[0]?.id ?? '';
    } finally {
      await client.end();
    }
  };

  const ask = async (query: string, accept: string): Promise<Response> =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        accept,
        'content-type': 'application/json',
        authorization: `Bearer ${await tokenFor('stranger')}`,
      },
      body: JSON.stringify({ query }),
    });

  /** A socket that was asked to let us in; it sends one operation after the other. */
  const openSocket = async (account = 'customer') => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('open', resolve));
    const authorization = `Bearer ${await tokenFor(account)}`;
    const acknowledged = new Promise((resolve) => socket.once('message', resolve));
    let asked = 0;
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
    await Promise.race([acknowledged, closed]);
    return {
      closed,
      close: () => socket.terminate(),
      /** Gives the first message about it. */
      ask: (query: string): Promise<Message> => {
        asked += 1;
        const id = String(asked);
        const answer = new Promise<Message>((resolve) => {
          socket.on('message', (data) => {
            const message = JSON.parse(String(data)) as Message & { id?: string };
            if (message.id === id) resolve(message);
          });
        });
        socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }));
        return answer;
      },
    };
  };
});
