import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createActivation } from '../../src/orders/activation.js';
import { createOrders } from '../../src/orders/orders.js';
import { createDatabase, type Queryable, type Statement } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { type Protection, readProtection } from '../../src/storage/protection.js';
import { createEmptyDatabase, type TestDatabase } from '../harness/postgres.js';

/** The app's own role: it owns the database, the order table and Tollgate's tables, and is no superuser. */
const role = `tollgate_app_${randomBytes(4).toString('hex')}`;
let own: TestDatabase;
let admin: pg.Client;
let app: pg.Client;
let url: string;
beforeAll(async () => {
  own = await createEmptyDatabase();
  admin = new pg.Client({ connectionString: own.url });
  await admin.connect();
  await admin.query(`create role ${role} login password 'app'`);
  await admin.query(`alter database ${new URL(own.url).pathname.slice(1)} owner to ${role}`);
  await admin.query(`alter schema public owner to ${role}`);
  // what an administrator of a managed database has often given to it
  await admin.query('create extension if not exists file_fdw; create server files foreign data wrapper file_fdw');
  await admin.query(`grant usage on foreign server files to ${role}; grant pg_read_server_files to ${role}`);
  const address = new URL(own.url);
  address.username = role;
  address.password = 'app';
  url = address.href;
  await migrate(url);
  app = new pg.Client({ connectionString: url });
  await app.connect();
  await app.query(`create table public.app_order (id bigint primary key, owner text, amount bigint, currency text);
    insert into public.app_order values (1, 'ann', 500, 'USD'), (2, 'ann', 700, 'USD');
    create extension citext;
    create function public.swallow() returns trigger language plpgsql as $$ begin return null; end $$`);
  const database = createDatabase({ url, poolSize: 1 });
  await createActivation({ database, orders: createOrders(database) }).activate({
    orderTable: 'public.app_order',
    idColumn: 'id',
    ownerColumn: 'owner',
    amountColumn: 'amount',
    currencyColumn: 'currency',
  });
  await database.close();
  await app.query(`insert into tollgate.payment (order_id, amount, currency, livemode, stripe_account)
    values (1, 500, 'USD', false, 'acct_1')`);
});
afterAll(async () => {
  await app.end();
  await admin.query(
    'drop event trigger if exists tollgate_guard_drop; drop event trigger if exists tollgate_guard_alter',
  );
  await admin.query(`alter database ${new URL(own.url).pathname.slice(1)} owner to postgres`);
  await admin.query(`drop owned by ${role} cascade; drop role ${role}`);
  await admin.end();
  await own.drop();
});

const asQueryable = (client: pg.Client): Queryable => ({
  query: async <Row extends object>({ text, values }: Statement) =>
    (await client.query<Row>(text, [...(values ?? [])])).rows,
});

/** Runs the work in a transaction of the app's role that is taken back. */
const rehearse = async <T>(work: () => Promise<T>): Promise<T> => {
  await app.query('begin');
  try {
    return await work();
  } finally {
    await app.query('rollback');
  }
};

/** What a payment goes through, and what must not happen to it. */
const assertBooksWhole = async (): Promise<void> => {
  const { rows: made } = await app.query<{ id: string }>(
    `insert into tollgate.payment (order_id, amount, currency, livemode, stripe_account)
      values (2, 700, 'USD', false, 'acct_1') returning id`,
  );
  const id = made[0]?.id;
  const { rowCount } = await app.query(
    `update tollgate.payment set status = 'SUCCESSFUL', amount_received = 700, version = version + 1 where id = $1`,
    [id],
  );
  expect(rowCount).toBe(1);
  const { rows } = await app.query(
    `select id, order_id, amount, status, amount_received from tollgate.payment order by id`,
  );
  expect(rows).toEqual([
    expect.objectContaining({ order_id: '1', amount: '500', status: 'PENDING' }),
    { id, order_id: '2', amount: '700', status: 'SUCCESSFUL', amount_received: '700' },
  ]);
  for (const statement of [
    'delete from tollgate.payment',
    'update tollgate.payment set amount = amount + 1',
    'truncate tollgate.payment cascade',
  ]) {
    await app.query('savepoint attempt');
    await expect(app.query(statement), statement).rejects.toMatchObject({ code: 'TG001' });
    await app.query('rollback to savepoint attempt');
  }
};

