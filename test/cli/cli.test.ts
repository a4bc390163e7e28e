import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newKey } from '../doctor/operator-parts.js';
import { createEmptyDatabase, type TestDatabase } from '../harness/postgres.js';
import { startServerProcess } from '../harness/server-process.js';
import { sql } from '../harness/sql.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';
import { runCommand } from './command.js';

const COMMANDS = [
  'start',
  'sandbox',
  'migrate',
  'activate',
  'configure',
  'plan',
  'role',
  'token',
  'doctor',
  'rotate-webhook-secret',
  'rotate-encryption-key',
];

describe('the command line', { timeout: 300_000 }, () => {
  test('lists every command, each with its help, and a wrong one ends with an error on stderr', async () => {
    const { version } = JSON.parse(fs.readFileSync('package.json', 'utf8'));
    expect(await runCommand(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
    const all = await runCommand(['--help']);
    for (const command of COMMANDS) expect(all.stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    const helps = await Promise.all(COMMANDS.slice(0, 4).map((command) => runCommand([command, '--help'])));
    for (const { code, stdout } of helps) {
      expect(code).toBe(0);
      expect(stdout).toContain('Usage: tollgate');
    }
    const wrong = await runCommand(['activat']);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toContain('Did you mean activate');
  });

  test('an environment that is wrong is refused by the variable’s name, without its value', async () => {
    const { code, stderr } = await runCommand(['plan'], {
      DATABASE_URL: 'postgres://127.0.0.1:1/none',
      TOLLGATE_ENCRYPTION_KEY: 'c2hvcnQ=',
    });
    expect(code).toBe(1);
    expect(stderr).toContain('TOLLGATE_ENCRYPTION_KEY is not 32 bytes');
    expect(stderr).not.toContain('c2hvcnQ');
  });

  test('a database that does not answer is told by the variable’s name, with its remedy and without the password', async () => {
    const { code, stderr } = await runCommand(['start'], {
      DATABASE_URL: 'postgres://app:hunter2@127.0.0.1:1/none',
      JWT_SECRET: 'a secret for tests alone, long enough for HS256',
      LOG_LEVEL: 'silent',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^DATABASE_URL leads to no database that lets us in: .*ECONNREFUSED.* Check that the server runs/m,
    );
    expect(stderr).not.toMatch(/hunter2|\n {4}at /);
  });
});

describe('commands on a database of their own', { timeout: 300_000 }, () => {
  let bed: TestBed;
  let empty: TestDatabase;
  const encryptionKey = newKey();
  const environment = (): Record<string, string> => ({
    DATABASE_URL: empty.url,
    STRIPE_API_BASE: bed.sandbox.url,
    PUBLIC_URL: 'https://pay.example',
    TOLLGATE_ENCRYPTION_KEY: encryptionKey,
  });
  const run = (words: readonly string[], input = '') => runCommand(words, environment(), input);
  beforeAll(async () => {
    bed = await openTestBed();
    empty = await createEmptyDatabase();
    await sql(empty.url, 'create table public.booking (ref uuid primary key default gen_random_uuid(), guest text)');
  });
  afterAll(async () => {
    await empty.drop();
    await bed.close();
  });

  test('from an empty database to keys in force, each step said, and never a secret shown', async () => {
    const early = await run(['doctor']);
    expect(early.code).toBe(1);
    expect(early.stdout).toContain('no tables of Tollgate yet. [MIGRATIONS_PENDING]');

    expect(JSON.parse((await run(['migrate', '--json'])).stdout).migrations.length).toBeGreaterThan(0);
    const activate = ['activate', '--yes', '--no-flow-files', '--order-table', 'booking', '--id-column', 'ref'];
    const bound = await run([...activate, '--json']);
    expect(JSON.parse(bound.stdout)).toMatchObject({ tableName: 'public.booking', idType: 'uuid', plan: 'FREE' });
    const other = await run([...activate, '--owner-column', 'guest']);
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain('for good');

    expect((await run(['plan'])).stdout).toBe('FREE\n');
    expect((await run(['plan', 'gold'])).stderr).toContain('There is no plan');
    expect(JSON.parse((await run(['plan', 'pro', '--json'])).stdout)).toEqual({
      plan: 'PRO',
      liveRecurringPayments: 0,
    });

    const missing = await run(['configure'], 'pk_test_sandbox\n');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('The secret key is missing');
    const configured = await run(['configure', '--json'], 'sk_test_sandbox\npk_test_sandbox\n');
    expect(JSON.parse(configured.stdout)).toMatchObject({ livemode: false, endpoint: { outcome: 'made' } });
    const rotated = await run(['rotate-webhook-secret', '--overlap', '2h', '--json']);
    expect(JSON.parse(rotated.stdout)).toMatchObject({ outcome: 'rotated' });

    const doctor = await run(['doctor', '--json']);
    expect(doctor.code).toBe(1);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { title: string; ok: boolean }[] };
    const wrong = checks.filter(({ ok }) => !ok).map(({ title }) => title);
    expect(wrong).toEqual(["callback flows' files", 'PUBLIC_URL']);

    const shown = [configured, rotated, doctor, missing].map(({ stdout, stderr }) => stdout + stderr).join('\n');
    for (const secret of ['sk_test_sandbox', 'whsec_', encryptionKey]) expect(shown).not.toContain(secret);
  });

  test('keys that the environment sets are named, and not replaced', async () => {
    const set = { STRIPE_SECRET_KEY: 'sk_test_sandbox', STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox' };
    const refused = await runCommand(['configure'], { ...environment(), ...set }, 'sk_test_sandbox\npk_test_sandbox\n');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY are set');
    expect(refused.stderr).not.toContain('sk_test_sandbox');
  });

  test('the encryption key is rotated: old and new together, then the new one alone', async () => {
    const alone = await run(['rotate-encryption-key']);
    expect(alone.stderr).toContain('TOLLGATE_ENCRYPTION_KEY_NEW is missing');
    const next = newKey();
    const both = { ...environment(), TOLLGATE_ENCRYPTION_KEY_NEW: next };
    const rotated = await runCommand(['rotate-encryption-key', '--json'], both);
    expect(JSON.parse(rotated.stdout).reencrypted).toBeGreaterThanOrEqual(2);
    const after = await runCommand(['doctor'], { ...environment(), TOLLGATE_ENCRYPTION_KEY: next });
    expect(after.stdout).toContain('ok       encryption key: opens what is stored');
    const old = await run(['doctor']);
    expect(old.stdout).toContain('[ENCRYPTION_KEY]');
  });

  test('roles are granted, revoked, assigned and unassigned', async () => {
    expect((await run(['role', 'grant', 'support', 'payment_read_any'])).stdout).toBe('support: PAYMENT_READ_ANY\n');
    expect((await run(['role', 'grant', 'support', 'nonsense'])).stderr).toContain('There is no permission');
    expect((await run(['role', 'assign', 'eve', 'support'])).stdout).toBe('eve: support\n');
    expect((await run(['role', 'unassign', 'eve', 'support'])).stdout).toBe('eve: no role\n');
    const revoked = await run(['role', 'revoke', 'support', 'PAYMENT_READ_ANY', '--json']);
    expect(JSON.parse(revoked.stdout)).toEqual({ name: 'support', permissions: [] });
  });

  test('a token carries what was asked for, and none is made without a secret', async () => {
    const words = ['token', '--account', 'ann', '--role', 'support', 'admin', '--expires', '30m'];
    const { stdout, stderr } = await runCommand(words, { ...environment(), JWT_SECRET: 'x'.repeat(40) });
    const claims = decodeJwt(stdout.trim());
    expect(claims).toMatchObject({ sub: 'ann', roles: ['support', 'admin'] });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(1_800);
    expect(stderr).toContain('JWT_TRUST_ROLES');
    const without = await run(words);
    expect(without).toMatchObject({ code: 1, stdout: '' });
    expect(without.stderr).toContain('JWT_SECRET');
    const issuer = await runCommand(words, { ...environment(), JWT_JWKS_URL: 'https://login.example/keys' });
    expect(issuer.stderr).toContain('JWT_JWKS_URL');
  });
});

describe('commands on the embedded run', { timeout: 300_000 }, () => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-cli-'));
  const environment = { TOLLGATE_DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0' };
  beforeAll(() => fs.chmodSync(dataDir, 0o755));
  afterAll(() => fs.rmSync(dataDir, { recursive: true, force: true }));

  test('work while it is down, leaving nothing running, and while it is up, without stopping it', async () => {
    const assigned = await runCommand(['role', 'assign', 'eve', 'admin'], environment);
    expect(assigned).toMatchObject({ code: 0, stdout: 'eve: admin\n' });
    expect(fs.existsSync(path.join(dataDir, 'run.json'))).toBe(false);
    expect(fs.existsSync(path.join(dataDir, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);

    const server = await startServerProcess(environment);
    try {
      const unassigned = await runCommand(['role', 'unassign', 'eve', 'admin'], environment);
      expect(unassigned).toMatchObject({ code: 0, stdout: 'eve: no role\n' });
      const doctor = await runCommand(['doctor'], environment);
      expect(doctor.stdout).toContain('All is well.');
      expect(doctor.code).toBe(0);
      const rotation = await runCommand(['rotate-encryption-key'], environment);
      expect(rotation.code).toBe(1);
      expect(rotation.stderr).toContain('Stop it');
      expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    } finally {
      expect(await server.end('SIGTERM')).toBe(0);
    }
    expect((await runCommand(['rotate-encryption-key'], environment)).code).toBe(0);
  });
});
