import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createActivation } from '../../src/orders/activation.js';
import { createOrders } from '../../src/orders/orders.js';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { postgresEnv } from '../../src/storage/embedded-cluster.js';
import { giveTo, unprivilegedUser } from '../../src/storage/embedded-user.js';
import { migrate } from '../../src/storage/migrate.js';
import { readProtection } from '../../src/storage/protection.js';
import { databaseUrl, sql } from '../harness/sql.js';
import { requestCluster, watchProcess } from '../harness/steward.js';

const run = promisify(execFile);

/** The folder of a whole PostgreSQL with its tools: what comes with the product has no pg_dump. */
const findTools = (): string | undefined =>
  [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    ...(fs.existsSync('/usr/lib/postgresql')
      ? fs.readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
      : []),
  ].find((folder) =>
    ['pg_dump', 'pg_restore', 'psql', 'initdb', 'pg_ctl'].every((name) => fs.existsSync(path.join(folder, name))),
  );

const tools = findTools();

/** A PostgreSQL of the tools' own version: pg_dump refuses a newer server. */
const startCluster = async (bin: string): Promise<{ url: string; stop(): Promise<void> }> => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-restore-'));
  const user = unprivilegedUser(home);
  giveTo(user, home, 0o700);
  const directory = path.join(home, 'cluster');
  const options = { ...user, env: postgresEnv(), cwd: '/' };
  execFileSync(
    path.join(bin, 'initdb'),
    ['-D', directory, '-U', 'postgres', '-A', 'trust', '--no-sync', '--locale=C', '-E', 'UTF8'],
    {
      ...options,
      stdio: 'ignore',
    },
  );
  const settings = `-c listen_addresses='' -c unix_socket_directories='${home}' -c fsync=off`;
  execFileSync(
    path.join(bin, 'pg_ctl'),
    ['-D', directory, '-w', '-s', '-l', path.join(home, 'log'), '-o', settings, 'start'],
    {
      ...options,
      stdio: 'ignore',
    },
  );
  await watchProcess(Number(fs.readFileSync(path.join(directory, 'postmaster.pid'), 'utf8').split('\n')[0]));
  if (user.uid !== undefined) fs.chmodSync(home, 0o755);
  return {
    url: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(home)}`,
    stop: async () => {
      await run(path.join(bin, 'pg_ctl'), ['-D', directory, '-m', 'fast', '-w', '-s', 'stop'], options);
      fs.rmSync(home, { recursive: true, force: true });
    },
  };
};

const BINDING = { orderTable: 'public."App Order"', idColumn: 'id', amountColumn: 'amount' };

describe.skipIf(tools === undefined)('a backup (needs PostgreSQL with pg_dump on this machine)', () => {
  const bin = tools ?? '';
  const name = `tollgate_restore_${randomBytes(4).toString('hex')}`;
  let cluster: { url: string; stop(): Promise<void> };
  let newest: string;
  let source: string;
  let folder: string;
  const made: { server: string; database: string }[] = [];
  beforeAll(async () => {
    cluster = await startCluster(bin);
    newest = (await requestCluster()).adminUrl;
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-dump-'));
    source = await create(cluster.url, 'source');
    await migrate(source);
    await sql(source, `create table public."App Order" (id uuid primary key, amount bigint)`);
    await activate(source);
    await sql(source, `insert into public."App Order" values ('6f1c5f6a-8f0e-4a57-9d3c-5b3d7c0f5e11', 500)`);
    await sql(
      source,
      `insert into tollgate.payment (order_id, amount, currency, livemode, stripe_account)
        select id, amount, 'USD', false, 'acct_1' from public."App Order"`,
    );
    await sql(
      source,
      `insert into tollgate.change (node_type, node_id, version, to_status, actor)
      select 'PAYMENT', id, 1, status, 'job' from tollgate.payment`,
    );
    await run(path.join(bin, 'pg_dump'), ['--file', path.join(folder, 'plain.sql'), source]);
    await run(path.join(bin, 'pg_dump'), ['--format', 'custom', '--file', path.join(folder, 'custom'), source]);
  });
  afterAll(async () => {
    for (const { server, database } of made) await sql(server, `drop database ${database} with (force)`);
    await cluster.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const create = async (server: string, part: string): Promise<string> => {
    const database = `${name}_${part}`;
    await sql(server, `create database ${database} template template0`);
    made.push({ server, database });
    return databaseUrl(server, database);
  };
  const withDatabase = async <T>(url: string, work: (database: Database) => Promise<T>): Promise<T> => {
    const database = createDatabase({ url, poolSize: 2 });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  };
  const activate = (url: string): Promise<unknown> =>
    withDatabase(url, (database) => createActivation({ database, orders: createOrders(database) }).activate(BINDING));

  test.each([
    ['plain SQL, into a database of the same version', 'same', 'plain'],
    ['plain SQL, into the newest version', 'newest', 'plain'],
    ['the custom format, into a database of the same version', 'same', 'custom'],
  ])('in %s comes back with its rows and its whole protection', async (_, version, format) => {
    const url = await create(version === 'same' ? cluster.url : newest, `${version}_${format}`);
    await (format === 'plain'
      ? run(path.join(bin, 'psql'), [
          '--set',
          'ON_ERROR_STOP=1',
          '--quiet',
          '--file',
          path.join(folder, 'plain.sql'),
          url,
        ])
      : run(path.join(bin, 'pg_restore'), ['--exit-on-error', '--dbname', url, path.join(folder, 'custom')]));
    const rows = `select p.*, c.actor from tollgate.payment p join tollgate.change c on c.node_id = p.id`;
    expect(await sql(url, rows)).toEqual(await sql(source, rows));
    expect(await withDatabase(url, readProtection)).toMatchObject({ level: 'full', missing: [] });
    await expect(sql(url, 'drop table public."App Order" cascade')).rejects.toMatchObject({ code: 'TG003' });
    await expect(sql(url, 'drop table tollgate.refund')).rejects.toMatchObject({ code: 'TG002' });
    await expect(sql(url, 'delete from tollgate.payment')).rejects.toMatchObject({ code: 'TG001' });
    expect(await migrate(url)).toEqual([]);
    await activate(url);
  });

  describe('with --clean, over a bound database', () => {
    const payments = 'select order_id, amount, status from tollgate.payment order by id';
    /** A database that goes on after the backup: it has one payment more. */
    const goOn = async (part: string): Promise<{ url: string; later: unknown }> => {
      const url = await create(cluster.url, part);
      await run(path.join(bin, 'pg_restore'), ['--exit-on-error', '--dbname', url, path.join(folder, 'custom')]);
      await sql(
        url,
        `update tollgate.payment set status = 'CANCELED'; insert into tollgate.payment (order_id, amount, currency, livemode, stripe_account)
          select id, amount, 'USD', false, 'acct_1' from public."App Order"`,
      );
      return { url, later: await sql(url, payments) };
    };
    const restore = (url: string, ...options: string[]): Promise<unknown> =>
      run(path.join(bin, 'pg_restore'), ['--clean', ...options, '--dbname', url, path.join(folder, 'custom')]).catch(
        () => undefined,
      );

    test("the app's own role changes nothing", async () => {
      const { url, later } = await goOn('clean_app');
      const role = `${name}_app`;
      const database = new URL(url).pathname.slice(1);
      await sql(url, `create role ${role} login; alter database ${database} owner to ${role}`);
      await sql(
        url,
        `begin; select set_config('tollgate.migration', pg_current_xact_id()::text, true);
          alter schema tollgate owner to ${role};
          do $$ declare t record; begin for t in select tablename from pg_tables where schemaname = 'tollgate'
            loop execute format('alter table tollgate.%I owner to ${role}', t.tablename); end loop; end $$;
          alter table public."App Order" owner to ${role}; commit`,
      );
      const address = new URL(url);
      address.username = role;
      await restore(address.href);
      expect(await sql(url, payments)).toEqual(later);
      expect(await withDatabase(url, readProtection)).toMatchObject({ level: 'full' });
      await sql(url, `reassign owned by ${role} to postgres`).catch(() => undefined);
    });

    test('a superuser changes nothing with a part of the backup, which leaves the event triggers', async () => {
      const { url, later } = await goOn('clean_part');
      for (const part of [
        ['--schema', 'tollgate'],
        ['--schema', 'public'],
        ['--table', 'App Order'],
        ['--table', 'payment'],
      ])
        await restore(url, ...part);
      expect(await sql(url, payments)).toEqual(later);
      expect(await withDatabase(url, readProtection)).toMatchObject({ level: 'full' });
    });

    test('a superuser overwrites everything with a whole one: the books are those of the backup, and protected', async () => {
      const { url, later } = await goOn('clean_whole');
      await restore(url);
      expect(await sql(url, payments)).not.toEqual(later);
      expect(await sql(url, payments)).toEqual(await sql(source, payments));
      expect(await withDatabase(url, readProtection)).toMatchObject({ level: 'full', missing: [], changed: [] });
    });
  });
});
