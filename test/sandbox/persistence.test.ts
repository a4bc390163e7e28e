import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startSandbox } from '../../sandbox/sandbox.js';
import { clientOf, useWorlds } from './harness.js';

const worlds = useWorlds();
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});
const newFile = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  folders.push(folder);
  return join(folder, 'state', 'sandbox.jsonl');
};

test('objects, keys, the clock, what is due and what is undelivered survive a restart', async () => {
  const dataFile = await newFile();
  const first = await startSandbox({ port: 0, dataFile, webhookUrl: 'http://127.0.0.1:9/nobody' });
  const stripe = clientOf(first.port);
  const endpoint = await stripe.webhookEndpoints.create({
    url: 'http://127.0.0.1:9/x',
    enabled_events: ['refund.failed'],
  });
  const paid = await stripe.paymentIntents.create(
    { amount: 1_000, currency: 'usd', payment_method: 'pm_usBankAccount_success', confirm: true },
    { idempotencyKey: 'k' },
  );
  await fetch(`${first.url}/_sandbox/clock`, { method: 'POST', body: JSON.stringify({ advanceSeconds: 60 }) });
  await fetch(`${first.url}/_sandbox/keys/expire`, {
    method: 'POST',
    body: JSON.stringify({ key: 'sk_test_sandbox__old' }),
  });
  await first.close();

  const world = await worlds.start({ dataFile });
  expect(
    await world.stripe.paymentIntents.create(
      { amount: 1_000, currency: 'usd', payment_method: 'pm_usBankAccount_success', confirm: true },
      { idempotencyKey: 'k' },
    ),
  ).toMatchObject({ id: paid.id });
  expect((await world.stripe.webhookEndpoints.list()).data.map(({ id }) => id)).toEqual([endpoint.id]);
  expect(await world.control('GET', '/clock')).toMatchObject({ offsetSeconds: 60 });
  await expect(clientOf(world.sandbox.port, 'sk_test_sandbox__old').customers.list()).rejects.toThrow(
    /Expired API Key/,
  );
  await world.advance(150);
  expect((await world.stripe.paymentIntents.retrieve(paid.id)).status).toBe('succeeded');
});

test.skipIf(process.platform === 'win32')(
  'the file is for its owner alone, and so is a folder that is made for it',
  async () => {
    const dataFile = await newFile();
    const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
    await (await startSandbox({ port: 0, dataFile })).close();
    expect([await modeOf(dataFile), await modeOf(dirname(dataFile))]).toEqual(['600', '700']);
    // As an earlier version left it, and as one that was killed in the middle did.
    await chmod(dataFile, 0o644);
    await writeFile(`${dataFile}.new`, '', { mode: 0o644 });
    await (await startSandbox({ port: 0, dataFile })).close();
    expect(await modeOf(dataFile)).toBe('600');
  },
);

test('a torn last line is left out, and what was whole is kept', async () => {
  const dataFile = await newFile();
  const first = await startSandbox({ port: 0, dataFile });
  const customer = await clientOf(first.port).customers.create({ name: 'Ada' });
  await first.close();
  await appendFile(dataFile, '[["acct_sandbox:test","customer",9,"cus_torn",{"id":"cus_to');
  const world = await worlds.start({ dataFile });
  expect((await world.stripe.customers.list()).data.map(({ id }) => id)).toEqual([customer.id]);
});

test('a process that is killed leaves a file that starts again with what was written', async () => {
  const dataFile = await newFile();
  const child = fork(new URL('./persistent-sandbox.ts', import.meta.url), [dataFile], {
    execArgv: ['--import', 'tsx'],
  });
  const [port] = (await once(child, 'message')) as [number];
  const stripe = clientOf(port);
  const kept = await stripe.customers.create({ name: 'Ada' });
  const written = async (): Promise<boolean> => (await readFile(dataFile, 'utf8')).includes(kept.id);
  while (!(await written())) await stripe.customers.list({ limit: 1 });
  for (let at = 0; at < 20; at++) void stripe.customers.create({ name: `more ${at}` }).catch(() => undefined);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const world = await worlds.start({ dataFile });
  expect((await world.stripe.customers.retrieve(kept.id)).id).toBe(kept.id);
});

test('a reset forgets everything, in the file too', async () => {
  const dataFile = await newFile();
  const world = await worlds.start({ dataFile });
  await world.stripe.customers.create({});
  await world.advance(1_000);
  await world.control('POST', '/reset');
  expect((await world.stripe.customers.list()).data).toEqual([]);
  expect((await world.stripe.events.list()).data).toEqual([]);
  expect(await world.control('GET', '/clock')).toMatchObject({ offsetSeconds: 0 });
  expect(await readFile(dataFile, 'utf8')).not.toContain('customer.created');
});
