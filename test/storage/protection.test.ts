import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createActivation } from '../../src/orders/activation.js';
import { createOrders } from '../../src/orders/orders.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { OPEN_GUARD } from '../../src/storage/definition-guard.js';
import { migrate } from '../../src/storage/migrate.js';
import { protect, readProtection } from '../../src/storage/protection.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../harness/postgres.js';

const ORDERS = `create table public.app_order (
  id bigint generated always as identity primary key, owner text, amount bigint, currency text)`;
const BINDING = {
  orderTable: 'public.app_order',
  idColumn: 'id',
  ownerColumn: 'owner',
  amountColumn: 'amount',
  currencyColumn: 'currency',
};
const ROWS = `
  insert into public.app_order (owner, amount, currency) values ('ann', 500, 'USD');
  insert into tollgate.recurring_payment (order_id, price_id, initial_amount, currency, livemode, stripe_account)
    values (1, 'price_1', 500, 'USD', false, 'acct_1');
  insert into tollgate.payment (order_id, amount, currency, livemode, stripe_account) values (1, 500, 'USD', false, 'acct_1');
  insert into tollgate.refund (payment_id, amount, currency, livemode, stripe_account)
    select id, 5, 'USD', false, 'acct_1' from tollgate.payment;
  insert into tollgate.renewal (stripe_invoice_id, recurring_payment_id, order_id)
    select 'in_1', id, 1 from tollgate.recurring_payment;
  insert into tollgate.change (node_type, node_id, version, to_status, actor) values ('PAYMENT', 1, 1, 'PENDING', 'job');
  insert into tollgate.stripe_event (id, type, status) values ('evt_1', 'charge.succeeded', 'PROCESSED');
  insert into tollgate.stripe_customer (account_id, livemode, stripe_account) values ('ann', false, 'acct_1');
  insert into tollgate.idempotency (operation, key, input_hash) values ('pay', 'k', 'h')`;

const bind = async (url: string): Promise<void> => {
  const database = createDatabase({ url, poolSize: 1 });
  await createActivation({ database, orders: createOrders(database) }).activate(BINDING);
  await database.close();
};

/** Tries a statement in a transaction that is taken back: a rule that fails to hold spoils no other test. */
const attempt = async (client: pg.Client, statement: string): Promise<void> => {
  await client.query('begin');
  try {
    await client.query(statement);
  } finally {
    await client.query('rollback');
  }
};

/** The bound database of one describe, with one row of each kind. */
const useBoundDatabase = () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(ORDERS);
    await bind(database.url);
    await client.query(ROWS);
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });
  return {
    url: () => database.url,
    client: () => client,
    query: (text: string) => client.query(text),
    attempt: (text: string) => attempt(client, text),
  };
};

const BREAK_ROWS: readonly [string, string][] = [
  ...[
    'payment',
    'refund',
    'recurring_payment',
    'renewal',
    'change',
    'order_binding',
    'stripe_event',
    'idempotency',
    'migration',
  ].map((table): [string, string] => [`a row of ${table} can't be deleted`, `delete from tollgate.${table}`]),
  ...[
    'payment',
    'refund',
    'change',
    'stripe_event',
    'idempotency',
    'setting',
    'role',
    'order_binding',
    'migration',
  ].map((table): [string, string] => [`${table} can't be emptied`, `truncate tollgate.${table} cascade`]),
  ['emptying the order table does not empty payments', 'truncate public.app_order cascade'],
  ["a payment's amount stays", 'update tollgate.payment set amount = 1'],
  ["a payment's currency stays", `update tollgate.payment set currency = 'EUR'`],
  ["a payment's order stays", 'update tollgate.payment set order_id = 2'],
  ["a payment's mode stays", 'update tollgate.payment set livemode = true'],
  ["a refund's amount stays", 'update tollgate.refund set amount = 1'],
  ["a refund's payment stays", 'update tollgate.refund set payment_id = 1'],
  ["a recurring payment's first amount stays", 'update tollgate.recurring_payment set initial_amount = 1'],
  ["a recurring payment's order stays", 'update tollgate.recurring_payment set order_id = 2'],
  ["a renewal's order stays", 'update tollgate.renewal set order_id = null'],
  ["a payment's account stays", `update tollgate.payment set account_id = 'eve'`],
  ["a recurring payment's account stays", `update tollgate.recurring_payment set account_id = 'eve'`],
  ["a customer's account stays", `update tollgate.stripe_customer set account_id = 'eve'`],
  ...['payment', 'refund', 'recurring_payment', 'renewal', 'idempotency', 'stripe_customer'].map(
    (table): [string, string] => [
      `the date of a row of ${table} stays`,
      `update tollgate.${table} set created_at = created_at - interval '1 year'`,
    ],
  ),
  [
    "an event's date stays, so that it can't be made old enough to go",
    `update tollgate.stripe_event set received_at = 'epoch'`,
  ],
  ["an event's object stays", `update tollgate.stripe_event set object_id = 'pi_other'`],
  ['history stays', `update tollgate.change set to_status = 'SUCCESSFUL'`],
  ["history's notes stay", `update tollgate.change set note = 'nothing happened'`],
  ["history's flows stay", `update tollgate.change set flow_outcome = 'done'`],
  ['what was migrated stays', `update tollgate.migration set name = 'none'`],
  ['the key of a request stays', `update tollgate.idempotency set input_hash = 'x'`],
  ['the binding stays', `update tollgate.order_binding set table_name = 'x'`],
  ["the installation's id stays", `update tollgate.setting set value = '"x"' where key = 'installation'`],
];

