import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recurringCharge } from '../../../flows/recurring-charge.js';
import type { FlowContext, PaymentCallbackData } from '../../../src/flows/flows.js';
import { type Ended, runCommand } from '../../cli/command.js';
import { openDispute, readDisputes } from '../../harness/disputes.js';
import { ask, confirm, type Paid, pay, readPayment } from '../../harness/payments.js';
import { cancel, eventually, readCharges, readRecurring, renew, startActive } from '../../harness/recurring.js';
import { ADMIN, payOrder, readMoney, readRefunds, refund } from '../../harness/refunds.js';
import { startServerProcess } from '../../harness/server-process.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const CRASHING = fileURLToPath(new URL('../../harness/crashing-server.ts', import.meta.url));
/** Only an operator's word, or a replay, tries an event again. */
const LIMITS = { firstWaitSeconds: 600, longestWaitSeconds: 600, maximumAttempts: 15, leaseSeconds: 60 };

interface Owed {
  readonly id: string;
  readonly flow: string;
  readonly orderId: string;
  readonly nodeType: string;
  readonly nodeId: string;
  readonly status: string;
  readonly error: string;
  readonly tries: number;
  readonly endedBy: string | null;
}

let bed: TestBed;
let server: Server;
let second: Server;
/** The flows that fail now. */
let broken = new Set<string>();
let told: PaymentCallbackData[] = [];
beforeAll(async () => {
  bed = await openTestBed({
    schema:
      'create table public.flow_run (id bigint generated always as identity, flow text, order_id bigint, status text, paid bigint)',
  });
  const note = async (flow: string, given: readonly unknown[], { db }: FlowContext): Promise<void> => {
    await db.query('insert into public.flow_run (flow, order_id, status, paid) values ($1, $2, $3, $4)', [
      flow,
      ...given,
    ]);
    if (broken.has(flow)) throw new Error(`the ${flow} is closed`);
  };
  const flows = {
    paymentCallback: {
      run(data: PaymentCallbackData, context: FlowContext) {
        told.push(data);
        return note('payment', [data.orderId, data.paymentStatus, data.orderPaidAmount], context);
      },
    },
    refundCallback: {
      run: (
        { orderId, status, orderPaidAmount }: { orderId: string; status: string; orderPaidAmount: number },
        context: FlowContext,
      ) => note('refund', [orderId, status, orderPaidAmount], context),
    },
    disputeCallback: {
      run: ({ orderId, status }: { orderId: string; status: string }, context: FlowContext) =>
        note('dispute', [orderId, status, null], context),
    },
    recurringPaymentCallback: {
      run: (
        { recurringPayment: { orderId, status } }: { recurringPayment: { orderId: string; status: string } },
        context: FlowContext,
      ) => note('recurring', [orderId, status, null], context),
    },
    recurringCharge: {
      amount() {
        if (broken.has('amount')) throw new Error('the amount is closed');
        return undefined;
      },
      async createOrder(...[charge, context]: Parameters<typeof recurringCharge.createOrder>) {
        await note('charge', [charge.orderId, charge.invoiceId, null], context);
        return recurringCharge.createOrder(charge, context);
      },
    },
  };
  second = await bed.start({ flows, inboxLimits: LIMITS });
  server = await bed.start({ flows, inboxLimits: LIMITS });
});
beforeEach(() => {
  broken = new Set();
  told = [];
});
afterAll(() => bed.close());

const FIELDS = 'id flow orderId nodeType nodeId status error tries endedBy';
const owedOf = async (orderId: string, status?: string): Promise<Owed[]> =>
  (
    await ask<{ edges: { node: Owed }[] }>(
      server,
      `query ($orderId: ID, $status: OwedFlowStatus) { owedFlows(orderId: $orderId, status: $status, first: 100) { edges { node { ${FIELDS} } } } }`,
      { orderId, status },
      ADMIN,
    )
  ).edges
    .map(({ node }) => node)
    .reverse();
const act = (name: string, input: object, on = server, as = ADMIN): Promise<Owed> =>
  ask<{ owedFlow: Owed }>(
    on,
    `mutation ($input: ${name[0]?.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { owedFlow { ${FIELDS} } } }`,
    { input },
    as,
  ).then(({ owedFlow }) => owedFlow);
