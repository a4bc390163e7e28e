import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PERMISSIONS } from '../../src/core/permissions.js';
import { runCommand } from '../cli/command.js';
import { ask, confirmUntil, pay } from '../harness/payments.js';
import { describeWithRedis, openRedis } from '../harness/redis.js';
import { ADMIN } from '../harness/refunds.js';
import { type As, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

interface Role {
  readonly name: string;
  readonly permissions: readonly string[];
}

const change = <T>(name: string, input: object, on = server, as: As = ADMIN): Promise<T> => {
  const type = name.endsWith('Role') ? 'AccountRoleInput' : 'RolePermissionInput';
  const fields = name.endsWith('Role') ? 'accountId roles { name permissions }' : 'role { name permissions }';
  return ask<T>(on, `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`, { input }, as);
};
const grant = (role: string, permission: string, on?: Server) =>
  change<{ role: Role }>('grantPermission', { role, permission }, on).then((payload) => payload.role);
const revoke = (role: string, permission: string, on?: Server) =>
  change<{ role: Role }>('revokePermission', { role, permission }, on).then((payload) => payload.role);
const assign = (accountId: string, role: string, on?: Server) =>
  change<{ roles: Role[] }>('assignRole', { accountId, role }, on).then(({ roles }) => roles.map(({ name }) => name));
const unassign = (accountId: string, role: string, on?: Server) =>
  change<{ roles: Role[] }>('unassignRole', { accountId, role }, on).then(({ roles }) => roles.map(({ name }) => name));
const viewer = (account: string | null, roles: readonly string[] = []) =>
  ask<{ roles: string[]; permissions: string[] }>(server, '{ viewer { roles permissions } }', {}, { account, roles });

describe('from the start', () => {
  test('the roles hold what the contract grants', async () => {
    expect(await ask(server, '{ roles { name permissions } }', {}, ADMIN)).toEqual([
      { name: 'admin', permissions: [...PERMISSIONS] },
      { name: 'anonymous', permissions: ['PUBLIC'] },
      {
        name: 'logged_in',
        permissions: [
          'PUBLIC',
          'PAYMENT_CREATE',
          'PAYMENT_READ',
          'REFUND_READ',
          'RECURRING_CREATE',
          'RECURRING_CANCEL',
          'RECURRING_READ',
          'PAYMENT_METHOD_MANAGE',
        ],
      },
    ]);
  });

  test('who has no token is anonymous, everyone else logged_in; only ROLE_MANAGE sees and changes roles', async () => {
    expect(await viewer(null)).toEqual({ roles: ['anonymous'], permissions: ['PUBLIC'] });
    expect((await viewer('someone')).roles).toEqual(['logged_in']);
    for (const [account, code] of [
      [null, 'UNAUTHENTICATED'],
      ['someone', 'FORBIDDEN'],
    ] as const) {
      await expect(ask(server, '{ roles { name } }', {}, { account })).rejects.toMatchObject({ code });
      const grantItself = change('assignRole', { accountId: 'someone', role: 'admin' }, server, { account });
      await expect(grantItself).rejects.toMatchObject({ code });
    }
  });

  test("an account's roles are what it was given", async () => {
    const rolesOf = (accountId: string) =>
      ask<Role[]>(
        server,
        'query ($id: ID!) { accountRoles(accountId: $id) { name permissions } }',
        { id: accountId },
        ADMIN,
      );
    expect(await rolesOf('nobody-yet')).toEqual([]);
    await grant('reader', 'AUDIT_READ');
    await assign('somebody', 'reader');
    expect(await rolesOf('somebody')).toEqual([{ name: 'reader', permissions: ['AUDIT_READ'] }]);
    await unassign('somebody', 'reader');
    expect(await rolesOf('somebody')).toEqual([]);
  });
});

describe('changing roles', () => {
  test('a grant makes the role; rights are the union of all roles; each change works twice', async () => {
    expect(await grant('clerk', 'REFUND_CREATE')).toEqual({ name: 'clerk', permissions: ['REFUND_CREATE'] });
    expect(await grant('clerk', 'REFUND_READ_ANY')).toEqual(await grant('clerk', 'REFUND_READ_ANY'));
    await grant('auditor', 'PAYMENT_READ_ANY');
    expect(await assign('carol', 'clerk')).toEqual(['clerk']);
    expect(await assign('carol', 'auditor')).toEqual(['auditor', 'clerk']);
    expect(await assign('carol', 'auditor')).toEqual(['auditor', 'clerk']);
    const { roles, permissions } = await viewer('carol');
    expect(roles).toEqual(['logged_in', 'auditor', 'clerk']);
    expect(permissions).toEqual(expect.arrayContaining(['PAYMENT_CREATE', 'REFUND_CREATE', 'PAYMENT_READ_ANY']));
    expect(await revoke('clerk', 'REFUND_CREATE')).toEqual({ name: 'clerk', permissions: ['REFUND_READ_ANY'] });
    expect((await viewer('carol')).permissions).not.toContain('REFUND_CREATE');
    expect(await unassign('carol', 'clerk')).toEqual(['auditor']);
    expect(await unassign('carol', 'clerk')).toEqual(['auditor']);
    expect((await viewer('carol')).roles).toEqual(['logged_in', 'auditor']);
  });

  test('admin keeps ROLE_MANAGE, implied roles are not given, and wrong names are refused with the reason', async () => {
    const refused = async (work: Promise<unknown>, code: string, words: string): Promise<void> => {
      await expect(work).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    };
    await refused(revoke('admin', 'ROLE_MANAGE'), 'BAD_USER_INPUT', 'nobody could grant');
    await refused(assign('carol', 'anonymous'), 'BAD_USER_INPUT', 'every caller without a token');
    await refused(unassign('carol', 'logged_in'), 'BAD_USER_INPUT', 'every caller with a token');
    await refused(assign('', 'admin'), 'BAD_USER_INPUT', 'account id');
    await refused(assign('carol', 'nobody'), 'NOT_FOUND', 'nobody');
    await refused(revoke('nobody', 'PUBLIC'), 'NOT_FOUND', 'nobody');
    await refused(unassign('carol', 'nobody'), 'NOT_FOUND', 'nobody');
    await refused(grant('a role', 'PUBLIC'), 'BAD_USER_INPUT', 'begins with a letter');
    expect((await ask<Role[]>(server, '{ roles { name } }', {}, ADMIN)).map(({ name }) => name)).not.toContain(
      'a role',
    );
    await revoke('admin', 'EVENT_REPLAY');
    expect((await viewer('admin', ['admin'])).permissions).not.toContain('EVENT_REPLAY');
    await grant('admin', 'EVENT_REPLAY');
  });
});

describe('the last account that may change roles', () => {
  const refused = { code: 'BAD_USER_INPUT', message: expect.stringContaining('npx tollgate role') };
  const as = (account: string): As => ({ account });
  const leave = (account: string, of = account) =>
    change('unassignRole', { accountId: account, role: 'admin' }, server, as(of));
  const administrators = async (): Promise<string[]> =>
    (
      await bed.sql.query<{ account_id: string }>(
        `select account_id from tollgate.account_role where role = 'admin' order by 1`,
      )
    ).rows.map(({ account_id }) => account_id);

  test('stays one, also when its role is custom and loses the right; a second one may leave', async () => {
    await assign('dora', 'admin');
    await expect(leave('dora')).rejects.toMatchObject(refused);
    await assign('emil', 'admin');
    await leave('dora');
    await expect(leave('emil')).rejects.toMatchObject(refused);
    expect(await administrators()).toEqual(['emil']);
    await grant('owner', 'ROLE_MANAGE');
    await assign('fay', 'owner');
    await leave('emil');
    const revoked = change('revokePermission', { role: 'owner', permission: 'ROLE_MANAGE' }, server, as('fay'));
    await expect(revoked).rejects.toMatchObject(refused);
    expect((await viewer('fay')).permissions).toContain('ROLE_MANAGE');
    await bed.sql.query(`delete from tollgate.account_role where role = 'owner'`);
  });

  test('is left when two remove each other at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      await assign('gil', 'admin');
      await assign('hana', 'admin');
      await Promise.allSettled([leave('gil', 'hana'), leave('hana', 'gil')]);
      expect(await administrators()).toHaveLength(1);
    }
    await bed.sql.query(`delete from tollgate.account_role where role = 'admin'`);
  });
});

