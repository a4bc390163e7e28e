import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { EmbeddedPostgresError } from './embedded-binaries.js';
import { type Cluster, openCluster, postgresEnv } from './embedded-cluster.js';
import { forgetRecycled, isAlive, readPostmaster } from './postmaster-file.js';

const run = promisify(execFile);
const POLL_MS = 25;
const START_TIMEOUT_MS = 30_000;
/** Then without its checkpoint: the whole stop has 15 s. */
const STOP_TIMEOUT_MS = 3_000;
const START_ATTEMPTS = 40;
/** A predecessor that is still going away, or a port that was taken meanwhile: both pass. */
const PASSING =
  /lock file "postmaster\.pid"|pre-existing shared memory|could not bind|could not create any TCP\/IP sockets/;

export interface EmbeddedPostgresOptions {
  /** Where the cluster, its password and, if need be, a copy of the binaries are kept, e.g. `.tollgate/postgres`. */
  readonly dataDir: string;
  /** Database that `url` names, made if missing; `tollgate` by default. */
  readonly database?: string;
  /** Further server settings, e.g. `{ fsync: 'off' }` for a throw-away cluster. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Gets the server's log, line by line. */
  readonly log?: (line: string) => void;
}

/** A running PostgreSQL of our own. */
export interface EmbeddedPostgres {
  /** Connection string of the superuser to the database asked for. */
  readonly url: string;
  /** True when a server left over from a killed process was found on this data directory and taken over. */
  readonly adopted: boolean;
  /** Its process, for whoever has to stop it in this one's place. */
  readonly process: PostgresProcess;
  /** Ends all sessions and resolves when the server is gone. May be called twice. */
  stop(): Promise<void>;
}

/** A server as the system knows it. */
export interface PostgresProcess {
  readonly directory: string;
  readonly pgCtl: string;
  readonly pid: number;
}

interface Server {
  readonly port: number;
  readonly pid: number;
  readonly adopted: boolean;
  /** Resolves when our child process and its pipes are gone; at once for an adopted server. */
  readonly closed: Promise<unknown>;
}

/**
 * Starts the PostgreSQL that comes with the npm package on 127.0.0.1, on a free port, durable unless `settings` say
 * otherwise. A second call on a data directory whose server runs takes that server over instead of starting another, so
 * the caller sees to it that one process owns a data directory.
 * @throws EmbeddedPostgresError with the remedy when PostgreSQL can't run here.
 */
export const startEmbeddedPostgres = async ({
  dataDir,
  database = 'tollgate',
  settings = {},
  log = () => undefined,
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  const cluster = await openCluster(path.resolve(dataDir));
  const server = await startOrAdopt(cluster, settings, log);
  await ensureDatabase(cluster, server.port, database);
  let stopping: Promise<void> | undefined;
  return {
    url: urlOf(cluster, server.port, database),
    adopted: server.adopted,
    process: processOf(cluster, server),
    stop: () => {
      stopping ??= stopServer(cluster, server);
      return stopping;
    },
  };
};

const urlOf = ({ password }: Cluster, port: number, database: string): string =>
  `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}?sslmode=disable`;

const startOrAdopt = async (
  cluster: Cluster,
  settings: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<Server> => {
  forgetRecycled(cluster.directory);
  for (let attempt = 1; ; attempt += 1) {
    const orphan = await findOrphan(cluster);
    if (orphan) return orphan;
    try {
      return await launch(cluster, await freePort(), settings, log);
    } catch (error) {
      if (!(error instanceof Error) || !PASSING.test(error.message) || attempt === START_ATTEMPTS) throw error;
      await delay(10 * POLL_MS);
    }
  }
};

/** A process id may have been given to another program, so the server itself is asked which data it serves. */
const findOrphan = async (cluster: Cluster): Promise<Server | undefined> => {
  const noted = readPostmaster(cluster.directory);
  if (!noted?.ready || !isAlive(noted.pid)) return undefined;
  try {
    const served = await query(cluster, noted.port, 'show data_directory');
    const directory = (served[0] as { data_directory: string } | undefined)?.data_directory;
    if (!directory || fs.realpathSync(directory) !== fs.realpathSync(cluster.directory)) return undefined;
    return { port: noted.port, pid: noted.pid, adopted: true, closed: Promise.resolve() };
  } catch {
    return undefined;
  }
};

const launch = async (
  { directory, binaries, user }: Cluster,
  port: number,
  settings: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<Server> => {
  const fixed = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port) };
  const options = Object.entries({ ...settings, ...fixed }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(binaries.postgres, ['-D', directory, ...options], {
    ...user,
    env: postgresEnv(),
    cwd: path.parse(directory).root,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C reaches every process of the terminal's group; the database outlives us until stop() is called
    detached: process.platform !== 'win32',
  });
  let output = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (output.length < 4_000) output += `${line}\n`;
    log(line);
  });
  await once(child, 'spawn').catch((cause: unknown) => {
    throw new EmbeddedPostgresError(`PostgreSQL could not be started: ${String(cause)}`, { cause });
  });
  const closed = once(child, 'close');
  await untilReady(directory, child).catch(async (cause: unknown) => {
    child.kill('SIGQUIT');
    await closed; // its last words come through the pipe
    throw new EmbeddedPostgresError(`PostgreSQL did not start on ${directory}: ${output.trim()}`, { cause });
  });
  return { port, pid: child.pid ?? 0, adopted: false, closed };
};

