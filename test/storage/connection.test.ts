import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.js';
import { connectionOf } from '../../src/storage/connection.js';
import { createDatabase } from '../../src/storage/database.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/storage/embedded-postgres.js';
import { giveTo, unprivilegedUser } from '../../src/storage/embedded-user.js';
import { migrate, pendingMigrations } from '../../src/storage/migrate.js';
import { withSessionLock } from '../../src/storage/session-lock.js';
import { assertUsable } from '../../src/storage/usable.js';
import { createEmptyDatabase, type TestDatabase } from '../harness/postgres.js';
import { sql } from '../harness/sql.js';

const TLS = fileURLToPath(new URL('tls/', import.meta.url));
const AUTHORITY = `sslrootcert=${encodeURIComponent(`${TLS}authority.pem`)}`;
const STRANGER = `sslrootcert=${encodeURIComponent(`${TLS}stranger.pem`)}`;
const CLIENT = `sslcert=${encodeURIComponent(`${TLS}client.pem`)}&sslkey=${encodeURIComponent(`${TLS}client.key`)}`;

/** Lets everyone in by TLS, `with_certificate` with one only, and the administrator without it. */
const RULES = `hostssl all with_certificate all trust clientcert=verify-ca
hostssl all tls_only all trust
host all postgres all trust
`;

let home: string;
let server: EmbeddedPostgres;
let plain: TestDatabase;
beforeAll(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-tls-'));
  const dataDir = path.join(home, 'data');
  const user = unprivilegedUser(home);
  giveTo(user, home, 0o755);
  for (const name of ['server.pem', 'server.key', 'authority.pem']) {
    fs.copyFileSync(path.join(TLS, name), path.join(home, name));
    giveTo(user, path.join(home, name), 0o600);
  }
  const rules = path.join(home, 'rules');
  fs.writeFileSync(rules, RULES);
  giveTo(user, rules, 0o644);
  server = await startEmbeddedPostgres({
    dataDir,
    settings: {
      fsync: 'off',
      ssl: 'on',
      ssl_cert_file: path.join(home, 'server.pem'),
      ssl_key_file: path.join(home, 'server.key'),
      ssl_ca_file: path.join(home, 'authority.pem'),
      hba_file: rules,
    },
  });
  await sql(server.url, 'create role tls_only login superuser');
  await sql(server.url, 'create role with_certificate login');
  plain = await createEmptyDatabase();
});
afterAll(async () => {
  await plain.drop();
  await server.stop();
  fs.rmSync(home, { recursive: true, force: true });
});

/** The TLS server's address for a role, by a host's name; `localhost` is in its certificate, 127.0.0.1 is not. */
const address = (query: string, { host = 'localhost', role = 'tls_only' } = {}): string => {
  const url = new URL(server.url);
  url.hostname = host;
  url.username = role;
  url.password = '';
  url.search = query;
  return url.href;
};

/** Whether the connection is encrypted; rejects where there is none, in the words of a start. */
const isEncrypted = async (url: string): Promise<boolean> => {
  const database = createDatabase({ url, poolSize: 1 });
  try {
    await assertUsable(database);
    const [row] = await database.query<{ ssl: boolean }>({
      text: 'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
    });
    return row?.ssl ?? false;
  } finally {
    await database.close();
  }
};

