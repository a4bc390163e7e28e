import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EffectContext, Effects } from '../../src/flows/effects.js';
import { runCommand } from '../cli/command.js';
import { ask, pay, readPayment } from '../harness/payments.js';
import { addFault } from '../harness/sandbox-control.js';
import { deliver, eventOf } from '../harness/signed-event.js';
import { type As, openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { until } from '../outbox/until.js';

interface Seen {
  readonly name: string;
  readonly payload: unknown;
  readonly key: string;
}

let bed: TestBed;
let server: Server;
let seen: Seen[] = [];
/** What the payment callback does. */
let flow: (context: { add(name: string, payload: unknown, options?: { idempotencyKey?: string }): void }) => unknown;
/** What the effect does, by attempt. */
let effect: (context: EffectContext) => unknown = () => undefined;
const released: (() => void)[] = [];

const note =
  (name: string) =>
  (payload: unknown, context: EffectContext): unknown => {
    seen.push({ name, payload, key: context.idempotencyKey });
    return effect(context);
  };
const EFFECTS: Effects = new Map([
  ['mail', { run: note('mail') }],
  ['short', { run: note('short'), timeoutMs: 50, maxAttempts: 2 }],
  ['hopeless', { run: note('hopeless'), maxAttempts: 1 }],
]);

beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({
    flows: { paymentCallback: { run: (_, { effects }) => flow(effects) as Promise<void> }, effects: EFFECTS },
    inboxLimits: { firstWaitSeconds: 0.01, longestWaitSeconds: 0.05, maximumAttempts: 2, leaseSeconds: 60 },
    effectTiming: { heartbeatMs: 100, silentMs: 1_000 },
  });
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
});
beforeEach(() => {
  seen = [];
  effect = () => undefined;
});
afterAll(async () => {
  for (const release of released) release();
  await bed.close();
});

const succeed = async (on = server): Promise<{ id: string; event: string }> => {
  const { payment } = await pay(on, await bed.createOrder());
  const intent = await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId);
  const event = eventOf('payment_intent.succeeded', {
    ...intent,
    status: 'succeeded',
    amount_received: payment.amount,
  });
  expect((await deliver(on, JSON.stringify(event))).status).toBe(200);
  return { id: payment.id, event: String(event['id']) };
};
const statusOf = async (event: string) =>
  (await bed.sql.query('select status, last_error from tollgate.stripe_event where id = $1', [event])).rows[0];
const jobs = async () =>
  (await bed.sql.query('select id, attempts, max_attempts, last_error, locked_by from tollgate_jobs.jobs')).rows;
const emptied = (): Promise<void> => until(async () => (await jobs()).length === 0, 'the queue is empty');

describe('an effect that a flow adds', () => {
  test('runs after the change is committed, with its payload and the key it was given', async () => {
    flow = (effects) => {
      effects.add('mail', { to: 'a@shop.example', lines: [1, 2] }, { idempotencyKey: 'mail-1' });
      effects.add('mail', null);
    };
    await succeed();
    await until(() => seen.length === 2, 'both ran');
    const keyed = seen.find(({ key }) => key === 'mail-1');
    expect(keyed?.payload).toEqual({ to: 'a@shop.example', lines: [1, 2] });
    expect(seen.find(({ key }) => key !== 'mail-1')).toMatchObject({
      payload: null,
      key: expect.stringMatching(/^[\w-]{36}$/),
    });
    await emptied();
  });

  test('is not queued when the flow fails', async () => {
    flow = (effects) => {
      effects.add('mail', 'never');
      throw new Error('the shop is closed');
    };
    const { id, event } = await succeed();
    await until(async () => (await statusOf(event))?.status === 'DEAD', 'it was given up on');
    expect(await readPayment(server, id)).toMatchObject({ status: 'PENDING' });
    expect(await jobs()).toEqual([]);
    expect(seen).toEqual([]);
  });

  test.each([
    [
      'an unknown name',
      (add: (name: string, payload: unknown) => void) => add('fax', 1),
      /no effect "fax".*hopeless, mail, short/,
    ],
    ['a payload that JSON does not hold', (add: (name: string, payload: unknown) => void) => add('mail', 1n), /JSON/],
  ])('%s fails the transaction with a clear message, even where the flow goes on', async (_, call, message) => {
    flow = (effects) => {
      try {
        call((name, payload) => effects.add(name, payload));
      } catch {
        // A developer who hides it.
      }
    };
    const { id, event } = await succeed();
    // No retry of it may run into the next test.
    await until(async () => (await statusOf(event))?.status === 'DEAD', 'it was given up on');
    expect((await statusOf(event))?.last_error).toMatch(message);
    expect(await readPayment(server, id)).toMatchObject({ status: 'PENDING' });
  });

  test('can not be added once the flow has ended', async () => {
    let leaked: (() => void) | undefined;
    flow = (effects) => {
      leaked = () => effects.add('mail', 'late');
    };
    await succeed();
    expect(() => leaked?.()).toThrow(/has ended/);
    expect(await jobs()).toEqual([]);
  });
});

