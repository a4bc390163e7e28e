import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../src/config.js';
import { CONFIGURE, SECTIONS, type VARIABLES } from '../src/environment/environment.js';
import { environmentHelp, environmentPage } from '../src/environment/environment-page.js';

const REAL = { DATABASE_URL: 'postgres://app@db/app', JWT_SECRET: 'x'.repeat(40) };

const problemsOf = (environment: Record<string, string>): string[] => {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable }) => variable);
  }
};

describe('a secret in a file', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-secrets-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  const fileOf = (text: string): string => {
    const file = path.join(folder, String(fs.readdirSync(folder).length));
    fs.writeFileSync(file, text);
    return file;
  };

  test('is read, without the end of its last line and without a warning', () => {
    const config = readConfig({
      DATABASE_URL_FILE: fileOf('postgres://app:word@db/app\n'),
      JWT_SECRET_FILE: fileOf(`${'x'.repeat(40)}\n`),
      STRIPE_WEBHOOK_SECRET_FILE: fileOf('whsec_one,whsec_two\n'),
    });
    expect(config).toMatchObject({
      databaseUrl: 'postgres://app:word@db/app',
      jwt: { secret: 'x'.repeat(40) },
      stripe: { webhookSecrets: ['whsec_one', 'whsec_two'] },
      warnings: [],
    });
  });

  test.each([
    ['that is not there', { ...REAL, TOLLGATE_ENCRYPTION_KEY_FILE: '/nowhere' }, 'TOLLGATE_ENCRYPTION_KEY_FILE'],
    ['that is empty', { ...REAL, TOLLGATE_ENCRYPTION_KEY_FILE: fileOf(' \n') }, 'TOLLGATE_ENCRYPTION_KEY_FILE'],
    ['beside the value', { ...REAL, JWT_SECRET_FILE: fileOf('x'.repeat(40)) }, 'JWT_SECRET_FILE'],
    ['with a wrong value', { ...REAL, REDIS_URL_FILE: fileOf('http://redis') }, 'REDIS_URL'],
  ])('%s stops the start by its name', (_, environment, variable) => {
    expect(problemsOf(environment)).toEqual([variable]);
  });
});

