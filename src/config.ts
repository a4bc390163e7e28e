import fs from 'node:fs';
import path from 'node:path';
import { limitVariable, VARIABLES } from './environment/environment.js';
import { misspelt } from './environment/misspelt.js';
import { withSecretFiles } from './environment/secret-files.js';
import { type Port, UnreadableError, type Variable } from './environment/variables.js';
import type { DocumentRules } from './graphql/documents.js';
import type { Introspection } from './graphql/introspection.js';
import { DEFAULT_LIMITS, LIMIT_VARIABLES, type Limits } from './graphql/limits.js';
import { type Manifest, ManifestError, readManifest } from './graphql/manifest.js';
import { isLoopback } from './http/hosts.js';
import type { BatchMode } from './inbox/event-batches.js';
import type { RedisAddress } from './outbox/redis-address.js';
import { ConnectionError, connectionOf, lentAddress } from './storage/connection.js';

/** Everything the environment decides, read once at start. */
export interface Config {
  /** True when DATABASE_URL is unset: the embedded database, a sample order table and demo accounts. */
  readonly embedded: boolean;
  /** True when the embedded run brings its own Stripe. */
  readonly sandbox: boolean;
  readonly production: boolean;
  readonly host: string;
  readonly port: Port;
  /** All doors are below it; empty: at the root. */
  readonly basePath: string;
  readonly sandboxPort: Port;
  /** Says so where a pooler lends its connections (`lentAddress`). */
  readonly databaseUrl: string | undefined;
  /** For what belongs to a session: locks, the queue, migrations. The same as `databaseUrl` unless told. */
  readonly directUrl: string | undefined;
  /** What tells other processes, and how it is reached; undefined: nobody is told. */
  readonly redis: RedisAddress | undefined;
  readonly dataDir: string;
  /** Where the developer's flows and effects are. */
  readonly flowFolder: string;
  readonly stripe: {
    readonly secretKey: string | undefined;
    readonly publishableKey: string | undefined;
    readonly webhookSecrets: readonly string[];
    readonly apiBase: string | undefined;
    /** How long a write may take, in milliseconds; a short one makes outcomes unknown. */
    readonly timeoutMs: number;
  };
  readonly jwt: {
    readonly secret: string | undefined;
    readonly jwksUrl: string | undefined;
    readonly issuer: string | undefined;
    readonly audience: string | undefined;
    readonly trustRoles: boolean;
    /** The claim that holds them, or the path to it. */
    readonly rolesClaim: string | undefined;
    /** How long a token is good after it was issued, whatever it says; undefined: as long as it says. */
    readonly maxAgeSeconds: number | undefined;
  };
  readonly publicUrl: string | undefined;
  /** Encrypts what an operator stores; `next` is the key that replaces it while it is being rotated. */
  readonly encryption: { readonly key: string | undefined; readonly next: string | undefined };
  readonly corsOrigins: readonly string[];
  /** Where checkout pages may send people back to. */
  readonly redirectOrigins: readonly string[];
  readonly log: { readonly level: NonNullable<Values['LOG_LEVEL']>; readonly format: 'json' | 'pretty' };
  /** What opens /metrics; undefined: anyone may read them. */
  readonly metricsToken: string | undefined;
  /** How often open connections are kept from looking idle, in seconds. */
  readonly keepAlive: { readonly socketSeconds: number; readonly streamSeconds: number };
  /** Whom the schema is told. */
  readonly introspection: Introspection;
  /** Which documents callers may send. */
  readonly documents: DocumentRules;
  readonly limits: Partial<Limits>;
  /** How long payloads of events are kept; 0: for ever. */
  readonly eventPayloadDays: number;
  /** Whether the open invoices of a recurring payment that is ended at once stay payable; otherwise they are voided. */
  readonly keepsUnpaidInvoices: boolean;
  /** Whether an account gets the trial of a price once. */
  readonly oneTrialPerAccount: boolean;
  /** Whether one-off payments are made for the account's customer at Stripe. */
  readonly paymentCustomers: boolean;
  /** Hosts that outgoing webhooks may reach over plain HTTP and at private addresses. */
  readonly outgoingHosts: readonly string[];
  /** How far apart scheduled reconciliations are; 0: none. */
  readonly reconcileMinutes: number;
  /** How far apart two looks at the events of Stripe are, in test mode; 0: webhooks alone tell of them. */
  readonly followSeconds: number;
  /** Whether webhook events share transactions. */
  readonly eventBatches: BatchMode;
  /** Own proxies in front of the server, whose x-forwarded-for counts. */
  readonly trustedProxies: number;
  /** What is allowed but should be mended, in words. */
  readonly warnings: readonly string[];
}