const oweNext = (orderId: string) =>
  ask(server, 'mutation ($id: ID!) { oweNextFlow(input: { orderId: $id }) { events } }', { id: orderId }, ADMIN);
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'none',
    (error: { code: unknown }) => error.code,
  );
/** What the flows of an order did, in order: what was rolled back is not there. */
const runsOf = async (orderId: string): Promise<string[]> =>
  (
    await bed.sql.query<{ words: string }>(
      `select concat_ws(' ', flow, status, paid) as words from public.flow_run where order_id = $1 order by id`,
      [orderId],
    )
  ).rows.map(({ words }) => words);
const failedEvents = async (type: string): Promise<string[]> =>
  (
    await bed.sql.query<{ id: string }>(
      `select id from tollgate.stripe_event where type like $1 and status in ('FAILED', 'DEAD') order by received_at`,
      [type],
    )
  ).rows.map(({ id }) => id);
const replay = (id: string) =>
  ask(server, 'mutation ($id: ID!) { replayEvent(input: { id: $id }) { event { status } } }', { id }, ADMIN);
/** Tries the failed events of a type again until none fails. */
const tryAgain = async (type: string): Promise<number> => {
  for (let rounds = 0; ; rounds += 1) {
    const failed = await failedEvents(type);
    if (failed.length === 0) return rounds;
    if (rounds > 8) throw new Error(`${failed} keep failing`);
    for (const id of failed) await replay(id);
  }
};
/** Owed flows are tried by a job when their time has come. */
const mend = async (): Promise<void> => {
  broken = new Set();
  await bed.sql.query(
    `update tollgate.owed_flow set next_try_at = now() where status = 'OWED' and next_try_at is not null`,
  );
};
/** So that no job tries them meanwhile. */
const holdOff = () =>
  bed.sql.query(
    `update tollgate.owed_flow set next_try_at = now() + interval '1 hour' where status = 'OWED' and next_try_at is not null`,
  );
const untilNothingIsOwed = (orderId: string) =>
  eventually(
    () => owedOf(orderId, 'OWED'),
    (rows) => rows.length === 0,
  );
const problemWith = async (wanted: string, words: string) =>
  (
    await ask<{ code: string; message: string; remedy: string }[]>(
      server,
      '{ problems { code message remedy } }',
      {},
      ADMIN,
    )
  ).find(({ code, message }) => code === wanted && message.includes(words));
const problemOf = (orderId: string) => problemWith('FLOW_OWED', `order ${orderId} `);
const timelineOf = (id: string) =>
  ask<{
    timeline: {
      toStatus: string;
      flow: string | null;
      flowOutcome: string | null;
      note: string | null;
      actor: string;
    }[];
  }>(
    server,
    'query ($id: ID!) { payment(id: $id) { timeline { toStatus flow flowOutcome note actor } } }',
    { id },
    ADMIN,
  ).then(({ timeline }) => timeline);

/** A payment that went through, and whose callback failed three times. */
const payOwed = async (): Promise<Paid> => {
  broken.add('payment');
  const paid = await pay(server, await bed.createOrder());
  await confirm(bed, paid);
  await bed.sandbox.settled();
  await tryAgain('payment_intent.%');
  await holdOff();
  return paid;
};

