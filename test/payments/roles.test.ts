import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PERMISSIONS } from '../../src/core/permissions.js';
import { ask, pay } from '../harness/payments.js';
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
        ],
      },
    ]);
  });

  test('who has no token is anonymous, everyone else logged_in; only ROLE_MANAGE sees and changes roles', async () => {
    expect(await viewer(null)).toEqual({ roles: ['anonymous'], permissions: ['PUBLIC'] });
    expect((await viewer('someone')).roles).toEqual(['logged_in']);
    for (const as of [{ account: null }, { account: 'someone' }]) {
      await expect(ask(server, '{ roles { name } }', {}, as)).rejects.toMatchObject({ code: 'FORBIDDEN' });
      const grantItself = change('assignRole', { accountId: 'someone', role: 'admin' }, server, as);
      await expect(grantItself).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
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
