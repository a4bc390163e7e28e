import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDatabase } from '../../src/storage/database.js';
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres.js';
import { giveTo, unprivilegedUser } from '../../src/storage/embedded-user.js';
import { migrate } from '../../src/storage/migrate.js';
import { assertUsable } from '../../src/storage/usable.js';
import { runCommand } from '../cli/command.js';
import { createEmptyDatabase, createTestDatabase } from '../harness/postgres.js';
import { startServerProcess } from '../harness/server-process.js';
import { sql } from '../harness/sql.js';

const assertUsableAt = async (url: string): Promise<void> => {
  const database = createDatabase({ url, poolSize: 1 });
  try {
    await assertUsable(database);
  } finally {
    await database.close();
  }
};

/** The product refuses to start on it, and to migrate it, in these words. */
const expectRefused = async (url: string, words: RegExp): Promise<void> => {
  await expect(assertUsableAt(url)).rejects.toThrow(words);
  await expect(migrate(url)).rejects.toThrow(words);
  const environment = { DATABASE_URL: url, JWT_SECRET: 'x'.repeat(32), PORT: '0' };
  const server = await startServerProcess(environment);
  expect(await server.ended).toBe(1);
  expect(server.output()).toMatch(words);
  expect(server.output()).toMatch(/^DATABASE_URL /);
  const doctor = await runCommand(['doctor'], environment);
  expect(doctor.code).toBe(1);
  expect(doctor.stdout + doctor.stderr).toMatch(words);
};

describe('a database that takes no writes is refused with the remedy', () => {
  test('where it or the role says so', async () => {
    const own = await createTestDatabase();
    try {
      await sql(own.url, `alter database ${new URL(own.url).pathname.slice(1)} set default_transaction_read_only = on`);
      await expectRefused(own.url, /read-only.*reset default_transaction_read_only/s);
    } finally {
      await own.drop();
    }
  });

  test('where it is a standby', async () => {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-standby-'));
    const user = unprivilegedUser(home);
    giveTo(user, home, 0o755);
    const dataDir = path.join(home, 'data');
    const settings = { fsync: 'off' };
    try {
      const primary = await startEmbeddedPostgres({ dataDir, settings });
      await migrate(primary.url);
      await primary.stop();
      const signal = path.join(dataDir, 'cluster', 'standby.signal');
      fs.writeFileSync(signal, '');
      giveTo(user, signal, 0o600);
      const standby = await startEmbeddedPostgres({ dataDir, settings });
      try {
        await expectRefused(standby.url, /standby.*primary server's address/s);
      } finally {
        await standby.stop();
      }
    } finally {
      fs.rmSync(home, { recursive: true, force: true });
    }
  });
});

test('a database that can be written is taken', async () => {
  const own = await createEmptyDatabase();
  try {
    await expect(assertUsableAt(own.url)).resolves.toBeUndefined();
  } finally {
    await own.drop();
  }
});
