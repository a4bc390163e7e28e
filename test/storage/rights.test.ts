import fs from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCheck } from '../../src/doctor/checks.js';
import { migrate } from '../../src/storage/migrate.js';
import { grantsFor } from '../../src/storage/rights.js';
import { openOperator } from '../doctor/operator-parts.js';
import { ask, confirmUntil, pay } from '../harness/payments.js';
import { createEmptyDatabase } from '../harness/postgres.js';
import { createRole, type TestRole } from '../harness/role.js';
import { sql } from '../harness/sql.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

const ADMIN = { account: 'boss', roles: ['admin'] };
const REFUND = 'mutation ($id: ID!) { refund(input: { paymentId: $id, refundAmount: 100 }) { refund { status } } }';
const REVOKE = 'mutation { revokePermission(input: { role: "logged_in", permission: REFUND_READ }) { __typename } }';

/** The list of the documentation, for this role and the sample's orders. */
const documentedGrants = async (role: string): Promise<string> => {
  const page = await fs.readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, list = ''] = /```sql\n(grant usage on schema tollgate[^`]+)```/.exec(page) ?? [];
  return list.replaceAll(/ to tollgate;/g, ` to ${role};`).replaceAll('public.booking', 'public.shop_order');
};

describe("a server's role", () => {
  let bed: TestBed;
  let role: TestRole;
  beforeAll(async () => {
    bed = await openTestBed();
    role = await createRole(bed.database.url);
    await bed.sql.query('revoke execute on all functions in schema tollgate_jobs from public');
    await bed.sql.query(await documentedGrants(role.name));
  });
  afterAll(async () => {
    await bed.close();
  });

  const start = (effect: (payload: unknown) => void = () => undefined) =>
    bed.start({
      environment: { DATABASE_URL: role.url },
      flows: {
        refundCallback: { run: (_, { effects }) => effects.add('mail', { refunded: true }) },
        effects: new Map([['mail', { run: effect }]]),
      },
    });
  const findRights = async (): Promise<string> => {
    const parts = await openOperator({ ...bed, database: { ...bed.database, url: role.url } });
    const outcomes = await Promise.all(parts.checks.filter(({ code }) => code === 'DATABASE_RIGHTS').map(runCheck));
    await parts.close();
    return outcomes
      .flatMap((outcome) =>
        'findings' in outcome ? outcome.findings.map(({ message, remedy }) => `${message} ${remedy}`) : [],
      )
      .join('\n');
  };

  test('the docs hold the list that the server tells', async () => {
    const told = grantsFor(role.name).join('\n');
    expect(await documentedGrants(role.name)).toContain(told);
  });

  test('with the list of the docs and nothing else a server does all its work, effects included', async () => {
    const sent: unknown[] = [];
    const server = await start((payload) => void sent.push(payload));
    const paid = await pay(server, await bed.createOrder());
    await confirmUntil(bed, server, paid);
    await ask(server, REFUND, { id: paid.payment.id }, ADMIN);
    await until(() => sent.length > 0, 'the effect ran');
    await ask(server, REVOKE, {}, ADMIN);
    const problems = await ask<{ code: string; message: string }[]>(server, '{ problems { code message } }', {}, ADMIN);
    expect(problems.filter(({ code }) => !/^(PUBLIC_URL|WEBHOOK|DELIVERIES|STRIPE)/.test(code))).toEqual([]);
    expect(await findRights()).toBe('');
    await server.stop();
  });

  test.each([
    ['revoke usage on schema tollgate from %role', /schema tollgate/],
    ['revoke usage on schema tollgate_jobs from %role', /schema tollgate_jobs/],
    ['revoke insert on tollgate.change from %role', /table change/],
    [
      'revoke update (status) on tollgate.payment from %role; revoke update on tollgate.payment from %role',
      /table payment/,
    ],
    ['revoke delete on tollgate.effect_worker from %role', /table effect_worker/],
    ['revoke all on all sequences in schema tollgate from %role', /sequence node_id/],
    ['revoke insert on tollgate_jobs._private_jobs from %role', /table _private_jobs/],
    ['revoke execute on all functions in schema tollgate_jobs from %role', /function add_jobs/],
  ])('without a right the start is refused and the doctor tells it, naming what lacks and what gives it: %s', async (taken, lacking) => {
    await bed.sql.query(taken.replaceAll('%role', role.name));
    const refusal = await start().then(
      () => 'it started',
      (error: Error) => error.message,
    );
    expect(refusal).toContain('DATABASE_URL');
    expect(refusal).toMatch(lacking);
    expect(refusal).not.toMatch(/tollgate migrate/);
    const [, remedy] = /As the tables' owner: ((?:grant [^;]+;\s*)+)/.exec(refusal) ?? [];
    if (!taken.includes('usage on schema tollgate from')) expect(await findRights()).toMatch(lacking);
    await bed.sql.query(remedy ?? `no remedy in ${refusal}`);
    const server = await start();
    await server.stop();
  });
});

test('migrate says what its role needs, and that is enough', async () => {
  const database = await createEmptyDatabase();
  const role = await createRole(database.url);
  const refusal = (): Promise<string> => migrate(role.url).then(String, (error: Error) => error.message);
  const first = await refusal();
  expect(first).toMatch(/permission denied for database/);
  await sql(database.url, /(grant create on database [^;]+;)/.exec(first)?.[1] ?? first);
  expect((await migrate(role.url)).length).toBeGreaterThan(0);
  const other = await createRole(database.url);
  await expect(migrate(other.url)).rejects.toThrow(new RegExp(`belong to ${role.name}: run migrate as that role`));
  await sql(database.url, `revoke create on database ${new URL(database.url).pathname.slice(1)} from ${role.name}`);
  expect(await migrate(role.url)).toEqual([]);
  await other.drop();
  await role.drop();
  await database.drop();
});

test('a schema tollgate that is someone else’s is told, and left as it is', async () => {
  const database = await createEmptyDatabase();
  await sql(database.url, 'create schema tollgate; create table tollgate.payment (mine text)');
  await expect(migrate(database.url)).rejects.toThrow(/holds what Tollgate did not make: tollgate\.payment.*rename to/);
  expect(await sql(database.url, `select from pg_class where relname = 'migration'`)).toEqual([]);
  await database.drop();
});