const WATCH = 'subscription ($id: ID!) { paymentUpdated(id: $id) { id status version } }';

describe('a running subscription', () => {
  test('ends with FORBIDDEN at the next message when its permission is taken away', async () => {
    const paid = await pay(server, await bed.createOrder());
    const watch = server.watch(WATCH, { id: paid.payment.id });
    expect(await watch.next()).toMatchObject({ status: 'PENDING' });
    await revoke('logged_in', 'PAYMENT_READ');
    await bed.stripe.paymentIntents.cancel(paid.payment.stripePaymentIntentId);
    await expect(watch.next()).rejects.toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    await grant('logged_in', 'PAYMENT_READ');
    await watch.stop();
  });

  test('ends with NOT_FOUND when the row is no longer the caller’s to see', async () => {
    await grant('watcher', 'PAYMENT_READ_ANY');
    await assign('walt', 'watcher');
    const paid = await pay(server, await bed.createOrder());
    const watch = server.watch(WATCH, { id: paid.payment.id }, { account: 'walt' });
    expect(await watch.next()).toMatchObject({ status: 'PENDING' });
    await unassign('walt', 'watcher');
    await bed.stripe.paymentIntents.cancel(paid.payment.stripePaymentIntentId);
    await expect(watch.next()).rejects.toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
    await watch.stop();
  });
});

