import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createActivation } from '../../src/orders/activation.js';
import { createOrders } from '../../src/orders/orders.js';
import { createDatabase } from '../../src/storage/database.js';
import { readProtection } from '../../src/storage/protection.js';
import { openOperator } from '../doctor/operator-parts.js';
import { ask, confirmUntil, pay, type Refusal } from '../harness/payments.js';
import { activate, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const ADMIN = { account: 'boss', roles: ['admin'] };
const ACTIVATE = `mutation ($input: ActivatePaymentsInput!) { activatePayments(input: $input) { settings { orderTable {
  amountColumn amountUnit currencyColumn currency } } } }`;

/** Of a table divided by its keys, which begin with the month, with amounts such as 10.00 and an enum of currencies. */
const BOOKINGS = `create type public.cur as enum ('usd', 'jpy', 'kwd', 'eur'); create domain public.price as numeric;
  create table public.booking (id varchar(30) primary key, guest text, total public.price, cur public.cur,
    status text not null default 'pending') partition by range (id);
  create table public.booking_2611 partition of public.booking for values from ('2611') to ('2612')`;

describe("an order table with amounts in the currency's major unit", () => {
  let bed: TestBed;
  let server: Server;
  beforeAll(async () => {
    bed = await openTestBed({ binding: null, schema: BOOKINGS });
    server = await bed.start({ flows: { paymentCallback: { run: () => undefined } } });
    await ask(server, 'mutation { setPlan(input: { plan: PRO }) { settings { plan } } }', {}, ADMIN);
  });
  afterAll(() => bed.close());

  let made = 0;
  const order = async (total: string | null, currency: string, month = '2611'): Promise<string> => {
    made += 1;
    const id = `${month}-${made}`;
    await bed.sql.query('insert into public.booking (id, guest, total, cur) values ($1, $2, $3, $4)', [
      id,
      'customer',
      total,
      currency,
    ]);
    return id;
  };
  /** What `pay` takes where the request says nothing, or the code of its refusal. */
  const dueOf = async (orderId: string): Promise<unknown> =>
    pay(server, orderId, { amount: undefined, currency: undefined }).then(
      ({ payment }) => `${payment.amount} ${payment.currency}`,
      ({ code }: Refusal) => code,
    );

  test('is bound through GraphQL, which tells the unit', async () => {
    const input = { orderTable: 'public.booking', ownerColumn: 'guest', amountColumn: 'total', currencyColumn: 'cur' };
    await expect(ask(server, ACTIVATE, { input }, ADMIN)).rejects.toThrow('amountUnit MAJOR');
    const major = { ...input, amountUnit: 'MAJOR' };
    const orderTable = { amountColumn: 'total', amountUnit: 'MAJOR', currencyColumn: 'cur', currency: null };
    expect(await ask(server, ACTIVATE, { input: major }, ADMIN)).toEqual({ settings: { orderTable } });
    expect(await ask(server, ACTIVATE, { input: major }, ADMIN)).toEqual({ settings: { orderTable } });
    await expect(ask(server, ACTIVATE, { input: { ...major, amountUnit: 'MINOR' } }, ADMIN)).rejects.toMatchObject({
      code: 'ALREADY_ACTIVATED',
    });
  });

  test.each([
    ['10.00', 'usd', '1000 USD'],
    ['1.1', 'eur', '110 EUR'],
    ['19.990000', 'usd', '1999 USD'],
    ['500', 'jpy', '500 JPY'],
    ['1.230', 'kwd', '1230 KWD'],
    ['999999.99', 'usd', '99999999 USD'],
  ])('%s %s is charged as %s, exactly', async (total, currency, charged) => {
    expect(await dueOf(await order(total, currency))).toBe(charged);
  });

  test.each([
    ['10.005', 'usd'],
    ['500.5', 'jpy'],
    ['1.2345', 'kwd'],
    ['NaN', 'usd'],
  ])('%s %s has more digits than the currency, and is refused however it is asked', async (total, currency) => {
    const id = await order(total, currency);
    expect(await dueOf(id)).toBe('AMOUNT_INVALID');
    await expect(pay(server, id, { amount: 1000, currency })).rejects.toMatchObject({ code: 'AMOUNT_INVALID' });
  });

  test('another amount than what is due is refused, the right one is paid, and what is too much is told', async () => {
    const id = await order('12.34', 'usd');
    await expect(pay(server, id, { amount: 1233 })).rejects.toMatchObject({ code: 'AMOUNT_MISMATCH' });
    const paid = await pay(server, id, { amount: 1234 });
    const dear = await pay(server, await order('20', 'usd'), { amount: 2000 });
    await bed.sql.query('update public.booking set total = 19.99 where id = $1', [dear.payment.orderId]);
    expect(await confirmUntil(bed, server, paid)).toMatchObject({ amountReceived: 1234 });
    expect(await confirmUntil(bed, server, dear)).toMatchObject({ amountReceived: 2000 });
    const { rows } = await bed.sql.query('select order_id from tollgate.payment where excess_at is not null');
    expect(rows).toEqual([{ order_id: dear.payment.orderId }]);
    expect(await dueOf(id)).toBe('ORDER_ALREADY_PAID');
  });

  test('the doctor names orders whose amount no payment can have', async () => {
    const parts = await openOperator(bed);
    const check = parts.checks.find(({ title }) => title === "the orders' amounts");
    expect(await check?.run()).toMatchObject({ warning: { code: 'ORDER_AMOUNT_UNCHARGEABLE' } });
    await parts.close();
  });

  const missingProtection = async (): Promise<readonly string[]> => {
    const database = createDatabase({ url: bed.database.url, poolSize: 1 });
    const { missing, changed } = await readProtection(database);
    await database.close();
    return [...missing, ...changed];
  };

  test("the next month's partition is added as ever, and its orders are paid; one with payments is not dropped", async () => {
    await bed.sql.query(
      `create table public.booking_2612 partition of public.booking for values from ('2612') to ('2701')`,
    );
    expect(await dueOf(await order('7.50', 'eur', '2612'))).toBe('750 EUR');
    await expect(bed.sql.query('drop table public.booking_2612')).rejects.toThrow();
    await bed.sql.query(
      `create table public.booking_2701 partition of public.booking for values from ('2701') to ('2702')`,
    );
    await bed.sql.query('alter table public.booking detach partition public.booking_2701');
    await bed.sql.query('drop table public.booking_2701');
    await expect(bed.sql.query('alter table public.booking detach partition public.booking_2612')).rejects.toThrow();
    await bed.sql.query(
      `create table public.made (like public.booking); alter table public.booking attach partition public.made for values from ('2702') to ('2703')`,
    );
    expect(await dueOf(await order('7.51', 'eur', '2702'))).toBe('751 EUR');
    expect(await missingProtection()).toEqual([]);
  });
});

test('one currency for all orders, and an amount that is computed from other columns', async () => {
  const bed = await openTestBed({
    schema: `create domain public.key as integer; create table public.basket (id public.key primary key, pieces integer,
      cents numeric(12,0) generated always as (pieces * 250) stored, status text default 'pending')`,
    binding: { orderTable: 'public.basket', idColumn: 'id', amountColumn: 'cents', currency: 'eur' },
  });
  const server = await bed.start({ flows: { paymentCallback: { run: () => undefined } } });
  await bed.sql.query('insert into public.basket (id, pieces) values (1, 2)');
  await expect(pay(server, '1', { amount: 500, currency: 'USD' })).rejects.toMatchObject({ code: 'CURRENCY_MISMATCH' });
  const paid = await pay(server, '1', { amount: undefined, currency: undefined });
  expect(paid.payment).toMatchObject({ orderId: '1', amount: 500, currency: 'EUR' });
  await confirmUntil(bed, server, paid);
  await expect(bed.sql.query('drop table public.basket cascade')).rejects.toMatchObject({ code: 'TG003' });
  await expect(bed.sql.query(`update tollgate.order_binding set currency = 'USD'`)).rejects.toMatchObject({
    code: 'TG001',
  });
  await bed.close();
});

describe('what can not be bound says why, and what to do', () => {
  let bed: TestBed;
  beforeAll(async () => {
    bed = await openTestBed({
      binding: null,
      schema: `create type public.phase as enum ('open', 'paid');
        create table public.by_day (id bigint, day date, primary key (id, day)) partition by range (day);
        create table public.odd (id bigint primary key, owner text, rough double precision, pounds money, total numeric(12,2), cents bigint,
          cur_id integer, phase public.phase, cur text)`,
    });
  });
  afterAll(() => bed.close());

  const odd = { orderTable: 'public.odd', idColumn: 'id' };
  test.each([
    [{ orderTable: 'public.by_day', idColumn: 'id' }, /partitioned by RANGE \(day\).*uuid v7/],
    [{ ...odd, amountColumn: 'rough' }, /double precision, which rounds.*numeric\(12,2\)/],
    [{ ...odd, amountColumn: 'pounds', amountUnit: 'major', currency: 'GBP' }, /money, whose decimals depend/],
    [{ ...odd, amountColumn: 'total', currency: 'EUR' }, /--amount-unit major/],
    [{ ...odd, amountColumn: 'total', amountUnit: 'major' }, /depends on the currency.*--currency EUR/],
    [{ ...odd, amountUnit: 'major', currency: 'EUR' }, /together with their column/],
    [{ ...odd, currencyColumn: 'cur_id' }, /a currency is text or an enum.*--currency EUR/],
    [{ ...odd, currencyColumn: 'phase' }, /an enum of no currencies: open, paid/],
    [{ ...odd, currencyColumn: 'cur', currency: 'EUR' }, /not both/],
    [{ ...odd, currency: 'EURO' }, /EURO/],
  ] as const)('%o', async (request, reason) => {
    await expect(activate(bed.database.url, request)).rejects.toThrow(reason);
  });

  test('a currency and an amount that were left out are added once, together, and never changed', async () => {
    await activate(bed.database.url, odd);
    const parts = await openOperator(bed);
    const { database } = parts;
    const activation = createActivation({ database, orders: createOrders(database) });
    const add = (columns: object) => activation.add(columns, 'operator');
    await expect(add({ amountColumn: 'total', amountUnit: 'major' })).rejects.toThrow('depends on the currency');
    await add({ currency: 'eur' });
    const added = await add({ amountColumn: 'total', amountUnit: 'major' });
    expect(added.binding).toMatchObject({ amountColumn: 'total', amountUnit: 'major', currency: 'EUR' });
    expect(await add({ amountColumn: 'total', amountUnit: 'major', currency: 'EUR' })).toMatchObject({
      binding: added.binding,
    });
    await expect(add({ amountColumn: 'cents', currency: 'EUR' })).rejects.toMatchObject({ code: 'ALREADY_ACTIVATED' });
    await expect(add({ currencyColumn: 'cur' })).rejects.toMatchObject({ code: 'ALREADY_ACTIVATED' });
    await expect(add({ currency: 'USD' })).rejects.toMatchObject({ code: 'ALREADY_ACTIVATED' });
    for (const change of [`amount_unit = 'minor'`, 'amount_unit = null', `currency = null, currency_column = 'cur'`])
      await expect(bed.sql.query(`update tollgate.order_binding set ${change}`)).rejects.toMatchObject({
        code: 'TG001',
      });
    await parts.close();
  });
});
