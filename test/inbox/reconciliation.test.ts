import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../cli/command.js';
import { makeOlder } from '../harness/age.js';
import { confirm, confirmUntil, type Paid, pay, readPayment } from '../harness/payments.js';
import { addFault, clearFaults } from '../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ environment: { TOLLGATE_RECONCILE_MINUTES: '0' } });
});
beforeEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

/** From here on no delivery reaches us. */
const silence = (): Promise<unknown> =>
  addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });

interface Report {
  readonly dryRun: boolean;
  readonly eventsListed: number;
  readonly missing: { readonly id: string; readonly type: string; readonly error?: string }[];
  readonly rowsAsked: number;
  readonly unanswered: unknown[];
  readonly drift: {
    readonly kind: string;
    readonly id: string | null;
    readonly stripeId: string;
    readonly ours: string | null;
    readonly stripes: string;
    readonly changes: Record<string, [unknown, unknown]>;
  }[];
}
const reconcile = async (...words: string[]): Promise<Report> => {
  const { code, stdout, stderr } = await runCommand(['reconcile', '--json', ...words], bed.environment);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
};
/** Everything that a dry run must leave as it is. */
const contents = async (): Promise<unknown> =>
  (
    await bed.sql.query(`select
      (select json_agg(p order by id) from tollgate.payment p) as payments,
      (select json_agg(r order by id) from tollgate.refund r) as refunds,
      (select count(*) from tollgate.change) as changes, (select count(*) from tollgate.stripe_event) as events,
      (select json_agg(o order by id) from public.shop_order o) as orders,
      (select json_agg(s order by key) from tollgate.setting s) as settings,
      (select count(*) from tollgate_jobs.jobs) as jobs`)
  ).rows[0];
const intentOf = ({ payment }: Paid): string => payment.stripePaymentIntentId;

