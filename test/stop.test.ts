import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.js';
import { type ServerProcess, startServerProcess } from './harness/server-process.js';
import { eventOf, sign } from './harness/signed-event.js';
import { type Liar, openStripeProxy, type StripeProxy } from './harness/stripe-proxy.js';
import { until } from './outbox/until.js';

/** The processes that a process has started and that live. */
const childrenOf = (pid: number): number[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child ?? 0);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('whatever hangs, a stop ends within 15 s and takes the embedded database along', () => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-stop-'));
  let sandbox: Sandbox;
  let proxy: StripeProxy;
  beforeAll(async () => {
    sandbox = await startSandbox({ port: 0, webhookSecret: 'whsec_sandbox' });
    proxy = await openStripeProxy(sandbox.url);
  });
  afterAll(async () => {
    await proxy.close();
    await sandbox.close();
    fs.rmSync(dataDir, { recursive: true, force: true });
  });

  const start = (): Promise<ServerProcess> =>
    startServerProcess({
      TOLLGATE_DATA_DIR: dataDir,
      PORT: '0',
      STRIPE_API_BASE: proxy.url,
      STRIPE_SECRET_KEY: 'sk_test_sandbox',
      STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox',
      STRIPE_WEBHOOK_SECRET: 'whsec_sandbox',
    });

  /** Pays for a new order, and gives its payment intent. */
  const pay = async (url: string): Promise<string> => {
    const { token } = (await (await fetch(`${url}/demo/token?account=demo-customer`)).json()) as { token: string };
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const made = { method: 'POST', headers, body: JSON.stringify({ amount: 10_000, currency: 'USD' }) };
    const { id } = (await (await fetch(`${url}/demo/orders`, made)).json()) as { id: string };
    const query = `mutation { pay(input: { orderId: "${id}", amount: 10000, currency: "USD" }) {
      payment { stripePaymentIntentId } } }`;
    const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
    const { data } = (await answer.json()) as { data: { pay: { payment: { stripePaymentIntentId: string } } } };
    return data.pay.payment.stripePaymentIntentId;
  };

  /** An event of an old version, so that Stripe is asked: for the intent, then for its refunds. */
  const deliverHint = async (url: string, intent: string): Promise<void> => {
    const charge = { object: 'charge', id: 'ch_1', payment_intent: intent };
    const body = JSON.stringify(eventOf('charge.refunded', charge, { api_version: '2020-08-27' }));
    const headers = { 'content-type': 'application/json', 'stripe-signature': sign(body) };
    await fetch(`${url}/webhooks/stripe`, { method: 'POST', headers, body });
  };

  /** A client that begins a request and says no more. */
  const holdOn = (url: string): net.Socket => {
    const { hostname, port } = new URL(url);
    const socket = net.connect({ host: hostname, port: Number(port) });
    socket.on('error', () => undefined);
    socket.write('POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{');
    return socket;
  };

  const slowly: Liar = async (_, forward) => {
    await delay(8_000);
    return forward();
  };

  test.each<[string, Liar]>([
    ['never answers', async () => 'silence'],
    ['drips its answers', async () => 'drip'],
    ['answers with a bare number', async () => ({ raw: '5' })],
    ['answers without an end', async () => 'flood'],
    ['takes eight seconds for each answer', slowly],
  ])('a Stripe that %s', async (_, liar) => {
    const running = await start();
    const url = running.url ?? '';
    const children = childrenOf(running.pid);
    expect(children).not.toEqual([]);
    const intent = await pay(url);
    proxy.lie(liar);
    const clients = Promise.allSettled([pay(url), pay(url), deliverHint(url, intent)]);
    const socket = holdOn(url);
    await until(() => proxy.calls().length >= 3, 'all calls to Stripe are under way');
    const startedAt = performance.now();
    expect(await running.end('SIGTERM')).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await until(() => !children.some(isAlive), 'the database is gone');
    socket.destroy();
    await clients;
    proxy.lie();
  });

  test('a signal during the start ends it too, and a second one changes nothing', async () => {
    const starting = start();
    const pid = await new Promise<number>((resolve) => {
      const timer = setInterval(() => {
        const [mine] = childrenOf(process.pid).filter((child) => childrenOf(child).length > 0);
        if (mine === undefined) return;
        clearInterval(timer);
        resolve(mine);
      }, 50);
    });
    const children = childrenOf(pid);
    process.kill(pid, 'SIGINT');
    process.kill(pid, 'SIGINT');
    const running = await starting;
    expect(await running.ended).toBe(0);
    await until(() => !children.some(isAlive), 'the database is gone');
  });
});