describe('an effect that fails', () => {
  test('is tried again with the same key until it works', async () => {
    let failures = 2;
    effect = () => {
      if (failures-- > 0) throw new Error('no answer');
    };
    flow = (effects) => effects.add('mail', 'again');
    await succeed();
    await until(() => seen.length === 3, 'three attempts');
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
    await emptied();
  });

  test('is aborted when its time is up; one that ignores that goes on unheard, and all others run', async () => {
    const aborted: boolean[] = [];
    effect = ({ signal }) => {
      signal.addEventListener('abort', () => aborted.push(true));
      return new Promise<void>((resolve) => released.push(resolve));
    };
    flow = (effects) => effects.add('short', 'hangs');
    await succeed();
    await until(() => aborted.length === 2, 'both attempts were aborted');
    await until(async () => (await jobs())[0]?.attempts === 2 && (await jobs())[0]?.locked_by === null, 'given up on');
    effect = () => undefined;
    flow = (effects) => effects.add('mail', 'goes through');
    await succeed();
    await until(() => seen.some(({ name }) => name === 'mail'), 'the other effect ran');
    await bed.sql.query('select tollgate_jobs.complete_jobs(array(select id from tollgate_jobs.jobs))');
  });

  test('becomes a dead letter that is a problem, is listed, and runs again by command', async () => {
    effect = () => {
      throw new Error('the mail server said no');
    };
    flow = (effects) => effects.add('hopeless', { order: 1 });
    const { id } = await succeed();
    await until(async () => (await jobs())[0]?.last_error?.includes('said no') === true, 'given up on');
    const list = await runCommand(['effects', 'list', '--dead', '--of', id, '--json'], bed.environment);
    expect(JSON.parse(list.stdout)).toMatchObject({
      effects: [{ name: 'hopeless', dead: true, payload: { order: 1 }, lastError: expect.stringContaining('said no') }],
    });
    const problems = await server.request('{ problems { code } }', {}, { account: 'admin', roles: ['admin'] });
    expect(JSON.stringify(problems)).toContain('EFFECTS_DEAD');
    effect = () => undefined;
    const retried = await runCommand(['effects', 'retry', '--json'], bed.environment);
    expect(JSON.parse(retried.stdout).retried).toHaveLength(1);
    await emptied();
    expect(seen.map(({ name }) => name)).toEqual(['hopeless', 'hopeless']);
  });
});

