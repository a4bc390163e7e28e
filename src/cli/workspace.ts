import path from 'node:path';
import { type Config, readConfig } from '../config.js';
import { type Addresses, AlreadyRunningError, claimDataDir, findRunning } from '../embedded/data-dir.js';
import { prepareSample, readSecrets } from '../embedded/embedded-run.js';
import { assertDatabaseUsable } from '../parts/storage.js';
import { createDatabase, type Database } from '../storage/database.js';
import { startEmbeddedPostgres } from '../storage/embedded-postgres.js';
import { migrate } from '../storage/migrate.js';

/** What a command works on: the configuration and the database that the server would use. */
export interface Workspace {
  readonly config: Config & { readonly databaseUrl: string; readonly directUrl: string };
  readonly database: Database;
  /** The embedded run's process, where one is up. */
  readonly running: Addresses | undefined;
  /** The Stripe-compatible server to ask; undefined is Stripe itself. */
  readonly apiBase: string | undefined;
  /** False where Stripe is the embedded run's sandbox, and that isn't up. */
  readonly reachesStripe: boolean;
}

/** Reads the environment as a command needs it; its warnings are for the server's start. */
export const commandConfig = (): Config => readConfig(process.env, false, false);

/** The configuration of an embedded run with its own secrets filled in. */
export const withEmbeddedSecrets = async (config: Config): Promise<Config> => {
  if (!config.embedded) return config;
  const { jwtSecret, encryptionKey, encryptionKeyNext } = await readSecrets(config.dataDir);
  const { jwt, encryption } = config;
  return {
    ...config,
    jwt: { ...jwt, secret: jwt.secret ?? (jwt.jwksUrl === undefined ? jwtSecret : undefined) },
    encryption: { key: encryption.key ?? encryptionKey, next: encryption.next ?? encryptionKeyNext },
  };
};

/** The embedded database: that of the process that is up, left running, or one started for the command alone. */
const withEmbeddedDatabase = async <T>(
  config: Config,
  work: (url: string, running: Addresses | undefined) => Promise<T>,
): Promise<T> => {
  const dataDir = path.join(config.dataDir, 'postgres');
  const running = await findRunning(config.dataDir);
  if (running) {
    const postgres = await startEmbeddedPostgres({ dataDir });
    if (postgres.adopted) return work(postgres.url, running);
    // The process ended between the two lines, and left us with a server that nobody else knows of.
    await postgres.stop();
    throw new AlreadyRunningError(config.dataDir, undefined);
  }
  const lock = await claimDataDir(config.dataDir);
  try {
    const postgres = await startEmbeddedPostgres({ dataDir });
    try {
      await migrate(postgres.url);
      await prepareSample(postgres.url);
      return await work(postgres.url, undefined);
    } finally {
      await postgres.stop();
    }
  } finally {
    await lock.release();
  }
};

/** Opens what the server would use, runs the command on it, and closes it; the embedded database is found or started. */
export const withWorkspace = async <T>(work: (workspace: Workspace) => Promise<T>): Promise<T> => {
  const config = commandConfig();
  const open = async (databaseUrl: string, running: Addresses | undefined): Promise<T> => {
    const database = createDatabase({ url: databaseUrl, poolSize: 4 });
    try {
      await assertDatabaseUsable(database);
      return await work({
        config: { ...(await withEmbeddedSecrets(config)), databaseUrl, directUrl: config.directUrl ?? databaseUrl },
        database,
        running,
        apiBase: config.sandbox ? running?.sandboxUrl : config.stripe.apiBase,
        reachesStripe: !config.sandbox || running?.sandboxUrl !== undefined,
      });
    } finally {
      await database.close();
    }
  };
  return config.databaseUrl === undefined ? withEmbeddedDatabase(config, open) : open(config.databaseUrl, undefined);
};
