import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { confirm, pay } from '../harness/payments.js';
import { requestCluster } from '../harness/steward.js';
import { activate, openTestBed, type TestBed } from '../harness/tollgate.js';

describe('binding an order table', () => {
  // Started here, its time doesn't count as the first test's.
  beforeAll(() => requestCluster());

  test.each([
    ['an integer key', 'integer generated always as identity', 'id'],
    ['a bigint key', 'bigint generated always as identity', 'id'],
    ['a uuid key', 'uuid default gen_random_uuid()', 'Order No'],
  ])('with %s, in a schema and with names that need quotes: a payment goes all the way', async (_, type, column) => {
    const quoted = `"${column}"`;
    const bed = await openTestBed({
      schema: `create schema "My Shop"; create table "My Shop"."Or""ders" (${quoted} ${type} primary key, cents integer not null default 500, cur varchar(3) default 'eur')`,
      binding: { orderTable: '"My Shop"."Or""ders"', idColumn: column, amountColumn: 'cents', currencyColumn: 'cur' },
    });
    const paidOrders: string[] = [];
    const server = await bed.start({
      flows: {
        paymentCallback: {
          run: ({ orderId, paymentStatus }) => void (paymentStatus === 'SUCCESSFUL' && paidOrders.push(orderId)),
        },
      },
    });
    const { rows } = await bed.sql.query(
      `insert into "My Shop"."Or""ders" default values returning ${quoted}::text as id`,
    );
    const orderId = String(rows[0]?.id);
    const watch = server.watch(
      'subscription ($orderId: ID!) { orderPaymentsUpdated(orderId: $orderId) { orderId status } }',
      { orderId },
    );
    const paid = await pay(server, orderId, { amount: 500, currency: 'EUR' });
    await confirm(bed, paid);
    const seen = await watch.until(({ status }) => status === 'SUCCESSFUL');
    expect(seen.at(-1)).toMatchObject({ orderId });
    expect(paidOrders).toEqual([orderId]);
    await expect(bed.sql.query(`delete from "My Shop"."Or""ders"`)).rejects.toMatchObject({
      constraint: 'payment_order_fk',
    });
    await watch.stop();
    await bed.close();
  });

  describe('refuses in words', () => {
    let bed: TestBed;
    beforeAll(async () => {
      bed = await openTestBed({
        schema: `create table plain (id text primary key, amount numeric, n bigint); create table loose (id bigint, amount numeric);
          create table priced (id bigint primary key, amount numeric, currency integer); create view looked as select 1 as id`,
      });
    });
    afterAll(() => bed.close());

    test('a second binding, but not the same one again', async () => {
      const sample = {
        orderTable: 'shop_order',
        idColumn: 'id',
        ownerColumn: 'account_id',
        amountColumn: 'amount',
        currencyColumn: 'currency',
      };
      await activate(bed.database.url, sample);
      await expect(activate(bed.database.url, { ...sample, orderTable: 'public.priced' })).rejects.toMatchObject({
        code: 'ALREADY_ACTIVATED',
      });
      const { amountColumn, ...less } = sample;
      expect(amountColumn).toBe('amount');
      await expect(activate(bed.database.url, less)).rejects.toMatchObject({ code: 'ALREADY_ACTIVATED' });
    });

    test.each([
      [{ orderTable: 'a.b.c', idColumn: 'id' }, /schema\.table/],
      [{ orderTable: 'nothing', idColumn: 'id' }, /bound to public.shop_order for good/],
    ])('%o', async (request, message) => {
      await expect(activate(bed.database.url, request)).rejects.toThrow(message);
    });
  });

  test.each([
    [{ orderTable: 'plain', idColumn: 'id' }, /key is integer, bigint or uuid/],
    [{ orderTable: 'plain', idColumn: 'nope' }, /has no column nope/],
    [{ orderTable: 'loose', idColumn: 'id' }, /primary key, or unique/],
    [{ orderTable: 'looked', idColumn: 'id' }, /is no table/],
    [{ orderTable: 'priced', idColumn: 'id', amountColumn: 'amount' }, /whole number/],
    [{ orderTable: 'priced', idColumn: 'id', currencyColumn: 'currency' }, /currency is text/],
  ])('refuses a table that can not be used: %o', async (binding, message) => {
    const schema = `create table plain (id text primary key, n bigint); create table loose (id bigint);
      create table priced (id bigint primary key, amount numeric, currency integer); create view looked as select 1 as id`;
    await expect(openTestBed({ schema, binding })).rejects.toThrow(message);
  });
});