describeWithRedis('a running subscription of another process', () => {
  test('is asked again at the next message, too', async () => {
    const redis = await openRedis();
    const environment = { REDIS_URL: redis.url };
    const first = await bed.start({ environment });
    const second = await bed.start({ environment });
    await grant('peeker', 'PAYMENT_READ_ANY', first);
    await assign('pete', 'peeker', first);
    const paid = await pay(first, await bed.createOrder());
    const watch = second.watch(WATCH, { id: paid.payment.id }, { account: 'pete' });
    expect(await watch.next()).toMatchObject({ status: 'PENDING' });
    await revoke('peeker', 'PAYMENT_READ_ANY', first);
    await bed.stripe.paymentIntents.cancel(paid.payment.stripePaymentIntentId);
    await expect(watch.next()).rejects.toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
    await watch.stop();
    await Promise.all([first.stop(), second.stop()]);
    await redis.stop();
  });
});

describe('the audit', () => {
  interface Entry {
    readonly actor: string;
    readonly action: string;
    readonly detail: object;
  }
  const readAudit = async (first = 5, after?: string) => {
    const AUDIT = `query ($first: Int, $after: String) { audit(first: $first, after: $after) {
      edges { cursor node { actor action detail } } pageInfo { hasNextPage endCursor } } }`;
    return ask<{ edges: { cursor: string; node: Entry }[]; pageInfo: { hasNextPage: boolean; endCursor: string } }>(
      server,
      AUDIT,
      { first, after },
      ADMIN,
    );
  };
  const newest = async (count: number): Promise<Entry[]> => (await readAudit(count)).edges.map(({ node }) => node);

  test('tells who changed roles, plan and binding, once per change, newest first, and pages on', async () => {
    const actor = `account:${ADMIN.account}`;
    for (let twice = 0; twice < 2; twice += 1) {
      await grant('auditor', 'AUDIT_READ');
      await assign('ann', 'auditor');
    }
    await revoke('auditor', 'AUDIT_READ');
    await unassign('ann', 'auditor');
    for (const plan of ['ENTERPRISE', 'ENTERPRISE', 'PRO'])
      await ask(
        server,
        'mutation ($plan: Plan!) { setPlan(input: { plan: $plan }) { settings { plan } } }',
        { plan },
        ADMIN,
      );
    expect(await newest(6)).toEqual([
      { actor, action: 'PLAN_SET', detail: { plan: 'PRO' } },
      { actor, action: 'PLAN_SET', detail: { plan: 'ENTERPRISE' } },
      { actor, action: 'ROLE_UNASSIGNED', detail: { accountId: 'ann', role: 'auditor' } },
      { actor, action: 'PERMISSION_REVOKED', detail: { role: 'auditor', permission: 'AUDIT_READ' } },
      { actor, action: 'ROLE_ASSIGNED', detail: { accountId: 'ann', role: 'auditor' } },
      { actor, action: 'PERMISSION_GRANTED', detail: { role: 'auditor', permission: 'AUDIT_READ' } },
    ]);
    const all = (await readAudit(100)).edges.map(({ node }) => node);
    expect(all.at(-1)).toMatchObject({
      actor: 'operator',
      action: 'ORDERS_BOUND',
      detail: { tableName: 'public.shop_order' },
    });
    const { edges, pageInfo } = await readAudit(2);
    const next = await readAudit(2, pageInfo.endCursor);
    expect([...edges, ...next.edges].map(({ node }) => node)).toEqual(all.slice(0, 4));
  });

  test('tells who replayed an event, and by which door', async () => {
    bed.sandbox.setWebhookUrl(`${server.url}/webhooks/stripe`);
    const order = await bed.createOrder();
    await confirmUntil(bed, server, await pay(server, order));
    const { rows } = await bed.sql.query(
      `select id from tollgate.stripe_event where type = 'payment_intent.succeeded' limit 1`,
    );
    await ask(
      server,
      'mutation ($id: ID!) { replayEvent(input: { id: $id }) { event { id } } }',
      { id: rows[0].id },
      ADMIN,
    );
    const { stdout } = await runCommand(['role', 'grant', 'auditor', 'AUDIT_READ', '--json'], bed.environment);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'auditor' });
    const told = JSON.parse((await runCommand(['audit', '--first', '2', '--json'], bed.environment)).stdout);
    expect(told.entries).toMatchObject([
      { actor: 'operator', action: 'PERMISSION_GRANTED' },
      { actor: `account:${ADMIN.account}`, action: 'EVENT_REPLAYED', detail: { eventId: rows[0].id } },
    ]);
  });

  test('is for AUDIT_READ alone', async () => {
    const { errors } = await server.request('{ audit { edges { node { id } } } }');
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'AUDIT_READ' });
  });
});
