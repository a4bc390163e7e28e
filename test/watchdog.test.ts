import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from './cli/command.js';
import { FREEZING_AMOUNT } from './harness/freezing-server.js';
import { ask, pay } from './harness/payments.js';
import { readCharges, renew, startActive } from './harness/recurring.js';
import { addFault, clearFaults } from './harness/sandbox-control.js';
import { type ServerProcess, startServerProcess } from './harness/server-process.js';
import { deliver, eventOf } from './harness/signed-event.js';
import { openTestBed, type Server, type TestBed } from './harness/tollgate.js';
import { until } from './outbox/until.js';

const FREEZING = fileURLToPath(new URL('./harness/freezing-server.ts', import.meta.url));
const EXIT_FROZEN = 70;
const ADMIN = { account: 'admin', roles: ['admin'] };

let bed: TestBed;
const started: ServerProcess[] = [];
beforeAll(async () => {
  bed = await openTestBed();
  await addFault(bed.sandbox, { match: { eventType: '*' }, kind: 'drop', times: 1_000_000 });
});
afterEach(() => Promise.all(started.splice(0).map((process) => process.end('SIGKILL'))));
afterAll(() => bed.close());

const start = async (freeze: string): Promise<{ process: ServerProcess; server: Server }> => {
  const process = await startServerProcess(
    { ...bed.environment, LOG_LEVEL: 'error', TOLLGATE_FREEZE: freeze },
    FREEZING,
  );
  started.push(process);
  return { process, server: bed.attach(process.url ?? '', async () => undefined) };
};

/** The event of a payment's success, as Stripe would deliver it. */
const successOf = async (server: Server, amount: number): Promise<{ orderId: string; id: string; body: string }> => {
  const orderId = await bed.createOrder({ amount });
  const { payment } = await pay(server, orderId, { amount });
  const intent = await bed.stripe.paymentIntents.retrieve(payment.stripePaymentIntentId);
  const event = eventOf('payment_intent.succeeded', { ...intent, status: 'succeeded', amount_received: amount });
  return { orderId, id: String(event['id']), body: JSON.stringify(event) };
};
const rowOf = async (id: string) =>
  (await bed.sql.query('select status, attempts, last_error from tollgate.stripe_event where id = $1', [id])).rows[0];
const codesOf = async (server: Server): Promise<string[]> => {
  const problems = await ask<{ code: string }[]>(server, '{ problems { code } }', {}, ADMIN);
  return problems.map(({ code }) => code);
};
/** The delivery gets no answer, for nobody is left to give one. */
const deliverTo = (server: Server, body: string): void => void deliver(server, body).catch(() => undefined);

