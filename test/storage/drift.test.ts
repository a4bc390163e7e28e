import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOUNS } from '../../src/nouns.js';
import { createActivation } from '../../src/orders/activation.js';
import { createOrders } from '../../src/orders/orders.js';
import { entitiesOf } from '../../src/parts/entities.js';
import { createDatabase } from '../../src/storage/database.js';
import { OPEN_GUARD } from '../../src/storage/definition-guard.js';
import { findDrift } from '../../src/storage/drift.js';
import { createTestDatabase, type TestDatabase } from '../harness/postgres.js';
import { sql } from '../harness/sql.js';

const ENTITIES = entitiesOf(NOUNS);

const CHANGES: readonly [string, string, string][] = [
  ['alter table tollgate.payment drop constraint payment_refunded_within_received', 'payment', 'check'],
  ['drop index tollgate.payment_collects_once', 'payment', 'payment_collects_once'],
  ['drop index tollgate.idempotency_once', 'idempotency', 'idempotency_once'],
  ['alter table tollgate.payment drop constraint payment_intent_once', 'payment', 'stripe_payment_intent_id twice'],
  ['alter table tollgate.stripe_event drop constraint stripe_event_pkey', 'stripe_event', 'id twice'],
  ['alter table tollgate.refund rename column reason to why', 'refund', 'reason'],
  ['alter table tollgate.refund drop column amount cascade', 'refund', 'amount'],
  ['alter table tollgate.payment alter column currency drop not null', 'payment', 'null for currency'],
  [
    'drop trigger keep_columns on tollgate.refund; alter table tollgate.refund alter column amount type integer',
    'refund',
    'another type',
  ],
];

/** With a key of another type than the migrations give to it, as activation makes it. */
describe.each(['bigint', 'uuid'])('tables that were changed, bound by a key of %s', (type) => {
  let own: TestDatabase;
  beforeAll(async () => {
    own = await createTestDatabase();
    await sql(own.url, `create table public.app_order (id ${type} primary key)`);
    const database = createDatabase({ url: own.url, poolSize: 1 });
    await createActivation({ database, orders: createOrders(database) }).activate({
      orderTable: 'public.app_order',
      idColumn: 'id',
    });
    await database.close();
  });
  afterAll(() => own.drop());

  test('nothing is told of what the migrations and the activation made', async () => {
    expect(await findDrift(own.url, ENTITIES)).toEqual([]);
  });

  test.each(CHANGES)('%s', async (statement, table, words) => {
    // a copy: what was changed can't be taken back
    const name = `${new URL(own.url).pathname.slice(1)}_copy`;
    const copy = new URL(own.url);
    await sql(copy.href.replace(/\/[^/]+$/, '/postgres'), `create database ${name} template ${name.slice(0, -5)}`);
    copy.pathname = `/${name}`;
    try {
      await sql(copy.href, `begin; ${OPEN_GUARD}; ${statement}; commit`);
      const drift = await findDrift(copy.href, ENTITIES);
      expect(drift.join('\n')).toContain(`tollgate.${table} `);
      expect(drift.join('\n')).toContain(words);
    } finally {
      await sql(copy.href.replace(/\/[^/]+$/, '/postgres'), `drop database ${name} with (force)`);
    }
  });
});
