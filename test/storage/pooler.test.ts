import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectionError } from '../../src/storage/connection.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { assertUsable } from '../../src/storage/usable.js';
import { runCommand } from '../cli/command.js';
import { describeWithPgBouncer, type PgBouncerSettings, startPgBouncer } from '../harness/pgbouncer.js';
import { createTestDatabase, type TestDatabase } from '../harness/postgres.js';
import { startServerProcess } from '../harness/server-process.js';
import { sql } from '../harness/sql.js';

let own: TestDatabase;
beforeAll(async () => {
  own = await createTestDatabase();
});
afterAll(() => own.drop());

const through = async <T>(settings: PgBouncerSettings, work: (url: string) => Promise<T>): Promise<T> => {
  const pooler = await startPgBouncer(own.url, settings);
  try {
    return await work(pooler.url);
  } finally {
    await pooler.stop();
  }
};

const withDatabase = async <T>(url: string, work: (database: Database) => Promise<T>): Promise<T> => {
  const database = createDatabase({ url, poolSize: 2 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
};

/** So many connections of the pooler to the server that rest: which of them comes next is up to it. */
const warmUp = (url: string, count: number): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, () => sql(url, 'select pg_sleep(0.1)')));

const LENDING: readonly [string, PgBouncerSettings, number][] = [
  ['by the transaction', { pool_mode: 'transaction' }, 0],
  ['by the transaction, with many connections', { pool_mode: 'transaction' }, 6],
  ['by the transaction, one after the other', { pool_mode: 'transaction', server_round_robin: 1 }, 6],
  ['by the transaction, two in turn', { pool_mode: 'transaction', server_round_robin: 1, default_pool_size: 4 }, 2],
  ['by the transaction, only one', { pool_mode: 'transaction', default_pool_size: 1 }, 1],
  ['by the statement', { pool_mode: 'statement' }, 0],
];

describeWithPgBouncer('a pooler that lends connections', () => {
  test.each(LENDING)('%s is refused with the remedy, and nothing stays set on them', async (_, settings, warm) => {
    await through(settings, async (url) => {
      await warmUp(url, warm);
      await withDatabase(url, async (database) => {
        await expect(assertUsable(database)).rejects.toThrow(ConnectionError);
        await expect(database.query({ text: 'select 1' })).rejects.toThrow(/pool_mode = session/);
      });
      const left = await Promise.all(Array.from({ length: 4 }, () => sql(url, 'show statement_timeout')));
      expect(left.flat()).toEqual(Array.from({ length: 4 }, () => ({ statement_timeout: '0' })));
    });
  });

  test('refuses the start and every command, by the variable', async () => {
    await through({ pool_mode: 'transaction' }, async (url) => {
      const environment = { DATABASE_URL: url, JWT_SECRET: 'x'.repeat(32), PORT: '0' };
      const server = await startServerProcess(environment);
      expect(await server.ended).toBe(1);
      expect(server.output()).toMatch(/DATABASE_URL leads to a connection pooler.*pool_mode = session/s);
      for (const words of [['migrate'], ['doctor'], ['activate', '--order-table', 'public.shop_order'], ['plan']]) {
        const ended = await runCommand(words, environment);
        expect({ words, code: ended.code }).toEqual({ words, code: 1 });
        expect(ended.stdout + ended.stderr).toContain('pool_mode = session');
        expect(ended.stdout + ended.stderr).not.toMatch(/ at .*\.[jt]s:/);
      }
    });
  });
});

describeWithPgBouncer('a pooler that keeps a connection for each client', () => {
  test.each<[string, PgBouncerSettings]>([
    ['as it comes', { pool_mode: 'session' }],
    ['one after the other', { pool_mode: 'session', server_round_robin: 1 }],
    ['with room for few', { pool_mode: 'session', default_pool_size: 2 }],
  ])('serves, limits included: %s', async (_, settings) => {
    await through(settings, async (url) => {
      await warmUp(url, 2);
      await withDatabase(url, async (database) => {
        await assertUsable(database);
        expect(await database.query({ text: 'show statement_timeout' })).toEqual([{ statement_timeout: '10s' }]);
        expect(await database.transaction((tx) => tx.query({ text: 'show lock_timeout' }))).toEqual([
          { lock_timeout: '8s' },
        ]);
      });
    });
  });

  test('serves migrations', async () => {
    await through({ pool_mode: 'session' }, async (url) => {
      expect(await migrate(url)).toEqual([]);
    });
  });
});
