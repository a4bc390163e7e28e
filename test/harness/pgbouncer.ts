import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from 'vitest';
import { giveTo, unprivilegedUser } from '../../src/storage/embedded-user.js';
import { forgetProcess, watchProcess } from './steward.js';

/** A PgBouncer before a database. */
export interface PgBouncer {
  /** The database by way of it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Lines of its file beside those that every one has. */
export type PgBouncerSettings = Readonly<Record<string, string | number>>;

const PLACES = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin'];
const program = PLACES.map((place) => path.join(place, 'pgbouncer')).find((file) => fs.existsSync(file));
const skip = program === undefined && process.env['TOLLGATE_TEST_REQUIRE_PGBOUNCER'] !== '1';

/** A group of tests that need PgBouncer; reported as skipped, with the reason, where there is none. */
export const describeWithPgBouncer = (title: string, tests: () => void): void => {
  describe.skipIf(skip)(skip ? `${title} (skipped: no pgbouncer on this machine)` : title, tests);
};

const linesOf = (settings: PgBouncerSettings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}`)
    .join('\n');

const launch = async (folder: string, port: number): Promise<ChildProcess> => {
  const child = spawn(program ?? 'pgbouncer', [path.join(folder, 'pgbouncer.ini')], {
    ...unprivilegedUser(folder),
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await once(child, 'spawn');
  await watchProcess(child.pid ?? 0);
  let output = '';
  for await (const line of createInterface({ input: child.stderr })) {
    output += `${line}\n`;
    if (line.includes('process up')) return child;
  }
  throw new Error(`PgBouncer on port ${port} did not start:\n${output}`);
};

/** Starts PgBouncer before the database of the address, on a free port of 127.0.0.1. */
export const startPgBouncer = async (target: string, settings: PgBouncerSettings, attempts = 5): Promise<PgBouncer> => {
  const { hostname, port: serverPort, pathname, username, password } = new URL(target);
  const database = pathname.slice(1);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-pgbouncer-'));
  const port = randomInt(20_000, 32_768);
  const file = path.join(folder, 'pgbouncer.ini');
  fs.writeFileSync(
    file,
    `[databases]
${database} = host=${hostname} port=${serverPort} user=${username} password='${decodeURIComponent(password)}'
[pgbouncer]
${linesOf({ listen_addr: '127.0.0.1', listen_port: port, auth_type: 'any', unix_socket_dir: '', ...settings })}
`,
  );
  const user = unprivilegedUser(folder);
  giveTo(user, folder, 0o700);
  giveTo(user, file, 0o600);
  const remove = (): void => fs.rmSync(folder, { recursive: true, force: true });
  try {
    const child = await launch(folder, port);
    const url = new URL(target);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    return {
      url: url.href,
      async stop() {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
        await forgetProcess(child.pid ?? 0);
        remove();
      },
    };
  } catch (error) {
    remove();
    if (attempts <= 1 || !String(error).includes('in use')) throw error;
    return startPgBouncer(target, settings, attempts - 1);
  }
};