describe('rows, by a superuser', () => {
  const bound = useBoundDatabase();

  test.each(BREAK_ROWS)('%s', async (_, statement) => {
    await expect(bound.attempt(statement)).rejects.toMatchObject({ code: 'TG001', hint: expect.stringMatching(/\.$/) });
  });

  test.each(BREAK_ROWS)('%s, with triggers off for replication too', async (_, statement) => {
    await bound.query('set session_replication_role = replica');
    try {
      await expect(bound.attempt(statement)).rejects.toMatchObject({ code: 'TG001' });
    } finally {
      await bound.query('reset session_replication_role');
    }
  });

  test('what may change changes: a status, what was told, and memory older than a month goes', async () => {
    await bound.query(`update tollgate.payment set status = 'PROCESSING', version = version + 1`);
    await bound.query(`update tollgate.change set published_at = now()`);
    await bound.query(`insert into tollgate.stripe_event (id, type, status, received_at)
      values ('evt_old', 'charge.succeeded', 'PROCESSED', now() - interval '31 days')`);
    const { rowCount } = await bound.query(`delete from tollgate.stripe_event where id = 'evt_old'`);
    expect(rowCount).toBe(1);
  });
});

const BREAK_ORDERS: readonly [string, string][] = [
  ['the table', 'drop table public.app_order cascade'],
  ['its schema', 'drop schema public cascade'],
  ['its key column', 'alter table public.app_order drop column id cascade'],
  ['its primary key', 'alter table public.app_order drop constraint app_order_pkey cascade'],
  ["the key's name", 'alter table public.app_order rename column id to order_no'],
  ["the key's type", 'alter table public.app_order alter column id drop identity, alter column id type integer'],
  ['its name', 'alter table public.app_order rename to orders'],
  ['its schema by a move', 'create schema elsewhere; alter table public.app_order set schema elsewhere'],
  ['the column of the amount', 'alter table public.app_order drop column amount'],
  ["the owner column's name", 'alter table public.app_order rename column owner to account'],
];

const BREAK_TABLES: readonly [string, string][] = [
  ['dropping payments', 'drop table tollgate.payment cascade'],
  ['dropping refunds', 'drop table tollgate.refund'],
  ['dropping the schema', 'drop schema tollgate cascade'],
  ['renaming the schema', 'alter schema tollgate rename to gone'],
  ['adding a column', 'alter table tollgate.payment add column mine text'],
  ['dropping a column', 'alter table tollgate.payment drop column description'],
  ['dropping a constraint', 'alter table tollgate.payment drop constraint payment_refunded_within_received'],
  ['dropping the foreign key', 'alter table tollgate.payment drop constraint payment_order_fk'],
  ['renaming a table', 'alter table tollgate.refund rename to back'],
  ['moving a table', 'alter table tollgate.refund set schema public'],
  ['switching a trigger off', 'alter table tollgate.payment disable trigger keep_rows'],
  ['dropping a trigger', 'drop trigger keep_rows on tollgate.payment'],
  ['a trigger of its own', 'create trigger mine before insert on tollgate.payment execute function tollgate.refuse()'],
  ['a rule', 'create rule mine as on update to tollgate.payment do instead nothing'],
  ['row security', 'alter table tollgate.payment enable row level security'],
  ['a policy', 'create policy mine on tollgate.payment using (false)'],
  ['dropping an index', 'drop index tollgate.payment_collects_once'],
  ['an index', 'create unique index mine on tollgate.payment (account_id)'],
  ['dropping the sequence', 'drop sequence tollgate.node_id cascade'],
  ['another sequence start', 'alter sequence tollgate.node_id restart with 1'],
  [
    'another body of a function',
    'create or replace function tollgate.refuse() returns trigger language plpgsql as $$ begin return old; end $$',
  ],
  ['dropping a function', 'drop function tollgate.refuse() cascade'],
  ['dropping the guard', 'alter function tollgate_guard.guard() set search_path = public'],
  ['a table of its own in the schema', 'create table tollgate.mine (id int)'],
];

