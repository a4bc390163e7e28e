import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { confirm, pay } from '../harness/payments.js';
import { startServerProcess } from '../harness/server-process.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';
import { type Ended, runCommand } from './command.js';

const role = `tollgate_doctor_${randomBytes(4).toString('hex')}`;
let bed: TestBed;
beforeAll(async () => {
  bed = await openTestBed();
  await bed.sql.query(`create role ${role} login password 'right'`);
});
afterAll(async () => {
  await bed.sql.query(`drop role ${role}`);
  await bed.close();
});

const urlAs = (user: string, password: string): string => {
  const url = new URL(bed.database.url);
  url.username = user;
  url.password = password;
  return url.href;
};
const examine = (databaseUrl = bed.database.url): Promise<Ended> =>
  runCommand(['doctor'], { ...bed.environment, DATABASE_URL: databaseUrl });

test.each([
  ['a wrong password', () => urlAs(role, 'wrong'), /password authentication failed/],
  ['a role that is not there', () => urlAs('nobody_at_all', 'x'), /nobody_at_all/],
  [
    'a database that is not there',
    () => bed.database.url.replace(/\/[^/]*$/, '/elsewhere'),
    /"elsewhere" does not exist/,
  ],
  ['a port where nothing listens', () => 'postgres://127.0.0.1:9/app', /ECONNREFUSED/],
  [
    'a role without rights on the tables',
    () => urlAs(role, 'right'),
    /permission denied.*\n.*\n.*grant usage on schema/,
  ],
])('the doctor tells what the database refused, and goes on with what needs none: %s', async (_, url, words) => {
  const { stdout, stderr, code } = await examine(url());
  expect(code, stderr).toBe(1);
  expect(stdout).toMatch(words);
  expect(stdout).toContain('[DATABASE_UNREACHABLE]');
  expect(stdout).toContain('ok       callback flows: all of them load');
  expect(stdout + stderr).not.toMatch(/tollgate migrate|wrong|\n {4}at /);
});

test('nor does a start take a database whose tables it may not read for one without tables', async () => {
  const server = await startServerProcess({ ...bed.environment, DATABASE_URL: urlAs(role, 'right'), PORT: '0' });
  expect(await server.ended).toBe(1);
  expect(server.output()).toMatch(/permission denied.*grant usage on schema tollgate/s);
  expect(server.output()).not.toContain('tollgate migrate');
});

test('each check says what it asked and what it got', async () => {
  const { stdout } = await runCommand(['doctor', '--json'], { ...bed.environment });
  const { checks } = JSON.parse(stdout) as { checks: { title: string; asks: string; ok: boolean; detail?: string }[] };
  expect(checks.length).toBeGreaterThan(20);
  for (const { title, asks, ok, detail } of checks) {
    expect(asks, title).toMatch(/\w{4}/);
    if (ok) expect(detail, title).toBeTruthy();
  }
  const lines = (await examine()).stdout.split('\n');
  expect(lines).toContain('ok       migrations: none pending (asked: tollgate.migration)');
});

test('an event that failed a moment ago is a problem, with what it failed of', async () => {
  const server = await bed.start({
    // Not tried again meanwhile: after the third failure the flow would be owed.
    inboxLimits: { firstWaitSeconds: 60, longestWaitSeconds: 60, maximumAttempts: 15, leaseSeconds: 60 },
    flows: {
      paymentCallback: {
        run: async () => {
          throw new Error('the shop is closed');
        },
      },
    },
  });
  try {
    const paid = await pay(server, await bed.createOrder());
    await confirm(bed, paid);
    const failed = `select from tollgate.stripe_event where status = 'FAILED'`;
    await until(async () => ((await bed.sql.query(failed)).rowCount ?? 0) > 0, 'the event has failed');
    const { stdout, code } = await examine();
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /PROBLEM {2}events that wait: 1 .*failed.*evt_\w+ \(.*the shop is closed\).*\[EVENTS_STUCK\]/,
    );
    expect(stdout).not.toContain('All is well');
  } finally {
    await server.stop();
  }
});