describe('what no webhook told', () => {
  test('is found by tollgate reconcile: a success, a decline, a refund of the dashboard; a dry run shows the same and writes nothing', async () => {
    const refunded = await pay(server, await bed.createOrder());
    await confirmUntil(bed, server, refunded);
    const lost = await pay(server, await bed.createOrder());
    const declined = await pay(server, await bed.createOrder());
    const untouched = await pay(server, await bed.createOrder());
    await silence();
    await confirm(bed, lost);
    await confirm(bed, declined, 'pm_card_visa_chargeDeclined');
    const refund = await bed.stripe.refunds.create({ payment_intent: intentOf(refunded), amount: 4_000 });

    const before = await contents();
    const rehearsed = await reconcile('--dry-run');
    expect(await contents()).toEqual(before);
    expect(rehearsed).toMatchObject({ dryRun: true, unanswered: [] });
    const types = rehearsed.missing.map(({ type }) => type);
    expect(types).toEqual(
      expect.arrayContaining(['payment_intent.succeeded', 'payment_intent.payment_failed', 'refund.created']),
    );
    const drift = Object.fromEntries(rehearsed.drift.map((entry) => [entry.stripeId, entry]));
    expect(drift[intentOf(lost)]).toMatchObject({
      kind: 'PAYMENT',
      id: lost.payment.id,
      ours: 'PENDING',
      stripes: 'SUCCESSFUL',
      changes: { status: ['PENDING', 'SUCCESSFUL'], amountReceived: [0, 10_000] },
    });
    expect(drift[intentOf(declined)]).toMatchObject({ ours: 'PENDING', stripes: 'FAILED' });
    expect(drift[refund.id]).toMatchObject({ kind: 'REFUND', id: null, ours: null, stripes: 'REFUNDED' });
    expect(drift[intentOf(refunded)]?.changes).toMatchObject({ amountRefunded: [0, 4_000] });
    expect(drift[intentOf(untouched)]).toBeUndefined();

    const made = await reconcile();
    expect(new Set(made.drift.map(({ stripeId }) => stripeId))).toEqual(new Set(Object.keys(drift)));
    expect(await readPayment(server, lost.payment.id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
    expect(await bed.orderStatus(lost.payment.orderId)).toBe('paid');
    expect(await readPayment(server, declined.payment.id)).toMatchObject({ status: 'FAILED' });
    expect(await bed.orderStatus(refunded.payment.orderId)).toBe('partially_refunded');

    const again = await reconcile();
    expect(again).toMatchObject({ missing: [], drift: [] });
    const table = await runCommand(['reconcile', '--dry-run'], bed.environment);
    expect(table).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing differs from Stripe') });
  });

  test('reaches a watching client of a running server, also without Redis', async () => {
    const paid = await pay(server, await bed.createOrder());
    const watch = server.watch('subscription ($id: ID!) { paymentUpdated(id: $id) { status version } }', {
      id: paid.payment.id,
    });
    await watch.next();
    await silence();
    await confirm(bed, paid);
    await reconcile();
    await watch.until(({ status }) => status === 'SUCCESSFUL', 5_000);
    await watch.stop();
  });

  test('a late delivery of an event that reconciliation took is a duplicate', async () => {
    const paid = await pay(server, await bed.createOrder());
    await silence();
    await confirm(bed, paid);
    await reconcile();
    const count = async () =>
      (await bed.sql.query('select count(*) from tollgate.change where node_id = $1', [paid.payment.id])).rows[0]
        ?.count;
    const before = await count();
    await clearFaults(bed.sandbox);
    const response = await fetch(`${bed.sandbox.url}/_sandbox/deliveries`);
    const { data } = (await response.json()) as { data: { id: string; type: string }[] };
    const late = data.filter(({ type }) => type === 'payment_intent.succeeded').at(-1);
    await fetch(`${bed.sandbox.url}/_sandbox/deliveries/${late?.id}/resend`, { method: 'POST' });
    expect(await count()).toBe(before);
  });

  test('with its events forgotten by Stripe, an open row older than a few minutes is asked about', async () => {
    const paid = await pay(server, await bed.createOrder());
    await silence();
    await confirm(bed, paid);
    await makeOlder(bed, { table: 'payment', column: 'created_at', id: paid.payment.id, by: '40 days' });
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const report = await reconcile('--since', soon);
    expect(report).toMatchObject({ eventsListed: 0, drift: [{ id: paid.payment.id, stripes: 'SUCCESSFUL' }] });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
  });

  test('when Stripe does not answer nothing is completed, and the error says so', async () => {
    const state = async () =>
      (await bed.sql.query(`select value from tollgate.setting where key = 'reconciliation'`)).rows[0];
    const before = await state();
    await addFault(bed.sandbox, { match: { path: '/v1/events' }, kind: 'status', status: 500, times: 100 });
    const { code, stdout, stderr } = await runCommand(['reconcile', '--json'], bed.environment);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).not.toBe('');
    expect(await state()).toEqual(before);
  });
});

describe('the schedule', () => {
  test('several servers: a run that is due is made once, and by itself', async () => {
    const paid = await pay(server, await bed.createOrder());
    await silence();
    await confirm(bed, paid);
    await bed.sql.query(`update tollgate.setting set value = jsonb_build_object('completedAt', now() - interval '2 hours')
      where key = 'reconciliation'`);
    const listed = async (): Promise<string[]> => {
      const response = await fetch(`${bed.sandbox.url}/_sandbox/requests?limit=10000`);
      const { data } = (await response.json()) as { data: { path: string }[] };
      return data.map(({ path }) => path).filter((path) => path.startsWith('/v1/events?'));
    };
    const before = await listed();
    const others = await Promise.all([1, 2, 3].map(() => bed.start()));
    await until(async () => (await bed.orderStatus(paid.payment.orderId)) === 'paid', 'the order is paid');
    await until(async () => {
      const [row] = (
        await bed.sql.query(`select (value->>'completedAt')::timestamptz > now() - interval '1 minute' as "done"
        from tollgate.setting where key = 'reconciliation'`)
      ).rows;
      return row?.done === true;
    }, 'the run is completed');
    // Each run lists from where the last one ended; a list may take several pages, and a page may be asked for again.
    const bounds = (await listed())
      .slice(before.length)
      .map((path) => new URL(path, bed.sandbox.url).searchParams.get('created[gte]'));
    expect(bounds.length).toBeGreaterThanOrEqual(2);
    expect(new Set(bounds).size, bounds.join()).toBe(1);
    for (const other of others) await other.stop();
  });

  test('a last run of more than 20 days ago is a problem, before Stripe forgets', async () => {
    const as = { account: 'admin', roles: ['admin'] };
    await bed.sql.query(`update tollgate.setting set value = jsonb_build_object('completedAt', now() - interval '21 days')
      where key = 'reconciliation'`);
    await until(async () => {
      const { data } = await server.request('{ problems { code remedy } }', {}, as);
      return JSON.stringify(data).includes('RECONCILIATION_LATE');
    }, 'the problem is listed');
  });
});