describe('a payment whose callback keeps failing', () => {
  test('is SUCCESSFUL after three tries, says which flow failed with which error, can be refunded, and each flow runs once, in order', async () => {
    broken.add('payment');
    const paid = await pay(server, await bed.createOrder());
    const { id, orderId } = paid.payment;
    await confirm(bed, paid);
    await bed.sandbox.settled();
    const [event] = await failedEvents('payment_intent.succeeded');
    expect(await readPayment(server, id)).toMatchObject({ status: 'PENDING' });
    expect(await tryAgain('payment_intent.%')).toBe(3);
    await holdOff();
    expect(told.filter(({ orderId: of }) => of === orderId)).toHaveLength(3);
    expect(await readPayment(server, id)).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
    expect((await timelineOf(id)).at(-1)).toMatchObject({
      toStatus: 'SUCCESSFUL',
      flow: 'payment-callback',
      flowOutcome: 'owed',
      note: expect.stringContaining('the payment is closed'),
    });
    expect(await runsOf(orderId)).toEqual([]);
    const problem = await eventually(
      () => problemOf(orderId),
      (one) => one !== undefined,
    );
    expect(problem?.message).toContain('the payment is closed');
    expect(problem?.remedy).toContain('flows run');
    expect(await replay(event ?? '')).toMatchObject({ event: { status: 'PROCESSED' } });
    const { rows } = await bed.sql.query<{ data: string }>(
      'select data::text from tollgate.owed_flow where order_id = $1',
      [orderId],
    );
    expect(rows[0]?.data).not.toContain('_secret_');

    expect(await refund(server, id, 10_000)).toMatchObject({ status: 'REFUNDED' });
    expect(await readMoney(server, id)).toMatchObject({ amountRefunded: 10_000 });
    expect((await owedOf(orderId)).map(({ flow, nodeType }) => [flow, nodeType])).toEqual([
      ['payment-callback', 'PAYMENT'],
      ['refund-callback', 'REFUND'],
    ]);
    told = [];
    await mend();
    await untilNothingIsOwed(orderId);
    expect(await runsOf(orderId)).toEqual(['payment SUCCESSFUL 10000', 'refund REFUNDED 0']);
    expect(told[0]).toMatchObject({
      previousStatus: 'PENDING',
      callbackProcessed: false,
      payment: { id, createdAt: expect.any(Date) },
    });
    expect((await timelineOf(id)).at(-1)).toMatchObject({
      flow: 'payment-callback',
      flowOutcome: 'done',
      actor: 'job',
    });
    await eventually(
      () => problemOf(orderId),
      (one) => one === undefined,
    );
    await bed.sandbox.settled();
    expect(await runsOf(orderId)).toHaveLength(2);
  });

  test('is applied at once when an operator says so, and the operator may run it, or skip it with a reason', async () => {
    broken.add('payment');
    const paid = await pay(server, await bed.createOrder());
    const { id, orderId } = paid.payment;
    await confirm(bed, paid);
    await bed.sandbox.settled();
    expect(
      await codeOf(ask(server, 'mutation { oweNextFlow(input: { orderId: "999999" }) { events } }', {}, ADMIN)),
    ).toBe('NOT_FOUND');
    expect(
      await codeOf(
        ask(server, 'mutation ($id: ID!) { oweNextFlow(input: { orderId: $id }) { events } }', { id: orderId }),
      ),
    ).toBe('FORBIDDEN');
    expect(await oweNext(orderId)).toEqual({ events: 1 });
    await eventually(
      () => readMoney(server, id),
      ({ status }) => status === 'SUCCESSFUL',
    );
    await holdOff();
    await refund(server, id, 4_000);
    const [first, behind] = await owedOf(orderId);
    expect(await codeOf(act('runOwedFlow', { id: behind?.id }))).toBe('ILLEGAL_TRANSITION');
    expect(await act('runOwedFlow', { id: first?.id })).toMatchObject({
      status: 'OWED',
      error: 'the payment is closed',
    });
    expect(await codeOf(act('skipOwedFlow', { id: first?.id, reason: ' ' }))).toBe('BAD_USER_INPUT');
    expect(await act('skipOwedFlow', { id: first?.id, reason: 'told the shop by mail' })).toMatchObject({
      status: 'SKIPPED',
      endedBy: 'account:admin',
    });
    expect(await codeOf(act('skipOwedFlow', { id: first?.id, reason: 'again' }))).toBe('ILLEGAL_TRANSITION');
    await untilNothingIsOwed(orderId);
    expect(await runsOf(orderId)).toEqual(['refund REFUNDED 6000']);
    expect((await timelineOf(id)).find(({ flowOutcome }) => flowOutcome === 'skipped')).toMatchObject({
      actor: 'account:admin',
      note: expect.stringContaining('told the shop by mail'),
    });
    const { rows } = await bed.sql.query(
      `select action from tollgate.audit where detail->>'orderId' = $1 order by id`,
      [orderId],
    );
    expect(rows.map(({ action }) => action)).toEqual(['FLOW_OWED', 'FLOW_SKIPPED']);
    expect(await codeOf(act('runOwedFlow', { id: '999999' }))).toBe('NOT_FOUND');
  });

  test('lets its flow run exactly once, whoever tries it at once: two servers’ jobs and twenty operators', async () => {
    const paid = [await payOwed(), await payOwed(), await payOwed()];
    const ids = await Promise.all(paid.map(async ({ payment }) => (await owedOf(payment.orderId))[0]?.id));
    await mend();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        codeOf(act('runOwedFlow', { id: ids[index % 3] }, index % 2 === 0 ? server : second)),
      ),
    );
    expect(new Set(outcomes)).toEqual(new Set(['none']));
    for (const { payment } of paid) {
      expect(await runsOf(payment.orderId)).toEqual(['payment SUCCESSFUL 10000']);
      expect(await owedOf(payment.orderId)).toMatchObject([{ status: 'DONE' }]);
    }
  });

  test('lets its flow run once where the server is killed before the commit of it', async () => {
    const paid = await payOwed();
    const { orderId } = paid.payment;
    const [owed] = await owedOf(orderId);
    const victim = await startServerProcess(
      { ...bed.environment, TOLLGATE_CRASH_AT: 'commit owed_flow_end' },
      CRASHING,
    );
    await expect(
      act(
        'runOwedFlow',
        { id: owed?.id },
        bed.attach(victim.url ?? '', async () => undefined),
      ),
    ).rejects.toThrow();
    expect(await victim.ended).toBeNull();
    expect(await owedOf(orderId)).toMatchObject([{ status: 'OWED' }]);
    expect(await bed.orderStatus(orderId)).toBe('pending');
    await mend();
    await untilNothingIsOwed(orderId);
    expect(await runsOf(orderId)).toEqual(['payment SUCCESSFUL 10000']);
  });
});

