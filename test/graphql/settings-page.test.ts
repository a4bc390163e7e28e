import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../cli/command.js';
import { ask } from '../harness/payments.js';
import { ADMIN, payOrder } from '../harness/refunds.js';
import { type As, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed({ binding: null, plan: null });
  server = await bed.start({ environment: { TOLLGATE_LIMIT_DEPTH: '9' } });
});
afterAll(() => bed.close());

const query = <T>(text: string, variables: object = {}, as: As = ADMIN) => ask<T>(server, text, { ...variables }, as);
interface Step {
  readonly step: string;
  readonly done: boolean;
  readonly detail: string;
}
const done = async () =>
  (await query<Step[]>('{ setup { step done detail } }')).filter((one) => one.done).map(({ step }) => step);
const PREVIEW = `query ($table: String!) { previewActivation(input: {
  orderTable: $table, ownerColumn: "account_id", amountColumn: "amount", currencyColumn: "currency" }) {
  orderTable { table ownerColumn } idType isBound files { file state } } }`;

describe('what a settings page shows', () => {
  test('the set-up, step by step, until the first payment; a binding is looked at before, and nothing of that is kept', async () => {
    expect(await done()).toEqual(['DATABASE', 'KEYS']);
    await expect(query(PREVIEW, { table: 'public.nothing' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(query(PREVIEW, { table: 'public.shop_order' }, { account: 'x' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    const preview = await query(PREVIEW, { table: 'public.shop_order' });
    expect(preview).toMatchObject({
      orderTable: { table: 'public.shop_order', ownerColumn: 'account_id' },
      idType: 'bigint',
      isBound: false,
    });
    expect(await done()).toEqual(['DATABASE', 'KEYS']);
    await query(`mutation { activatePayments(input: { orderTable: "public.shop_order", ownerColumn: "account_id",
      amountColumn: "amount", currencyColumn: "currency" }) { settings { active } } }`);
    await query('mutation { setPlan(input: { plan: PRO }) { settings { plan } } }');
    expect(await query(PREVIEW, { table: 'public.shop_order' })).toMatchObject({ isBound: true });
    expect(await done()).toEqual(['DATABASE', 'ORDER_TABLE', 'PLAN', 'KEYS']);
    await payOrder(bed, server);
    await until(async () => (await done()).length === 6, 'all steps are done');
    await expect(query('{ setup { step } }', {}, { account: 'x' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('the limits that are in force, with the variables that set them', async () => {
    const limits = await query<{ name: string; value: number; variable: string }[]>(
      '{ limits { name value variable } }',
    );
    expect(limits).toContainEqual({ name: 'depth', value: 9, variable: 'TOLLGATE_LIMIT_DEPTH' });
    expect(limits).toContainEqual({ name: 'aliases', value: 30, variable: 'TOLLGATE_LIMIT_ALIASES' });
  });

  test('who has which role, since when, by whom and why', async () => {
    const assign = (accountId: string, reason: string | null) =>
      query('mutation ($input: AccountRoleInput!) { assignRole(input: $input) { accountId } }', {
        input: { accountId, role: 'admin', reason },
      });
    await assign('zoe', 'she leads support');
    await runCommand(['role', 'assign', 'amy', 'admin', '--reason', 'from the shell'], bed.environment);
    await bed.sql.query(`insert into tollgate.account_role (account_id, role) values ('max', 'admin')`);
    const LIST = `query ($after: String) { accounts(role: "admin", first: 2, after: $after) {
      edges { node { id roles { role since by reason } } } pageInfo { hasNextPage endCursor } } }`;
    interface Accounts {
      readonly edges: { node: { id: string; roles: { reason: string | null; since: string | null }[] } }[];
      readonly pageInfo: { hasNextPage: boolean; endCursor: string };
    }
    const first = await query<Accounts>(LIST);
    expect(first.edges.map(({ node }) => node)).toMatchObject([
      { id: 'amy', roles: [{ role: 'admin', by: 'operator', reason: 'from the shell' }] },
      { id: 'max', roles: [{ role: 'admin', since: null, by: null, reason: null }] },
    ]);
    expect(first.pageInfo.hasNextPage).toBe(true);
    const second = await query<Accounts>(LIST, { after: first.pageInfo.endCursor });
    expect(second.edges.map(({ node }) => node)).toMatchObject([
      { id: 'zoe', roles: [{ by: 'account:admin', reason: 'she leads support', since: expect.any(String) }] },
    ]);
    await expect(assign('zoe', 'x'.repeat(501))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('what the doctor says, as its command says it, for who may change the settings', async () => {
    interface Check {
      readonly title: string;
      readonly detail: string | null;
      readonly problems: { code: string; remedy: string }[];
    }
    const RUN =
      'mutation { runDoctor { ok checks { title asks detail warning { code } problems { code message remedy } } } }';
    await expect(query(RUN, {}, { account: 'x' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const { ok, checks } = await query<{ ok: boolean; checks: Check[] }>(RUN);
    const command = await runCommand(['doctor', '--json'], bed.environment);
    const told = JSON.parse(command.stdout) as { checks: { title: string }[] };
    expect(checks.map(({ title }) => title)).toEqual(told.checks.map(({ title }) => title));
    expect(ok).toBe(checks.every(({ problems }) => problems.length === 0));
    for (const { detail, problems } of checks) expect(detail === null).toBe(problems.length > 0);
  });
});
