import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { booksChecks } from '../../src/doctor/books-checks.js';
import { runCheck } from '../../src/doctor/checks.js';
import type { Finding } from '../../src/installation/problems.js';
import { createOrders } from '../../src/orders/orders.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { OPEN_GUARD } from '../../src/storage/definition-guard.js';
import { sql } from '../harness/sql.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';

let bed: TestBed;
let database: Database;
let name: string;
let client: pg.Client;
beforeAll(async () => {
  bed = await openTestBed();
  database = createDatabase({ url: bed.database.url, poolSize: 2 });
  client = new pg.Client({ connectionString: bed.database.url });
  await client.connect();
  name = new URL(bed.database.url).pathname.slice(1);
});
afterAll(async () => {
  await client.end();
  await database.close();
  await bed.close();
});

const diagnose = async (on: Database = database): Promise<Finding[]> => {
  const outcomes = await Promise.all(booksChecks({ database: on, orders: createOrders(on) }).map(runCheck));
  return outcomes.flatMap((outcome) => ('findings' in outcome ? outcome.findings : []));
};

test('books that hold together have no problem', async () => {
  expect(await diagnose()).toEqual([]);
});

describe('foreign keys that were switched off are found', () => {
  test.each([
    [
      'for a role',
      (db: string) => [
        `alter role postgres in database ${db} set session_replication_role = replica`,
        `alter role postgres in database ${db} reset all`,
      ],
      'for the role',
    ],
    [
      'for the database',
      (db: string) => [
        `alter database ${db} set session_replication_role = replica`,
        `alter database ${db} reset session_replication_role`,
      ],
      'for this database',
    ],
  ] as const)('%s', async (_, statements, words) => {
    const [set = '', reset = ''] = statements(name);
    await sql(bed.database.url, set);
    try {
      expect(await diagnose()).toEqual([
        expect.objectContaining({
          code: 'FOREIGN_KEYS_OFF',
          message: expect.stringContaining(words),
          remedy: expect.stringContaining('reset session_replication_role'),
        }),
      ]);
      // a session that begins now has it itself
      const fresh = createDatabase({ url: bed.database.url, poolSize: 1 });
      expect((await diagnose(fresh))[0]?.message).toContain('for this very session');
      await fresh.close();
    } finally {
      await sql(bed.database.url, reset);
    }
  });
});

/** Asks the client's own transaction. */
const inside = (): Database => ({
  ...database,
  query: async ({ text, values }) => (await client.query(text, [...(values ?? [])])).rows,
});

const expectFound = async (statement: string, words: RegExp): Promise<void> => {
  await client.query('begin');
  try {
    await client.query(statement);
    expect(await diagnose(inside())).toEqual([
      expect.objectContaining({ code: 'FOREIGN_KEYS_OFF', message: expect.stringMatching(words) }),
    ]);
  } finally {
    await client.query('rollback');
  }
};

test('found too: the guard of definitions is off for a database', async ({ skip }) => {
  const { rows } = await client.query<{ version: number }>(
    `select current_setting('server_version_num')::integer / 10000 as "version"`,
  );
  if ((rows[0]?.version ?? 0) < 17) skip('PostgreSQL 16 and older have no setting event_triggers');
  await expectFound(
    `alter database ${name} set event_triggers = off`,
    /event_triggers is (off|false) for this database/,
  );
});

test('found too: a role that is no superuser may switch foreign keys off', () =>
  expectFound(
    'create role tollgate_switcher; grant set on parameter session_replication_role to tollgate_switcher',
    /tollgate_switcher may set session_replication_role/,
  ));

describe('rows whose other end is gone are found', () => {
  beforeEach(async () => {
    await client.query('begin');
    await client.query(OPEN_GUARD);
    for (const table of ['payment', 'recurring_payment', 'renewal', 'refund', 'dispute'])
      await client.query(`alter table tollgate.${table} disable trigger user`);
    await client.query('set local session_replication_role = replica');
    await client.query(`insert into public.shop_order (account_id, amount, currency) values ('ann', 500, 'USD')`);
  });
  const lastOrder = '(select max(id) from public.shop_order)';
  const insertPayment = `insert into tollgate.payment (order_id, amount, currency, livemode, stripe_account)
    select ${lastOrder}, 500, 'USD', false, 'acct_1'`;
  const insertRecurring = `insert into tollgate.recurring_payment (order_id, price_id, initial_amount, currency, livemode, stripe_account)
    select ${lastOrder}, 'price_1', 500, 'USD', false, 'acct_1'`;

  test.each([
    [
      'a payment’s order',
      [insertPayment, `delete from public.shop_order where id = ${lastOrder}`],
      /^.*payment \d+ \(its order_id is \d+\)/,
    ],
    [
      'a recurring payment’s order',
      [insertRecurring, `delete from public.shop_order where id = ${lastOrder}`],
      /recurring_payment \d+ \(its order_id/,
    ],
    [
      'a renewal’s order and recurring payment',
      [
        `insert into tollgate.renewal (stripe_invoice_id, recurring_payment_id, order_id) values ('in_lost', 987654, 987655)`,
      ],
      /renewal in_lost \(its recurring_payment_id is 987654\).*renewal in_lost \(its order_id is 987655\)/,
    ],
    [
      'a refund’s payment',
      [
        `insert into tollgate.refund (payment_id, amount, currency, livemode, stripe_account) values (987654, 5, 'USD', false, 'acct_1')`,
      ],
      /refund \d+ \(its payment_id is 987654\)/,
    ],
    [
      'a dispute’s payment',
      [
        `insert into tollgate.dispute (payment_id, amount, currency, livemode, stripe_account, stripe_dispute_id, status, reason, is_refundable, seen_at)
          values (987654, 5, 'USD', false, 'acct_1', 'du_lost', 'LOST', 'fraudulent', false, now())`,
      ],
      /dispute \d+ \(its payment_id is 987654\)/,
    ],
    [
      'a payment’s recurring payment',
      [
        `${insertPayment} returning id`,
        `update tollgate.payment set recurring_payment_id = 987654 where order_id = ${lastOrder}`,
      ],
      /payment \d+ \(its recurring_payment_id is 987654\)/,
    ],
  ] as const)('%s', async (_, statements, words) => {
    try {
      for (const statement of statements) await client.query(statement);
      expect(await diagnose(inside())).toContainEqual(
        expect.objectContaining({
          code: 'ROWS_LOST',
          message: expect.stringMatching(words),
          remedy: expect.stringContaining('backup'),
        }),
      );
    } finally {
      await client.query('rollback');
    }
  });
});
