import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectionError, isLent, lentAddress } from '../../src/storage/connection.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { trySessionLock, withSessionLock } from '../../src/storage/session-lock.js';
import { assertUsable } from '../../src/storage/usable.js';
import { runCommand } from '../cli/command.js';
import { confirmUntil, pay } from '../harness/payments.js';
import { describeWithPgBouncer, type PgBouncerSettings, startPgBouncer } from '../harness/pgbouncer.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../harness/postgres.js';
import { startServerProcess } from '../harness/server-process.js';
import { sql } from '../harness/sql.js';
import { openTestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

let own: TestDatabase;
beforeAll(async () => {
  own = await createTestDatabase();
});
afterAll(() => own.drop());

const through = async <T>(
  settings: PgBouncerSettings,
  work: (url: string) => Promise<T>,
  target = own.url,
): Promise<T> => {
  const pooler = await startPgBouncer(target, settings);
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

/** What no connection of the pooler may keep of what was done through it. */
const LEFT = `select current_setting('statement_timeout') as "limit", (select count(*)::int from pg_prepared_statements) as "prepared",
  (select count(*)::int from pg_listening_channels()) as "listening",
  (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as "locks"`;
const NOTHING_LEFT = { limit: '0', prepared: 0, listening: 0, locks: 0 };
const ALL_CLEAN = Array.from({ length: 4 }, () => NOTHING_LEFT);
const leftOn = (url: string): Promise<unknown[]> =>
  Promise.all(Array.from({ length: 4 }, async () => (await sql(url, LEFT))[0]));

describeWithPgBouncer('a pooler that lends connections, which DATABASE_POOLER tells of', () => {
  test.each(
    LENDING.filter(([, { pool_mode }]) => pool_mode === 'transaction'),
  )('%s: each transaction and each statement has its limits, many at once, and nothing stays on a connection', async (_, settings, warm) => {
    await through(settings, async (url) => {
      await warmUp(url, warm);
      const database = createDatabase({ url: lentAddress(url), poolSize: 8 });
      try {
        await assertUsable(database);
        const work = Array.from({ length: 40 }, (_, i) => {
          const statement = {
            name: 'same_name',
            text: `select $1::int + ${i} as "n", current_setting('lock_timeout') as "limit"`,
            values: [i],
          };
          return i % 2 === 0 ? database.query(statement) : database.transaction((tx) => tx.query(statement));
        });
        const rows = (await Promise.all(work)).flat();
        expect(rows).toEqual(Array.from({ length: 40 }, (_, i) => ({ n: 2 * i, limit: '8s' })));
        await expect(database.query({ text: 'select 1 / 0' })).rejects.toThrow('division by zero');
        const failing = database.transaction(async (tx) => {
          tx.send({ text: 'create table public.never (id int)' });
          await tx.query({ text: 'select 1 / 0' });
        });
        await expect(failing).rejects.toThrow('division by zero');
        expect(await database.query({ text: `select to_regclass('public.never') as "never"` })).toEqual([
          { never: null },
        ]);
      } finally {
        await database.close();
      }
      expect(await leftOn(url)).toEqual(ALL_CLEAN);
    });
  });

  test('locks exclude each other, also one that is taken around it, and end with their work', async () => {
    await through({ pool_mode: 'transaction' }, async (url) => {
      const lent = lentAddress(url);
      await withSessionLock(lent, 'test', async () => {
        expect(await trySessionLock(lent, 'test', async () => 'mine')).toBeUndefined();
        expect(await trySessionLock(own.url, 'test', async () => 'mine')).toBeUndefined();
        expect(await trySessionLock(lent, 'other', async () => 'mine')).toBe('mine');
      });
      await withSessionLock(own.url, 'test', async () => {
        expect(await trySessionLock(lent, 'test', async () => 'mine')).toBeUndefined();
      });
      await until(async () => (await trySessionLock(lent, 'test', async () => true)) === true, 'it is free');
    });
  });

  test('migrations run through it, several processes at once', async () => {
    const empty = await createEmptyDatabase();
    try {
      await through(
        { pool_mode: 'transaction' },
        async (url) => {
          const [first, second] = await Promise.all([migrate(lentAddress(url)), migrate(lentAddress(url))]);
          expect([first.length, second.length].sort((a, b) => a - b)).toEqual([0, expect.any(Number)]);
          expect(first.length + second.length).toBeGreaterThan(10);
          expect(await leftOn(url)).toEqual(ALL_CLEAN);
        },
        empty.url,
      );
    } finally {
      await empty.drop();
    }
  });

  test('a server takes a payment through it, its webhook, flow, effect and stream included, and a command reads it', async () => {
    const bed = await openTestBed();
    try {
      await through(
        { pool_mode: 'transaction', default_pool_size: 5 },
        async (url) => {
          const environment = { DATABASE_URL: url, DATABASE_POOLER: 'transaction' };
          const ran: unknown[] = [];
          const server = await bed.start({
            environment,
            flows: {
              paymentCallback: { run: (_, { effects }) => effects.add('mail', { to: 'a@shop.example' }) },
              effects: new Map([['mail', { run: (payload: unknown) => void ran.push(payload) }]]),
            },
          });
          const paid = await pay(server, await bed.createOrder());
          await confirmUntil(bed, server, paid);
          await until(() => ran.length > 0, 'the effect ran without LISTEN');
          const read = await server.request('query ($id: ID!) { payment(id: $id) { status createdAt } }', {
            id: paid.payment.id,
          });
          expect(read.data?.['payment']).toEqual({
            status: 'SUCCESSFUL',
            createdAt: expect.stringMatching(/^20\d\d-/),
          });
          const listed = await runCommand(['events', 'list', '--json'], { ...bed.environment, ...environment });
          expect(listed.stdout).toContain('payment_intent.succeeded');
          expect((await runCommand(['reconcile', '--json'], { ...bed.environment, ...environment })).code).toBe(0);
          await server.stop();
          expect(await leftOn(url)).toEqual(ALL_CLEAN);
        },
        bed.database.url,
      );
    } finally {
      await bed.close();
    }
  });

  test('the way around it has to lead to the same database, and not to another pooler', async () => {
    const other = await createTestDatabase();
    try {
      await through({ pool_mode: 'transaction' }, async (url) => {
        const lent = { DATABASE_URL: url, DATABASE_POOLER: 'transaction', JWT_SECRET: 'x'.repeat(32), PORT: '0' };
        for (const [direct, words] of [
          [other.url, /DATABASE_DIRECT_URL leads to another database/],
          [url, /DATABASE_DIRECT_URL leads to a connection pooler/],
        ] as const) {
          const server = await startServerProcess({ ...lent, DATABASE_DIRECT_URL: direct });
          expect(await server.ended).toBe(1);
          expect(server.output()).toMatch(words);
        }
        expect(isLent(url)).toBe(false);
      });
    } finally {
      await other.drop();
    }
  });
});
