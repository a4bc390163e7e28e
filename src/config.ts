import { isIP } from 'node:net';
import path from 'node:path';
import { DEFAULT_LIMITS, LIMIT_VARIABLES, type Limits } from './graphql/limits.js';
import { ConnectionError, connectionOf } from './storage/connection.js';

/** Everything the environment decides, read once at start. */
export interface Config {
  /** True when DATABASE_URL is unset: the embedded database, a sample order table and demo accounts. */
  readonly embedded: boolean;
  /** True when the embedded run brings its own Stripe. */
  readonly sandbox: boolean;
  readonly production: boolean;
  readonly host: string;
  /** `fixed`: it was asked for, so it must be free; otherwise the next free one serves. */
  readonly port: { readonly number: number; readonly fixed: boolean };
  readonly sandboxPort: { readonly number: number; readonly fixed: boolean };
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly dataDir: string;
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
    /** How long a token is good after it was issued, whatever it says; undefined: as long as it says. */
    readonly maxAgeSeconds: number | undefined;
  };
  readonly publicUrl: string | undefined;
  /** Encrypts what an operator stores; `next` is the key that replaces it while it is being rotated. */
  readonly encryption: { readonly key: string | undefined; readonly next: string | undefined };
  readonly corsOrigins: readonly string[];
  /** Where checkout pages may send people back to. */
  readonly redirectOrigins: readonly string[];
  readonly log: { readonly level: LogLevel; readonly format: 'json' | 'pretty' };
  /** Whether the schema may be asked for. */
  readonly introspection: boolean;
  readonly limits: Partial<Limits>;
  /** How long payloads of events are kept; 0: for ever. */
  readonly eventPayloadDays: number;
  /** Whether the open invoices of a recurring payment that is ended at once stay payable; otherwise they are voided. */
  readonly keepsUnpaidInvoices: boolean;
  /** How far apart scheduled reconciliations are; 0: none. */
  readonly reconcileMinutes: number;
  /** Own proxies in front of the server, whose x-forwarded-for counts. */
  readonly trustedProxies: number;
  /** What is allowed but should be mended, in words. */
  readonly warnings: readonly string[];
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** A variable that stops the start. */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
  readonly remedy: string;
}

/** The environment can't be used; it names every wrong variable at once, and never shows a value. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(({ variable, problem, remedy }) => `${variable} ${problem}. ${remedy}`).join('\n'));
    this.name = 'ConfigError';
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads variables and collects what is wrong with them. */
class Reader {
  readonly problems: ConfigProblem[] = [];
  constructor(private readonly environment: Environment) {}

  /** An empty variable counts as unset, as in most deployment tools. */
  text(variable: string): string | undefined {
    const value = this.environment[variable]?.trim();
    return value === '' ? undefined : value;
  }

  refuse(variable: string, problem: string, remedy: string): undefined {
    this.problems.push({ variable, problem, remedy });
    return undefined;
  }

  port(variable: string, fallback: number): { number: number; fixed: boolean } {
    const value = this.text(variable);
    if (value === undefined) return { number: fallback, fixed: false };
    const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number <= 65_535))
      this.refuse(
        variable,
        'is no port number',
        `Use a number from 0 to 65535 (0: any free one), for example ${fallback}.`,
      );
    return { number, fixed: true };
  }

  url(variable: string, protocols: readonly string[], example: string): string | undefined {
    const value = this.text(variable);
    if (value === undefined) return undefined;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    return url && protocols.includes(url.protocol)
      ? value
      : this.refuse(variable, 'is no address that can be used', `Write it like ${example}.`);
  }

  origins(variable: string): string[] {
    const values = (this.text(variable) ?? '')
      .split(',')
      .map((value) => value.trim())
      .filter(Boolean);
    const origins = values.map((value) => (URL.canParse(value) ? new URL(value).origin : 'null'));
    if (origins.includes('null'))
      this.refuse(
        variable,
        'holds something that is no origin',
        'Write origins with commas between: https://shop.example,https://app.example.',
      );
    return origins;
  }

  wholeNumber(variable: string, fallback: number): number {
    const value = this.text(variable);
    if (value === undefined) return fallback;
    if (!/^\d{1,9}$/.test(value)) this.refuse(variable, 'is no whole number', `Its default is ${fallback}.`);
    return Number(value);
  }

  flag(variable: string, fallback: boolean): boolean {
    const value = this.text(variable);
    if (value !== undefined && value !== 'true' && value !== 'false')
      this.refuse(variable, 'is neither true nor false', 'Use true or false.');
    return value === undefined ? fallback : value === 'true';
  }

  choice<T extends string>(variable: string, choices: readonly T[], fallback: T): T {
    const value = this.text(variable);
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined)
      this.refuse(variable, 'has a value that does not exist', `Use one of: ${choices.join(', ')}.`);
    return found ?? fallback;
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const modeOf = (key: string): string | undefined => /^[a-z]+_(test|live)_/.exec(key)?.[1];