describe('the environment', () => {
  test('empty: an embedded run with the sandbox on the usual ports', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      embedded: true,
      sandbox: true,
      host: '127.0.0.1',
      port: { number: 4000, fixed: false },
      introspection: 'everyone',
    });
  });

  test('with a database nothing is invented', () => {
    expect(readConfig(REAL)).toMatchObject({ embedded: false, sandbox: false, jwt: { trustRoles: false } });
    expect(problemsOf({ DATABASE_URL: 'postgres://db/app' })).toEqual(['JWT_SECRET']);
  });

  test.each([
    [REAL, 'logged_in'],
    [{ ...REAL, TOLLGATE_INTROSPECTION: 'true' }, 'everyone'],
    [{ ...REAL, TOLLGATE_INTROSPECTION: 'false' }, 'nobody'],
    [{ ...REAL, NODE_ENV: 'production' }, 'nobody'],
    [{ ...REAL, NODE_ENV: 'production', TOLLGATE_INTROSPECTION: 'true' }, 'everyone'],
    [{ TOLLGATE_INTROSPECTION: 'false' }, 'nobody'],
  ])('with %j the schema is told to: %s', (environment, introspection) => {
    expect(readConfig(environment).introspection).toBe(introspection);
  });

  test('keys or another Stripe keep the sandbox out of an embedded run', () => {
    const keys = { STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_PUBLISHABLE_KEY: 'pk_test_1' };
    expect(readConfig(keys).sandbox).toBe(false);
    expect(readConfig({ STRIPE_API_BASE: 'http://127.0.0.1:1' }).sandbox).toBe(false);
  });

  test.each([
    [{ PORT: 'http' }, 'PORT'],
    [{ PORT: '70000' }, 'PORT'],
    [{ SANDBOX_PORT: '-1' }, 'SANDBOX_PORT'],
    [{ HOST: '0.0.0.0' }, 'HOST'],
    [{ BASE_PATH: 'payments' }, 'BASE_PATH'],
    [{ BASE_PATH: '/a/../b' }, 'BASE_PATH'],
    [{ BASE_PATH: '/a?b' }, 'BASE_PATH'],
    [{ DATABASE_URL: 'mysql://db' }, 'DATABASE_URL'],
    [{ REDIS_URL: 'http://redis' }, 'REDIS_URL'],
    [{ STRIPE_SECRET_KEY: 'pk_test_1', STRIPE_PUBLISHABLE_KEY: 'pk_test_1' }, 'STRIPE_SECRET_KEY'],
    [{ STRIPE_SECRET_KEY: 'sk_test_1' }, 'STRIPE_PUBLISHABLE_KEY'],
    [{ STRIPE_SECRET_KEY: 'sk_live_1', STRIPE_PUBLISHABLE_KEY: 'pk_test_1' }, 'STRIPE_PUBLISHABLE_KEY'],
    [{ STRIPE_WEBHOOK_SECRET: 'secret' }, 'STRIPE_WEBHOOK_SECRET'],
    [{ STRIPE_API_BASE: 'nowhere' }, 'STRIPE_API_BASE'],
    [{ JWT_SECRET: 'x'.repeat(40), JWT_JWKS_URL: 'https://keys.example' }, 'JWT_SECRET'],
    [{ JWT_TRUST_ROLES: 'yes' }, 'JWT_TRUST_ROLES'],
    [{ CORS_ORIGINS: 'https://a.example,nonsense' }, 'CORS_ORIGINS'],
    [{ PUBLIC_URL: 'pay.example' }, 'PUBLIC_URL'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
    [{ LOG_FORMAT: 'xml' }, 'LOG_FORMAT'],
    [{ TOLLGATE_ENCRYPTION_KEY: 'short' }, 'TOLLGATE_ENCRYPTION_KEY'],
    [{ TOLLGATE_LIMIT_DEPTH: 'deep' }, 'TOLLGATE_LIMIT_DEPTH'],
    [{ NODE_ENV: 'production', JWT_SECRET: 'short' }, 'JWT_SECRET'],
    [{ REDIS_CLUSTER: 'true' }, 'REDIS_CLUSTER'],
    [{ REDIS_URL: 'redis://redis/1', REDIS_CLUSTER: 'true' }, 'REDIS_URL'],
    [{ REDIS_URL: 'redis://redis', REDIS_SENTINELS: 'a:b' }, 'REDIS_SENTINELS'],
    [{ REDIS_URL: 'redis://redis', REDIS_SENTINELS: 'a', REDIS_CLUSTER: 'true' }, 'REDIS_SENTINELS'],
    [{ DATABASE_POOLER: 'session' }, 'DATABASE_POOLER'],
    [{ DATABASE_URL: '', DATABASE_POOLER: 'transaction' }, 'DATABASE_POOLER'],
    [{ DATABASE_DIRECT_URL: 'postgres://db/app' }, 'DATABASE_DIRECT_URL'],
  ])('%o is refused by name', (environment, variable) => {
    expect(problemsOf(environment)).toContain(variable);
  });

  describe('an embedded run, whose demo accounts are open to anyone,', () => {
    const LIVE = { STRIPE_SECRET_KEY: 'sk_live_1', STRIPE_PUBLISHABLE_KEY: 'pk_live_1' };
    const RESTRICTED = { ...LIVE, STRIPE_SECRET_KEY: 'rk_live_1' };
    test.each<[Record<string, string>, string[]]>([
      [LIVE, ['STRIPE_SECRET_KEY', 'STRIPE_PUBLISHABLE_KEY']],
      [RESTRICTED, ['STRIPE_SECRET_KEY', 'STRIPE_PUBLISHABLE_KEY']],
      [{ NODE_ENV: 'production' }, ['DATABASE_URL']],
      [{ PUBLIC_URL: 'https://pay.example' }, ['PUBLIC_URL']],
      [{ PUBLIC_URL: 'http://192.168.1.5:4000' }, ['PUBLIC_URL']],
      [{ PUBLIC_URL: 'http://localhost.example' }, ['PUBLIC_URL']],
      [{ PUBLIC_URL: 'http://127.0.0.1.example' }, ['PUBLIC_URL']],
      [{ ...LIVE, STRIPE_API_BASE: 'http://127.0.0.1:1' }, ['STRIPE_SECRET_KEY', 'STRIPE_PUBLISHABLE_KEY']],
    ])('does not start with %o', (environment, variables) => {
      expect(problemsOf(environment)).toEqual(variables);
      expect(() => readConfig(environment)).toThrow(/Set (it|DATABASE_URL) for a real run/);
      expect(problemsOf({ ...REAL, ...environment })).toEqual([]);
    });

    test.each([
      { PUBLIC_URL: 'http://localhost:4000' },
      { PUBLIC_URL: 'http://127.0.0.1:4000/pay' },
      { PUBLIC_URL: 'http://[::1]:4000' },
      { HOST: '127.0.0.2' },
      { STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_PUBLISHABLE_KEY: 'pk_test_1' },
    ])('starts with %o', (environment) => {
      expect(problemsOf(environment)).toEqual([]);
    });
  });

  test('live events are told by webhooks alone: following them is refused', () => {
    const follow = { ...REAL, TOLLGATE_FOLLOW_EVENTS_SECONDS: '2' };
    const keys = (mode: string) => ({ STRIPE_SECRET_KEY: `sk_${mode}_1`, STRIPE_PUBLISHABLE_KEY: `pk_${mode}_1` });
    expect(problemsOf({ ...follow, ...keys('live') })).toEqual(['TOLLGATE_FOLLOW_EVENTS_SECONDS']);
    expect(problemsOf({ ...follow, ...keys('test') })).toEqual([]);
  });

  test('every wrong variable is named at once, with its remedy and without its value', () => {
    const environment = { PORT: 'x-port', REDIS_URL: 'x-redis', STRIPE_SECRET_KEY: 'x-secret' };
    expect(() => readConfig(environment)).toThrow(/PORT .*\n(.*\n)*.*REDIS_URL|STRIPE_SECRET_KEY/);
    const message = String(
      (() => {
        try {
          readConfig(environment);
          return '';
        } catch (error) {
          return error;
        }
      })(),
    );
    for (const value of Object.values(environment)) expect(message).not.toContain(value);
  });
});

