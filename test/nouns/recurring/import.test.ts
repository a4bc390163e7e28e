import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../cli/command.js';
import { ask } from '../../harness/payments.js';
import { alter, eventually, monthlyPrice, readCharges, renew } from '../../harness/recurring.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
let priceId: string;
let folder: string;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
  priceId = await monthlyPrice(bed);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'import-'));
});
afterAll(async () => {
  fs.rmSync(folder, { recursive: true });
  await bed.close();
});

/** A customer as an application of before made them, with a card. */
const oldCustomer = async (metadata: Record<string, string> = {}): Promise<string> => {
  const customer = await bed.stripe.customers.create({ metadata });
  const method = await bed.stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await bed.stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
  return customer.id;
};
const oldSubscription = async (customer: string, metadata: Record<string, string> = {}, price = priceId) =>
  (await bed.stripe.subscriptions.create({ customer, items: [{ price }], metadata })).id;

interface Report {
  readonly bound: number;
  readonly known: number;
  readonly left: number;
  readonly failed: number;
  readonly subscriptions: readonly {
    subscriptionId: string;
    outcome: string;
    reason: string;
    orderId: string | null;
  }[];
  readonly unmet: readonly string[];
}
const run = async (map: string, ...more: string[]): Promise<Report> => {
  const { stdout, stderr, code } = await runCommand(['import', '--map', map, '--json', ...more], bed.environment);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Report;
};
const rowsOf = async (subscriptions: readonly string[]) =>
  (
    await bed.sql.query<Record<string, unknown>>(
      `select r.id::text as id, stripe_subscription_id as subscription, order_id::text as "orderId", r.account_id as account, r.status,
        initial_amount::int as amount, currency, price_id as price, quantity
      from tollgate.recurring_payment r where stripe_subscription_id = any($1) order by r.id`,
      [subscriptions],
    )
  ).rows;
const replay = async (id: string): Promise<unknown> =>
  (
    await ask<{ event: unknown }>(
      server,
      'mutation ($input: ReplayEventInput!) { replayEvent(input: $input) { event { status } } }',
      { input: { id } },
      { account: 'boss', roles: ['admin'] },
    )
  ).event;
const paymentCount = async (): Promise<number> =>
  Number((await bed.sql.query<{ count: string }>('select count(*) from tollgate.payment')).rows[0]?.count);

test('what Stripe has is bound by metadata, begins at its present state, and renews into orders; the past makes none', async () => {
  const orders = await Promise.all(['ann', 'bob'].map((account) => bed.createOrder({ account })));
  const first = await oldSubscription(await oldCustomer({ user: 'ann' }), { order_no: orders[0] ?? '' });
  const second = await oldSubscription(await oldCustomer({ user: 'bob' }), { order_no: orders[1] ?? '' });
  // A period of before: its invoice is of the past.
  await renew(bed);
  await bed.stripe.subscriptions.update(second, { cancel_at_period_end: true });
  const payments = await paymentCount();

  const map = 'order=order_no,account=user';
  expect(await run(map, '--dry-run')).toMatchObject({ bound: 2, known: 0, left: 0 });
  expect(await rowsOf([first, second])).toEqual([]);
  const words = await runCommand(['import', '--map', map, '--dry-run'], bed.environment);
  expect(words.stdout).toMatch(new RegExp(`${first} +ACTIVE +.*100\\.00.* ${orders[0]} +ann +bound`));
  expect(words.stderr).toContain('2 would be bound');

  expect(await run(map)).toMatchObject({ bound: 2, known: 0, left: 0 });
  const rows = await rowsOf([first, second]);
  expect(rows.map(({ orderId, account, status }) => [orderId, account, status]).sort()).toEqual([
    [orders[0], 'ann', 'ACTIVE'],
    [orders[1], 'bob', 'ACTIVE'],
  ]);
  expect(rows[0]).toMatchObject({ amount: 10_000, currency: 'USD', price: priceId, quantity: 1 });
  expect(await run(map)).toMatchObject({ bound: 0, known: 2, left: 0 });
  expect(await rowsOf([first, second])).toEqual(rows);

  // Every event of before again: nothing comes of it.
  const past = await bed.sql.query<{ id: string }>(
    `select id from tollgate.stripe_event where type in ('invoice.created', 'invoice.finalized', 'invoice.paid')`,
  );
  expect(past.rows.length).toBeGreaterThan(5);
  for (const { id } of past.rows) expect(await replay(id)).toMatchObject({ status: 'PROCESSED' });
  expect(await paymentCount()).toBe(payments);
  for (const order of orders) expect(await bed.orderStatus(order)).toBe('pending');

  await renew(bed);
  const mine = rows.find(({ subscription }) => subscription === first);
  const as = { account: 'ann' };
  const charges = await eventually(
    () => readCharges(server, String(mine?.['id']), as),
    ([charge]) => charge?.status === 'SUCCESSFUL',
  );
  expect(charges).toHaveLength(1);
  expect(charges[0]?.orderId).not.toBe(orders[0]);
  expect(await bed.orderStatus(charges[0]?.orderId ?? '')).toBe('paid');
  const { rows: ended } = await bed.sql.query(
    `select status from tollgate.recurring_payment where stripe_subscription_id = $1`,
    [second],
  );
  expect(ended).toEqual([{ status: 'CANCELED' }]);
  await bed.sql.query('update public.shop_order set amount = 20000 where id = $1', [orders[0]]);
  expect(
    await alter(server, 'changeRecurringPayment', { recurringPaymentId: mine?.['id'], quantity: 2, proration: 'NONE' }),
  ).toMatchObject({ quantity: 2, agreedAmount: 20_000 });
});

