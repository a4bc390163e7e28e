import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../harness/payments.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';

const ADMIN = { account: 'boss', roles: ['admin'] };
const ACTIVATE = /* GraphQL */ `
  mutation ($input: ActivatePaymentsInput!) {
    activatePayments(input: $input) {
      settings {
        active plan livemode publishableKey secretKeySet webhookSecretSet
        orderTable { table idColumn ownerColumn amountColumn currencyColumn boundAt }
      }
    }
  }
`;

describe('activatePayments', () => {
  let bed: TestBed;
  let server: Server;
  let flowFolder: string;
  beforeAll(async () => {
    bed = await openTestBed({
      binding: null,
      schema: 'create table public.booking (id uuid primary key, owner text, cents bigint, cur text)',
    });
    flowFolder = await fs.mkdtemp(path.join(os.tmpdir(), 'tollgate-activation-'));
    server = await bed.start({ flowFolder });
  });
  afterAll(async () => {
    await bed.close();
    await fs.rm(flowFolder, { recursive: true, force: true });
  });

  const activate = (input: object, as = ADMIN) => ask<{ settings: object }>(server, ACTIVATE, { input }, as);
  const booking = { orderTable: 'public.booking', ownerColumn: 'owner', amountColumn: 'cents', currencyColumn: 'cur' };

  test('before it, the settings name no table, and pay says what to do', async () => {
    expect(await ask(server, '{ paymentSettings { active orderTable { table } } }', {}, ADMIN)).toEqual({
      active: false,
      orderTable: null,
    });
    await ask(server, 'mutation { setPlan(input: { plan: PRO }) { settings { plan } } }', {}, ADMIN);
    await expect(
      ask(server, 'mutation { pay(input: { orderId: "1", amount: 500, currency: "usd" }) { publishableKey } }'),
    ).rejects.toMatchObject({ code: 'NOT_ACTIVATED' });
  });

  test('needs SETTINGS_MANAGE, and a table that can be used', async () => {
    await expect(activate(booking, { account: 'ann', roles: [] })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(activate({ orderTable: 'public.nothing' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(activate({ ...booking, amountColumn: 'cur' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  test('binds the table, protects it, and writes the flows for it', async () => {
    expect(await activate(booking)).toEqual({
      settings: {
        active: true,
        plan: 'PRO',
        livemode: false,
        publishableKey: 'pk_test_sandbox',
        secretKeySet: true,
        webhookSecretSet: true,
        orderTable: {
          table: 'public.booking',
          idColumn: 'id',
          ownerColumn: 'owner',
          amountColumn: 'cents',
          currencyColumn: 'cur',
          boundAt: expect.stringMatching(/Z$/),
        },
      },
    });
    await expect(bed.sql.query('drop table public.booking cascade')).rejects.toMatchObject({ code: 'TG003' });
    expect(await fs.readFile(path.join(flowFolder, 'recurring-charge.ts'), 'utf8')).toContain('public.booking');
    expect(await fs.readdir(flowFolder)).toHaveLength(6);
  });

  test('the same again changes nothing; other arguments are ALREADY_ACTIVATED', async () => {
    const first = await activate(booking);
    expect(await activate({ ...booking, orderTable: 'BOOKING', idColumn: 'id' })).toEqual(first);
    await expect(activate({ ...booking, orderTable: 'public.shop_order' })).rejects.toMatchObject({
      code: 'ALREADY_ACTIVATED',
      message: expect.stringContaining('public.booking'),
    });
    await expect(activate({ orderTable: 'public.nothing' })).rejects.toMatchObject({ code: 'ALREADY_ACTIVATED' });
    await expect(activate({ ...booking, currencyColumn: null })).rejects.toMatchObject({ code: 'ALREADY_ACTIVATED' });
    await expect(bed.sql.query('drop table public.booking cascade')).rejects.toMatchObject({ code: 'TG003' });
  });
});
