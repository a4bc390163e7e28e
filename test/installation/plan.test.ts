import {
  type GraphQLInputType,
  type GraphQLNamedType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSchema } from '../../src/graphql/schema.js';
import { NOUNS } from '../../src/nouns.js';
import { ask, confirm, pay, readPayment } from '../harness/payments.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const ADMIN = { account: 'boss', roles: ['admin'] };
const SET_PLAN =
  'mutation ($plan: Plan!) { setPlan(input: { plan: $plan }) { settings { plan active } liveRecurringPayments } }';
const WATCH = 'subscription ($id: ID!) { paymentUpdated(id: $id) { id status } }';

/** What stays open on every plan: nobody is locked into a charge, and an operator can get to another plan. */
const UNGATED = [
  'cancelRecurringPayment',
  'activatePayments',
  'configureStripe',
  'setPlan',
  'setMoneyPolicy',
  'runOwedFlow',
  'skipOwedFlow',
  'oweNextFlow',
  'grantPermission',
  'revokePermission',
  'assignRole',
  'unassignRole',
  'replayEvent',
  'createOutgoingWebhook',
  'updateOutgoingWebhook',
  'deleteOutgoingWebhook',
  'rotateOutgoingWebhookSecret',
  'testOutgoingWebhook',
  'redeliver',
  'redeliverDead',
  'replayEvents',
  'retryEffect',
  'retryDeadEffects',
  'runDoctor',
  'beginConsoleSession',
  'endConsoleSession',
];

const mutations = Object.values(createSchema(NOUNS).getMutationType()?.getFields() ?? {});

const exampleOf = (type: GraphQLInputType): unknown => {
  const named: GraphQLNamedType = getNamedType(type);
  if (isInputObjectType(named))
    return Object.fromEntries(
      Object.values(named.getFields())
        .filter((field) => isNonNullType(field.type))
        .map((field) => [field.name, exampleOf(field.type)]),
    );
  if (isEnumType(named)) return named.getValues()[0]?.name;
  return { Int: 1, MinorUnits: 500, Boolean: true, CurrencyCode: 'USD' }[named.name] ?? '1';
};

describe('the plan', () => {
  let bed: TestBed;
  let server: Server;
  beforeAll(async () => {
    bed = await openTestBed({ plan: null });
    server = await bed.start();
  });
  afterAll(() => bed.close());

  const setPlan = (plan: string, on = server) => ask<object>(on, SET_PLAN, { plan }, ADMIN);

  test('is FREE until one is set, and the settings say so', async () => {
    expect(await ask(server, '{ paymentSettings { active plan orderTable { table } } }', {}, ADMIN)).toEqual({
      active: false,
      plan: 'FREE',
      orderTable: { table: 'public.shop_order' },
    });
  });

  test.each(
    mutations.map((field) => [field.name, field] as const),
  )('%s is inactive below PRO, unless it is an operator’s or ends a recurring payment', async (name, field) => {
    const variables = Object.fromEntries(field.args.map((arg) => [arg.name, exampleOf(arg.type)]));
    const inside = isObjectType(getNamedType(field.type)) ? '{ __typename }' : '';
    const declared = field.args.map((arg) => `$${arg.name}: ${arg.type}`).join(', ');
    const given = field.args.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
    const send =
      given === '' ? `mutation { ${name} ${inside} }` : `mutation (${declared}) { ${name}(${given}) ${inside} }`;
    for (const plan of name === 'setPlan' ? ['FREE'] : ['FREE', 'BASIC']) {
      await setPlan(plan);
      const { errors } = await server.request(send, variables, ADMIN);
      const code = errors?.[0]?.extensions?.['code'];
      if (UNGATED.includes(name)) expect(code).not.toBe('FEATURE_INACTIVE');
      else expect(code).toBe('FEATURE_INACTIVE');
    }
  });

  test('without the permission the answer is FORBIDDEN on every plan: the plan is nobody else’s business', async () => {
    await setPlan('FREE');
    await expect(
      ask(
        server,
        'mutation { refund(input: { paymentId: "1", refundAmount: 1 }) { __typename } }',
        {},
        { account: 'ann' },
      ),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(ask(server, SET_PLAN, { plan: 'PRO' }, { account: 'ann' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  test('after a downgrade money that moves already is recorded, flows and sockets go on, and an upgrade restores all', async () => {
    await setPlan('PRO');
    const orderId = await bed.createOrder();
    const paid = await pay(server, orderId);
    expect(await setPlan('FREE')).toMatchObject({ settings: { plan: 'FREE', active: false } });
    const watch = server.watch(WATCH, { id: paid.payment.id });
    await confirm(bed, paid);
    expect((await watch.until(({ status }) => status === 'SUCCESSFUL')).at(-1)).toMatchObject({ id: paid.payment.id });
    await watch.stop();
    expect(await bed.orderStatus(orderId)).toBe('paid');
    expect(await readPayment(server, paid.payment.id)).toMatchObject({ status: 'SUCCESSFUL' });
    const next = await bed.createOrder();
    await expect(pay(server, next)).rejects.toMatchObject({ code: 'FEATURE_INACTIVE' });
    for (const plan of ['PRO', 'ENTERPRISE']) {
      expect(await setPlan(plan)).toMatchObject({ settings: { plan, active: true } });
      expect((await pay(server, next)).payment.status).toBe('PENDING');
    }
  });

  test('another process on the same database and pub/sub hears of it, at the latest after its short memory', async () => {
    const other = await bed.start();
    await setPlan('PRO', server);
    const order = await bed.createOrder();
    expect((await pay(other, order)).payment.status).toBe('PENDING');
    await setPlan('FREE', other);
    await expect
      .poll(
        () =>
          pay(server, order).then(
            () => 'active',
            (error: { code: string }) => error.code,
          ),
        { timeout: 8_000 },
      )
      .toBe('FEATURE_INACTIVE');
    await setPlan('PRO', server);
  });

  test('tells how many subscriptions go on charging', async () => {
    const order = await bed.createOrder();
    await bed.sql.query(
      `insert into tollgate.recurring_payment (order_id, price_id, status, initial_amount, currency, livemode, stripe_account, collection_paused)
        select $1::bigint, 'price', status, 500, 'USD', false, 'acct_' || number, paused
        from unnest(array['ACTIVE', 'TRIALING', 'PAST_DUE', 'INCOMPLETE', 'UNPAID', 'PAUSED', 'ACTIVE'],
          array[false, false, false, false, false, false, true]) with ordinality as t (status, paused, number)`,
      [order],
    );
    expect(await setPlan('BASIC')).toMatchObject({ liveRecurringPayments: 3 });
    expect(await setPlan('PRO')).toMatchObject({ liveRecurringPayments: 3 });
  });

  test('is remembered with who set it, and the same again changes nothing', async () => {
    await setPlan('ENTERPRISE');
    const read = () => bed.sql.query(`select value, updated_at::text as "at" from tollgate.setting where key = 'plan'`);
    const before = (await read()).rows[0];
    expect(before?.value).toEqual({ plan: 'ENTERPRISE', by: 'account:boss' });
    await setPlan('ENTERPRISE');
    expect((await read()).rows[0]).toEqual(before);
  });
});
