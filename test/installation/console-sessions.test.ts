import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SIGN_IN } from '../../src/graphql/console-session.js';
import { type CodeRequest, createConsoleSessions } from '../../src/installation/console-sessions.js';
import { createDatabase } from '../../src/storage/database.js';
import { runCommand } from '../cli/command.js';
import { ask, pay } from '../harness/payments.js';
import { type As, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

let bed: TestBed;
let server: Server;
/** One whose callers' tokens are an issuer's, so that the server could sign none, and that runs an app's listed documents alone. */
let withIssuer: Server;
const folder = mkdtempSync(path.join(os.tmpdir(), 'tollgate-console-'));
beforeAll(async () => {
  bed = await openTestBed();
  const manifest = path.join(folder, 'documents.json');
  writeFileSync(manifest, JSON.stringify({ key: '{ publishableKey }' }));
  withIssuer = await bed.start({
    environment: {
      JWT_SECRET: '',
      JWT_JWKS_URL: 'http://127.0.0.1:9/keys',
      TOLLGATE_DOCUMENTS: manifest,
      TOLLGATE_DOCUMENTS_ONLY: 'true',
    },
  });
  server = await bed.start();
});
afterAll(async () => {
  await bed.close();
  rmSync(folder, { recursive: true });
});

interface Begun {
  readonly token: string;
  readonly accountId: string;
  readonly roles: string[];
  readonly endsAt: string;
}

const NOBODY: As = { account: null };
const begin = (code: string, on = server) => ask<Begun>(on, SIGN_IN, { code }, NOBODY);
const holding = ({ accountId, token }: Begun): As => ({ account: accountId, token });
const VIEWER = '{ viewer { accountId roles permissions sessionEndsAt } }';
const viewer = (as: As, on = server) =>
  ask<{ accountId: string; roles: string[]; permissions: string[]; sessionEndsAt: string }>(on, VIEWER, {}, as);
const refused = { code: 'CONSOLE_CODE_REFUSED' };

const open = async (...words: string[]) => {
  const ended = await runCommand(['console', '--url', server.url, '--json', ...words], bed.environment);
  if (ended.code !== 0) return { ...ended, code: '', made: undefined };
  const made = JSON.parse(ended.stdout) as { url: string; account: string; roles: string[]; sessionSeconds: number };
  return { ...ended, made, code: /#\/sign-in\/(tgk_[\w-]+)$/.exec(made.url)?.[1] ?? '' };
};

const audited = async (action: string) =>
  (
    await bed.sql.query<{ actor: string; detail: Record<string, unknown> }>(
      'select actor, detail from tollgate.audit where action = $1 order by id',
      [action],
    )
  ).rows;

describe('tollgate console', () => {
  test('prints an address whose code begins a session once, with the roles that were named, all of it audited', async () => {
    const { made, code } = await open('--account', 'ops:ann', '--role', 'admin', '--for', '2h');
    expect(made).toMatchObject({ account: 'ops:ann', roles: ['admin'], sessionSeconds: 7_200 });
    expect(made?.url.startsWith(`${server.url}/console#`)).toBe(true);
    const begun = await begin(code);
    expect(begun).toMatchObject({ accountId: 'ops:ann', roles: ['admin'] });
    expect(Date.parse(begun.endsAt) - Date.now()).toBeGreaterThan(7_000_000);
    const who = await viewer(holding(begun));
    expect(who).toMatchObject({ accountId: 'ops:ann', roles: ['logged_in', 'admin'], sessionEndsAt: begun.endsAt });
    expect(who.permissions).toContain('SETTINGS_MANAGE');
    // An issuer's tokens, which the server can't sign, make no difference.
    expect(await viewer(holding(begun), withIssuer)).toEqual(who);
    // Seen again, in a log or over a shoulder, it is worth nothing; that it was tried is kept once.
    for (const on of [server, withIssuer, server]) await expect(begin(code, on)).rejects.toMatchObject(refused);
    const [entry] = await audited('CONSOLE_CODE_MADE');
    const { detail = {} } = entry ?? {};
    expect(detail).toMatchObject({ accountId: 'ops:ann', roles: ['admin'], lastsSeconds: 7_200 });
    expect(await audited('CONSOLE_SESSION_BEGUN')).toMatchObject([
      {
        actor: 'account:ops:ann',
        detail: { sessionId: detail['sessionId'], address: expect.stringContaining('127.0.0.1') },
      },
    ]);
    expect(await audited('CONSOLE_CODE_REFUSED')).toMatchObject([
      { actor: 'anonymous', detail: { sessionId: detail['sessionId'], reason: 'it was used before' } },
    ]);
    // Neither the code nor the token is kept anywhere.
    const { rows } = await bed.sql.query(`select (select json_agg(s)::text from tollgate.console_session s)
      || (select json_agg(a)::text from tollgate.audit a) as kept`);
    for (const secret of [code, begun.token]) expect(rows[0].kept).not.toContain(secret);
  });

  test('refuses a role that is not there, and a session of a week', async () => {
    expect(await open('--role', 'nothing')).toMatchObject({
      made: undefined,
      stderr: expect.stringContaining('nothing'),
    });
    expect(await open('--for', '7d')).toMatchObject({ made: undefined, stderr: expect.stringContaining('a day') });
  });
});

/** A code as the command makes it, without its process. */
const makeCode = async (given: Partial<CodeRequest> = {}): Promise<string> => {
  const database = createDatabase({ url: bed.database.url, poolSize: 1 });
  try {
    const request = { accountId: 'ops:ben', roles: ['admin'], codeSeconds: 300, lastsSeconds: 3_600, ...given };
    return (await createConsoleSessions(database).makeCode(request, 'operator')).code;
  } finally {
    await database.close();
  }
};

describe('a code', () => {
  test('begins one session, however many exchange it at once, on two servers', async () => {
    const code = await makeCode();
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => begin(code, at % 2 ? server : withIssuer)),
    );
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of all) if (one.status === 'rejected') expect(one.reason).toMatchObject(refused);
  });

  test('that has run out is refused, and so is one that never was', async () => {
    const code = await makeCode({ accountId: 'ops:late' });
    await bed.sql.query(`update tollgate.console_session set code_ends_at = now() where account_id = 'ops:late'`);
    await expect(begin(code)).rejects.toMatchObject(refused);
    expect((await audited('CONSOLE_CODE_REFUSED')).at(-1)?.detail).toMatchObject({
      accountId: 'ops:late',
      reason: 'it had run out',
    });
    const before = await audited('CONSOLE_CODE_REFUSED');
    for (const wrong of ['', 'tgk_', `tgk_${'A'.repeat(43)}`, `${code}x`, code.toUpperCase()])
      await expect(begin(wrong)).rejects.toMatchObject(refused);
    expect(await audited('CONSOLE_CODE_REFUSED')).toEqual(before);
  });
});