const manifestFile = (content: string): string => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-manifest-')), 'documents.json');
  fs.writeFileSync(file, content);
  return file;
};

describe('the manifest of documents', () => {
  test('is read at the start; what is wrong with it is a problem of its variable', () => {
    const good = manifestFile('{"key": "{ publishableKey }"}');
    expect(readConfig({ ...REAL, TOLLGATE_DOCUMENTS: good }).documents.manifest?.get('key')).toBe('{ publishableKey }');
    for (const file of [manifestFile('nonsense'), manifestFile('{}'), '/nowhere/documents.json'])
      expect(problemsOf({ ...REAL, TOLLGATE_DOCUMENTS: file })).toEqual(['TOLLGATE_DOCUMENTS']);
  });

  test('must be there where nothing else may be sent', () => {
    expect(problemsOf({ ...REAL, TOLLGATE_DOCUMENTS_ONLY: 'true' })).toEqual(['TOLLGATE_DOCUMENTS_ONLY']);
  });
});

describe('the table of variables', () => {
  const MANIFEST_FILE = manifestFile('{"key": "{ publishableKey }"}');
  const KEY = Buffer.alloc(32, 1).toString('base64');
  /** For each variable a value that isn't what holds without it; the others that it needs. */
  const SAMPLES: Record<keyof typeof VARIABLES, string> & Record<string, string> = {
    DATABASE_URL: 'postgres://other@db/app',
    DATABASE_POOLER: 'transaction',
    DATABASE_DIRECT_URL: 'postgres://direct@db/app',
    REDIS_URL: 'redis://redis',
    REDIS_KEY_PREFIX: 'shop:',
    REDIS_CLUSTER: 'true',
    REDIS_SENTINELS: '10.0.0.1,[::1]:1',
    REDIS_SENTINEL_PASSWORD: 'a password',
    TOLLGATE_EVENT_BATCHES: 'always',
    HOST: '0.0.0.0',
    PORT: '1',
    BASE_PATH: '/payments',
    PUBLIC_URL: 'https://pay.example',
    CORS_ORIGINS: 'https://a.example',
    REDIRECT_ORIGINS: 'https://b.example',
    TOLLGATE_TRUSTED_PROXIES: '1',
    TOLLGATE_INTROSPECTION: 'false',
    TOLLGATE_DOCUMENTS: MANIFEST_FILE,
    TOLLGATE_DOCUMENTS_ONLY: 'true',
    TOLLGATE_DOCUMENTS_AUTOMATIC: 'true',
    TOLLGATE_METRICS_TOKEN: 'a token',
    TOLLGATE_SOCKET_PING_SECONDS: '7',
    TOLLGATE_SSE_COMMENT_SECONDS: '7',
    NODE_ENV: 'production',
    JWT_SECRET: 'y'.repeat(40),
    JWT_JWKS_URL: 'https://keys.example',
    JWT_ISSUER: 'issuer',
    JWT_AUDIENCE: 'audience',
    JWT_TRUST_ROLES: 'true',
    JWT_ROLES_CLAIM: 'realm_access.roles',
    TOLLGATE_TOKEN_MAX_AGE_SECONDS: '60',
    STRIPE_SECRET_KEY: 'sk_test_1',
    STRIPE_PUBLISHABLE_KEY: 'pk_test_1',
    STRIPE_WEBHOOK_SECRET: 'whsec_1,whsec_2',
    STRIPE_API_BASE: 'http://127.0.0.1:1',
    TOLLGATE_STRIPE_TIMEOUT_MS: '1',
    TOLLGATE_ENCRYPTION_KEY: KEY,
    TOLLGATE_ENCRYPTION_KEY_NEW: KEY,
    TOLLGATE_RECONCILE_MINUTES: '1',
    TOLLGATE_FOLLOW_EVENTS_SECONDS: '2',
    TOLLGATE_EVENT_PAYLOAD_DAYS: '1',
    TOLLGATE_OUTGOING_HOSTS: 'hooks.internal, 10.0.0.7',
    TOLLGATE_PAYMENT_CUSTOMERS: 'false',
    TOLLGATE_KEEP_UNPAID_INVOICES: 'true',
    TOLLGATE_ONE_TRIAL_PER_ACCOUNT: 'true',
    LOG_LEVEL: 'warn',
    LOG_FORMAT: 'pretty',
    TOLLGATE_DATA_DIR: 'elsewhere',
    TOLLGATE_FLOWS: 'elsewhere',
    SANDBOX_PORT: '1',
  };
  const PARTNERS: Record<string, Record<string, string>> = {
    DATABASE_DIRECT_URL: { DATABASE_POOLER: 'transaction' },
    REDIS_KEY_PREFIX: { REDIS_URL: 'redis://redis' },
    REDIS_CLUSTER: { REDIS_URL: 'redis://redis' },
    REDIS_SENTINELS: { REDIS_URL: 'redis://redis' },
    REDIS_SENTINEL_PASSWORD: { REDIS_URL: 'redis://redis' },
    JWT_JWKS_URL: { JWT_SECRET: '' },
    JWT_ROLES_CLAIM: { JWT_TRUST_ROLES: 'true' },
    TOLLGATE_DOCUMENTS_ONLY: { TOLLGATE_DOCUMENTS: MANIFEST_FILE },
    STRIPE_SECRET_KEY: { STRIPE_PUBLISHABLE_KEY: 'pk_test_1' },
    STRIPE_PUBLISHABLE_KEY: { STRIPE_SECRET_KEY: 'sk_test_1' },
  };
  const names = Object.values(SECTIONS).flatMap((variables) => Object.keys(variables));
  const limits = names.filter((name) => name.startsWith('TOLLGATE_LIMIT_'));
  const commands = Object.keys(CONFIGURE);

  test('holds every variable that decides something, and none that decides nothing', () => {
    expect([...Object.keys(SAMPLES), ...limits, ...commands].sort()).toEqual([...names].sort());
    for (const name of [...Object.keys(SAMPLES), ...limits]) {
      const environment = { ...REAL, ...PARTNERS[name], [name]: SAMPLES[name] ?? '7' };
      expect(readConfig(environment), name).not.toEqual(readConfig(REAL));
    }
  });

  test('is what the docs and the help of start print', () => {
    expect(fs.readFileSync(new URL('../docs/environment.md', import.meta.url), 'utf8')).toBe(environmentPage());
    const help = environmentHelp();
    for (const name of names) {
      expect(environmentPage()).toContain(`| \`${name}\` |`);
      expect(help).toMatch(new RegExp(`^  ${name}$`, 'm'));
    }
    for (const variables of Object.values(SECTIONS))
      for (const { meaning } of Object.values(variables)) expect(help).toContain(meaning);
  });

  test('is the only way to the environment', () => {
    const src = path.join(import.meta.dirname, '..', 'src');
    const files = fs.readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const read = files.flatMap((file) =>
      [
        ...fs
          .readFileSync(path.join(src, file), 'utf8')
          .matchAll(/(?:process\.env|environment|env)(?:\.|\[')([A-Z][A-Z_]+)\b/g),
      ].map(([, name]) => name),
    );
    const system = ['PATH', 'HOME'];
    expect(read.filter((name) => name !== undefined && ![...names, ...system].includes(name))).toEqual([]);
  });

  test('names the nearest variable for one that is not known, and tells no value', () => {
    const { warnings } = readConfig({
      ...REAL,
      CORS_ORIGIN: 'v-1',
      TOLLGATE_ENCRYPTON_KEY: 'v-2',
      tollgate_trusted_proxies: 'v-3',
      JWT_ALGORITHM: 'v-4',
      STRIPE_API_KEY: 'v-5',
      // not ours
      TOLLGATE_PORT_4000_TCP: 'tcp://10.0.0.1:4000',
      TOLLGATE_SERVICE_HOST: '10.0.0.1',
      HOSTNAME: 'db-1',
      POST: 'x',
    });
    expect(warnings).toEqual([
      expect.stringMatching(/^CORS_ORIGIN is not .* Did you mean CORS_ORIGINS\?$/),
      expect.stringMatching(/^TOLLGATE_ENCRYPTON_KEY is not .* Did you mean TOLLGATE_ENCRYPTION_KEY\?$/),
      expect.stringMatching(/^tollgate_trusted_proxies is not .* Did you mean TOLLGATE_TRUSTED_PROXIES\?$/),
      expect.stringMatching(/^JWT_ALGORITHM is not .* The nearest is JWT_\w+;/),
      expect.stringMatching(/^STRIPE_API_KEY is not .* The nearest is STRIPE_\w+;/),
    ]);
    expect(warnings.join()).not.toMatch(/v-\d/);
    expect(() => readConfig({ DATABASE_URL: REAL.DATABASE_URL, JWT_SECRT: 'x' })).toThrow(/Did you mean JWT_SECRET\?/);
  });

  test('white space around a key is left out, and told', () => {
    const { stripe, warnings } = readConfig({
      ...REAL,
      STRIPE_SECRET_KEY: ' sk_test_1\n',
      STRIPE_PUBLISHABLE_KEY: 'pk_test_1 ',
      STRIPE_WEBHOOK_SECRET: ' whsec_1 , whsec_2',
    });
    expect(stripe).toMatchObject({ secretKey: 'sk_test_1', publishableKey: 'pk_test_1' });
    expect(stripe.webhookSecrets).toEqual(['whsec_1', 'whsec_2']);
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatch(/^STRIPE_SECRET_KEY has white space around it/);
  });
});
