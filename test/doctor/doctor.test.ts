import { once } from 'node:events';
import fs from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCheck } from '../../src/doctor/checks.js';
import { confirm, pay } from '../harness/payments.js';
import { addFault, advanceClock, clearFaults } from '../harness/sandbox-control.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';
import { newKey, type OperatorOptions, openOperator, TEST_KEYS } from './operator-parts.js';

const ADMIN = { account: 'boss', roles: ['admin'] };

describe('the doctor', () => {
  let bed: TestBed;
  beforeAll(async () => {
    bed = await openTestBed();
  });
  afterEach(() => clearFaults(bed.sandbox));
  afterAll(() => bed.close());

  /** The codes that are found, with message and remedy. */
  const diagnose = async (options: OperatorOptions = {}, of = bed): Promise<Map<string, string>> => {
    const parts = await openOperator(of, options);
    try {
      const found = new Map<string, string>();
      for (const check of parts.checks) {
        const outcome = await runCheck(check);
        if ('findings' in outcome)
          for (const { code, message, remedy } of outcome.findings) found.set(code, `${message} ${remedy}`);
      }
      return found;
    } finally {
      await parts.close();
    }
  };
  const environment = { ...TEST_KEYS, webhookSecrets: ['whsec_sandbox'] };

  test('an installation that is in order has no problem', async () => {
    expect(await diagnose({ environment })).toEqual(new Map());
  });

  test('every check’s code is in the docs', async () => {
    const page = await fs.readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const parts = await openOperator(bed);
    const codes = parts.checks.map(({ code }) => code);
    await parts.close();
    expect(codes.filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
  });

  test('each thing that is wrong is named with a remedy', async () => {
    expect(await diagnose()).toEqual(new Map([['STRIPE_KEYS_MISSING', expect.stringContaining('tollgate configure')]]));
    const rolled = await diagnose({ environment: { ...environment, secretKey: 'sk_test_rolled' } });
    expect([...rolled.keys()]).toContain('STRIPE_KEYS_INVALID');
    const modes = await diagnose({ environment: { ...environment, publishableKey: 'pk_live_sandbox' } });
    expect([...modes.keys()]).toContain('STRIPE_KEYS_MODE');
    const silent = await diagnose({ environment: { ...environment, webhookSecrets: [] } });
    expect(silent.get('WEBHOOK_SECRET_MISSING')).toContain('PUBLIC_URL');
    const unreachable = await diagnose({ environment, publicUrl: 'http://127.0.0.1:9' });
    expect(unreachable.get('PUBLIC_URL_UNREACHABLE')).toContain('127.0.0.1:9/health');
    const flows = await diagnose({
      environment,
      loadFlows: () => Promise.reject(new Error('flows/payment-callback.ts has no such export')),
      redisUrl: 'redis://:geheim@127.0.0.1:9',
    });
    expect(flows.get('FLOWS_BROKEN')).toContain('payment-callback.ts');
    expect(flows.get('REDIS_UNREACHABLE')).toContain('Nothing listens at the address of REDIS_URL');
    expect(flows.get('REDIS_UNREACHABLE')).not.toContain('geheim');
  });

  test('a password in PUBLIC_URL is used and not shown', async () => {
    const asked: (string | undefined)[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.end('{}');
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const publicUrl = `http://gatekeeper:hunter2%21@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const parts = await openOperator(bed, { publicUrl });
    try {
      const report = JSON.stringify(await parts.settings.configure(TEST_KEYS));
      const outcomes = JSON.stringify(await Promise.all(parts.checks.map(runCheck)));
      expect(outcomes).toContain('/health answers');
      expect(asked).toEqual([`Basic ${btoa('gatekeeper:hunter2!')}`]);
      await bed.stripe.webhookEndpoints.update((await bed.stripe.webhookEndpoints.list()).data[0]?.id ?? '', {
        disabled: true,
      });
      expect(`${report} ${outcomes} ${JSON.stringify(await Promise.all(parts.checks.map(runCheck)))}`).not.toMatch(
        /hunter2|gatekeeper/,
      );
    } finally {
      await bed.sql.query(`delete from tollgate.setting where key like 'stripe%'`);
      await parts.close();
      proxy.close();
    }
  });

  test('tokens that may be good for ever are warned of, until their life is bounded', async () => {
    const warningOf = async (tokenMaxAgeSeconds?: number): Promise<string | undefined> => {
      const parts = await openOperator(bed, { environment, tokenMaxAgeSeconds });
      const outcomes = await Promise.all(parts.checks.filter(({ code }) => code.startsWith('TOKENS')).map(runCheck));
      await parts.close();
      return outcomes.flatMap((outcome) => ('ok' in outcome && outcome.warning ? outcome.warning.remedy : []))[0];
    };
    expect(await warningOf()).toContain('TOLLGATE_TOKEN_MAX_AGE_SECONDS');
    expect(await warningOf(3_600)).toBeUndefined();
  });

  test('an endpoint that is missing, switched off or changed at Stripe is found, and one in order is not', async () => {
    const publicUrl = 'https://pay.example';
    const parts = await openOperator(bed, { publicUrl });
    const endpointProblems = async (): Promise<string[]> =>
      [...(await diagnose({ publicUrl })).keys()].filter((code) => code.startsWith('WEBHOOK'));
    try {
      await parts.settings.configure(TEST_KEYS);
      expect(await endpointProblems()).toEqual([]);
      const { data } = await bed.stripe.webhookEndpoints.list();
      const id = data[0]?.id ?? '';
      await bed.stripe.webhookEndpoints.update(id, { disabled: true });
      expect(await endpointProblems()).toEqual(['WEBHOOK_ENDPOINT_DIFFERS']);
      await bed.stripe.webhookEndpoints.del(id);
      expect(await endpointProblems()).toEqual(['WEBHOOK_ENDPOINT_MISSING']);
    } finally {
      await bed.sql.query(`delete from tollgate.setting where key like 'stripe%'`);
      await parts.close();
    }
  });

  test('a webhook secret that is not the endpoint’s is found as soon as the first payment was paid', async () => {
    const fresh = await openTestBed();
    const secret = { ...environment, webhookSecrets: ['whsec_mistyped'] };
    const server = await fresh.start({ environment: { STRIPE_WEBHOOK_SECRET: 'whsec_mistyped' } });
    try {
      await confirm(fresh, await pay(server, await fresh.createOrder()));
      await fresh.sandbox.settled();
      await advanceClock(fresh.sandbox, 120);
      expect((await diagnose({ environment: secret }, fresh)).get('DELIVERIES_MISSING')).toContain('another endpoint');
    } finally {
      await fresh.close();
    }
  });

  test('stored secrets that the key does not open are found, without showing anything of them', async () => {
    const parts = await openOperator(bed, { encryption: { key: newKey(), next: undefined } });
    try {
      await parts.settings.configure({ ...TEST_KEYS, webhookSecret: 'whsec_given' });
      const found = await diagnose({ encryption: { key: newKey(), next: undefined } });
      expect(found.get('ENCRYPTION_KEY')).toContain('2 of 2');
      expect(JSON.stringify([...found])).not.toContain('sk_test_sandbox');
    } finally {
      await bed.sql.query(`delete from tollgate.setting where key like 'stripe%'`);
      await parts.close();
    }
  });

  test('Stripe that does not answer is one problem in words', async () => {
    await addFault(bed.sandbox, { match: { path: '/v1/account' }, kind: 'status', status: 503, times: 6 });
    expect((await diagnose({ environment })).get('STRIPE_UNREACHABLE')).toContain('did not answer as expected');
  });

  test('stuck events, unpublished changes, unknown refunds and quarantined payments are listed over GraphQL, since when they wait', async () => {
    const server = await bed.start();
    const orderId = await bed.createOrder();
    const stuck = '2024-01-02T03:04:05.000Z';
    await bed.sql.query(`insert into tollgate.stripe_event (id, type, status, received_at, next_attempt_at)
      values ('evt_stuck', 'payment_intent.succeeded', 'FAILED', '${stuck}', now() + interval '1 hour'),
        ('evt_dead', 'payment_intent.succeeded', 'DEAD', '${stuck}', null)`);
    // Rows of another Stripe account: no job of this server finds out what became of them.
    const { rows } = await bed.sql.query<{ id: string }>(
      `insert into tollgate.payment (order_id, amount, currency, status, amount_received, livemode, stripe_account,
          stripe_payment_intent_id)
        values ($1, 500, 'USD', 'QUARANTINED', 700, false, 'acct_other', 'pi_quarantined') returning id::text`,
      [orderId],
    );
    await bed.sql.query(
      `insert into tollgate.refund (payment_id, amount, currency, livemode, stripe_account, created_at, attempted_at)
        values ($1, 100, 'USD', false, 'acct_other', '${stuck}', now() + interval '1 hour')`,
      [rows[0]?.id],
    );
    // All of it went back: this one is over.
    const { rows: settled } = await bed.sql.query<{ id: string }>(
      `insert into tollgate.payment (order_id, amount, currency, status, amount_received, amount_refunded, livemode,
          stripe_account, stripe_payment_intent_id)
        values ($1, 500, 'USD', 'QUARANTINED', 700, 700, false, 'acct_other', 'pi_given_back') returning id::text`,
      [orderId],
    );
    const ask = '{ problems { code message remedy since } }';
    const refused = await server.request(ask);
    expect(refused.errors?.[0]?.extensions?.['code']).toBe('FORBIDDEN');
    const { data, errors } = await server.request(ask, {}, ADMIN);
    expect(errors).toBeUndefined();
    const problems = data?.['problems'] as { code: string; message: string; remedy: string; since: string }[];
    expect(problems.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['EVENTS_STUCK', 'EVENTS_DEAD', 'REFUNDS_UNKNOWN', 'PAYMENTS_QUARANTINED']),
    );
    expect(problems.find(({ code }) => code === 'EVENTS_STUCK')).toMatchObject({
      message: expect.stringContaining('evt_stuck'),
      since: stuck,
    });
    const quarantined = problems.find(({ code }) => code === 'PAYMENTS_QUARANTINED')?.message;
    expect(quarantined).toContain(`on 1 payment(s): ${rows[0]?.id}.`);
    expect(quarantined).not.toContain(settled[0]?.id);
    for (const { remedy } of problems) expect(remedy.length).toBeGreaterThan(10);
  });
});