describe('a session', () => {
  test('may what its role may, as that changes, and no more', async () => {
    const support = { role: 'console_support', permission: 'PAYMENT_READ_ANY' };
    const admin: As = { account: 'admin', roles: ['admin'] };
    const change = (name: string) =>
      ask(
        server,
        `mutation ($input: RolePermissionInput!) { ${name}(input: $input) { role { name } } }`,
        { input: support },
        admin,
      );
    await change('grantPermission');
    const begun = await begin(await makeCode({ accountId: 'ops:sue', roles: ['console_support'] }));
    expect((await viewer(holding(begun))).permissions).toContain('PAYMENT_READ_ANY');
    await expect(ask(server, '{ paymentSettings { active } }', {}, holding(begun))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await change('revokePermission');
    expect((await viewer(holding(begun))).permissions).not.toContain('PAYMENT_READ_ANY');
  });

  test('ends when it is told to, its open streams too, and by itself', async () => {
    const begun = await begin(await makeCode({ accountId: 'ops:end' }));
    const stream = server.watch('subscription { paymentsChanged { id } }', {}, holding(begun));
    const first = stream.next(20_000);
    const { payment } = await payUntilSeen(first);
    expect(await first).toEqual({ id: payment.id });
    const end = () => ask<boolean>(server, 'mutation { endConsoleSession }', {}, holding(begun));
    expect(await end()).toBe(true);
    // What was told before may still be under way; nothing that happens from now on is told.
    const late = stream.until(({ id }) => Number(id) > Number(payment.id) + 1_000_000, 20_000);
    const failed = expect(late).rejects.toMatchObject([{ message: expect.stringContaining('session has ended') }]);
    await pay(server, await bed.createOrder());
    await failed;
    await stream.stop();
    await expect(viewer(holding(begun))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await audited('CONSOLE_SESSION_ENDED')).toMatchObject([{ actor: 'account:ops:end' }]);
    const short = await begin(await makeCode({ accountId: 'ops:short', lastsSeconds: 1 }));
    await until(
      () =>
        viewer(holding(short)).then(
          () => false,
          ({ code }: { code: string }) => code === 'UNAUTHENTICATED',
        ),
      'it has ended',
    );
    // An app's own token stands for no session, and a token that never was for nobody.
    expect(await ask(server, 'mutation { endConsoleSession }', {}, { account: 'ann' })).toBe(false);
    await expect(viewer({ account: 'x', token: `tgs_${'A'.repeat(43)}` })).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });
});

/** Pays until the stream has told of it: it may begin after the first. */
const payUntilSeen = async (seen: Promise<Record<string, unknown>>) => {
  let last = await pay(server, await bed.createOrder());
  await until(async () => {
    const told = await Promise.race([seen, new Promise<undefined>((resolve) => setTimeout(resolve, 500, undefined))]);
    if (told) {
      last = { ...last, payment: { ...last.payment, id: String(told['id']) } };
      return true;
    }
    await pay(server, await bed.createOrder());
    return false;
  }, 'the stream tells');
  return last;
};
