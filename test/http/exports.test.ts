import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { csvLine } from '../../src/core/csv.js';
import { runCommand } from '../cli/command.js';
import { pay } from '../harness/payments.js';
import { payOrder, refund } from '../harness/refunds.js';
import { openTestBed, type Server, type TestBed, tokenFor } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const get = async (path: string, account: string | null = 'admin', roles: readonly string[] = ['admin']) =>
  fetch(`${server.url}/export/${path}`, {
    headers: account === null ? {} : { authorization: `Bearer ${await tokenFor(account, roles)}` },
  });
const linesOf = async (response: Response): Promise<string[]> => (await response.text()).split('\r\n').slice(0, -1);

/** Rows as `pay` leaves them, in numbers, made by PostgreSQL, which looks at them as it does by itself within minutes. */
const fill = async (count: number) => {
  await bed.sql.query(
    `with o as (insert into public.shop_order (account_id, amount, currency)
        select 'many', 100, 'USD' from generate_series(1, $1) returning id)
      insert into tollgate.payment (order_id, account_id, amount, currency, mode, livemode, stripe_account, status)
        select id, 'many', 100, 'USD', 'ELEMENTS', false, 'acct_many', 'CANCELED' from o`,
    [count],
  );
  await bed.sql.query('analyze tollgate.payment');
};

describe('a list as CSV', () => {
  test('holds what GraphQL lists, newest first, by the same filters, for whoever may list it', async () => {
    const first = await payOrder(bed, server);
    const second = await pay(server, await bed.createOrder(), {
      description: '=HYPERLINK("https://evil.example","a, b")',
    });
    await refund(server, first.payment.id, 400, { reason: '@SUM(1)' });
    await until(async () => (await get('refunds.csv?status=REFUNDED').then(linesOf)).length === 2, 'it is refunded');
    const response = await get('payments.csv');
    expect(response.headers.get('content-type')).toMatch(/^text\/csv/);
    expect(response.headers.get('content-disposition')).toMatch(
      /^attachment; filename="payments-\d{4}-\d\d-\d\d\.csv"$/,
    );
    const [heading, ...rows] = await linesOf(response);
    expect(heading?.split(',').slice(0, 6)).toEqual(['id', 'orderId', 'accountId', 'status', 'currency', 'amount']);
    expect(rows.map((row) => row.split(',')[0])).toEqual([second.payment.id, first.payment.id]);
    // No text of it is a formula to a spreadsheet.
    expect(rows[0]).toContain(`"'=HYPERLINK(""https://evil.example"",""a, b"")"`);
    expect((await linesOf(await get('refunds.csv')))[1]).toContain(",'@SUM(1),");
    const one = await linesOf(
      await get(`payments.csv?status=SUCCESSFUL&search=${first.payment.stripePaymentIntentId}`),
    );
    expect(one).toHaveLength(2);
    expect(one[1]).toContain(
      `,${first.payment.orderId},customer,SUCCESSFUL,USD,10000,10000,,400,0,PARTIAL,false,visa,4242,`,
    );
    // One's own rows alone without the permission to read any.
    expect(await linesOf(await get('payments.csv', 'stranger', []))).toHaveLength(1);
    expect(await linesOf(await get('payments.csv', 'customer', []))).toHaveLength(3);
    for (const list of ['disputes', 'recurringPayments'])
      expect(await linesOf(await get(`${list}.csv`))).toHaveLength(1);
  });

  test('is refused with a code: without a token, without the permission, by a filter that it has not', async () => {
    const refused = async (response: Response) => ({
      status: response.status,
      code: ((await response.json()) as { error: { code: string } }).error.code,
    });
    expect(await refused(await get('payments.csv', null))).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
    expect(await refused(await get('refunds.csv', 'customer', []))).toEqual({ status: 403, code: 'FORBIDDEN' });
    expect(await refused(await get('secrets.csv'))).toEqual({ status: 404, code: 'NOT_FOUND' });
    for (const filter of ['status=PAID', 'createdFrom=yesterday', 'constructor=1', 'accountID=1'])
      expect(await refused(await get(`payments.csv?${filter}`)), filter).toEqual({
        status: 400,
        code: 'BAD_USER_INPUT',
      });
  });

  test('comes to 100,000 rows in pieces, each once, and not to more; one that goes on holds no place for good', async () => {
    await fill(100_000);
    const response = await get('payments.csv?accountId=many');
    let text = '';
    let pieces = 0;
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      pieces += 1;
    }
    const ids = text
      .split('\r\n')
      .slice(1, -1)
      .map((line) => line.slice(0, line.indexOf(',')));
    expect(ids).toHaveLength(100_000);
    expect(new Set(ids).size).toBe(100_000);
    expect(pieces).toBeGreaterThan(50);
    // Those who go away give their places back.
    for (let n = 0; n < 5; n += 1)
      await until(async () => {
        const left = await get('payments.csv?accountId=many');
        await left.body?.cancel();
        return left.status === 200;
      }, 'a place is free again');
    await fill(1);
    const many = await get('payments.csv?accountId=many');
    expect(many.status).toBe(400);
    expect(await many.text()).toContain('More than 100000 rows');
  });

  test('is written by command too', async () => {
    const written = await runCommand(['export', 'payments', '--filter', 'status=SUCCESSFUL'], bed.environment);
    expect(written.code).toBe(0);
    expect(written.stdout.split('\r\n')).toEqual(
      (await (await get('payments.csv?status=SUCCESSFUL')).text()).split('\r\n'),
    );
    const wrong = await runCommand(['export', 'payments', '--filter', 'status=PAID'], bed.environment);
    expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('"status" must be one of') });
  });
});

test('no cell is a formula, whatever it begins with', () => {
  for (const begin of ['=', '+', '-', '@', '\t', '\r']) expect(csvLine([`${begin}1`])).toMatch(/^"?'/);
  expect(csvLine([-1, 'a"b', 'c\nd', null, true])).toBe('-1,"a""b","c\nd",,true\r\n');
});
