import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runCommand } from '../cli/command.js';
import { openOperator, TEST_KEYS } from '../doctor/operator-parts.js';
import { confirm, pay } from '../harness/payments.js';
import { addFault, clearFaults } from '../harness/sandbox-control.js';
import { startServerProcess } from '../harness/server-process.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

const HOUR_MS = 3_600_000;
const SHIFT = fileURLToPath(new URL('../harness/clock-shift.mjs', import.meta.url));

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: { TOLLGATE_RECONCILE_MINUTES: '0' } });
});
afterEach(async () => {
  vi.useRealTimers();
  await clearFaults(bed.sandbox);
});
afterAll(() => bed.close());

/** The environment of a process whose clock is so many hours ahead. */
const ahead = (hours: number): Record<string, string> => ({
  ...bed.environment,
  NODE_OPTIONS: `--import=${SHIFT}`,
  TEST_CLOCK_SHIFT_MS: String(hours * HOUR_MS),
});
/** From here on this process's clock is so many hours ahead. */
const shiftOwnClock = (hours: number): void => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * HOUR_MS });
};
/** How long ago, by the database's clock, the last run was completed; below 0 in the future. */
const sinceLastRun = async (): Promise<number> => {
  const { rows } = await bed.sql.query<{ seconds: number }>(
    `select extract(epoch from clock_timestamp() - (value->>'completedAt')::timestamptz)::float8 as "seconds"
      from tollgate.setting where key = 'reconciliation'`,
  );
  return rows[0]?.seconds ?? Number.NaN;
};

describe('reconciliation goes by the database’s clock', () => {
  test.each([2, -5])('a run of a process whose clock is %d hours ahead is completed now', async (hours) => {
    const { code, stderr } = await runCommand(['reconcile'], ahead(hours));
    expect(code, stderr).toBe(0);
    const seconds = await sinceLastRun();
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(seconds).toBeLessThan(120);
  });

  test('a first look of a server whose clock is ahead does not put it off', async () => {
    await bed.sql.query(`delete from tollgate.setting where key = 'reconciliation'`);
    const other = await startServerProcess({ ...ahead(2), PORT: '0' });
    await until(async () => !Number.isNaN(await sinceLastRun()), 'the server has looked');
    await other.end('SIGKILL');
    expect(await sinceLastRun()).toBeGreaterThanOrEqual(0);
  });

  test.each([
    '2 hours',
    '3 years',
  ])('a last run that is %s in the future is due, and nothing is left out', async (future) => {
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
    const paid = await pay(server, await bed.createOrder());
    await confirm(bed, paid);
    await bed.sql.query(
      `update tollgate.setting set value = jsonb_build_object('completedAt', now() + $1::interval) where key = 'reconciliation'`,
      [future],
    );
    const other = await bed.start();
    await until(async () => (await bed.orderStatus(paid.payment.orderId)) === 'paid', 'the order is paid');
    await until(async () => (await sinceLastRun()) >= 0, 'the run is completed');
    await other.stop();
  });
});

describe('the overlap of webhook secrets goes by the database’s clock', () => {
  test.each([3, -3])('rotated and read by a process whose clock is %d hours ahead', async (hours) => {
    await bed.sql.query(`delete from tollgate.setting where key like 'stripe%'`);
    shiftOwnClock(hours);
    const parts = await openOperator(bed, { publicUrl: 'https://pay.example' });
    try {
      await parts.settings.configure(TEST_KEYS);
      const { oldAcceptedUntil } = await parts.endpoints.rotate(3_600);
      const { rows } = await bed.sql.query<{ seconds: number }>(
        'select extract(epoch from $1::timestamptz - now())::float8 as "seconds"',
        [oldAcceptedUntil],
      );
      expect(rows[0]?.seconds).toBeGreaterThan(3_500);
      expect(rows[0]?.seconds).toBeLessThanOrEqual(3_600);
      parts.keys.forget();
      expect((await parts.keys.read())?.webhookSecrets).toHaveLength(2);
      expect(await parts.endpoints.retireDue()).toBe(0);
    } finally {
      await parts.close();
      await bed.sql.query(`delete from tollgate.setting where key like 'stripe%'`);
    }
  });
});

test('a key that Stripe may have forgotten is not used again by a server whose clock is behind', async () => {
  const orderId = await bed.createOrder();
  await addFault(bed.sandbox, {
    match: { method: 'POST', path: '/v1/payment_intents' },
    kind: 'timeout',
    applied: false,
    delayMs: 50,
    times: 3,
  });
  await expect(pay(server, orderId)).rejects.toThrow('STRIPE_UNAVAILABLE');
  await clearFaults(bed.sandbox);
  await bed.sql.query(`update tollgate.payment set attempted_at = now() - interval '21 hours' where order_id = $1`, [
    orderId,
  ]);
  shiftOwnClock(-10);
  await pay(server, orderId);
  const { rows } = await bed.sql.query('select attempt from tollgate.payment where order_id = $1', [orderId]);
  expect(rows).toEqual([{ attempt: 2 }]);
});
