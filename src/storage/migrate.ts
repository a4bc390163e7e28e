import type pg from 'pg';
import type { EntitySubscriberInterface, TransactionStartEvent } from 'typeorm';
import { wordsOf } from '../core/errors.js';
import { ConnectionError, isLent } from './connection.js';
import { createDataSource } from './data-source.js';
import { createDatabase, type Database } from './database.js';
import { OPEN_GUARD } from './definition-guard.js';
import { migrateJobs } from './jobs.js';
import { protect } from './protection.js';
import { assertRelease, isOfNewerRelease, writeRelease } from './release.js';
import { isForbidden } from './rights.js';
import { openClient, TRANSACTION_SETTINGS } from './session.js';
import { withSessionLock } from './session-lock.js';
import { assertUsable, HAS_TABLES } from './usable.js';

/** Two processes that migrate at once take turns on this advisory lock. */
const MIGRATION_LOCK = 7_655_443_001;

/** Each migration's transaction carries the key that lets it change what is protected. */
const migrationKey = (url: string): EntitySubscriberInterface => ({
  async afterTransactionStart({ queryRunner }: TransactionStartEvent) {
    if (isLent(url)) await queryRunner.query(TRANSACTION_SETTINGS);
    await queryRunner.query(OPEN_GUARD);
  },
});

/**
 * Brings the database to the newest migration and gives the names of those that ran; none when it was there already.
 * Then it protects the tables as far as this role may (see protection.ts). Safe to run twice and from several processes
 * at once. On the tables of the next release it changes nothing.
 *
 * @throws ConnectionError when the product can't work on this database at all, or its role may not make the tables
 */
export const migrate = async (url: string): Promise<string[]> => {
  await withDatabase(url, assertUsable);
  return withSessionLock(url, MIGRATION_LOCK, () => migrateAlone(url));
};

const migrateAlone = async (url: string): Promise<string[]> => {
  const guard = await openClient(url, 'tollgate migrate');
  try {
    await assertOwnSchema(guard);
    await makeSchema(guard);
    if (await isAhead(url, guard)) return [];
    const ran = await runMigrations(url);
    await migrateJobs(url);
    await withDatabase(url, writeRelease);
    await withDatabase(url, protect);
    return ran;
  } catch (error) {
    throw await explainForbidden(guard, error);
  } finally {
    await guard.end();
  }
};

/** Whether a newer release was here. @throws ConnectionError where it is newer by more than one */
const isAhead = async (url: string, client: pg.Client): Promise<boolean> => {
  if ((await client.query(HAS_TABLES)).rowCount === 0) return false;
  let isNewer = false;
  await withDatabase(url, async (database) => {
    await assertRelease(database);
    isNewer = await isOfNewerRelease(database);
  });
  return isNewer;
};

/** Asked first: PostgreSQL wants the right to make a schema even where it is there. */
const makeSchema = async (client: pg.Client): Promise<void> => {
  const { rowCount } = await client.query(`select from pg_namespace where nspname = 'tollgate'`);
  if (rowCount === 0) await client.query('create schema tollgate');
};

const SHOWN = 3;

/** @throws ConnectionError where the schema holds what no migration of ours made */
const assertOwnSchema = async (client: pg.Client): Promise<void> => {
  if ((await client.query(HAS_TABLES)).rowCount !== 0) return;
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as "name" from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'tollgate' and c.relkind not in ('i', 'I', 't', 'c') order by 1`,
  );
  if (rows.length === 0) return;
  const some = rows.slice(0, SHOWN).map(({ name }) => name);
  throw new ConnectionError(
    `leads to a schema tollgate that holds what Tollgate did not make: ${some.join(', ')}${rows.length > SHOWN ? ', …' : ''}`,
    'Tollgate needs a schema of this name for itself. Give yours another one: alter schema tollgate rename to …;',
  );
};

const FIND_OWNER = `select quote_ident(current_user) as "role", quote_ident(current_database()) as "database",
  (select quote_ident(pg_get_userbyid(nspowner)) from pg_namespace where nspname = 'tollgate'
    and not pg_has_role(nspowner, 'usage')) as "owner"`;

/** What it takes to migrate, where the database forbade it to this role; anything else stays as it is. */
const explainForbidden = async (client: pg.Client, error: unknown): Promise<unknown> => {
  const cause = error instanceof Error && 'driverError' in error ? error.driverError : error;
  if (!isForbidden(cause)) return error;
  const { rows } = await client.query<{ role: string; database: string; owner: string | null }>(FIND_OWNER);
  const [{ role, database, owner } = { role: 'current_user', database: '…', owner: null }] = rows;
  const problem = `has the role ${role}, which may not make Tollgate's tables: ${wordsOf(cause)}`;
  return new ConnectionError(
    problem,
    owner === null
      ? `As a superuser or the database's owner: grant create on database ${database} to ${role};`
      : `They belong to ${owner}: run migrate as that role, or as a superuser. The server itself needs less; docs/operations.md lists its rights.`,
  );
};

const runMigrations = async (url: string): Promise<string[]> => {
  const source = await createDataSource(url, [], 1).initialize();
  try {
    source.subscribers.push(migrationKey(url));
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
  const source = await createDataSource(url, [], 1).initialize();
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