/** A variable that stops the start. */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
  readonly remedy: string;
}

/** The environment can't be used; it names every wrong variable at once, and never shows a value. */
export class ConfigError extends Error {
  constructor(
    readonly problems: readonly ConfigProblem[],
    warnings: readonly string[] = [],
  ) {
    super(
      [...problems.map(({ variable, problem, remedy }) => `${variable} ${problem}. ${remedy}`), ...warnings].join('\n'),
    );
    this.name = 'ConfigError';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

type ValuesOf<V> = { readonly [K in keyof V]: V[K] extends Variable<infer T> ? T : never };

/** The environment, each variable parsed on its own. */
type Values = ValuesOf<typeof VARIABLES>;

/** Reads variables and collects what is wrong with them. */
class Reader {
  readonly problems: ConfigProblem[] = [];
  readonly warnings: string[] = [];
  constructor(private readonly environment: Environment) {}

  /** An empty variable counts as unset, as in most deployment tools. */
  isSet(name: string): boolean {
    return this.textOf(name) !== '';
  }

  refuse(variable: string, problem: string, remedy: string): undefined {
    this.problems.push({ variable, problem, remedy });
    return undefined;
  }

  /** What is wrong with the value becomes a problem, and it counts as unset. */
  one<T>(name: string, variable: Variable<T>): T {
    const text = this.textOf(name);
    if (text === '') return variable.unset;
    if (variable.secret && text !== this.environment[name])
      this.warnings.push(`${name} has white space around it, which is left out. Set it without.`);
    try {
      return variable.read(text);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      this.refuse(name, error.problem, error.remedy);
      return variable.unset;
    }
  }

  all<V extends Readonly<Record<string, Variable<unknown>>>>(variables: V): ValuesOf<V> {
    const values = Object.entries(variables).map(([name, variable]) => [name, this.one(name, variable)]);
    return Object.fromEntries(values) as ValuesOf<V>; // each name with what its own variable reads
  }

  private textOf(name: string): string {
    return this.environment[name]?.trim() ?? '';
  }
}

const modeOf = (key: string): string | undefined => /^[a-z]+_(test|live)_/.exec(key)?.[1];

const readStripe = (read: Reader, values: Values): Config['stripe'] => {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_PUBLISHABLE_KEY: publishableKey } = values;
  const has = { secretKey: read.isSet('STRIPE_SECRET_KEY'), publishableKey: read.isSet('STRIPE_PUBLISHABLE_KEY') };
  if (has.secretKey !== has.publishableKey)
    read.refuse(
      has.secretKey ? 'STRIPE_PUBLISHABLE_KEY' : 'STRIPE_SECRET_KEY',
      'is missing',
      'Set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY together, or neither.',
    );
  else if (secretKey !== undefined && publishableKey !== undefined && modeOf(secretKey) !== modeOf(publishableKey))
    read.refuse(
      'STRIPE_PUBLISHABLE_KEY',
      'is of another mode than STRIPE_SECRET_KEY',
      'Use two test keys or two live keys.',
    );
  return {
    secretKey,
    publishableKey,
    webhookSecrets: values.STRIPE_WEBHOOK_SECRET,
    apiBase: values.STRIPE_API_BASE,
    timeoutMs: values.TOLLGATE_STRIPE_TIMEOUT_MS,
  };
};

/** How to encrypt, and the files that it names. */
const checkConnection = (read: Reader, variable: string, address: string): void => {
  try {
    connectionOf(address);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    read.refuse(variable, error.problem, error.remedy);
  }
};

/** By way of a pooler where one is told of, and around it. */
const readDatabase = (read: Reader, values: Values): Pick<Config, 'databaseUrl' | 'directUrl'> => {
  const { DATABASE_URL: address, DATABASE_DIRECT_URL: direct, DATABASE_POOLER: pooler } = values;
  for (const [name, each] of [
    ['DATABASE_URL', address],
    ['DATABASE_DIRECT_URL', direct],
  ] as const)
    if (each !== undefined) checkConnection(read, name, each);
  if (direct !== undefined && pooler !== 'transaction')
    read.refuse(
      'DATABASE_DIRECT_URL',
      'is set without a pooler to go around',
      'Set DATABASE_POOLER=transaction as well, or unset it.',
    );
  if (pooler === 'transaction' && address === undefined && !read.isSet('DATABASE_URL'))
    read.refuse('DATABASE_POOLER', 'is set without DATABASE_URL', 'Set DATABASE_URL to the address of the pooler.');
  const databaseUrl = pooler === 'transaction' && address !== undefined ? lentAddress(address) : address;
  return { databaseUrl, directUrl: direct ?? databaseUrl };
};

const readRedis = (read: Reader, values: Values): RedisAddress | undefined => {
  const { REDIS_URL: url, REDIS_CLUSTER: cluster, REDIS_SENTINELS: sentinels } = values;
  if (url === undefined) {
    for (const name of ['REDIS_CLUSTER', 'REDIS_SENTINELS', 'REDIS_KEY_PREFIX'] as const)
      if (read.isSet(name) && !read.isSet('REDIS_URL'))
        read.refuse(name, 'is set without REDIS_URL', 'Set REDIS_URL as well.');
    return undefined;
  }
  if (cluster && sentinels)
    read.refuse(
      'REDIS_SENTINELS',
      'is set together with REDIS_CLUSTER',
      'A cluster has no Sentinels: set one of them.',
    );
  if (cluster && Number(new URL(url).pathname.slice(1)) > 0)
    read.refuse('REDIS_URL', 'names a database by number, and a cluster has one only', 'Leave the number away.');
  return {
    url,
    keyPrefix: values.REDIS_KEY_PREFIX,
    cluster,
    sentinels,
    sentinelPassword: values.REDIS_SENTINEL_PASSWORD,
  };
};

/** RFC 7518, section 3.2: an HS256 key has at least 256 bits. */
const SECRET_LENGTH = 32;

interface Run {
  readonly embedded: boolean;
  readonly production: boolean;
  /** False for a command, which needs no key for callers' tokens. */
  readonly serves: boolean;
}

const readJwt = (read: Reader, values: Values, { embedded, production, serves }: Run): Config['jwt'] => {
  const { JWT_SECRET: secret, JWT_JWKS_URL: jwksUrl } = values;
  if (secret !== undefined && jwksUrl !== undefined)
    read.refuse(
      'JWT_SECRET',
      'is set together with JWT_JWKS_URL',
      'Set one of them: the secret for HS256, the address for asymmetric tokens.',
    );
  if (secret === undefined && !read.isSet('JWT_JWKS_URL') && !embedded && serves)
    read.refuse('JWT_SECRET', 'is missing', "Set JWT_SECRET (HS256) or JWT_JWKS_URL to what signs your app's tokens.");
  if (values.JWT_ROLES_CLAIM !== undefined && !(values.JWT_TRUST_ROLES ?? embedded))
    read.refuse(
      'JWT_ROLES_CLAIM',
      'is set, and roles of tokens do not count',
      'Set JWT_TRUST_ROLES=true as well, or unset it.',
    );
  if (secret !== undefined && secret.length < SECRET_LENGTH) {
    const remedy = `Use at least ${SECRET_LENGTH} characters, for example from: openssl rand -base64 48.`;
    if (production) read.refuse('JWT_SECRET', 'is too short to be safe', remedy);
    else read.warnings.push(`JWT_SECRET is too short to be safe. ${remedy}`);
  }
  return {
    secret,
    jwksUrl,
    issuer: values.JWT_ISSUER,
    audience: values.JWT_AUDIENCE,
    trustRoles: values.JWT_TRUST_ROLES ?? embedded,
    rolesClaim: values.JWT_ROLES_CLAIM,
    maxAgeSeconds: values.TOLLGATE_TOKEN_MAX_AGE_SECONDS || undefined,
  };
};

const readLimits = (read: Reader): Partial<Limits> => {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
  return Object.fromEntries(names.map((name) => [name, read.one(LIMIT_VARIABLES[name], limitVariable(name))]));
};

/** By default callers without a token may not, and in production nobody. */
const introspectionOf = (
  said: boolean | undefined,
  { embedded, production }: Pick<Run, 'embedded' | 'production'>,
): Introspection => {
  if (said ?? embedded) return 'everyone';
  return said === false || production ? 'nobody' : 'logged_in';
};

const readManifestFile = (read: Reader, file: string): Manifest | undefined => {
  const refuse = (problem: string, remedy: string) => read.refuse('TOLLGATE_DOCUMENTS', problem, remedy);
  let json: string;
  try {
    json = fs.readFileSync(file, 'utf8');
  } catch {
    return refuse('names a file that can not be read', 'Write one with "tollgate documents", and name it.');
  }
  try {
    return readManifest(json);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    return refuse(error.problem, error.remedy);
  }
};

const readDocuments = (read: Reader, values: Values): DocumentRules => {
  const { TOLLGATE_DOCUMENTS: file, TOLLGATE_DOCUMENTS_ONLY: only, TOLLGATE_DOCUMENTS_AUTOMATIC: automatic } = values;
  if (only && file === undefined)
    read.refuse('TOLLGATE_DOCUMENTS_ONLY', 'is set without a manifest', 'Set TOLLGATE_DOCUMENTS to it as well.');
  return { manifest: file === undefined ? undefined : readManifestFile(read, file), only, automatic };
};

const originOf = (address: string | undefined): string[] => (address === undefined ? [] : [new URL(address).origin]);

/** An embedded run gives anyone who asks the token of an administrator: it must hold nobody's money, and not be public. */
const refuseDemoInPublic = (
  read: Reader,
  { stripe, publicUrl, production }: Pick<Config, 'stripe' | 'publicUrl' | 'production'>,
): void => {
  const why = 'without DATABASE_URL this is an embedded run, whose demo accounts are open to anyone';
  for (const [variable, key] of [
    ['STRIPE_SECRET_KEY', stripe.secretKey],
    ['STRIPE_PUBLISHABLE_KEY', stripe.publishableKey],
  ] as const)
    if (key !== undefined && modeOf(key) === 'live')
      read.refuse(variable, `is a live key, and ${why}`, 'Set DATABASE_URL for a real run, or use test keys.');
  if (production)
    read.refuse(
      'DATABASE_URL',
      `is missing with NODE_ENV=production: ${why}`,
      'Set it for a real run, or unset NODE_ENV.',
    );
  if (publicUrl !== undefined && !isLoopback(new URL(publicUrl).hostname))
    read.refuse(
      'PUBLIC_URL',
      `leads here from other machines, and ${why}`,
      'Set DATABASE_URL for a real run, or unset PUBLIC_URL.',
    );
};

/**
 * Reads the environment, each variable as the table in environment.ts says. `serves`: false for a command, which needs no
 * key for callers' tokens.
 *
 * @throws ConfigError naming every variable that is wrong or missing, with its remedy
 */
export const readConfig = (environment: Environment, isTerminal = false, serves = true): Config => {
  const files = withSecretFiles(environment);
  const read = new Reader(files.environment);
  read.problems.push(...files.problems);
  const values = read.all(VARIABLES);
  const embedded = !read.isSet('DATABASE_URL');
  const production = values.NODE_ENV === 'production';
  const host = values.HOST ?? '127.0.0.1';
  if (embedded && !isLoopback(host))
    read.refuse(
      'HOST',
      'is not a loopback address',
      'The embedded run has demo accounts and listens on this machine only: unset HOST, or set DATABASE_URL for a real run.',
    );
  const stripe = readStripe(read, values);
  if (
    values.TOLLGATE_FOLLOW_EVENTS_SECONDS > 0 &&
    stripe.secretKey !== undefined &&
    modeOf(stripe.secretKey) === 'live'
  )
    read.refuse(
      'TOLLGATE_FOLLOW_EVENTS_SECONDS',
      'is set together with a live key',
      'Unset it: webhooks tell of live payments, and reconciliation of what they missed.',
    );
  if (embedded && serves) refuseDemoInPublic(read, { stripe, publicUrl: values.PUBLIC_URL, production });
  const corsOrigins = values.CORS_ORIGINS ?? [];
  const config: Config = {
    embedded,
    sandbox: embedded && stripe.secretKey === undefined && stripe.apiBase === undefined,
    production,
    host,
    port: values.PORT,
    basePath: values.BASE_PATH,
    sandboxPort: values.SANDBOX_PORT,
    ...readDatabase(read, values),
    redis: readRedis(read, values),
    dataDir: path.resolve(values.TOLLGATE_DATA_DIR ?? '.tollgate'),
    flowFolder: path.resolve(values.TOLLGATE_FLOWS ?? 'flows'),
    stripe,
    jwt: readJwt(read, values, { embedded, production, serves }),
    publicUrl: values.PUBLIC_URL,
    encryption: { key: values.TOLLGATE_ENCRYPTION_KEY, next: values.TOLLGATE_ENCRYPTION_KEY_NEW },
    corsOrigins,
    redirectOrigins: values.REDIRECT_ORIGINS ?? [...originOf(values.PUBLIC_URL), ...corsOrigins],
    log: { level: values.LOG_LEVEL ?? 'info', format: values.LOG_FORMAT ?? (isTerminal ? 'pretty' : 'json') },
    metricsToken: values.TOLLGATE_METRICS_TOKEN,
    keepAlive: {
      socketSeconds: Math.max(1, values.TOLLGATE_SOCKET_PING_SECONDS),
      streamSeconds: values.TOLLGATE_SSE_COMMENT_SECONDS,
    },
    introspection: introspectionOf(values.TOLLGATE_INTROSPECTION, { embedded, production }),
    documents: readDocuments(read, values),
    limits: readLimits(read),
    eventPayloadDays: values.TOLLGATE_EVENT_PAYLOAD_DAYS,
    keepsUnpaidInvoices: values.TOLLGATE_KEEP_UNPAID_INVOICES,
    oneTrialPerAccount: values.TOLLGATE_ONE_TRIAL_PER_ACCOUNT,
    paymentCustomers: values.TOLLGATE_PAYMENT_CUSTOMERS,
    followSeconds: values.TOLLGATE_FOLLOW_EVENTS_SECONDS,
    outgoingHosts: values.TOLLGATE_OUTGOING_HOSTS,
    reconcileMinutes: values.TOLLGATE_RECONCILE_MINUTES,
    eventBatches: values.TOLLGATE_EVENT_BATCHES ?? 'auto',
    trustedProxies: values.TOLLGATE_TRUSTED_PROXIES,
    warnings: [...read.warnings, ...misspelt(environment)],
  };
  if (read.problems.length > 0) throw new ConfigError(read.problems, config.warnings);
  return config;
};
