import { DEFAULT_LIMITS, LIMIT_MEANINGS, LIMIT_VARIABLES, type Limits } from '../graphql/limits.js';
import { BATCH_MODES } from '../inbox/event-batches.js';
import {
  basePath,
  choice,
  flag,
  hostNames,
  hosts,
  openFlag,
  origins,
  port,
  secret,
  secrets,
  text,
  url,
  type Variable,
  wholeNumber,
} from './variables.js';

const WEB = ['http:', 'https:'];

/** AES-256's key. */
const ENCRYPTION_KEY_BYTES = 32;

const encryptionKey = (meaning: string): Variable<string | undefined> =>
  secret({
    meaning,
    accepts: (value) => Buffer.from(value, 'base64').length === ENCRYPTION_KEY_BYTES,
    problem: `is not ${ENCRYPTION_KEY_BYTES} bytes in base64`,
    remedy: `Make one with: openssl rand -base64 ${ENCRYPTION_KEY_BYTES}.`,
  });

const DATABASE = {
  DATABASE_URL: url({
    meaning: "your app's PostgreSQL; what it leaves out is read from PGUSER, PGPASSWORD and the like",
    otherwise: 'an embedded run with a database, a sample order table and demo accounts of its own',
    protocols: ['postgres:', 'postgresql:'],
    example: 'postgres://user:password@host:5432/database',
  }),
  DATABASE_POOLER: choice({
    meaning:
      'whether DATABASE_URL leads to a pooler that lends a connection for each transaction (PgBouncer: pool_mode = transaction)',
    choices: ['none', 'transaction'],
    otherwise: 'none',
  }),
  DATABASE_DIRECT_URL: url({
    meaning: 'the way around the pooler, for migrations, locks and the queue of effects',
    otherwise: 'these go through the pooler too',
    protocols: ['postgres:', 'postgresql:'],
    example: 'postgres://user:password@host:5432/database',
  }),
  REDIS_URL: url({
    meaning: 'Redis, needed as soon as two processes serve',
    otherwise: 'one process tells its clients alone',
    protocols: ['redis:', 'rediss:'],
    example: 'redis://127.0.0.1:6379',
  }),
  REDIS_KEY_PREFIX: text({ meaning: 'what stands before every channel and key', otherwise: 'nothing' }),
  REDIS_CLUSTER: flag('whether REDIS_URL is a node of a Redis Cluster; sharded pub/sub is used then', false),
  REDIS_SENTINELS: hosts({
    meaning:
      'Sentinels, as host:port with commas between; the host of REDIS_URL is then the name that they know the Redis by',
    unsetPort: 26379,
  }),
  REDIS_SENTINEL_PASSWORD: secret({ meaning: 'what the Sentinels themselves want', otherwise: 'none' }),
};

const DOORS = {
  HOST: text({ meaning: 'address that the server listens on', otherwise: '127.0.0.1' }),
  PORT: port('port that it listens on; 0: any free one', 4000),
  BASE_PATH: basePath({
    meaning: 'path below which all doors are, for a proxy that hands it on; PUBLIC_URL ends with it then',
    otherwise: 'they are at the root',
  }),
  PUBLIC_URL: url({
    meaning: 'where Stripe and browsers reach this server, with the path below which a proxy has it',
    otherwise: 'the webhook endpoint is yours to register',
    protocols: WEB,
    example: 'https://pay.example',
  }),
  CORS_ORIGINS: origins({
    meaning: 'origins whose pages may call and open sockets, with commas between',
    otherwise: "the server's own alone",
  }),
  REDIRECT_ORIGINS: origins({
    meaning: 'origins that checkout may send people back to, with commas between',
    otherwise: 'those of PUBLIC_URL and CORS_ORIGINS',
  }),
  TOLLGATE_TRUSTED_PROXIES: wholeNumber('own proxies in front, whose x-forwarded-for counts', 0),
  TOLLGATE_METRICS_TOKEN: secret({
    meaning: 'what whoever reads /metrics sends as "authorization: Bearer …"',
    otherwise: 'anyone may read them',
  }),
  TOLLGATE_SOCKET_PING_SECONDS: wholeNumber(
    'seconds between two pings of a socket, so that no proxy takes it for idle',
    12,
  ),
  TOLLGATE_SSE_COMMENT_SECONDS: wholeNumber(
    'seconds between two comments of a stream, for the same; every 12 s there is one anyway; 0: no more than these',
    0,
  ),
  TOLLGATE_INTROSPECTION: openFlag({
    meaning: 'whether anyone may ask for the schema, and names are suggested',
    otherwise: 'true in an embedded run; false with NODE_ENV=production; otherwise callers with a token may ask',
  }),
  TOLLGATE_DOCUMENTS: text({
    meaning: 'a file that lists the documents of your app by id, from "tollgate documents" or your client\'s compiler',
    otherwise: 'no document is known by an id',
  }),
  TOLLGATE_DOCUMENTS_ONLY: flag('whether callers without DOCUMENT_ANY may send what that file lists alone', false),
  TOLLGATE_DOCUMENTS_AUTOMATIC: flag(
    'whether a document that came once with its hash is known by it from then on (automatic persisted queries)',
    false,
  ),
  NODE_ENV: text({
    meaning: 'production: short secrets and embedded runs are refused, and the schema is not told',
  }),
};