test('what can’t be bound says why, in the dry run as in the real one, and the rest is bound by a file', async () => {
  const order = (account: string, more: object = {}) => bed.createOrder({ account, ...more });
  const [carl, dora, taken, euros, erna, second] = await Promise.all([
    order('carl'),
    order('dora'),
    order('fred'),
    order('gina', { currency: 'EUR' }),
    order('erna'),
    order('erna'),
  ]);
  const shared = await oldCustomer();
  const ids: Record<string, string> = {
    // Erna has two customers: the newer subscription's is hers.
    second: await oldSubscription(await oldCustomer()),
    good: await oldSubscription(shared),
    otherAccount: await oldSubscription(shared),
    twice: await oldSubscription(await oldCustomer()),
    noOrder: await oldSubscription(await oldCustomer()),
    unplaced: await oldSubscription(await oldCustomer()),
    euros: await oldSubscription(await oldCustomer()),
    stranger: await oldSubscription(await oldCustomer()),
    ours: '',
    installation: await oldSubscription(await oldCustomer(), { tollgate_installation: 'x', tollgate_recurring: '7' }),
    paused: await oldSubscription(await oldCustomer()),
  };
  await bed.stripe.subscriptions.update(ids['paused'] ?? '', { pause_collection: { behavior: 'void' } });
  const file = path.join(folder, 'map.csv');
  const lines = [
    ['good', carl, ''],
    ['otherAccount', dora, 'dora'],
    ['twice', carl, ''],
    ['noOrder', '99999999', ''],
    ['euros', euros, ''],
    ['stranger', taken, '"someone, else"'],
    ['installation', taken, ''],
    ['paused', erna, 'erna'],
    ['second', second, ''],
  ];
  fs.writeFileSync(
    file,
    `subscription,order,account\r\n${lines.map(([name, ...rest]) => [ids[name ?? ''], ...rest].join(',')).join('\r\n')}\r\nsub_none,${taken},\r\n`,
  );
  const why = ({ subscriptions }: Report) =>
    Object.fromEntries(
      Object.entries(ids).flatMap(([name, id]) => {
        const line = subscriptions.find(({ subscriptionId }) => subscriptionId === id);
        return line?.outcome === 'LEFT' ? [[name, line.reason]] : [];
      }),
    );
  const rehearsed = await run(file, '--dry-run');
  // Newest first: of two for one order the later one is bound, and the earlier one is left.
  expect(rehearsed.bound).toBe(3);
  const reasons = {
    second: expect.stringMatching(
      /^account erna has the customer cus_\w+ already, and an account has one; Stripe goes on/,
    ),
    good: expect.stringContaining(carl),
    noOrder: expect.stringContaining('no order 99999999'),
    unplaced: expect.stringContaining('names no order'),
    euros: expect.stringContaining('is in EUR'),
    stranger: expect.stringContaining('the map says someone, else'),
    installation: expect.stringContaining('another installation'),
  };
  expect(why(rehearsed)).toEqual(reasons);
  const bound = await run(file);
  expect(bound).toMatchObject({ bound: 3, unmet: ['sub_none'], failed: 0 });
  expect(why(bound)).toEqual(reasons);
  expect(why(await run(file))).toEqual(reasons);
  const { rows } = await bed.sql.query(
    'select collection_paused from tollgate.recurring_payment where stripe_subscription_id = $1',
    [ids['paused']],
  );
  expect(rows).toEqual([{ collection_paused: true }]);
  for (const map of [path.join(folder, 'none.csv'), 'order=']) {
    const { code, stderr } = await runCommand(['import', '--map', map], bed.environment);
    expect(code).toBe(1);
    expect(stderr).toContain('--map');
  }
});

test('some hundreds are bound page by page, also by two runs at once', async () => {
  const customer = await oldCustomer();
  const COUNT = 230;
  const { rows } = await bed.sql.query<{ id: string }>(
    `insert into public.shop_order (account_id, amount, currency) select 'many', 10000, 'USD' from generate_series(1, $1::int) returning id::text`,
    [COUNT],
  );
  const subscriptions: string[] = [];
  for (const { id } of rows) subscriptions.push(await oldSubscription(customer, { many: id }));
  const [one, two] = await Promise.all(
    [run('order=many'), run('order=many')].map((ended) => ended.catch(() => undefined)),
  );
  const bound = (one?.bound ?? 0) + (two?.bound ?? 0);
  expect(bound).toBeLessThanOrEqual(COUNT);
  expect(await run('order=many')).toMatchObject({ failed: 0 });
  expect(await rowsOf(subscriptions)).toHaveLength(COUNT);
});