describe('a flow that never gives back control', { timeout: 180_000 }, () => {
  test('ends the process, is named in the log, counts as an attempt, and waits for an operator after two', async () => {
    const first = await start('payment-callback loop');
    const { orderId, id, body } = await successOf(first.server, FREEZING_AMOUNT);
    deliverTo(first.server, body);
    expect(await first.process.ended).toBe(EXIT_FROZEN);
    expect(first.process.output()).toContain(`flow payment-callback (order ${orderId}, event ${id})`);
    expect(first.process.output()).toMatch(/freezing-server\.[jt]s:\d+/);

    // It was never answered; the next process knows it all the same, and tries once more.
    const second = await start('payment-callback hold');
    expect(await rowOf(id)).toMatchObject({ attempts: 1, last_error: expect.stringContaining('held up the server') });
    expect(await second.process.ended).toBe(EXIT_FROZEN);

    const third = await start('payment-callback hold');
    await until(async () => (await rowOf(id))?.status === 'DEAD', 'the event waits for an operator');
    expect(await rowOf(id)).toMatchObject({ attempts: 2 });
    expect(await codesOf(third.server)).toEqual(expect.arrayContaining(['EVENTS_DEAD', 'FLOWS_FROZEN']));
    // Neither its own repetition nor another event of the order holds up the others.
    await deliver(third.server, body);
    await deliver(third.server, JSON.stringify({ ...JSON.parse(body), id: `${id}_again` }));
    const other = await successOf(third.server, 10_000);
    await deliver(third.server, other.body);
    expect(await bed.orderStatus(other.orderId)).toBe('paid');
    expect(await rowOf(`${id}_again`)).toMatchObject({ last_error: expect.stringContaining('tollgate flows retry') });
    // An operator has its change applied meanwhile: the money is true, and its flow is refused still.
    expect((await runCommand(['flows', 'owe', orderId], bed.environment)).code).toBe(0);
    await until(async () => (await rowOf(id))?.status === 'PROCESSED', 'the change is applied');
    expect(await bed.sql.query('select status from tollgate.payment where order_id = $1', [orderId])).toMatchObject({
      rows: [{ status: 'SUCCESSFUL' }],
    });
    const listOwed = async () =>
      (await runCommand(['flows', 'owed', '--order', orderId, '--json'], bed.environment)).stdout;
    await until(async () => (await listOwed()).includes('tollgate flows retry'), 'the owed flow was refused');
    expect(JSON.parse(await listOwed())).toMatchObject({
      owed: [{ flow: 'payment-callback', eventId: expect.stringContaining(id) }],
    });
    expect(await bed.orderStatus(orderId)).toBe('pending');
    expect(await third.process.end('SIGTERM')).toBe(0);

    const mended = await start('');
    const listed = await runCommand(['flows', 'list', '--json'], bed.environment);
    expect(JSON.parse(listed.stdout)).toMatchObject({ refused: [{ subject: orderId, freezes: 2, eventIds: [id] }] });
    expect((await runCommand(['flows', 'retry'], bed.environment)).code).toBe(0);
    await until(async () => (await bed.orderStatus(orderId)) === 'paid', 'the order is paid');
    expect(await codesOf(mended.server)).not.toContain('FLOWS_FROZEN');
  });

  test('where no event brought it, it is refused after two times as well', async () => {
    const orderId = await bed.createOrder({ amount: FREEZING_AMOUNT });
    const cancel = (server: Server, paymentId: string): Promise<unknown> =>
      ask(server, 'mutation ($id: ID!) { cancelPayment(input: { id: $id }) { payment { status } } }', {
        id: paymentId,
      });
    const begin = await start('payment-callback hold');
    const { payment } = await pay(begin.server, orderId, { amount: FREEZING_AMOUNT });
    void cancel(begin.server, payment.id).catch(() => undefined);
    expect(await begin.process.ended).toBe(EXIT_FROZEN);
    const second = await start('payment-callback hold');
    void cancel(second.server, payment.id).catch(() => undefined);
    expect(await second.process.ended).toBe(EXIT_FROZEN);
    const third = await start('payment-callback hold');
    await cancel(third.server, payment.id).catch(() => undefined);
    expect(await codesOf(third.server)).toContain('FLOWS_FROZEN');
  });

  test('an effect is refused after two times, and the others go on', async () => {
    const first = await start('effect hold');
    const { body } = await successOf(first.server, FREEZING_AMOUNT);
    deliverTo(first.server, body);
    expect(await first.process.ended).toBe(EXIT_FROZEN);
    expect(first.process.output()).toContain('effect mail (key mail-1)');
    await bed.sql.query(
      `select tollgate_jobs.force_unlock_workers(array_agg(locked_by)) from tollgate_jobs._private_jobs`,
    );
    const second = await start('effect hold');
    expect(await second.process.ended).toBe(EXIT_FROZEN);
    await bed.sql.query(
      `select tollgate_jobs.force_unlock_workers(array_agg(locked_by)) from tollgate_jobs._private_jobs`,
    );
    const third = await start('effect hold');
    await until(async () => {
      const { rows } = await bed.sql.query('select last_error from tollgate_jobs.jobs');
      return String(rows[0]?.last_error).includes('tollgate flows retry');
    }, 'it is refused');
    expect((await fetch(`${third.process.url}/health`)).status).toBe(200);
  });

  test.each([
    ['microtasks', EXIT_FROZEN],
    // Outside of JavaScript nothing can be run any more: the process is killed.
    ['call', null],
  ])('held up by %s, with SIGTERM sent meanwhile, it ends all the same', async (how, code) => {
    const { process, server } = await start(`payment-callback ${how}`);
    const { body } = await successOf(server, FREEZING_AMOUNT);
    deliverTo(server, body);
    await until(
      async () =>
        (await fetch(`${process.url}/health`, { signal: AbortSignal.timeout(300) }).catch(() => undefined)) ===
        undefined,
      'nobody answers',
    );
    expect(await process.end('SIGTERM')).toBe(code);
    expect(process.output()).toContain('The flow payment-callback');
  });

  test('createOrder of a renewal is refused after two times as well', async () => {
    await clearFaults(bed.sandbox);
    const healthy = await start('');
    bed.sandbox.setWebhookUrl(`${healthy.process.url}/webhooks/stripe`);
    const { id } = await startActive(bed, healthy.server);
    await healthy.process.end('SIGTERM');
    const first = await start('recurring-charge hold');
    bed.sandbox.setWebhookUrl(`${first.process.url}/webhooks/stripe`);
    await renew(bed);
    expect(await first.process.ended).toBe(EXIT_FROZEN);
    expect(first.process.output()).toContain('flow recurring-charge (order');
    const second = await start('recurring-charge hold');
    expect(await second.process.ended).toBe(EXIT_FROZEN);
    const third = await start('recurring-charge hold');
    await until(async () => (await codesOf(third.server)).includes('EVENTS_DEAD'), 'its event waits for an operator');
    expect(await readCharges(third.server, id)).toHaveLength(1);
    await third.process.end('SIGTERM');
    const mended = await start('');
    expect((await runCommand(['flows', 'retry'], bed.environment)).code).toBe(0);
    await until(async () => (await readCharges(mended.server, id)).length === 2, 'its event is taken up');
  });
});