describe('definitions, by a superuser', () => {
  const bound = useBoundDatabase();

  test.each(BREAK_ORDERS)('the order table keeps %s', async (_, statement) => {
    await expect(bound.attempt(statement)).rejects.toMatchObject({
      code: 'TG003',
      message: expect.stringContaining('public.app_order'),
      hint: expect.stringContaining('stays allowed'),
    });
    expect((await bound.query('select owner, amount from public.app_order where id = 1')).rowCount).toBe(1);
  });

  test.each(BREAK_TABLES)('refused: %s', async (_, statement) => {
    await expect(bound.attempt(statement)).rejects.toMatchObject({ code: 'TG002', hint: expect.stringMatching(/\.$/) });
  });

  test.each([...BREAK_ORDERS, ...BREAK_TABLES])('refused in replication mode too: %s', async (_, statement) => {
    await bound.query('set session_replication_role = replica');
    try {
      await expect(bound.attempt(statement)).rejects.toMatchObject({ code: expect.stringMatching(/^TG00[23]$/) });
    } finally {
      await bound.query('reset session_replication_role');
    }
  });

  test.each([
    ['a column on the order table', 'alter table public.app_order add column note text, add column paid boolean'],
    ['an index on it', 'create index on public.app_order (owner)'],
    ['dropping an own column of it', 'alter table public.app_order drop column paid'],
    [
      'a trigger on it',
      'create trigger mine before insert on public.app_order execute function suppress_redundant_updates_trigger()',
    ],
    [
      'an own table that points at payments, and dropping it',
      'create table public.note (payment_id bigint references tollgate.payment (id)); drop table public.note',
    ],
    ['a view on payments', 'create view public.paid as select * from tollgate.payment; drop view public.paid'],
    ['rights', 'grant select on tollgate.payment to public; revoke select on tollgate.payment from public'],
    ['a publication', 'create publication outside for table tollgate.payment; drop publication outside'],
    ['care', 'reindex table tollgate.payment; analyze tollgate.payment'],
    ['comments', `comment on table tollgate.payment is 'money'`],
    ['other schemas', 'create schema other; create table other.payment (id int); drop schema other cascade'],
  ])('allowed: %s', async (_, statement) => {
    await bound.query(statement);
  });

  test("a migration's key opens the guard for its transaction alone", async () => {
    await bound.query(OPEN_GUARD);
    await expect(bound.query('alter table tollgate.payment add column mine text')).rejects.toMatchObject({
      code: 'TG002',
    });
    await bound.query(`set tollgate.migration = '1'`);
    await expect(bound.query('alter table tollgate.payment add column mine text')).rejects.toMatchObject({
      code: 'TG002',
    });
    await bound.query('begin');
    await bound.query(OPEN_GUARD);
    await bound.query('alter table tollgate.payment add column mine text');
    await bound.query('rollback');
    await expect(bound.query('alter table tollgate.payment add column mine text')).rejects.toMatchObject({
      code: 'TG002',
    });
  });
});

const NOT_OWNER = '42501';

