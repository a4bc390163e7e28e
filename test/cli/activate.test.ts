import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../harness/postgres.js';
import { createPlainOwner } from '../harness/role.js';
import { sql } from '../harness/sql.js';
import { CLI_WORDS, type Ended, runCommand } from './command.js';

/** Of util-linux: it gives a command a terminal. */
const SCRIPT = 'script';
const ORDERS =
  'create table public.booking (ref bigint primary key, guest text, cents bigint, currency text, status text)';
const BIND = ['activate', '--no-flow-files', '--order-table', 'public.booking', '--id-column', 'ref'];

describe('tollgate activate', { timeout: 300_000 }, () => {
  let database: TestDatabase;
  let folder: string;
  let isOnTerminal = true;
  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'tollgate-activate-'));
    isOnTerminal = await once(spawn(SCRIPT, ['--version']), 'close').then(
      ([code]) => code === 0,
      () => false,
    );
  });
  beforeEach(async () => {
    database = await createTestDatabase();
    await sql(database.url, ORDERS);
    return () => database.drop();
  });
  afterAll(() => fs.rm(folder, { recursive: true }));

  const adminSql = (): string[] => ['--admin-sql', path.join(folder, 'admin.sql')];
  const run = (words: readonly string[], url = database.url): Promise<Ended> =>
    runCommand([...words, ...adminSql()], { DATABASE_URL: url });
  const bound = (): Promise<unknown[]> =>
    sql(database.url, 'select table_name, owner_column, amount_column, currency_column from tollgate.order_binding');

  /** As on a terminal: each line is typed once its question stands there. */
  const type = async (words: readonly string[], answers: readonly (readonly [string, string])[]): Promise<string> => {
    const command = [process.execPath, ...CLI_WORDS, ...words, ...adminSql()].map((word) => `'${word}'`).join(' ');
    const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATABASE_URL: database.url },
    });
    let shown = '';
    const left = [...answers];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      shown += chunk;
      const [next] = left;
      if (!next || !shown.includes(next[0])) return;
      left.shift();
      child.stdin.write(`${next[1]}\r`);
    });
    await once(child, 'close');
    return shown;
  };

  test('--dry-run prints what would be made and makes nothing of it', async () => {
    const dry = await run([...BIND, '--owner-column', 'guest', '--dry-run']);
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.stdout).toMatch(
      /public\.booking would be bound for good[\s\S]*owner +guest[\s\S]*foreign keys[\s\S]*Nothing was changed/,
    );
    expect(await bound()).toEqual([]);
    expect(await sql(database.url, `select from pg_constraint where conname = 'payment_order_fk'`)).toEqual([]);
    const wrong = await run([...BIND, '--owner-column', 'gast', '--dry-run']);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toContain('has no column gast');
  });

  test('without a terminal it binds only with --yes, and the same again asks nothing', async () => {
    const asked = await run(BIND);
    expect(asked).toMatchObject({ code: 1, stdout: '' });
    expect(asked.stderr).toMatch(/would be bound for good[\s\S]*--yes/);
    expect(await bound()).toEqual([]);
    expect(await run([...BIND, '--yes'])).toMatchObject({ code: 0 });
    expect(await run(BIND)).toMatchObject({ code: 0 });
  });

  test('on a terminal the name is typed once more; anything else binds nothing', async ({ skip }) => {
    if (!isOnTerminal) return skip('script, which gives a terminal, is not installed');
    const question = 'once more to bind it';
    const whole = [...BIND, '--owner-column', 'guest'];
    expect(await type(whole, [[question, 'public.bookings']])).toContain('Nothing was bound');
    expect(await type(BIND, [['Is this right?', 'no']])).toContain('everyone with the permission PAYMENT_CREATE');
    expect(await bound()).toEqual([]);
    const done = await type(BIND, [
      ['Is this right?', 'yes'],
      [question, 'public.booking'],
    ]);
    expect(done).toContain('bound to public.booking for good');
    expect(await bound()).toHaveLength(1);
  });

  test('what only an administrator may do goes into a file, which is enough', async () => {
    const plain = await createPlainOwner();
    const file = path.join(folder, 'plain.sql');
    try {
      await sql(plain.role.url, ORDERS);
      const done = await runCommand([...BIND, '--yes', '--admin-sql', file], { DATABASE_URL: plain.role.url });
      expect(done).toMatchObject({ code: 0 });
      expect(done.stdout).toContain(`--file ${file}`);
      expect(done.stdout).not.toContain('create event trigger');
      await sql(plain.database.url, await fs.readFile(file, 'utf8'));
      const [guarded] = await sql(
        plain.database.url,
        `select count(*)::int from pg_event_trigger where evtname like 'tollgate_%'`,
      );
      expect(guarded).toEqual({ count: 2 });
    } finally {
      await plain.drop();
    }
  });

  test('columns that were left out are added once, with --yes, and are in the audit; another is refused', async () => {
    await run([...BIND, '--yes']);
    const add = ['activate', '--no-flow-files', '--add-owner-column', 'guest', '--add-amount-column', 'cents'];
    expect((await run(add)).stderr).toContain('--yes');
    expect(await run([...add, '--yes'])).toMatchObject({ code: 0 });
    expect(await run([...add, '--yes'])).toMatchObject({ code: 0 });
    expect(await bound()).toEqual([
      { table_name: 'public.booking', owner_column: 'guest', amount_column: 'cents', currency_column: null },
    ]);
    expect(await sql(database.url, 'select actor, action, detail from tollgate.audit order by id')).toEqual([
      { actor: 'operator', action: 'ORDERS_BOUND', detail: expect.objectContaining({ tableName: 'public.booking' }) },
      {
        actor: 'operator',
        action: 'BINDING_EXTENDED',
        detail: { ownerColumn: 'guest', amountColumn: 'cents', amountUnit: 'minor' },
      },
    ]);
    const other = await run(['activate', '--yes', '--add-owner-column', 'status']);
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain('for good');
    await expect(sql(database.url, `update tollgate.order_binding set owner_column = 'status'`)).rejects.toMatchObject({
      code: 'TG001',
    });
    await expect(sql(database.url, 'update tollgate.order_binding set amount_column = null')).rejects.toMatchObject({
      code: 'TG001',
    });
    await expect(sql(database.url, 'delete from tollgate.audit')).rejects.toMatchObject({ code: 'TG001' });
  });
});
