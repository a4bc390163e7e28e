import { afterAll, beforeAll, expect, test } from 'vitest';
import { SAMPLE_ORDERS } from '../../src/embedded/embedded-run.js';
import { runCommand } from '../cli/command.js';
import { newKey } from '../doctor/operator-parts.js';
import { startServerProcess } from '../harness/server-process.js';
import { activate, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const ready = async (): Promise<number> => (await fetch(`${server.url}/ready`)).status;

/** New connections of the server, as after a switch to a standby, can't write, or can again. */
const setReadOnly = async (isReadOnly: boolean): Promise<void> => {
  const { rows } = await bed.sql.query<{ name: string }>('select quote_ident(current_database()) as name');
  await bed.sql.query(`alter database ${rows[0]?.name} set default_transaction_read_only = ${isReadOnly}`);
  await bed.sql.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'tollgate'`,
  );
};

test('without an order table or Stripe keys it is 503 with the reason, until both are there', async () => {
  const bare = await openTestBed({ binding: null });
  const {
    STRIPE_SECRET_KEY: secretKey = '',
    STRIPE_PUBLISHABLE_KEY: publishableKey = '',
    ...others
  } = bare.environment;
  const environment = { ...others, TOLLGATE_ENCRYPTION_KEY: newKey(), TOLLGATE_RECONCILE_MINUTES: '0' };
  const fresh = await startServerProcess(environment);
  const told = async (): Promise<unknown> => (await fetch(`${fresh.url}/ready`)).json();
  try {
    expect(await told()).toMatchObject({
      status: 'not ready',
      checks: { orders: expect.stringContaining('activate'), stripe: expect.stringContaining('configure') },
    });
    expect((await fetch(`${fresh.url}/health`)).status).toBe(200);
    await activate(bare.database.url, SAMPLE_ORDERS, 'PRO');
    await until(async () => !JSON.stringify(await told()).includes('activate'), 'the table is bound');
    expect((await fetch(`${fresh.url}/ready`)).status).toBe(503);
    const given = ['configure', '--publishable-key', publishableKey, '--secret-key', secretKey];
    const { code, stderr } = await runCommand(given, environment);
    expect(code, stderr).toBe(0);
    await until(async () => (await fetch(`${fresh.url}/ready`)).status === 200, 'the server is ready');
  } finally {
    await fresh.end('SIGKILL');
    await bare.close();
  }
});

test('ready means that payments can be taken: 503 where the database answers and takes no transaction', async () => {
  expect(await ready()).toBe(200);
  await setReadOnly(true);
  await until(async () => (await ready()) === 503, 'the server is not ready');
  const told = (await (await fetch(`${server.url}/ready`)).json()) as { checks: Record<string, string> };
  expect(told.checks['database']).not.toBe('ok');
  await setReadOnly(false);
  await until(async () => (await ready()) === 200, 'the server is ready again');
});
