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
import { assertRights, assertUsable, hasTables } from '../storage/usable.js';
import { createMarks, type Marks } from '../stripe/marks.js';
import type { OnStop } from './on-stop.js';

/** Where everything is remembered. */
export interface Storage {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly source: DataSource;
  /** This installation's id. */
  readonly installation: () => string;
  readonly marks: Marks;
}

interface Needs {
  readonly databaseUrl: string;
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

/** Opens the database; fails in words where it can't be used or its role lacks a right, and while migrations are pending. */
export const openStorage = async ({ databaseUrl, entities, rehearses, log, onStop }: Needs): Promise<Storage> => {
  const written = createDatabase({
    url: databaseUrl,
    onError: (error) => log.warn({ err: error }, 'database link'),
  });
  const database = rehearses ? createRehearsal(written) : countFlowFailures(written, log);
  onStop(() => database.close());
  await assertDatabaseUsable(database);
  await isMigrated(database);
  const source = await createDataSource(databaseUrl, entities).initialize();
  onStop(() => source.destroy());
  const pending = await pendingMigrations(databaseUrl);
  if (pending.length > 0)
    throw new Error(`The database lacks ${pending.length} migration(s). Run "npx tollgate migrate" and start again.`);
  await assertRights(database).catch(asConfigError);
  const installation = await readInstallation(database);
  return { databaseUrl, database, source, installation: () => installation, marks: createMarks(installation) };
};