/** By each of these the role got around the rules once, or could have. */
const WAYS: readonly [string, string][] = [
  [
    'a partitioned parent',
    `create table public.par (like tollgate.payment) partition by list (currency);
      alter table public.par attach partition tollgate.payment for values in ('USD')`,
  ],
  ['a child', 'create table public.kid () inherits (tollgate.payment)'],
  [
    'a child made later',
    'create table public.kid (like tollgate.payment including constraints); alter table public.kid inherit tollgate.payment',
  ],
  [
    'a child of the settings',
    `create table public.kid () inherits (tollgate.setting); insert into public.kid values ('plan', '"PRO"')`,
  ],
  ['a temporary child', 'create temp table kid () inherits (tollgate.payment)'],
  [
    'a temporary child made later',
    'create temp table kid (like tollgate.payment including constraints); alter table kid inherit tollgate.payment',
  ],
  [
    'a foreign child',
    `create foreign table public.kid () inherits (tollgate.payment) server files options (filename '/dev/null')`,
  ],
  ['a parent', 'create table public.par (id bigint not null); alter table tollgate.refund inherit public.par'],
  ['a trigger', 'create trigger mine before update on tollgate.payment for each row execute function public.swallow()'],
  [
    'a constraint trigger',
    'create constraint trigger mine after update on tollgate.payment for each row execute function public.swallow()',
  ],
  ['a rule', 'create rule mine as on update to tollgate.payment do instead nothing'],
  ['a rule on a table of settings', 'create rule mine as on insert to tollgate.role_permission do also nothing'],
  ['row-level security', 'alter table tollgate.payment enable row level security'],
  ['a policy', 'create policy mine on tollgate.payment using (false)'],
  ['the function of the rules, moved away', 'alter function tollgate.refuse() set schema public'],
  ['the function that follows payments, moved away', 'alter function tollgate.follow_payment() set schema public'],
  [
    'another body of the function of the rules',
    'create or replace function tollgate.refuse() returns trigger language plpgsql as $$ begin return old; end $$',
  ],
  [
    'a rule that asks for nothing',
    `create or replace trigger keep_rows before delete on tollgate.payment for each row when (false)
      execute function tollgate.refuse('x')`,
  ],
  [
    'a rule of other columns',
    `create or replace trigger keep_columns before update of updated_at on tollgate.payment for each row
      execute function tollgate.refuse('x')`,
  ],
  ['a trigger of Tollgate’s own dropped', 'drop trigger follow_payment on tollgate.payment'],
  [
    'another body of the function that follows payments',
    'create or replace function tollgate.follow_payment() returns trigger language plpgsql as $$ begin return null; end $$',
  ],
  ['a rule switched off', 'alter table tollgate.payment disable trigger keep_rows'],
  ['a rule that sleeps in replication mode', 'alter table tollgate.payment enable trigger keep_rows'],
  ['a table moved away', 'alter table tollgate.change set schema public'],
  ['a table of settings moved away', 'alter table tollgate.setting set schema public'],
  ['a table renamed', 'alter table tollgate.idempotency rename to other'],
  ['a table dropped', 'drop table tollgate.stripe_customer'],
  ['a foreign key dropped', 'alter table tollgate.refund drop constraint refund_payment_fk'],
  ['a foreign key to the orders dropped', 'alter table tollgate.renewal drop constraint renewal_order_fk'],
  [
    'a foreign key that no longer counts for what is there',
    `alter table tollgate.refund drop constraint refund_payment_fk,
      add constraint refund_payment_fk foreign key (payment_id) references tollgate.payment not valid`,
  ],
  ['a publication of some rows', `create publication part for table tollgate.payment where (status = 'PENDING')`],
  ['a publication of some columns', 'create publication part for table tollgate.payment (id)'],
  [
    'a publication that is made to hold some rows',
    `create publication part;
      alter publication part add table tollgate.payment where (amount > 5)`,
  ],
  ['a table as part of an extension, and so of no backup', 'alter extension citext add table tollgate.payment'],
  ['a function as part of an extension', 'alter extension citext add function tollgate.refuse()'],
  ['the schema as part of an extension', 'alter extension citext add schema tollgate'],
  ['a rule that goes with an extension', 'alter trigger keep_rows on tollgate.payment depends on extension citext'],
  ['a function that goes with an extension', 'alter function tollgate.refuse() depends on extension citext'],
  ['an index that goes with an extension', 'alter index tollgate.payment_account depends on extension citext'],
  ['default privileges', 'alter default privileges in schema tollgate grant all on tables to public'],
  ['default privileges taken away', `alter default privileges in schema tollgate grant select on tables to public`],
  ['an unlogged table', 'alter table tollgate.effect_worker set unlogged; alter table tollgate.change set unlogged'],
  ['a child of the order table', 'create table public.kid () inherits (public.app_order)'],
  ['the order table as part of an extension', 'alter extension citext add table public.app_order'],
  [
    'the order table renamed by its parent',
    `create table public.par (like public.app_order) partition by list (id);
      alter table public.par attach partition public.app_order for values in (1, 2); alter table public.par rename column id to nr`,
  ],
  ['the order table moved', 'create schema elsewhere; alter table public.app_order set schema elsewhere'],
];