const CALLERS = {
  JWT_SECRET: secret({ meaning: "what your app signs its users' tokens with (HS256), at least 32 characters" }),
  JWT_JWKS_URL: url({
    meaning: 'or where the public keys are that open them',
    protocols: WEB,
    example: 'https://login.example/.well-known/jwks.json',
  }),
  JWT_ISSUER: text({ meaning: 'the "iss" that a token must have', otherwise: 'any' }),
  JWT_AUDIENCE: text({ meaning: 'the "aud" that a token must have', otherwise: 'any' }),
  JWT_TRUST_ROLES: openFlag({
    meaning: 'whether the roles that a token names count',
    otherwise: 'false; true in an embedded run',
  }),
  JWT_ROLES_CLAIM: text({
    meaning: 'the claim that names them (a text or a list), or the path to it: realm_access.roles',
    otherwise: 'roles',
  }),
  TOLLGATE_TOKEN_MAX_AGE_SECONDS: wholeNumber(
    'seconds that a token is good after its "iat", whatever it says; 0: as long as it says',
    0,
  ),
};

const STRIPE = {
  STRIPE_SECRET_KEY: secret({
    meaning: 'sk_… or rk_…; wins over what "tollgate configure" stored',
    accepts: (value) => /^(sk|rk)_(test|live)_\w+$/.test(value),
    problem: 'is no secret key',
    remedy: 'Copy the key that starts with sk_test_, sk_live_ or rk_ from Stripe: Developers, API keys.',
  }),
  STRIPE_PUBLISHABLE_KEY: secret({
    meaning: 'pk_…, together with the secret key',
    accepts: (value) => /^pk_(test|live)_\w+$/.test(value),
    problem: 'is no publishable key',
    remedy: 'Copy the key that starts with pk_test_ or pk_live_ from Stripe: Developers, API keys.',
  }),
  STRIPE_WEBHOOK_SECRET: secrets({
    meaning: 'whsec_… of an endpoint of your own; several with commas between while one is rolled',
    otherwise: 'the endpoint that Tollgate registers',
    accepts: (value) => value.startsWith('whsec_'),
    problem: 'holds something that is no signing secret',
    remedy: 'Copy the secret that starts with whsec_ from the endpoint in Stripe; write several with commas between.',
  }),
  STRIPE_API_BASE: url({
    meaning: 'a Stripe-compatible server, as "tollgate sandbox" is one',
    otherwise: 'Stripe itself; the sandbox in an embedded run',
    protocols: WEB,
    example: 'http://127.0.0.1:4010',
  }),
  TOLLGATE_STRIPE_TIMEOUT_MS: wholeNumber(
    'milliseconds that a write may take; a short one makes outcomes unknown',
    30_000,
  ),
  TOLLGATE_ENCRYPTION_KEY: encryptionKey(
    'what stored keys are encrypted with, 32 bytes in base64; they open with it alone',
  ),
  TOLLGATE_ENCRYPTION_KEY_NEW: encryptionKey('the key that replaces it, while it is being rotated'),
};

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const LOG = {
  LOG_LEVEL: choice({ meaning: 'the least that is logged', choices: LOG_LEVELS, otherwise: 'info' }),
  LOG_FORMAT: choice({
    meaning: 'how',
    choices: ['json', 'pretty'],
    otherwise: 'pretty on a terminal, otherwise json',
  }),
};

