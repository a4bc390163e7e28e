import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forgetProcess, watchProcess } from '../harness/steward.js';
import { CLI_WORDS } from './command.js';

let folder: string;
let child: ChildProcess;
let output = '';
let url: string;
let sandboxUrl: string;

const until = async <T>(ask: () => Promise<T | undefined> | T | undefined): Promise<T> => {
  const deadline = performance.now() + 45_000;
  for (;;) {
    const found = await Promise.resolve(ask()).catch(() => undefined);
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`It never came:\n${output.slice(-2_000)}`);
    await delay(5);
  }
};

/** Starts and changes are told by the servers' own words, which come once for each. */
const countStarts = (): number => output.split('Probes ').length - 1;
const untilStarted = (times: number) => until(() => (countStarts() >= times ? true : undefined));

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-dev-'));
  fs.chmodSync(folder, 0o755);
  fs.cpSync('flows', path.join(folder, 'flows'), { recursive: true });
  const { PATH, HOME } = process.env;
  child = spawn(process.execPath, [...CLI_WORDS, 'dev'], {
    env: {
      PATH,
      HOME,
      TOLLGATE_DATA_DIR: path.join(folder, 'data'),
      TOLLGATE_FLOWS: path.join(folder, 'flows'),
      LOG_LEVEL: 'warn',
      SANDBOX_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await watchProcess(child.pid ?? 0);
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  await untilStarted(1);
  url = /Probes\s+(http:\/\/[\d.]+:\d+)/.exec(output)?.[1] ?? '';
  sandboxUrl = /(http:\/\/[\d.]+:\d+)\/v1\/payment_intents/.exec(output)?.[1] ?? '';
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const askFor = async (address: string, body?: unknown) => {
  const { token } = (await (await fetch(`${url}/demo/token?account=demo-customer`)).json()) as { token: string };
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}${address}`, {
    headers,
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
  return response.json();
};

/** Begins a payment of a new order and gives both; the way to confirm it goes to the sandbox alone. */
const begin = async () => {
  const { id } = (await askFor('/demo/orders', { amount: 2500, currency: 'USD' })) as { id: string };
  const query = `mutation { pay(input: { orderId: ${id} }) { payment { stripePaymentIntentId } } }`;
  const { data } = (await askFor('/graphql', { query })) as {
    data: { pay: { payment: { stripePaymentIntentId: string } } };
  };
  return { id, intent: data.pay.payment.stripePaymentIntentId };
};
const confirm = async (intent: string): Promise<void> => {
  const response = await fetch(`${sandboxUrl}/v1/payment_intents/${intent}/confirm`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_sandbox' },
    body: new URLSearchParams({ payment_method: 'pm_card_visa' }),
  });
  expect(response.status).toBe(200);
};
const statusOf = async (id: string): Promise<string> =>
  ((await askFor(`/demo/orders/${id}`)) as { status: string }).status;

const file = (): string => path.join(folder, 'flows', 'payment-callback.ts');
const databaseProcess = (): string =>
  fs.readFileSync(path.join(folder, 'data', 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0] ?? '';

test('a changed flow is in force with the next start, on the same database and the same Stripe, and a payment that is confirmed meanwhile is not lost', async () => {
  const before = databaseProcess();
  const { id, intent } = await begin();
  const text = fs.readFileSync(file(), 'utf8');
  fs.writeFileSync(file(), text.replace("set status = 'paid'", "set status = 'paid', description = 'by the new flow'"));
  await until(() => (output.includes('payment-callback.ts changed') ? true : undefined));
  await confirm(intent);
  await untilStarted(2);
  await until(async () => ((await statusOf(id)) === 'paid' ? true : undefined));
  const next = await begin();
  await confirm(next.intent);
  await until(async () => ((await statusOf(next.id)) === 'paid' ? true : undefined));
  expect(databaseProcess()).toBe(before);
});

test('a flow that is broken is told with its file, and mended it runs again', async () => {
  const text = fs.readFileSync(file(), 'utf8');
  const starts = countStarts();
  fs.writeFileSync(file(), text.replace('definePaymentCallback({', 'definePaymentCallback({{'));
  await until(() => (/payment-callback\.ts can't be used[\s\S]*ended with code 1/.test(output) ? true : undefined));
  fs.writeFileSync(file(), text);
  await untilStarted(starts + 1);
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

test('told to stop, it ends with its servers and its database', async () => {
  const database = Number(databaseProcess());
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
  await forgetProcess(child.pid ?? 0);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
  expect(() => process.kill(database, 0)).toThrow('ESRCH');
});