const MODES: readonly [string, string, { host?: string; role?: string }, boolean | string][] = [
  ['nothing', '', { role: 'postgres' }, false],
  ['disable', 'sslmode=disable', { role: 'postgres' }, false],
  ['disable, where the server wants TLS', 'sslmode=disable', {}, 'sslmode=verify-full with sslrootcert'],
  ['require, a private authority or not', 'sslmode=require', {}, true],
  ['require, another name', 'sslmode=require', { host: '127.0.0.1' }, true],
  ['require with its authority, another name', `sslmode=require&${AUTHORITY}`, { host: '127.0.0.1' }, true],
  ['require with another authority', `sslmode=require&${STRANGER}`, {}, 'sslrootcert'],
  ['no-verify', 'sslmode=no-verify', { host: '127.0.0.1' }, true],
  ['verify-ca', `sslmode=verify-ca&${AUTHORITY}`, { host: '127.0.0.1' }, true],
  ['verify-ca with another authority', `sslmode=verify-ca&${STRANGER}`, {}, 'sslrootcert'],
  ['verify-full', `sslmode=verify-full&${AUTHORITY}`, {}, true],
  ['verify-full, another name', `sslmode=verify-full&${AUTHORITY}`, { host: '127.0.0.1' }, 'sslmode=verify-ca'],
  ['verify-full with another authority', `sslmode=verify-full&${STRANGER}`, {}, 'sslrootcert'],
  ['verify-full without the private authority', 'sslmode=verify-full', {}, 'sslrootcert'],
  ['verify-full by the system’s authorities', 'sslmode=verify-full&sslrootcert=system', {}, 'sslrootcert'],
  ['an authority alone is verify-full', AUTHORITY, {}, true],
  ['an authority alone, another name', AUTHORITY, { host: '127.0.0.1' }, 'sslmode=verify-ca'],
  ['ssl=true is verify-full', `ssl=true&${AUTHORITY}`, {}, true],
  ['ssl=true, another name', `ssl=true&${AUTHORITY}`, { host: '127.0.0.1' }, 'sslmode=verify-ca'],
  ['ssl=false', 'ssl=false', { role: 'postgres' }, false],
  ['a client certificate', `sslmode=verify-full&${AUTHORITY}&${CLIENT}`, { role: 'with_certificate' }, true],
  ['no client certificate', `sslmode=verify-full&${AUTHORITY}`, { role: 'with_certificate' }, 'certificate'],
];

describe('sslmode', () => {
  test.each(MODES)('%s', async (_, query, where, outcome) => {
    const answer = isEncrypted(address(query, where));
    if (typeof outcome === 'boolean') expect(await answer).toBe(outcome);
    else await expect(answer).rejects.toThrow(outcome);
  });

  test('a server without TLS is told apart, and never spoken to in plain text', async () => {
    const url = new URL(plain.url);
    url.search = 'sslmode=require';
    await expect(isEncrypted(url.href)).rejects.toThrow('Switch TLS on at the server');
  });

  test('holds for every way to the database, and none of them warns', async () => {
    const warnings: string[] = [];
    const hear = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', hear);
    const url = address(`sslmode=verify-full&${AUTHORITY}`);
    expect((await migrate(url)).length).toBeGreaterThan(0);
    expect(await pendingMigrations(url)).toEqual([]);
    expect(await withSessionLock(url, 'test', async () => 'held')).toBe('held');
    await isEncrypted(address('sslmode=require'));
    process.off('warning', hear);
    expect(warnings).toEqual([]);
  });
});

const REFUSED: readonly [string, string, string][] = [
  ['a mode that may fall back', 'sslmode=prefer', 'plain text'],
  ['the other one', 'sslmode=allow', 'plain text'],
  ['a mode that does not exist', 'sslmode=verify', 'verify-full'],
  ['verify-ca without an authority', 'sslmode=verify-ca', 'sslrootcert'],
  ['a file that is not there', 'sslmode=verify-full&sslrootcert=/nowhere/ca.pem', 'sslrootcert'],
  ['a key that is not there', 'sslmode=require&sslcert=/nowhere/c.pem', 'sslcert'],
  ['an ssl that does not exist', 'ssl=maybe', 'sslmode'],
];

describe('an address that can’t be used', () => {
  test.each(REFUSED)('is told by its variable before anything is opened: %s', (_, query, words) => {
    const read = (): unknown =>
      readConfig({ DATABASE_URL: `postgres://me:pass-word@127.0.0.1:1/app?${query}`, JWT_SECRET: 'x'.repeat(32) });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(words);
    expect(read).toThrow(/^DATABASE_URL (?!.*pass-word)/);
  });

  test('keeps what else it holds', () => {
    expect(connectionOf('postgres://u:p%40@h:1/d?host=/run/sock&application_name=me&sslmode=require')).toEqual({
      connectionString: 'postgres://u:p%40@h:1/d?host=%2Frun%2Fsock&application_name=me',
      ssl: { rejectUnauthorized: false },
    });
  });
});