/** Waits for this very process to report ready; the note of a crashed predecessor may say so too. */
const untilReady = async (directory: string, child: ChildProcess): Promise<void> => {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`exit ${child.exitCode ?? child.signalCode}`);
    const noted = readPostmaster(directory);
    if (noted?.ready && noted.pid === child.pid) return;
    await delay(POLL_MS);
  }
  throw new Error(`not ready after ${START_TIMEOUT_MS} ms`);
};

/** Below 32768, where outgoing connections, which take ports from there up, can't have it by accident. */
const freePort = async (): Promise<number> => {
  const port = randomInt(20_000, 32_768);
  const probe = net.createServer();
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening');
    probe.close();
    await once(probe, 'close');
    return port;
  } catch {
    return freePort();
  }
};

const ensureDatabase = async (cluster: Cluster, port: number, database: string): Promise<void> => {
  const exists = async (): Promise<boolean> =>
    (await query(cluster, port, 'select 1 from pg_database where datname = $1', [database])).length > 0;
  if (await exists()) return;
  await query(cluster, port, `create database ${pg.escapeIdentifier(database)}`).catch(async (error: unknown) => {
    if (!(await exists())) throw error;
  });
};

const query = async (cluster: Cluster, port: number, text: string, values: unknown[] = []): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: urlOf(cluster, port, 'postgres'), connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(text, values)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
};

const processOf = ({ directory, binaries }: Cluster, { pid }: Server): PostgresProcess => ({
  directory,
  pgCtl: binaries.pgCtl,
  pid,
});

const stopServer = async (cluster: Cluster, server: Server): Promise<void> => {
  await shutDown(processOf(cluster, server));
  await server.closed;
};

/** Stops the server, from any thread, and resolves when it has left its data directory; one that is gone already is left alone. */
export const shutDown = async ({ directory, pgCtl, pid }: PostgresProcess): Promise<void> => {
  if (!isOurs(directory, pid)) return;
  if (process.platform === 'win32') {
    await run(pgCtl, ['stop', '-D', directory, '-m', 'fast', '-w']);
    return;
  }
  process.kill(pid, 'SIGINT');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isOurs(directory, pid)) {
    // without its checkpoint, which the next start makes up for
    if (Date.now() > deadline) process.kill(pid, 'SIGQUIT');
    await delay(POLL_MS);
  }
};

const isOurs = (directory: string, pid: number): boolean => isAlive(pid) && readPostmaster(directory)?.pid === pid;