describe('the commands of an operator', () => {
  const run = (...words: string[]): Promise<Ended> => runCommand(['flows', ...words], { ...bed.environment });
  const printed = async (...words: string[]): Promise<Record<string, unknown>> =>
    JSON.parse((await run(...words, '--json')).stdout) as Record<string, unknown>;

  test('list what is owed, try it now, skip it with a reason, and owe the next flow at once', async () => {
    const { orderId } = (await payOwed()).payment;
    const [owed] = await owedOf(orderId);
    const id = owed?.id ?? '';
    expect(await printed('owed', '--order', orderId)).toMatchObject({
      owed: [{ id, orderId, flow: 'payment-callback', status: 'OWED', error: 'the payment is closed' }],
    });
    expect((await run('owed')).stdout).toMatch(new RegExp(`^${id} +${orderId} +payment-callback .*is closed`, 'm'));

    // The command runs the project's own flows: here the sample's, whose order can't be written.
    await bed.sql.query(`create function public.keep() returns trigger language plpgsql as 'begin return null; end';
      create trigger keep before update on public.shop_order for each row execute function public.keep()`);
    expect(await run('run', id)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/stays owed: .*not marked paid/),
    });
    await bed.sql.query('drop trigger keep on public.shop_order; drop function public.keep()');
    expect(await printed('run', id)).toMatchObject({ owedFlow: { id, status: 'DONE', endedBy: 'operator' } });
    expect(await bed.orderStatus(orderId)).toBe('paid');

    const other = (await payOwed()).payment;
    const [left] = await owedOf(other.orderId);
    const skipped = await printed('skip', left?.id ?? '', '--reason', 'told the shop by mail');
    expect(skipped).toMatchObject({
      owedFlow: { status: 'SKIPPED', endedBy: 'operator', reason: 'told the shop by mail' },
    });
    expect(await bed.orderStatus(other.orderId)).toBe('pending');

    const next = await pay(server, await bed.createOrder());
    await confirm(bed, next);
    await bed.sandbox.settled();
    expect(await printed('owe', next.payment.orderId)).toEqual({ orderId: next.payment.orderId, events: 1 });
    await eventually(
      () => readMoney(server, next.payment.id),
      ({ status }) => status === 'SUCCESSFUL',
    );
    expect(await owedOf(next.payment.orderId)).toMatchObject([{ flow: 'payment-callback', status: 'OWED' }]);
  });
});