const readStripe = (read: Reader): Config['stripe'] => {
  const secretKey = read.text('STRIPE_SECRET_KEY');
  const publishableKey = read.text('STRIPE_PUBLISHABLE_KEY');
  const webhookSecrets = (read.text('STRIPE_WEBHOOK_SECRET') ?? '')
    .split(',')
    .map((secret) => secret.trim())
    .filter(Boolean);
  if (secretKey !== undefined && !/^(sk|rk)_(test|live)_\w+$/.test(secretKey))
    read.refuse(
      'STRIPE_SECRET_KEY',
      'is no secret key',
      'Copy the key that starts with sk_test_, sk_live_ or rk_ from Stripe: Developers, API keys.',
    );
  if (publishableKey !== undefined && !/^pk_(test|live)_\w+$/.test(publishableKey))
    read.refuse(
      'STRIPE_PUBLISHABLE_KEY',
      'is no publishable key',
      'Copy the key that starts with pk_test_ or pk_live_ from Stripe: Developers, API keys.',
    );
  if ((secretKey === undefined) !== (publishableKey === undefined))
    read.refuse(
      secretKey === undefined ? 'STRIPE_SECRET_KEY' : 'STRIPE_PUBLISHABLE_KEY',
      'is missing',
      'Set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY together, or neither.',
    );
  else if (secretKey !== undefined && publishableKey !== undefined && modeOf(secretKey) !== modeOf(publishableKey))
    read.refuse(
      'STRIPE_PUBLISHABLE_KEY',
      'is of another mode than STRIPE_SECRET_KEY',
      'Use two test keys or two live keys.',
    );
  if (webhookSecrets.some((secret) => !secret.startsWith('whsec_')))
    read.refuse(
      'STRIPE_WEBHOOK_SECRET',
      'holds something that is no signing secret',
      'Copy the secret that starts with whsec_ from the endpoint in Stripe; write several with commas between.',
    );
  const apiBase = read.url('STRIPE_API_BASE', ['http:', 'https:'], 'http://127.0.0.1:4010');
  const timeoutMs = read.wholeNumber('TOLLGATE_STRIPE_TIMEOUT_MS', 30_000);
  return { secretKey, publishableKey, webhookSecrets, apiBase, timeoutMs };
};

/** How to encrypt, and the files that it names. */
const checkConnection = (read: Reader, databaseUrl: string): void => {
  try {
    connectionOf(databaseUrl);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    read.refuse('DATABASE_URL', error.problem, error.remedy);
  }
};

/** RFC 7518, section 3.2: an HS256 key has at least 256 bits. */
const SECRET_LENGTH = 32;

/** AES-256's key. */
const ENCRYPTION_KEY_BYTES = 32;

const readEncryptionKey = (read: Reader, variable: string): string | undefined => {
  const value = read.text(variable);
  if (value !== undefined && Buffer.from(value, 'base64').length !== ENCRYPTION_KEY_BYTES)
    read.refuse(
      variable,
      `is not ${ENCRYPTION_KEY_BYTES} bytes in base64`,
      `Make one with: openssl rand -base64 ${ENCRYPTION_KEY_BYTES}.`,
    );
  return value;
};

