import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { ConfigError } from '../config.js';
import { wordsOf } from '../core/errors.js';
import { OLDEST_VERSION } from '../payments/doctor-database.js';
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

/** @throws ConfigError when the database does not answer, does not let us in, or is too old */
const assertUsable = async (database: Database): Promise<void> => {
  const refuse = (problem: string, remedy: string): never => {
    throw new ConfigError([{ variable: 'DATABASE_URL', problem, remedy }]);
  };
  const [row] = await database
    .query<{ version: number }>({ text: `select current_setting('server_version_num')::int / 10000 as "version"` })
    .catch((error: unknown) =>
      refuse(
        `leads to no database that lets us in: ${wordsOf(error)}`,
        "Check that the server runs, and the address, the database's name, the user and the password.",
      ),
    );
  if (row && row.version < OLDEST_VERSION)
    refuse(`leads to a PostgreSQL ${row.version}`, `Use PostgreSQL ${OLDEST_VERSION} or newer.`);
};

/** Opens the database; fails in words where it can't be used, and while migrations are pending. */
export const openStorage = async ({ databaseUrl, rehearses, log, onStop }: Needs): Promise<Storage> => {
  const written = createDatabase({
    url: databaseUrl,
    onError: (error) => log.warn({ err: error }, 'database link'),
  });
  const database = rehearses ? createRehearsal(written) : written;
  onStop(() => database.close());
  await assertUsable(database);
  const source = await createDataSource(databaseUrl).initialize();
  onStop(() => source.destroy());
  const pending = await pendingMigrations(databaseUrl);
  if (pending.length > 0)
    throw new Error(`The database lacks ${pending.length} migration(s). Run "npx tollgate migrate" and start again.`);
  const installation = await readInstallation(database);
  return { databaseUrl, database, source, installation: () => installation };
};
