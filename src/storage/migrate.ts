import pg from 'pg';
import type { EntitySubscriberInterface, TransactionStartEvent } from 'typeorm';
import { connectionOf } from './connection.js';
import { createDataSource } from './data-source.js';
import { createDatabase, type Database } from './database.js';
import { OPEN_GUARD } from './definition-guard.js';
import { migrateJobs } from './jobs.js';
import { protect } from './protection.js';
import { assertUsable, HAS_TABLES } from './usable.js';

/** Two processes that migrate at once take turns on this advisory lock. */
const MIGRATION_LOCK = 7_655_443_001;

/** Each migration's transaction carries the key that lets it change what is protected. */
const migrationKey: EntitySubscriberInterface = {
  async afterTransactionStart({ queryRunner }: TransactionStartEvent) {
    await queryRunner.query(OPEN_GUARD);
  },
};

/**
 * Brings the database to the newest migration and gives the names of those that ran; none when it was there already.
 * Then it protects the tables as far as this role may (see protection.ts). Safe to run twice and from several processes
 * at once.
 *
 * @throws ConnectionError when the product can't work on this database at all
 */
export const migrate = async (url: string): Promise<string[]> => {
  await withDatabase(url, assertUsable);
  const guard = new pg.Client({ ...connectionOf(url), application_name: 'tollgate migrate' });
  await guard.connect();
  try {
    await guard.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await guard.query('create schema if not exists tollgate');
    const ran = await runMigrations(url);
    await migrateJobs(url);
    await withDatabase(url, protect);
    return ran;
  } finally {
    await guard.end();
  }
};

const runMigrations = async (url: string): Promise<string[]> => {
  const source = await createDataSource(url, 1).initialize();
  try {
    source.subscribers.push(migrationKey);
    return (await source.runMigrations()).map((migration) => migration.name);
  } finally {
    await source.destroy();
  }
};

const withDatabase = async (url: string, work: (database: Database) => Promise<unknown>): Promise<void> => {
  const database = createDatabase({ url, poolSize: 1 });
  try {
    await work(database);
  } finally {
    await database.close();
  }
};

/**
 * The names of migrations that have not run on this database.
 *
 * @throws what PostgreSQL says where the role may not see it: then nobody knows
 */
export const pendingMigrations = async (url: string): Promise<string[]> => {
  const source = await createDataSource(url, 1).initialize();
  try {
    const isThere = (await source.query<object[]>(HAS_TABLES)).length > 0;
    const known = isThere ? await source.query<{ name: string }[]>('select name from tollgate.migration') : [];
    const ran = new Set(known.map(({ name }) => name));
    return source.migrations
      .map((migration) => migration.name ?? migration.constructor.name)
      .filter((name) => !ran.has(name));
  } finally {
    await source.destroy();
  }
};
