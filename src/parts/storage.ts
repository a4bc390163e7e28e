import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { ConfigError } from '../config.js';
import { countFlowFailures } from '../flows/owed.js';
import { readInstallation } from '../installation/settings.js';
import { ConnectionError } from '../storage/connection.js';
import { createDataSource, type Entities } from '../storage/data-source.js';
import { createDatabase, type Database } from '../storage/database.js';
import { migrate, pendingMigrations } from '../storage/migrate.js';
import { createRehearsal } from '../storage/rehearsal.js';
import { assertRelease } from '../storage/release.js';
import { trySessionLock, withSessionLock } from '../storage/session-lock.js';
import { assertRights, assertUsable, hasTables } from '../storage/usable.js';
import { createMarks, type Marks } from '../stripe/marks.js';
import type { OnStop } from './on-stop.js';

/** Where everything is remembered. */
export interface Storage {
  /** For what belongs to a session: locks, the queue of effects, migrations. */
  readonly directUrl: string;
  readonly database: Database;
  readonly source: DataSource;
  /** This installation's id. */
  readonly installation: () => string;
  readonly marks: Marks;
}

interface Needs {
  readonly databaseUrl: string;
  readonly directUrl: string;
  readonly entities: Entities;
  /** Nothing that is written stays. */
  readonly rehearses: boolean;
  readonly log: Logger;
  readonly onStop: OnStop;
}

const asConfigError = (error: unknown): never => {
  if (!(error instanceof ConnectionError)) throw error;
  throw new ConfigError([{ variable: 'DATABASE_URL', problem: error.problem, remedy: error.remedy }]);
};

/** @throws ConfigError naming DATABASE_URL where the product can't work on this database at all */
export const assertDatabaseUsable = (database: Database): Promise<void> => assertUsable(database).catch(asConfigError);

/**
 * Whether the tables were made.
 *
 * @throws ConfigError naming DATABASE_URL where they were, and its role may not read them
 */
export const isMigrated = (database: Database): Promise<boolean> => hasTables(database).catch(asConfigError);

/**
 * Brings the tables to the newest migration, and gives the names of those that ran.
 *
 * @throws ConfigError naming DATABASE_URL where its role may not, or something else is in the way
 */
export const migrateDatabase = (databaseUrl: string): Promise<string[]> => migrate(databaseUrl).catch(asConfigError);

/** @throws ConfigError where the way around the pooler leads elsewhere, or to another pooler */
const assertSameDatabase = async (directUrl: string, databaseUrl: string): Promise<void> => {
  const direct = createDatabase({ url: directUrl, poolSize: 1 });
  const refuse = (problem: string, remedy: string): never => {
    throw new ConfigError([{ variable: 'DATABASE_DIRECT_URL', problem, remedy }]);
  };
  try {
    await assertUsable(direct);
    // A lock that is held on one way is seen on the other.
    const name = `same database ${randomUUID()}`;
    const isOther = await withSessionLock(directUrl, name, () => trySessionLock(databaseUrl, name, async () => true));
    if (isOther)
      refuse('leads to another database than DATABASE_URL', 'Give the address of the database behind the pooler.');
  } catch (error) {
    if (error instanceof ConnectionError) refuse(error.problem, error.remedy);
    throw error;
  } finally {
    await direct.close();
  }
};

/** Opens the database; fails in words where it can't be used or its role lacks a right, and while migrations are pending. */
export const openStorage = async ({
  databaseUrl,
  directUrl,
  entities,
  rehearses,
  log,
  onStop,
}: Needs): Promise<Storage> => {
  const written = createDatabase({
    url: databaseUrl,
    onError: (error) => log.warn({ err: error }, 'database link'),
  });
  const database = rehearses ? createRehearsal(written) : countFlowFailures(written, log);
  onStop(() => database.close());
  await assertDatabaseUsable(database);
  if (await isMigrated(database)) await assertRelease(database).catch(asConfigError);
  if (directUrl !== databaseUrl) await assertSameDatabase(directUrl, databaseUrl);
  const source = await createDataSource(databaseUrl, entities).initialize();
  onStop(() => source.destroy());
  const pending = await pendingMigrations(databaseUrl);
  if (pending.length > 0)
    throw new Error(
      `The database is older than this server: it lacks ${pending.length} migration(s). Run "npx tollgate migrate", which servers of the release before bear, and start again.`,
    );
  await assertRights(database).catch(asConfigError);
  const installation = await readInstallation(database);
  return { directUrl, database, source, installation: () => installation, marks: createMarks(installation) };
};