const readJwt = (
  read: Reader,
  { embedded, production, serves }: { embedded: boolean; production: boolean; serves: boolean },
  warnings: string[],
): Config['jwt'] => {
  const secret = read.text('JWT_SECRET');
  const jwksUrl = read.url('JWT_JWKS_URL', ['http:', 'https:'], 'https://login.example/.well-known/jwks.json');
  if (secret !== undefined && jwksUrl !== undefined)
    read.refuse(
      'JWT_SECRET',
      'is set together with JWT_JWKS_URL',
      'Set one of them: the secret for HS256, the address for asymmetric tokens.',
    );
  if (secret === undefined && read.text('JWT_JWKS_URL') === undefined && !embedded && serves)
    read.refuse('JWT_SECRET', 'is missing', "Set JWT_SECRET (HS256) or JWT_JWKS_URL to what signs your app's tokens.");
  if (secret !== undefined && secret.length < SECRET_LENGTH) {
    const remedy = `Use at least ${SECRET_LENGTH} characters, for example from: openssl rand -base64 48.`;
    if (production) read.refuse('JWT_SECRET', 'is too short to be safe', remedy);
    else warnings.push(`JWT_SECRET is too short to be safe. ${remedy}`);
  }
  return {
    secret,
    jwksUrl,
    issuer: read.text('JWT_ISSUER'),
    audience: read.text('JWT_AUDIENCE'),
    trustRoles: read.flag('JWT_TRUST_ROLES', embedded),
    maxAgeSeconds: read.wholeNumber('TOLLGATE_TOKEN_MAX_AGE_SECONDS', 0) || undefined,
  };
};

const readLimits = (read: Reader): Partial<Limits> => {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
  const set = names
    .filter((name) => read.text(LIMIT_VARIABLES[name]) !== undefined)
    .map((name) => [name, read.wholeNumber(LIMIT_VARIABLES[name], DEFAULT_LIMITS[name])]);
  return Object.fromEntries(set);
};

/**
 * Reads the environment. `serves`: false for a command, which needs no key for callers' tokens.
 *
 * @throws ConfigError naming every variable that is wrong or missing, with its remedy
 */
export const readConfig = (environment: Environment, isTerminal = false, serves = true): Config => {
  const read = new Reader(environment);
  const warnings: string[] = [];
  const databaseUrl = read.url(
    'DATABASE_URL',
    ['postgres:', 'postgresql:'],
    'postgres://user:password@host:5432/database',
  );
  if (databaseUrl !== undefined) checkConnection(read, databaseUrl);
  const embedded = read.text('DATABASE_URL') === undefined;
  const production = environment['NODE_ENV'] === 'production';
  const host = read.text('HOST') ?? '127.0.0.1';
  if (embedded && !isLoopback(host))
    read.refuse(
      'HOST',
      'is not a loopback address',
      'The embedded run has demo accounts and listens on this machine only: unset HOST, or set DATABASE_URL for a real run.',
    );
  const stripe = readStripe(read);
  const publicUrl = read.url('PUBLIC_URL', ['http:', 'https:'], 'https://pay.example');
  const corsOrigins = read.origins('CORS_ORIGINS');
  const ownOrigins = publicUrl === undefined ? [] : [new URL(publicUrl).origin];
  const config: Config = {
    embedded,
    sandbox: embedded && stripe.secretKey === undefined && stripe.apiBase === undefined,
    production,
    host,
    port: read.port('PORT', 4000),
    sandboxPort: read.port('SANDBOX_PORT', 4010),
    databaseUrl,
    redisUrl: read.url('REDIS_URL', ['redis:', 'rediss:'], 'redis://127.0.0.1:6379'),
    dataDir: path.resolve(read.text('TOLLGATE_DATA_DIR') ?? '.tollgate'),
    stripe,
    jwt: readJwt(read, { embedded, production, serves }, warnings),
    publicUrl,
    encryption: {
      key: readEncryptionKey(read, 'TOLLGATE_ENCRYPTION_KEY'),
      next: readEncryptionKey(read, 'TOLLGATE_ENCRYPTION_KEY_NEW'),
    },
    corsOrigins,
    redirectOrigins:
      read.text('REDIRECT_ORIGINS') === undefined ? [...ownOrigins, ...corsOrigins] : read.origins('REDIRECT_ORIGINS'),
    log: {
      level: read.choice('LOG_LEVEL', LOG_LEVELS, 'info'),
      format: read.choice('LOG_FORMAT', ['json', 'pretty'], isTerminal ? 'pretty' : 'json'),
    },
    introspection: read.flag('TOLLGATE_INTROSPECTION', embedded || !production),
    limits: readLimits(read),
    eventPayloadDays: read.wholeNumber('TOLLGATE_EVENT_PAYLOAD_DAYS', 90),
    keepsUnpaidInvoices: read.flag('TOLLGATE_KEEP_UNPAID_INVOICES', false),
    reconcileMinutes: read.wholeNumber('TOLLGATE_RECONCILE_MINUTES', 60),
    trustedProxies: read.wholeNumber('TOLLGATE_TRUSTED_PROXIES', 0),
    warnings,
  };
  if (read.problems.length > 0) throw new ConfigError(read.problems);
  return config;
};
