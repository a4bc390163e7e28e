import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { Config } from '../config.js';
import { createHostCheck } from '../http/hosts.js';
import { createStops } from '../parts/on-stop.js';
import { type PostgresProcess, startEmbeddedPostgres } from '../storage/embedded-postgres.js';
import { migrate } from '../storage/migrate.js';
import { claimDataDir } from './data-dir.js';
import { listenOnFree } from './ports.js';

const Secrets = z.object({
  jwtSecret: z.string().min(32),
  encryptionKey: z.string().min(40),
  /** Only while the key is being rotated. */
  encryptionKeyNext: z.string().min(40).optional(),
});

/** The embedded run's own secrets. */
export type EmbeddedSecrets = z.infer<typeof Secrets>;

/** What runs beside it may be told. */
const OWN_HOSTS = ['localhost', '127.0.0.1', '::1'];

const secretsFile = (dataDir: string): string => path.join(dataDir, 'secrets.json');

/** Replaces the secrets as a whole: a reader sees the old ones or the new ones. */
export const writeSecrets = async (dataDir: string, secrets: EmbeddedSecrets): Promise<void> => {
  const file = secretsFile(dataDir);
  await fs.writeFile(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  await fs.rename(`${file}.new`, file);
};

/** Reads the secrets of the data directory, or makes them once; the file is readable by its owner alone. */
export const readSecrets = async (dataDir: string): Promise<EmbeddedSecrets> => {
  const file = secretsFile(dataDir);
  const text = await fs.readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return Secrets.parse(JSON.parse(text));
  const secrets = {
    jwtSecret: randomBytes(48).toString('base64url'),
    encryptionKey: randomBytes(32).toString('base64'),
  };
  await fs.mkdir(dataDir, { recursive: true });
  await writeSecrets(dataDir, secrets);
  return secrets;
};

/** The sample order table of the embedded run. */
export const SAMPLE_ORDERS = {
  orderTable: 'public.shop_order',
  idColumn: 'id',
  ownerColumn: 'account_id',
  amountColumn: 'amount',
  currencyColumn: 'currency',
} as const;

/** The sample's tables: orders, and how many pieces are left of what can sell out. Twice changes nothing. */
export const SAMPLE_TABLES = `
  create table if not exists public.shop_order (
    id bigint generated always as identity primary key,
    account_id text not null,
    description text,
    amount bigint not null,
    currency text not null,
    status text not null default 'pending'
  );
  alter table public.shop_order add column if not exists product text;
  create table if not exists public.shop_stock (product text primary key, pieces integer not null check (pieces >= 0));
  insert into public.shop_stock (product, pieces) values ('Signed print', 2) on conflict do nothing`;

/** Makes the sample's tables and the demo accounts; twice changes nothing. */
export const prepareSample = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(SAMPLE_TABLES);
    await client.query(
      `insert into tollgate.account_role (account_id, role) values ('demo-admin', 'admin') on conflict do nothing`,
    );
  } finally {
    await client.end();
  }
};

/** What an embedded run stands on; under "tollgate dev" it outlives the servers that use it one after the other. */
export interface EmbeddedGround {
  readonly databaseUrl: string;
  /** For whoever has to stop it in this process's place; undefined where another process holds it. */
  readonly postgres: PostgresProcess | undefined;
  readonly sandboxUrl: string | undefined;
  /** Tells the sandbox and later starts where the server answers. */
  announce(url: string): Promise<void>;
  stop(): Promise<void>;
}

/** An embedded run: what it stands on, and what of the configuration that decides. */
export interface EmbeddedRun extends EmbeddedGround {
  /** The configuration with everything filled in that the environment left open. */
  readonly config: Config & { readonly databaseUrl: string };
}

/** The keys that the sandbox of an embedded run takes. */
export const SANDBOX_KEYS = {
  secretKey: 'sk_test_sandbox',
  publishableKey: 'pk_test_sandbox',
  webhookSecrets: ['whsec_sandbox'],
} as const;

/** Each step starts whatever happens to the previous one; the database stops on its own once told to. */
const STOP = { wholeMs: 6_000, stepMs: 4_500 };

/**
 * Starts what an embedded run stands on: the database with its sample, the secrets, the sandbox. All of it lives in the data
 * directory, which one process owns at a time.
 *
 * @throws AlreadyRunningError when another process owns the data directory
 */
export const openEmbeddedGround = async (config: Config, log: Logger): Promise<EmbeddedGround> => {
  const lock = await claimDataDir(config.dataDir);
  const { onStop, run: stop } = createStops(STOP);
  onStop(() => lock.release());
  try {
    const postgres = await startEmbeddedPostgres({
      dataDir: path.join(config.dataDir, 'postgres'),
      log: (line) => log.debug({ postgres: line }),
    });
    onStop(() => postgres.stop());
    await migrate(postgres.url);
    await prepareSample(postgres.url);
    await readSecrets(config.dataDir);
    const sandbox = config.sandbox ? await openSandbox(config) : undefined;
    if (sandbox) onStop(() => sandbox.close());
    return {
      databaseUrl: postgres.url,
      postgres: postgres.process,
      sandboxUrl: sandbox?.url,
      stop,
      async announce(url) {
        sandbox?.setWebhookUrl(`${url}/webhooks/stripe`);
        await lock.announce({ url, sandboxUrl: sandbox?.url });
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** The run of a server on such a ground, with its secrets; stops with the ground. */
export const standOn = async (ground: EmbeddedGround, config: Config): Promise<EmbeddedRun> => {
  const secrets = await readSecrets(config.dataDir);
  const { databaseUrl, sandboxUrl } = ground;
  return {
    ...ground,
    config: {
      ...config,
      databaseUrl,
      outgoingHosts: [...config.outgoingHosts, ...OWN_HOSTS],
      encryption: {
        key: config.encryption.key ?? secrets.encryptionKey,
        next: config.encryption.next ?? secrets.encryptionKeyNext,
      },
      jwt: {
        ...config.jwt,
        secret: config.jwt.secret ?? (config.jwt.jwksUrl === undefined ? secrets.jwtSecret : undefined),
      },
      stripe:
        sandboxUrl === undefined
          ? config.stripe
          : {
              ...config.stripe,
              ...SANDBOX_KEYS,
              webhookSecrets: [...SANDBOX_KEYS.webhookSecrets, ...config.stripe.webhookSecrets],
              apiBase: sandboxUrl,
            },
    },
  };
};

/** Loaded only here: a production server never holds the sandbox. */
const openSandbox = async (config: Config): Promise<Sandbox> => {
  const { startSandbox } = await import('../../sandbox/sandbox.js');
  return listenOnFree(config.sandboxPort, 'SANDBOX_PORT', (port) =>
    startSandbox({
      port,
      isForUs: createHostCheck({ loopbackOnly: true }),
      dataFile: path.join(config.dataDir, 'sandbox.json'),
      webhookSecret: SANDBOX_KEYS.webhookSecrets[0],
    }),
  );
};
