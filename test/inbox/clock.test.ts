import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCommand } from '../cli/command.js';
import { openOperator, TEST_KEYS } from '../doctor/operator-parts.js';
import { makeOlder } from '../harness/age.js';
import { confirm, pay } from '../harness/payments.js';
import { startActive, watchUntil } from '../harness/recurring.js';
import { payOrder, readRefunds, refund } from '../harness/refunds.js';
import { addFault, clearFaults } from '../harness/sandbox-control.js';
import { startServerProcess } from '../harness/server-process.js';
import { deliver, eventOf, sign } from '../harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

const HOUR_MS = 3_600_000;
/** The real time, also while this process's clock is shifted. */
const NOW = (): number => performance.timeOrigin + performance.now();
/** As an address: NODE_OPTIONS takes no path with spaces. */
const SHIFT = new URL('../harness/clock-shift.mjs', import.meta.url).href;

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

describe('a signature that fits and was made at another time is refused with the clock that is wrong', () => {
  const refusal = async (signedSecondsOff: number): Promise<string> => {
    const body = JSON.stringify(eventOf('payment_intent.succeeded', { id: 'pi_clock', object: 'payment_intent' }));
    const timestamp = Math.floor(NOW() / 1000) + signedSecondsOff;
    const answer = await deliver(server, body, sign(body, { timestamp }));
    expect(answer.status).toBe(400);
    return answer.text();
  };

  test.each([
    [
      10,
      /made \d+ s before this server's time.* It is this server's clock: (59\d|60\d) s ahead of the database's.*NTP/,
    ],
    [-10, /made \d+ s after this server's time.* It is this server's clock: (59\d|60\d) s behind the database's.*NTP/],
  ])('this server’s, %d minutes off', async (minutes, words) => {
    shiftOwnClock(minutes / 60);
    expect(await refusal(0)).toMatch(words);
  });

  test.each([
    [-600, /By the database's time too.*sender's clock is \d+ s behind both/],
    [600, /By the database's time too.*sender's clock is \d+ s ahead of both/],
  ])('the sender’s, or an old delivery: %d seconds', async (seconds, words) => {
    expect(await refusal(seconds)).toMatch(words);
  });

  test('both, where the signature agrees with neither', async () => {
    shiftOwnClock(1);
    expect(await refusal(-3_600)).toMatch(
      /clock is 3\d{3} s ahead of the database's, and the signature agrees with neither/,
    );
  });

  test('and a wrong secret stays one: nothing is said of clocks', async () => {
    const body = JSON.stringify(eventOf('payment_intent.succeeded', { id: 'pi_clock', object: 'payment_intent' }));
    shiftOwnClock(10);
    const answer = await deliver(server, body, sign(body, { secret: 'whsec_other' }));
    expect(await answer.text()).toBe('The signature does not fit this body.');
  });

  test('the doctor compares the machine’s clock with the database’s', async () => {
    const { stdout } = await runCommand(['doctor'], ahead(-0.5));
    expect(stdout).toMatch(/This machine's clock is (179\d|180\d) s behind the database's.*\[CLOCK_SKEW\]/);
  });
});

/** Work that was left: an event to try again, and a change to tell, both by times from the database. */
const leaveWork = async (from: string): Promise<() => Promise<boolean>> => {
  const id = `evt_left_${Math.random().toString(36).slice(2)}`;
  const payload = JSON.stringify({
    ...eventOf('payment_intent.succeeded', { id: 'pi_left', object: 'payment_intent' }),
    id,
  });
  await bed.sql.query(
    `insert into tollgate.stripe_event (id, type, object_id, status, payload, next_attempt_at)
      values ($1, 'payment_intent.succeeded', 'pi_left', 'FAILED', $2, now() + $3::interval)`,
    [id, payload, from],
  );
  const { payment } = await pay(server, await bed.createOrder());
  await bed.sql.query(
    `insert into tollgate.change (node_type, node_id, version, to_status, actor, note, at)
      values ('PAYMENT', $1, 0, 'PENDING', 'job', $2, now() + $3::interval)`,
    [payment.id, id, from],
  );
  return async () => {
    const { rows } = await bed.sql.query<{ done: boolean }>(
      `select e.next_attempt_at is null and not exists (select from tollgate.outbox o where c.node_id = any(o.node_ids)) as "done"
        from tollgate.stripe_event e join tollgate.change c on c.note = e.id where e.id = $1`,
      [id],
    );
    return rows[0]?.done === true;
  };
};

describe('work that was left goes by the database’s clock', () => {
  test.each([2, -2])('a server whose clock is %d hours ahead takes it up at once', async (hours) => {
    shiftOwnClock(hours);
    await until(await leaveWork('-2 seconds'), 'the event was tried and the change told');
  });

  test('a time that lies hours ahead, from before the database’s own clock was set back, is due', async () => {
    await until(await leaveWork('2 hours'), 'the event was tried and the change told');
  });
});

describe('what waits for longer than anything may, from before the database’s own clock was set back, is due', () => {
  const setAhead = (table: string, column: string, where: string): Promise<unknown> =>
    bed.sql.query(`update tollgate.${table} set ${column} = now() + interval '2 hours' where ${where}`);
  beforeEach(() => bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`));

  test('a refund of unknown outcome, an attempt that may not be needed, a charge that is lowered', async () => {
    const paid = await payOrder(bed, server);
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
    const unanswered = { kind: 'timeout', applied: true, delayMs: 50, times: 3 } as const;
    await addFault(bed.sandbox, { match: { method: 'POST', path: '/v1/refunds' }, ...unanswered });
    await refund(server, paid.payment.id, 6_000);
    await setAhead('refund', 'next_check_at', `payment_id = ${paid.payment.id}`);
    const { payment } = await pay(server, await bed.createOrder());
    await setAhead('payment', 'withdraw_at', `id = ${payment.id}`);
    await clearFaults(bed.sandbox);
    const { id } = await startActive(bed, server);
    await bed.sql.query(
      `insert into tollgate.renewal (stripe_invoice_id, recurring_payment_id, due_at) values ('in_ahead', $1, now() + interval '2 hours')`,
      [id],
    );
    await until(async () => {
      const { rows } = await bed.sql.query<{ taken: boolean }>(
        `select p.withdraw_at is null and n.due_at < now() + interval '1 hour' as "taken"
          from tollgate.payment p, tollgate.renewal n where p.id = $1 and n.stripe_invoice_id = 'in_ahead'`,
        [payment.id],
      );
      const [made] = await readRefunds(server, paid.payment.id);
      return rows[0]?.taken === true && made?.status === 'REFUNDED';
    }, 'each was taken up');
  });

  test('an open row that was heard of in the future is asked about', async () => {
    await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
    const paid = await pay(server, await bed.createOrder());
    const { id } = paid.payment;
    await confirm(bed, paid);
    await makeOlder(bed, { table: 'payment', column: 'created_at', id, by: '1 hour' });
    await setAhead('payment', 'seen_at', `id = ${id}`);
    // Stripe's list of events tells nothing new: the row alone leads there.
    for await (const event of bed.stripe.events.list({ limit: 100 }))
      await bed.sql.query(
        `insert into tollgate.stripe_event (id, type, object_id, status) values ($1, $2, '', 'IGNORED') on conflict do nothing`,
        [event.id, event.type],
      );
    await bed.sql.query(
      `insert into tollgate.setting (key, value) values ('reconciliation', jsonb_build_object('completedAt', now() - interval '1 day'))
        on conflict (key) do update set value = excluded.value`,
    );
    const other = await bed.start();
    await until(async () => (await bed.orderStatus(paid.payment.orderId)) === 'paid', 'the order is paid');
    await other.stop();
  });

  test('a date that was wrong keeps no recurring payment from what Stripe says after it', async () => {
    const { id, stripeSubscriptionId } = await startActive(bed, server);
    await setAhead('recurring_payment', 'seen_at', `id = ${id}`);
    await bed.stripe.subscriptions.cancel(stripeSubscriptionId);
    await watchUntil(server, id, ({ status }) => status === 'CANCELED');
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

test('a 500 that Stripe repeats to the key after a forgotten one is not asked for again', async () => {
  const orderId = await bed.createOrder();
  const onIntents = { method: 'POST', path: '/v1/payment_intents' };
  await addFault(bed.sandbox, { match: onIntents, kind: 'timeout', applied: false, delayMs: 50, times: 3 });
  await expect(pay(server, orderId)).rejects.toThrow('STRIPE_UNAVAILABLE');
  await clearFaults(bed.sandbox);
  await bed.sql.query(`update tollgate.payment set attempted_at = now() - interval '21 hours' where order_id = $1`, [
    orderId,
  ]);
  await addFault(bed.sandbox, { match: onIntents, kind: 'status', status: 500, applied: false, saved: true });
  await expect(pay(server, orderId)).rejects.toThrow('STRIPE_UNAVAILABLE');
  await clearFaults(bed.sandbox);
  await pay(server, orderId);
  const { rows } = await bed.sql.query('select attempt from tollgate.payment where order_id = $1', [orderId]);
  expect(rows).toEqual([{ attempt: 3 }]);
});
