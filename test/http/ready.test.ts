import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
}, 60_000);
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

test('ready means that payments can be taken: 503 where the database answers and takes no transaction', async () => {
  expect(await ready()).toBe(200);
  await setReadOnly(true);
  await until(async () => (await ready()) === 503, 'the server is not ready');
  const told = (await (await fetch(`${server.url}/ready`)).json()) as { checks: Record<string, string> };
  expect(told.checks['database']).not.toBe('ok');
  await setReadOnly(false);
  await until(async () => (await ready()) === 200, 'the server is ready again');
}, 60_000);
