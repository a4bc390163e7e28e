import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../src/config.js';

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

describe('the environment', () => {
  test('empty: an embedded run with the sandbox on the usual ports', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      embedded: true,
      sandbox: true,
      host: '127.0.0.1',
      port: { number: 4000, fixed: false },
      introspection: true,
    });
  });

  test('with a database nothing is invented', () => {
    expect(readConfig(REAL)).toMatchObject({ embedded: false, sandbox: false, jwt: { trustRoles: false } });
    expect(problemsOf({ DATABASE_URL: 'postgres://db/app' })).toEqual(['JWT_SECRET']);
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
  ])('%o is refused by name', (environment, variable) => {
    expect(problemsOf(environment)).toContain(variable);
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