describe('by the owner of everything, who is no superuser', () => {
  const role = `tollgate_plain_${randomBytes(4).toString('hex')}`;
  let empty: TestDatabase;
  let admin: pg.Client;
  let plain: pg.Client;
  let plainUrl: string;
  let database: Database;
  beforeAll(async () => {
    empty = await createEmptyDatabase();
    admin = new pg.Client({ connectionString: empty.url });
    await admin.connect();
    await admin.query(`create role ${role} login password 'plain'`);
    await admin.query(`grant all on database ${new URL(empty.url).pathname.slice(1)} to ${role}`);
    await admin.query(`grant all on schema public to ${role}`);
    const url = new URL(empty.url);
    url.username = role;
    url.password = 'plain';
    plainUrl = url.href;
    plain = new pg.Client({ connectionString: plainUrl });
    await plain.connect();
    await migrate(plainUrl);
    await plain.query(ORDERS);
    database = createDatabase({ url: plainUrl, poolSize: 2 });
  });
  afterAll(async () => {
    await database.close();
    await plain.end();
    await admin.query(
      `drop event trigger if exists tollgate_guard_drop; drop event trigger if exists tollgate_guard_alter`,
    );
    await admin.query(`drop owned by ${role} cascade; drop role ${role}`);
    await admin.end();
    await empty.drop();
  });

  test('activation works, and says what can still be dropped; rows are kept already', async () => {
    await bind(plainUrl);
    await plain.query(ROWS);
    const { level, missing } = await readProtection(database);
    expect(level).toBe('rows');
    expect(missing).toHaveLength(2);
    expect(missing.join(' ')).toContain('DROP of Tollgate');
    expect(missing.join(' ')).toContain('public.app_order');
    for (const [, statement] of BREAK_ROWS)
      await expect(attempt(plain, statement), statement).rejects.toMatchObject({ code: 'TG001' });
  });

  test("an administrator applies the file, twice if need be, and the same role can't drop or alter any more", async () => {
    const { sql } = await readProtection(database);
    await admin.query(sql);
    await admin.query(sql);
    expect(await readProtection(database)).toMatchObject({ level: 'full', missing: [] });
    for (const [what, statement] of BREAK_ORDERS)
      await expect(attempt(plain, statement), what).rejects.toMatchObject({
        code: statement.startsWith('drop schema') ? NOT_OWNER : 'TG003',
      });
    for (const [what, statement] of BREAK_TABLES)
      await expect(attempt(plain, statement), what).rejects.toMatchObject({
        code: what === 'dropping the guard' ? NOT_OWNER : 'TG002',
      });
    await expect(plain.query('drop owned by current_user cascade')).rejects.toMatchObject({
      code: expect.stringMatching(/^TG00/),
    });
    await plain.query('alter table public.app_order add column note text');
  });

  test('migrations of that role go on, and so do commands of roles with no right on the schema', async () => {
    expect(await migrate(plainUrl)).toEqual([]);
    const stranger = `${role}_other`;
    await admin.query(`create role ${stranger}; grant create on schema public to ${stranger}`);
    await admin.query(`set role ${stranger}`);
    await admin.query('create table public.theirs (id int); drop table public.theirs');
    await admin.query(`reset role; drop owned by ${stranger}; drop role ${stranger}`);
  });

  test('a trigger that is gone or switched off is noticed, and migrate mends what its role may', async () => {
    await admin.query('drop event trigger tollgate_guard_drop');
    await admin.query('alter event trigger tollgate_guard_alter enable');
    expect((await readProtection(database)).missing).toEqual([
      expect.stringContaining('tollgate_guard_drop is missing'),
      expect.stringContaining('tollgate_guard_alter is missing or switched off'),
    ]);
    await plain.query('begin');
    await plain.query(OPEN_GUARD);
    await plain.query('drop trigger keep_rows on tollgate.refund');
    await plain.query('commit');
    expect((await readProtection(database)).missing).toContainEqual(expect.stringContaining('tollgate.refund'));
    await migrate(plainUrl);
    expect((await readProtection(database)).missing).not.toContainEqual(expect.stringContaining('tollgate.refund'));
    const administrator = createDatabase({ url: empty.url, poolSize: 1 });
    expect(await protect(administrator)).toMatchObject({ level: 'full' });
    await administrator.close();
  });
});

test('a database without migrations says so', async () => {
  const empty = await createEmptyDatabase();
  const database = createDatabase({ url: empty.url, poolSize: 1 });
  expect(await readProtection(database)).toMatchObject({
    level: 'rows',
    missing: [expect.stringContaining('migrate')],
  });
  await database.close();
  await empty.drop();
});