/** What needs no permission, or is the owner's to do: the books stay as they are. */
const HARMLESS: readonly [string, string][] = [
  ['a table like payments', 'create table public.payment (like tollgate.payment including all)'],
  [
    'a temporary table of the same name',
    'create temp table payment (id int); drop table pg_temp.payment; create temp table payment (id int)',
  ],
  [
    'an operator of the same name',
    `create function public.never(bigint, bigint) returns boolean language sql as 'select false';
      create operator public.= (leftarg = bigint, rightarg = bigint, function = public.never)`,
  ],
  [
    'a function of the same name',
    `create function public.now() returns timestamptz language sql as 'select ''epoch''::timestamptz'`,
  ],
  [
    'a cast of a type of its own',
    `create type public.state as enum ('PENDING'); create cast (public.state as text) with inout as implicit`,
  ],
  ['a domain', `create domain public.money as bigint check (value > 0)`],
  ['a publication of everything', 'create publication everything for table tollgate.payment, tollgate.change'],
  ['a foreign table', `create foreign table public.outside (line text) server files options (filename '/dev/null')`],
  [
    'a foreign key to payments',
    'create table public.note (payment_id bigint references tollgate.payment (id) on delete cascade)',
  ],
  [
    'rights given away',
    'grant all on all tables in schema tollgate to public; grant usage on schema tollgate to public',
  ],
  ['default privileges of its own', 'alter default privileges grant select on tables to public'],
  ['an extension dropped', 'drop extension citext'],
  [
    'a trigger on orders',
    'create trigger mine before insert on public.app_order for each row execute function public.swallow()',
  ],
];

describe('before an administrator has applied the file', () => {
  test.each(WAYS)('the doctor sees what the app’s own role did: %s', async (_, statement) => {
    const before = await readProtection(asQueryable(app));
    const after = await rehearse(async (): Promise<Protection> => {
      await app.query(statement);
      return readProtection(asQueryable(app));
    });
    const told = ({ missing, changed }: Protection): number => missing.length + changed.length;
    expect(before.changed).toEqual([]);
    expect(told(after)).toBeGreaterThan(told(before));
  });

  test.each([
    'tollgate.refund',
    'tollgate.payment',
    'public.app_order',
  ])('the doctor sees foreign keys that a superuser switched off: disable trigger all on %s', async (table) => {
    await admin.query('begin');
    try {
      await admin.query(`alter table ${table} disable trigger all`);
      const { changed } = await readProtection(asQueryable(admin));
      expect(changed).toContainEqual(expect.stringMatching(/foreign key \w+ of tollgate\.\w+ is switched off/));
    } finally {
      await admin.query('rollback');
    }
  });

  test('the file says what is to be undone first, and guards nothing', async () => {
    await app.query('create table public.kid () inherits (tollgate.payment)');
    const { sql, changed } = await readProtection(asQueryable(app));
    expect(changed).toEqual([expect.stringContaining('kid')]);
    await expect(admin.query(sql)).rejects.toMatchObject({ message: expect.stringContaining('kid') });
    await admin.query('rollback');
    await app.query('drop table public.kid');
  });
});