const WORK = {
  TOLLGATE_FLOWS: text({
    meaning: 'the folder of the callback flows and effects',
    otherwise: '`flows`, where the server is started',
  }),
  TOLLGATE_EVENT_BATCHES: choice({
    meaning:
      'whether webhook events that arrive together share a transaction; auto: while several are under way, always: also a single one',
    choices: BATCH_MODES,
    otherwise: 'auto',
  }),
  TOLLGATE_RECONCILE_MINUTES: wholeNumber('minutes between two reconciliations with Stripe; 0: none', 60),
  TOLLGATE_FOLLOW_EVENTS_SECONDS: wholeNumber(
    'seconds between two looks at the events of Stripe, where no webhook can reach this server; with test keys alone; 0: none. "tollgate dev" looks every two seconds where PUBLIC_URL is unset',
    0,
  ),
  TOLLGATE_EVENT_PAYLOAD_DAYS: wholeNumber('days that payloads of events are kept; 0: for ever', 90),
  TOLLGATE_OUTGOING_HOSTS: hostNames({
    meaning: 'hosts that outgoing webhooks may reach over plain HTTP and at private addresses, with commas between',
    otherwise: 'none: https and public addresses alone; localhost in an embedded run',
  }),
  TOLLGATE_PAYMENT_CUSTOMERS: flag(
    'whether one-off payments of an account are made for its customer at Stripe, who is made where there is none; false: only where a saved method needs it',
    true,
  ),
  TOLLGATE_ONE_TRIAL_PER_ACCOUNT: flag(
    'whether an account gets the trial of a price once; its later recurring payments with that price begin with the first charge',
    false,
  ),
  TOLLGATE_KEEP_UNPAID_INVOICES: flag(
    'whether open invoices of a recurring payment that has ended stay payable, instead of being voided',
    false,
  ),
};

const EMBEDDED = {
  TOLLGATE_DATA_DIR: text({ meaning: 'where an embedded run keeps its data', otherwise: '.tollgate' }),
  SANDBOX_PORT: port('port of its sandbox', 4010),
};

/** Where `tollgate configure` finds what it isn't given as an option. */
export const CONFIGURE = {
  TOLLGATE_CONFIGURE_SECRET_KEY: secret({ meaning: 'its --secret-key' }),
  TOLLGATE_CONFIGURE_PUBLISHABLE_KEY: secret({ meaning: 'its --publishable-key' }),
  TOLLGATE_CONFIGURE_WEBHOOK_SECRET: secret({ meaning: 'its --webhook-secret' }),
};

/** How a limit is read. */
export const limitVariable = (name: keyof Limits): Variable<number> =>
  wholeNumber(LIMIT_MEANINGS[name], DEFAULT_LIMITS[name]);

const limits = (): Readonly<Record<string, Variable<number>>> => {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
  return Object.fromEntries(names.map((name) => [LIMIT_VARIABLES[name], limitVariable(name)]));
};

/** What configures a server and the commands, apart from the limits; read nowhere else. */
export const VARIABLES = { ...DATABASE, ...DOORS, ...CALLERS, ...STRIPE, ...WORK, ...LOG, ...EMBEDDED };

/** Every variable, as its users look for it. */
export const SECTIONS: Readonly<Record<string, Readonly<Record<string, Variable<unknown>>>>> = {
  'Database and Redis': DATABASE,
  Doors: DOORS,
  Callers: CALLERS,
  Stripe: STRIPE,
  'Work in the background': WORK,
  Log: LOG,
  Limits: limits(),
  'Embedded run': EMBEDDED,
  'The command configure': CONFIGURE,
};