describe('flow files that never finish loading', () => {
  test('end the start with the file in the log', async () => {
    const flowFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-flows-'));
    fs.writeFileSync(path.join(flowFolder, 'payment-callback.js'), 'for (;;);\n');
    const process = await startServerProcess({ ...bed.environment, TOLLGATE_FLOWS: flowFolder }, FREEZING);
    expect(await process.ended).toBe(EXIT_FROZEN);
    expect(process.output()).toMatch(/payment-callback\.js:1/);
    fs.rmSync(flowFolder, { recursive: true });
  });
});

const childrenOf = (pid: number): number[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, state]) => Number(parent) === pid && !state?.startsWith('Z'))
    .map(([child]) => Number(child));
const isAlive = (pid: number): boolean => fs.existsSync(`/proc/${pid}`);

test('an embedded run that is held up takes its database along', async () => {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-frozen-'));
  const running = await startServerProcess(
    { TOLLGATE_DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0', TOLLGATE_FREEZE: 'payment-callback hold' },
    FREEZING,
  );
  const children = childrenOf(running.pid);
  expect(children).not.toEqual([]);
  const { token } = (await (await fetch(`${running.url}/demo/token?account=demo-customer`)).json()) as {
    token: string;
  };
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const order = { method: 'POST', headers, body: JSON.stringify({ amount: FREEZING_AMOUNT, currency: 'USD' }) };
  const { id } = (await (await fetch(`${running.url}/demo/orders`, order)).json()) as { id: string };
  const query = `mutation { pay(input: { orderId: "${id}", amount: ${FREEZING_AMOUNT}, currency: "USD" }) { payment { id } } }`;
  const paid = await fetch(`${running.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  const { data } = (await paid.json()) as { data: { pay: { payment: { id: string } } } };
  const cancel = `mutation { cancelPayment(input: { id: "${data.pay.payment.id}" }) { payment { id } } }`;
  void fetch(`${running.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query: cancel }) }).catch(
    () => undefined,
  );
  expect(await running.ended).toBe(EXIT_FROZEN);
  await until(() => !children.some(isAlive), 'the database is gone');
  fs.rmSync(dataDir, { recursive: true, force: true });
});
