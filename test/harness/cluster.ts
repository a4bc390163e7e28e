import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres.js';
import { migrate } from '../../src/storage/migrate.js';
import { databaseUrl, sql } from './sql.js';

/** Where this run's databases are made, and the migrated one they are copied from. */
export interface TestCluster {
  readonly adminUrl: string;
  readonly template: string;
  /** Drops what the run left behind and stops the cluster if it is ours. */
  stop(): Promise<void>;
}

/** Starts the run's cluster, or uses that of TEST_DATABASE_URL, and migrates the template. `made` gets a new folder before use. */
export const startTestCluster = async (made: (dataDir: string) => void): Promise<TestCluster> => {
  const server = await openServer(made);
  const run = `tollgate_test_${randomBytes(4).toString('hex')}`;
  const template = `${run}_template`;
  await sql(server.url, `create database ${template}`);
  await migrate(databaseUrl(server.url, template));
  return {
    adminUrl: server.url,
    template,
    stop: async () => {
      const left = await sql(server.url, `select datname from pg_database where datname like '${run}%'`);
      for (const { datname } of left as { datname: string }[])
        await sql(server.url, `drop database if exists ${datname} with (force)`);
      await server.stop();
    },
  };
};

const openServer = async (made: (dataDir: string) => void): Promise<{ url: string; stop(): Promise<void> }> => {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { url: given, stop: async () => undefined };
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-test-'));
  fs.chmodSync(dataDir, 0o755);
  made(dataDir);
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' };
  const server = await startEmbeddedPostgres({ dataDir, settings: { ...settings, scram_iterations: '1' } });
  // Kept anew with one iteration: a run connects thousands of times.
  await sql(server.url, `alter role postgres password ${pg.escapeLiteral(new URL(server.url).password)}`);
  return server;
};
