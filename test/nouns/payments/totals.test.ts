import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN } from '../../harness/refunds.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const TOTALS = `query ($from: DateTime!, $to: DateTime!, $steps: Int, $months: Boolean) {
  paymentTotals(from: $from, to: $to, steps: $steps, months: $months) { from currency succeeded received failed }
  refundTotals(from: $from, to: $to, steps: $steps) { from currency refunds refunded pending failed }
}`;
const DAY = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-02T00:00:00.000Z', steps: 4 };

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
  const orderId = await bed.createOrder();
  // More than any list gives, of two currencies, half of them before six o'clock and half after.
  await bed.sql.query(
    `insert into tollgate.payment (order_id, amount, currency, status, amount_received, livemode, stripe_account, created_at)
      select $1, 1000, case when n % 3 = 0 then 'EUR' else 'USD' end, case when n % 10 = 0 then 'FAILED' else 'SUCCESSFUL' end,
        case when n % 10 = 0 then 0 else 1000 end, false, 'acct_totals',
        timestamptz '2026-03-01 05:59:59Z' + (n % 2) * interval '1 second'
      from generate_series(1, 3000) n`,
    [orderId],
  );
  await bed.sql.query(
    `insert into tollgate.refund (payment_id, amount, currency, status, livemode, stripe_account, created_at)
      select id, 250, currency, case when id % 2 = 0 then 'REFUNDED' else 'FAILED' end, false, 'acct_totals',
        timestamptz '2026-03-01 23:59:59.999Z'
      from tollgate.payment where stripe_account = 'acct_totals' and status = 'SUCCESSFUL'`,
  );
});
afterAll(() => bed.close());

const counted = async (table: string, where: string): Promise<number> =>
  (
    await bed.sql.query<{ n: number }>(
      `select count(*)::int as n from tollgate.${table} where stripe_account = 'acct_totals' and ${where}`,
    )
  ).rows[0]?.n ?? 0;

describe('totals', () => {
  test('are over all rows, by currency and by when each row was begun', async () => {
    const { data, errors } = await server.request(TOTALS, DAY, ADMIN);
    expect(errors).toBeUndefined();
    const payments = data?.['paymentTotals'] as Record<string, unknown>[];
    const ours = async (currency: string, from: string, before: string) => {
      const where = `currency = '${currency}' and created_at >= '${from}' and created_at < '${before}'`;
      const succeeded = await counted('payment', `${where} and status = 'SUCCESSFUL'`);
      return {
        from,
        currency,
        succeeded,
        received: succeeded * 1_000,
        failed: await counted('payment', `${where} and status = 'FAILED'`),
      };
    };
    const six = '2026-03-01T06:00:00.000Z';
    expect(payments).toEqual([
      await ours('EUR', DAY.from, six),
      await ours('USD', DAY.from, six),
      await ours('EUR', six, DAY.to),
      await ours('USD', six, DAY.to),
    ]);
    expect(payments.reduce((sum, { succeeded }) => sum + Number(succeeded), 0)).toBe(2_700);
    const refunds = data?.['refundTotals'] as { from: string; refunds: number; refunded: number; failed: number }[];
    expect(refunds.map(({ from }) => from)).toEqual(['2026-03-01T18:00:00.000Z', '2026-03-01T18:00:00.000Z']);
    expect(refunds.reduce((sum, { refunds: some }) => sum + some, 0)).toBe(
      await counted('refund', `status = 'REFUNDED'`),
    );
    expect(refunds.every(({ refunds: some, refunded }) => refunded === some * 250)).toBe(true);
  });

  test('are by calendar months of UTC where that is asked for', async () => {
    const { rows } = await bed.sql.query<{ id: string }>(
      `insert into tollgate.payment (order_id, amount, currency, status, amount_received, livemode, stripe_account, created_at)
        select order_id, 700, 'USD', 'SUCCESSFUL', 700, false, 'acct_months', at::timestamptz
        from (select order_id from tollgate.payment limit 1) o, unnest(array['2024-12-31 23:59:59.999Z', '2025-01-01 00:00Z',
          '2025-01-31 23:59:59Z', '2025-02-28 23:00Z', '2025-04-01 00:00Z']) at returning id`,
    );
    await bed.sql.query(
      `insert into tollgate.refund (payment_id, amount, currency, status, livemode, stripe_account, created_at)
        values ($1, 300, 'USD', 'REFUNDED', false, 'acct_months', '2025-03-31 23:59:59.999Z')`,
      [rows[0]?.id],
    );
    const { data, errors } = await server.request(
      `query ($from: DateTime!, $to: DateTime!) {
        paymentTotals(from: $from, to: $to, months: true) { from succeeded received }
        refundTotals(from: $from, to: $to, months: true) { from refunded }
      }`,
      { from: '2024-12-31T12:00:00Z', to: '2025-04-01T00:00:00Z' },
      ADMIN,
    );
    expect(errors).toBeUndefined();
    const of = (month: string, succeeded: number) => ({
      from: `${month}-01T00:00:00.000Z`,
      succeeded,
      received: succeeded * 700,
    });
    expect(data).toEqual({
      paymentTotals: [of('2024-12', 1), of('2025-01', 2), of('2025-02', 1)],
      refundTotals: [{ from: '2025-03-01T00:00:00.000Z', refunded: 300 }],
    });
  });

  test('are for those who may read every row alone', async () => {
    for (const field of ['paymentTotals', 'refundTotals']) {
      const { errors } = await server.request(
        `query ($from: DateTime!, $to: DateTime!) { ${field}(from: $from, to: $to) { currency } }`,
        { from: DAY.from, to: DAY.to },
      );
      expect(errors?.[0]?.extensions?.['code'], field).toBe('FORBIDDEN');
    }
  });

  test.each([
    ['a span that ends before it begins', { ...DAY, to: DAY.from }, /later than/],
    ['too many steps', { ...DAY, steps: 401 }, /1 to 400/],
    ['no step', { ...DAY, steps: 0 }, /1 to 400/],
    ['too many months', { ...DAY, from: '1990-01-01T00:00:00Z', months: true }, /at most 400 months/],
  ])('refuse %s in words', async (_, variables, words) => {
    const { errors } = await server.request(TOTALS, variables, ADMIN);
    expect(errors?.[0]).toMatchObject({
      message: expect.stringMatching(words),
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });
});
