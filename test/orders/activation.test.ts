import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createActivation } from '../../src/orders/activation.js';
import { createOrders } from '../../src/orders/orders.js';
import { createDatabase } from '../../src/storage/database.js';
import { confirm, confirmUntil, type Paid, pay } from '../harness/payments.js';
import { createPlainOwner } from '../harness/role.js';
import { sql } from '../harness/sql.js';
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
    [{ orderTable: 'plain', idColumn: 'id' }, /key is integer, bigint, uuid, text or varchar/],
    [{ orderTable: 'lax', idColumn: 'id' }, /different texts are the same/],
    [{ orderTable: 'plain', idColumn: 'nope' }, /has no column nope/],
    [{ orderTable: 'loose', idColumn: 'id' }, /primary key, or unique/],
    [{ orderTable: 'looked', idColumn: 'id' }, /is no table/],
    [{ orderTable: 'priced', idColumn: 'id', amountColumn: 'amount' }, /whole number/],
    [{ orderTable: 'priced', idColumn: 'id', currencyColumn: 'currency' }, /currency is text/],
  ])('refuses a table that can not be used: %o', async (binding, message) => {
    const schema = `create table plain (id numeric primary key, n bigint); create table loose (id bigint);
      create collation case_blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table lax (id text collate case_blind primary key);
      create table priced (id bigint primary key, amount numeric, currency integer); create view looked as select 1 as id`;
    await expect(openTestBed({ schema, binding })).rejects.toThrow(message);
  });

  describe('refuses, each for its own reason', () => {
    let bed: TestBed;
    beforeAll(async () => {
      bed = await openTestBed({
        binding: null,
        schema: `create unlogged table crashed (id bigint primary key); create temp table passing (id bigint primary key);
          create extension file_fdw; create server files foreign data wrapper file_fdw;
          create foreign table far (id bigint) server files options (filename '/dev/null');
          create table lent (id bigint primary key); alter extension file_fdw add table lent;
          create table parted (id bigint primary key) partition by range (id);
          create table part partition of parted for values from (1) to (9);
          create table mother (id bigint primary key); create table child () inherits (mother);
          create table "Booking" (id bigint primary key); create schema shop; create table shop.invoice (id bigint primary key);
          create table "shop-order" (id bigint primary key);
          create table loose (id bigint unique deferrable)`,
      });
    });
    afterAll(() => bed.close());

    test.each([
      ['tollgate.payment', /one of Tollgate's own tables/],
      ['tollgate.setting', /one of Tollgate's own tables/],
      ['tollgate_jobs._private_jobs', /queue of effects/],
      ['graphile_worker._private_jobs', /job queue/],
      ['pg_catalog.pg_class', /PostgreSQL's own/],
      ['information_schema.sql_features', /PostgreSQL's own/],
      ['pg_temp.passing', /temporary/],
      ['crashed', /unlogged: a crash empties it.*set logged/],
      ['far', /foreign table/],
      ['lent', /part of the extension file_fdw/],
      ['part', /is a partition.*Bind public\.parted/],
      ['mother', /inherits from it \(public\.child\)/],
      ['Booking', /Did you mean 'public\."Booking"'\?.*keeps its quotes/],
      ['invoice', /Did you mean 'shop\.invoice'/],
      ['shop-order', /other characters.*keeps its quotes/],
      ['loose', /not deferrable/],
    ])('%s', async (orderTable, reason) => {
      await expect(activate(bed.database.url, { orderTable, idColumn: 'id' })).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringMatching(reason),
      });
    });
  });

  test('a table of another owner, or whose rows are hidden: nothing is bound until the remedy, which is enough', async () => {
    const { database, role, drop } = await createPlainOwner();
    const request = { orderTable: 'public.booking', idColumn: 'id' };
    const remedyOf = async (form: RegExp): Promise<string> => {
      const refusal = await activate(role.url, request).catch((error: Error) => error.message);
      expect(await sql(database.url, 'select from tollgate.order_binding')).toEqual([]);
      return form.exec(refusal ?? '')?.[1] ?? `no remedy in: ${refusal}`;
    };
    await sql(
      database.url,
      `create table public.booking (id bigint primary key, guest text, status text);
        alter table public.booking enable row level security;
        create policy guests on public.booking using (guest = current_setting('app.guest', true))`,
    );
    await sql(
      database.url,
      await remedyOf(/superuser: (grant usage [^;]+; grant select, insert, update, references [^;]+;)/),
    );
    await sql(database.url, await remedyOf(/(create policy [^;]+;)/));
    await activate(role.url, request);
    expect(await sql(database.url, 'select table_name from tollgate.order_binding')).toHaveLength(1);
    await drop();
  });

  test('a column that was left out is compared from the moment that a running server knows of it', async () => {
    const bed = await openTestBed({ binding: { orderTable: 'shop_order', idColumn: 'id' } });
    const server = await bed.start();
    const payAs = async (account: string, amount: number): Promise<Paid> =>
      pay(server, await bed.createOrder({ account: 'ann', amount: 500 }), { amount }, { account });
    const untilRefused = async (): Promise<unknown> => {
      for (;;) {
        const refusal = await payAs('bob', 500).then(
          () => undefined,
          (error: { code: unknown }) => error.code,
        );
        if (refusal !== undefined) return refusal;
      }
    };
    for (let times = 0; times < 8; times += 1) await confirmUntil(bed, server, await payAs('bob', 400), { as: 'bob' });
    const database = createDatabase({ url: bed.database.url, poolSize: 2 });
    const activation = createActivation({ database, orders: createOrders(database) });
    await activation.add({ ownerColumn: 'account_id', amountColumn: 'amount' }, 'operator');
    expect(await untilRefused()).toBe('ORDER_NOT_FOUND');
    await expect(payAs('ann', 400)).rejects.toMatchObject({ code: 'AMOUNT_MISMATCH' });
    expect(await confirmUntil(bed, server, await payAs('ann', 500), { as: 'ann' })).toMatchObject({
      status: 'SUCCESSFUL',
    });
    await database.close();
    await bed.close();
  });
});
