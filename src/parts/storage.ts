import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { readInstallation } from '../payments/settings.js';
import { createDataSource } from '../storage/data-source.js';
import { createDatabase, type Database } from '../storage/database.js';
import { pendingMigrations } from '../storage/migrate.js';
import { createRehearsal } from '../storage/rehearsal.js';
import type { OnStop } from './on-stop.js';

/** Where everything is remembered. */
export interface Storage {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly source: DataSource;
  /** This installation's id. */
  readonly installation: () => string;
}

interface Needs {
  readonly databaseUrl: string;
  /** Nothing that is written stays. */
  readonly rehearses: boolean;
  readonly log: Logger;
  readonly onStop: OnStop;
}

/** Opens the database; fails in words while migrations are pending. */
export const openStorage = async ({ databaseUrl, rehearses, log, onStop }: Needs): Promise<Storage> => {
  const written = createDatabase({
    url: databaseUrl,
    onError: (error) => log.warn({ err: error }, 'database link'),
  });
  const database = rehearses ? createRehearsal(written) : written;
  onStop(() => database.close());
  const source = await createDataSource(databaseUrl).initialize();
  onStop(() => source.destroy());
  const pending = await pendingMigrations(databaseUrl);
  if (pending.length > 0)
    throw new Error(`The database lacks ${pending.length} migration(s). Run "npx tollgate migrate" and start again.`);
  const installation = await readInstallation(database);
  return { databaseUrl, database, source, installation: () => installation };
};