describe('an effect that was given up on', () => {
  const ADMIN = { account: 'admin', roles: ['admin'] };
  const dead = async () =>
    ask<{ edges: { node: { id: string; name: string; lastError: string; payload: unknown } }[] }>(
      server,
      '{ effects(dead: true) { edges { node { id name lastError payload } } } }',
      {},
      ADMIN,
    ).then(({ edges }) => edges.map(({ node }) => node));
  const retry = (field: string, input: object, as: As = ADMIN) =>
    ask<{ ids: string[] }>(
      server,
      `mutation ($input: ${field === 'retryEffect' ? 'RetryEffectInput' : 'RetryDeadEffectsInput'}!) {
        ${field}(input: $input) { ids } }`,
      { input },
      as,
    );

  test('is read, retried by itself or with all others, once however often that is asked, and audited', async () => {
    effect = () => {
      throw new Error('the mail server said no');
    };
    flow = (effects) => {
      for (const n of [1, 2, 3]) effects.add('hopeless', n);
    };
    await succeed();
    await until(async () => (await dead()).length === 3, 'three are dead');
    const [first] = await dead();
    expect(first).toMatchObject({ name: 'hopeless', lastError: expect.stringContaining('said no') });
    effect = () => undefined;
    seen = [];
    const input = { id: first?.id, reason: 'the mail server is up' };
    await expect(retry('retryEffect', input, { account: 'customer' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await Promise.all([retry('retryEffect', input), retry('retryEffect', input)]);
    await until(async () => (await jobs()).length === 2, 'the first is gone');
    expect(seen).toHaveLength(1);
    expect((await retry('retryDeadEffects', { name: 'mail' })).ids).toEqual([]);
    const both = await Promise.all([retry('retryDeadEffects', {}), retry('retryDeadEffects', {})]);
    expect(both.flatMap(({ ids }) => ids)).toHaveLength(2);
    await emptied();
    expect(seen).toHaveLength(3);
    const { rows } = await bed.sql.query<{ detail: object }>(
      `select detail from tollgate.audit where actor = 'account:admin' and action = 'EFFECTS_RETRIED' order by id`,
    );
    expect(rows[0]?.detail).toMatchObject({ ids: [first?.id], reason: 'the mail server is up' });
    expect(rows.at(-1)?.detail).toMatchObject({ count: 2 });
  });
});

describe('what a payment caused', () => {
  const OPERATOR = { account: 'admin', roles: ['admin'] };
  const effectsOf = async (filter: string, as: As = OPERATOR) =>
    ask<{ edges: { node: Record<string, unknown> }[] }>(
      server,
      `{ effects(${filter}) { edges { node { payload flow nodeType nodeId lastError } } } }`,
      {},
      as,
    ).then(({ edges }) => edges.map(({ node }) => node));

  test('is found by it, with the flow that asked and its last error without secrets', async () => {
    effect = () => {
      throw new Error(
        'no to Bearer aaaa.bbbb.cccc by sk_live_0123456789 at https://shop:pass1@mail.example/v1?api_key=key1&to=a, pi_1_secret_2',
      );
    };
    flow = (effects) => effects.add('hopeless', 'first');
    const first = await succeed();
    flow = (effects) => effects.add('hopeless', 'second');
    const second = await succeed();
    await until(async () => (await effectsOf('dead: true')).length === 2, 'both are dead');
    const cause = { flow: 'payment-callback', nodeType: 'PAYMENT' };
    for (const [{ id }, payload] of [[first, 'first'] as const, [second, 'second'] as const])
      expect(await effectsOf(`nodeId: "${id}"`)).toEqual([
        {
          ...cause,
          nodeId: id,
          payload,
          lastError:
            'no to Bearer [redacted] by [redacted] at https://shop:[redacted]@mail.example/v1?api_key=[redacted]&to=a, [redacted]',
        },
      ]);
    for (const none of ['nodeId: "x"', `nodeId: "${first.id}", name: "mail"`])
      expect(await effectsOf(none)).toEqual([]);
    await expect(effectsOf(`nodeId: "${first.id}"`, { account: 'customer' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    // One that is tried again is a problem, whose words go to the log and to outgoing webhooks.
    await bed.sql.query(
      `update tollgate_jobs._private_jobs set max_attempts = attempts + 1, run_at = now() + interval '1 hour'`,
    );
    const checked = await runCommand(['doctor', '--json'], bed.environment);
    expect(checked.stdout).toMatch(/EFFECTS_FAILED[^}]*no to Bearer \[redacted\] by \[redacted\] at/);
    expect(checked.stdout).not.toContain('sk_live');
    await bed.sql.query('select tollgate_jobs.complete_jobs(array(select id from tollgate_jobs.jobs))');
  });
});

describe('what a killed process had begun', () => {
  test('runs again elsewhere within seconds, not after the queue’s own four hours', async () => {
    flow = (effects) => effects.add('mail', 'orphan');
    // As a process leaves it that was killed while the effect ran: locked by a worker that is silent.
    await bed.sql.query(`select tollgate_jobs.add_job('mail', '{"payload":"orphan","idempotencyKey":"k"}',
      run_at := now() + interval '1 hour', job_key := 'orphan')`);
    await bed.sql.query(`update tollgate_jobs._private_jobs set locked_by = 'worker-dead', run_at = now(), attempts = 1,
      locked_at = now() - interval '2 seconds' where key = 'orphan'`);
    await until(() => seen.some(({ payload }) => payload === 'orphan'), 'it ran elsewhere');
    await emptied();
  });

  test('a living process keeps what it runs, however long', async () => {
    let finish: () => void = () => undefined;
    effect = () => new Promise<void>((resolve) => (finish = resolve));
    flow = (effects) => effects.add('mail', 'long');
    await succeed();
    await until(() => seen.length === 1, 'it runs');
    const [before] = (await bed.sql.query('select max(seen_at) as at from tollgate.effect_worker')).rows;
    await bed.sql.query(`update tollgate_jobs._private_jobs set locked_at = now() - interval '10 seconds'`);
    await until(async () => {
      const [now] = (await bed.sql.query('select max(seen_at) as at from tollgate.effect_worker')).rows;
      return now.at - before.at > 500;
    }, 'several heartbeats passed');
    expect(seen).toHaveLength(1);
    finish();
    await emptied();
    expect(seen).toHaveLength(1);
  });
});

test('workers that could not tell the database how their effects ended are replaced: those run again with their keys, and later ones run', async () => {
  const atOnce = ['one', 'two', 'three', 'four'];
  await bed.sql.query(`create sequence public.refused;
    create function public.refuse() returns trigger language plpgsql as $$ begin
      perform nextval('public.refused');
      raise exception 'no end is written';
    end $$;
    create trigger refuse before delete on tollgate_jobs._private_jobs for each row execute function public.refuse()`);
  try {
    flow = (effects) => {
      for (const payload of atOnce) effects.add('mail', payload);
    };
    await succeed();
    const refusals = async () =>
      Number(
        (await bed.sql.query('select case when is_called then last_value else 0 end as n from public.refused')).rows[0]
          .n,
      );
    await until(async () => (await refusals()) >= atOnce.length, 'all ran, and no end could be written');
  } finally {
    await bed.sql.query('drop trigger refuse on tollgate_jobs._private_jobs');
  }
  flow = (effects) => effects.add('mail', 'later');
  await succeed();
  await until(() => seen.some(({ payload }) => payload === 'later'), 'the later one ran');
  await emptied();
  for (const payload of atOnce) {
    const runs = seen.filter((one) => one.payload === payload);
    expect(runs.length).toBeGreaterThan(1);
    expect(new Set(runs.map(({ key }) => key)).size).toBe(1);
  }
});