describe('what else has a flow is applied without it too', () => {
  test('a refund, a dispute and a recurring payment: their rows say the truth, and their flows run later, once', async () => {
    const refunded = await payOrder(bed, server);
    const disputed = await payOrder(bed, server);
    const recurring = await startActive(bed, server);
    broken = new Set(['refund', 'dispute', 'recurring']);
    await codeOf(refund(server, refunded.payment.id, 10_000));
    await openDispute(bed, disputed.payment.stripePaymentIntentId);
    await codeOf(cancel(server, { recurringPaymentId: recurring.id }));
    await bed.sandbox.settled();
    for (const type of ['refund.%', 'charge.%', 'customer.%']) await tryAgain(type);
    await holdOff();
    expect(await readRefunds(server, refunded.payment.id)).toMatchObject([{ status: 'REFUNDED' }]);
    expect(await readDisputes(server, disputed.payment.id)).toMatchObject([{ status: 'NEEDS_RESPONSE' }]);
    expect(await readRecurring(server, recurring.id)).toMatchObject({ status: 'CANCELED' });
    for (const [orderId, flow, nodeType] of [
      [refunded.payment.orderId, 'refund-callback', 'REFUND'],
      [disputed.payment.orderId, 'dispute-callback', 'DISPUTE'],
      [recurring.orderId, 'recurring-payment-callback', 'RECURRING_PAYMENT'],
    ] as const) {
      expect(await owedOf(orderId)).toMatchObject([{ flow, nodeType, status: 'OWED' }]);
      expect(await problemOf(orderId)).toMatchObject({ message: expect.stringContaining(flow) });
    }
    await mend();
    for (const [orderId, run] of [
      [refunded.payment.orderId, 'refund REFUNDED 0'],
      [disputed.payment.orderId, 'dispute NEEDS_RESPONSE'],
      [recurring.orderId, 'recurring CANCELED'],
    ] as const) {
      await untilNothingIsOwed(orderId);
      expect((await runsOf(orderId)).filter((words) => words === run)).toHaveLength(1);
    }
  });

  test('a later charge whose order can not be made shows as a problem; made later it has one order, skipped it counts for the first', async () => {
    const recurring = await startActive(bed, server);
    const { id, orderId } = recurring;
    broken.add('charge');
    await renew(bed);
    await tryAgain('invoice.%');
    await holdOff();
    expect(await readCharges(server, id)).toHaveLength(1);
    expect(await owedOf(orderId)).toMatchObject([
      { flow: 'recurring-charge', nodeType: 'RENEWAL', error: 'the charge is closed' },
    ]);
    expect(
      (
        await eventually(
          () => problemOf(orderId),
          (one) => one !== undefined,
        )
      )?.message,
    ).toContain('no order and no payment yet');
    await mend();
    await untilNothingIsOwed(orderId);
    const charges = await eventually(
      () => readCharges(server, id),
      (rows) => rows.length === 2,
    );
    expect(charges[1]).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000 });
    expect(charges[1]?.orderId).not.toBe(orderId);
    expect((await runsOf(orderId)).filter((words) => words.startsWith('charge'))).toHaveLength(1);
    expect(await runsOf(charges[1]?.orderId ?? '')).toEqual(['payment SUCCESSFUL 10000']);

    broken.add('charge');
    await renew(bed);
    await tryAgain('invoice.%');
    await holdOff();
    const [owed] = await owedOf(orderId, 'OWED');
    expect(await act('skipOwedFlow', { id: owed?.id, reason: 'no order for this month' })).toMatchObject({
      status: 'SKIPPED',
    });
    expect((await readCharges(server, id)).at(-1)).toMatchObject({ orderId, status: 'SUCCESSFUL' });
    expect((await runsOf(orderId)).filter((words) => words.startsWith('charge'))).toHaveLength(1);
  });

  test('a later charge whose amount is not said is charged as it is, and a problem names its invoice', async () => {
    const recurring = await startActive(bed, server);
    broken.add('amount');
    await renew(bed);
    await tryAgain('invoice.%');
    const charges = await eventually(
      () => readCharges(server, recurring.id),
      (rows) => rows.at(-1)?.status === 'SUCCESSFUL' && rows.length === 2,
    );
    expect(charges[1]).toMatchObject({ amountReceived: 10_000 });
    const { rows } = await bed.sql.query<{ id: string }>(
      'select stripe_invoice_id as id from tollgate.renewal where recurring_payment_id = $1',
      [recurring.id],
    );
    const problem = await eventually(
      () => problemWith('RENEWAL_FLOW_FAILED', rows[0]?.id ?? 'no invoice'),
      (one) => one !== undefined,
    );
    expect(problem?.remedy).toContain('recurring-charge');
  });
});