describe('once an administrator has applied the file', () => {
  beforeAll(async () => {
    await admin.query((await readProtection(asQueryable(app))).sql);
    expect(await readProtection(asQueryable(app))).toMatchObject({ level: 'full', missing: [], changed: [] });
  });

  test.each([
    ...WAYS,
    ['everything that the role owns dropped', 'drop owned by current_user cascade'],
  ])('the app’s own role is refused: %s', async (_, statement) => {
    await expect(rehearse(() => app.query(statement))).rejects.toMatchObject({
      code: expect.stringMatching(/^TG00[23]$/),
      message: expect.stringMatching(/^tollgate: /),
      hint: expect.stringMatching(/\.$/),
    });
    expect(await readProtection(asQueryable(app))).toMatchObject({ level: 'full' });
  });

  test.each(WAYS)('so is a superuser in replication mode: %s', async (_, statement) => {
    await admin.query('begin; set local session_replication_role = replica');
    try {
      await expect(admin.query(statement)).rejects.toMatchObject({ code: expect.stringMatching(/^TG00[23]$/) });
    } finally {
      await admin.query('rollback');
    }
  });

  test.each(HARMLESS)('the books are whole after: %s', async (_, statement) => {
    await rehearse(async () => {
      await app.query(statement);
      await assertBooksWhole();
      expect(await readProtection(asQueryable(app))).toMatchObject({ level: 'full' });
    });
  });

  test('a superuser who switches foreign keys off is refused too', async () => {
    for (const table of ['tollgate.refund', 'tollgate.payment', 'public.app_order']) {
      await admin.query('begin');
      await expect(admin.query(`alter table ${table} disable trigger all`), table).rejects.toMatchObject({
        code: expect.stringMatching(/^TG00[23]$/),
      });
      await admin.query('rollback');
    }
  });

  test('another way to write names changes nothing', async () => {
    await rehearse(async () => {
      await app.query('set local quote_all_identifiers = on; create table public.mine (id int)');
    });
  });
});

describe('a role whose settings turn PostgreSQL’s own names around', () => {
  test('is served as any other: our statements mean what they say', async () => {
    const settings = { search_path: `public, pg_catalog`, datestyle: `'German'` };
    await app.query(`create function public.never(bigint, bigint) returns boolean language sql as 'select false';
      create operator public.= (leftarg = bigint, rightarg = bigint, function = public.never);
      create function public.now() returns timestamptz language sql as 'select ''epoch''::timestamptz';
      create function public.set_config(text, text, boolean) returns text language sql as 'select null::text'`);
    for (const [name, value] of Object.entries(settings)) await app.query(`alter role ${role} set ${name} = ${value}`);
    const database = createDatabase({ url, poolSize: 1 });
    const statement = {
      text: `select 7::bigint = 7::bigint as "same", now() as "now", current_setting('lock_timeout') as "wait"`,
    };
    for (const [row] of [await database.query<{ same: boolean; now: Date; wait: string }>(statement)]) {
      expect(row).toMatchObject({ same: true, wait: '8s' });
      expect(Math.abs((row?.now.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    }
    expect(await migrate(url)).toEqual([]);
    await database.close();
    for (const name of Object.keys(settings)) await app.query(`alter role ${role} reset ${name}`);
    await app.query(
      'drop operator public.= (bigint, bigint); drop function public.never, public.now, public.set_config',
    );
  });
});
