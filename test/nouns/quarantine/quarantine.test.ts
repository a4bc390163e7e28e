import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { paymentCallback } from '../../../flows/payment-callback.js';
import { runCommand } from '../../cli/command.js';
import { ask, confirm, confirmUntil, type Paid, pay } from '../../harness/payments.js';
import { eventually } from '../../harness/recurring.js';
import { ADMIN, readMoney, readRefunds, refund, refundedAtStripe } from '../../harness/refunds.js';
import { addFault, clearFaults, succeedLate } from '../../harness/sandbox-control.js';
import { type As, openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const OTHER: As = { account: 'other', roles: ['admin'] };
const DECIDE = `mutation ($input: DecideQuarantinedInput!) { decideQuarantined(input: $input) {
  payment { id status amountReceived amountRefunded amountRefundable quarantinedFor receivedCurrency version } } }`;
const POLICY = `mutation ($input: SetMoneyPolicyInput!) { setMoneyPolicy(input: $input) {
  settings { latePaymentPolicy mismatchPolicy } } }`;

interface Call {
  readonly paymentId: string;
  readonly status: string;
  readonly previousStatus: string;
  readonly orderPaidAmount: number;
}
interface Decided {
  readonly id: string;
  readonly status: string;
  readonly amountReceived: number;
  readonly version: number;
}

let bed: TestBed;
let server: Server;
let second: Server;
let calls: Call[] = [];
beforeAll(async () => {
  bed = await openTestBed();
  const flows = {
    paymentCallback: {
      async run(...[data, context]: Parameters<typeof paymentCallback.run>) {
        const { payment, paymentStatus: status, previousStatus, orderPaidAmount } = data;
        calls.push({ paymentId: payment.id, status, previousStatus, orderPaidAmount });
        await paymentCallback.run(data, context);
      },
    },
  };
  const refundTiming = { leaseMs: 300, readsApartMs: 200 };
  second = await bed.start({ flows, refundTiming });
  server = await bed.start({ flows, refundTiming });
});
beforeEach(() => {
  calls = [];
});
afterEach(async () => {
  await clearFaults(bed.sandbox);
  await setPolicy({ latePayment: 'ASK', mismatch: 'ASK' });
});
afterAll(() => bed.close());

const setPolicy = (input: object, as = ADMIN) =>
  ask<{ settings: object }>(server, POLICY, { input }, as).then(({ settings }) => settings);
const decide = (paymentId: string, decision: string, more: object = {}, as = ADMIN, on = server) =>
  ask<{ payment: Decided }>(on, DECIDE, { input: { paymentId, decision, ...more } }, as).then(({ payment }) => payment);
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'none',
    (error: { code: unknown }) => error.code,
  );
const readQuarantined = (id: string) =>
  ask<Record<string, unknown> & { timeline: { toStatus: string; actor: string; note: string | null }[] }>(
    server,
    `query ($id: ID!) { payment(id: $id) { status amountReceived quarantinedFor receivedCurrency
      timeline { fromStatus toStatus actor flow note } } }`,
    { id },
    ADMIN,
  );
const callsOf = ({ payment }: Paid): Omit<Call, 'paymentId'>[] =>
  calls.filter(({ paymentId }) => paymentId === payment.id).map(({ paymentId: _, ...call }) => call);
const auditOf = async (action: string, paymentId?: string) =>
  (
    await bed.sql.query<{ actor: string; detail: Record<string, unknown> }>(
      `select actor, detail from tollgate.audit where action = $1 and ($2::text is null or detail->>'paymentId' = $2) order by id`,
      [action, paymentId ?? null],
    )
  ).rows;
const problem = async (code: string) =>
  (
    await ask<{ code: string; message: string; remedy: string }[]>(
      server,
      '{ problems { code message remedy } }',
      {},
      ADMIN,
    )
  ).find((one) => one.code === code);
const cancel = (paid: Paid) =>
  ask(server, 'mutation ($id: ID!) { cancelPayment(input: { id: $id }) { payment { id } } }', { id: paid.payment.id });

/** A payment that was cancelled, and whose money came all the same. */
const payLate = async (status = 'QUARANTINED'): Promise<Paid> => {
  const paid = await pay(server, await bed.createOrder());
  await cancel(paid);
  await bed.sql.query(`update public.shop_order set status = 'canceled' where id = $1`, [paid.payment.orderId]);
  await succeedLate(bed.sandbox, paid.payment.stripePaymentIntentId);
  await eventually(
    () => readMoney(server, paid.payment.id),
    (row) => row.status === status,
  );
  return paid;
};

/** A payment whose intent was changed at Stripe before it was paid. */
const payOther = async (change: object): Promise<Paid> => {
  const paid = await pay(server, await bed.createOrder());
  await bed.stripe.paymentIntents.update(paid.payment.stripePaymentIntentId, change);
  await confirm(bed, paid);
  await eventually(
    () => readMoney(server, paid.payment.id),
    (row) => row.status === 'QUARANTINED',
  );
  return paid;
};

const resendAll = async (): Promise<void> => {
  const { data } = (await (await fetch(`${bed.sandbox.url}/_sandbox/deliveries`)).json()) as { data: { id: string }[] };
  for (const { id } of data.slice(-6))
    await fetch(`${bed.sandbox.url}/_sandbox/deliveries/${id}/resend`, { method: 'POST' });
  await bed.sandbox.settled();
};

describe('money that comes after a cancel', () => {
  test('waits for a decision; accepted, it counts once, the flow takes the order up again, and no key, event or operator does it twice', async () => {
    const paid = await payLate();
    const { id, orderId } = paid.payment;
    expect(await readQuarantined(id)).toMatchObject({
      quarantinedFor: 'LATE',
      receivedCurrency: null,
      amountReceived: 10_000,
    });
    expect(callsOf(paid).at(-1)).toEqual({ status: 'QUARANTINED', previousStatus: 'CANCELED', orderPaidAmount: 0 });
    expect(await bed.orderStatus(orderId)).toBe('canceled');
    expect((await problem('PAYMENTS_QUARANTINED'))?.message).toContain(id);
    expect(await codeOf(decide(id, 'ACCEPT', {}, { account: 'customer' }))).toBe('FORBIDDEN');
    expect(await codeOf(decide('999999', 'ACCEPT'))).toBe('NOT_FOUND');
    expect(await codeOf(refund(server, id, 100))).toBe('PAYMENT_NOT_REFUNDABLE');

    const accepted = await decide(id, 'ACCEPT', { idempotencyKey: 'a', reason: 'the customer waits' });
    expect(accepted).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 10_000, amountRefundable: 10_000 });
    expect(callsOf(paid).at(-1)).toEqual({
      status: 'SUCCESSFUL',
      previousStatus: 'QUARANTINED',
      orderPaidAmount: 10_000,
    });
    expect(await bed.orderStatus(orderId)).toBe('paid');
    const told = callsOf(paid).length;
    expect(await decide(id, 'ACCEPT', { idempotencyKey: 'a', reason: 'the customer waits' })).toEqual(accepted);
    expect(await codeOf(decide(id, 'REFUND', { idempotencyKey: 'a' }))).toBe('IDEMPOTENCY_CONFLICT');
    expect(await codeOf(decide(id, 'ACCEPT', {}, OTHER))).toBe('PAYMENT_NOT_QUARANTINED');
    await resendAll();
    expect(callsOf(paid)).toHaveLength(told);
    expect(await readMoney(server, id)).toMatchObject({ status: 'SUCCESSFUL', version: accepted.version });
    expect(await auditOf('QUARANTINE_DECIDED', id)).toEqual([
      {
        actor: 'account:admin',
        detail: { paymentId: id, decision: 'ACCEPT', reason: 'the customer waits', amount: 10_000, currency: 'USD' },
      },
    ]);
    const { timeline } = await readQuarantined(id);
    expect(timeline.at(-1)).toMatchObject({
      actor: 'account:admin',
      toStatus: 'SUCCESSFUL',
      note: expect.stringContaining('the customer waits'),
    });
  });

  test('by the policy is taken, or sent back, and whoever sets a policy is kept in the audit', async () => {
    expect(await codeOf(setPolicy({}))).toBe('BAD_USER_INPUT');
    expect(await codeOf(setPolicy({ mismatch: 'ACCEPT' }))).toBe('BAD_USER_INPUT');
    expect(await codeOf(setPolicy({ mismatch: 'REFUND' }, { account: 'customer' }))).toBe('FORBIDDEN');
    expect(await setPolicy({ latePayment: 'ACCEPT' })).toEqual({ latePaymentPolicy: 'ACCEPT', mismatchPolicy: 'ASK' });
    const taken = await payLate('SUCCESSFUL');
    expect(callsOf(taken).at(-1)).toEqual({
      status: 'SUCCESSFUL',
      previousStatus: 'CANCELED',
      orderPaidAmount: 10_000,
    });
    expect(await bed.orderStatus(taken.payment.orderId)).toBe('paid');

    expect(await setPolicy({ latePayment: 'REFUND', mismatch: 'REFUND' })).toEqual({
      latePaymentPolicy: 'REFUND',
      mismatchPolicy: 'REFUND',
    });
    for (const paid of [await payLate(), await payOther({ amount: 9_000 })]) {
      const money = await eventually(
        () => readMoney(server, paid.payment.id),
        ({ amountReceived, amountRefunded }) => amountRefunded === amountReceived,
      );
      expect(money).toMatchObject({ status: 'QUARANTINED', amountRefundable: 0 });
      expect(await refundedAtStripe(bed, paid)).toEqual({ amount: money.amountReceived, count: 1 });
      expect(await auditOf('QUARANTINE_DECIDED', paid.payment.id)).toMatchObject([{ actor: 'job' }]);
    }
    expect((await auditOf('MONEY_POLICY_SET')).at(-1)).toMatchObject({
      actor: 'account:admin',
      detail: { from: { latePayment: 'ACCEPT', mismatch: 'ASK' }, to: { latePayment: 'REFUND', mismatch: 'REFUND' } },
    });
  });

  test('is told live with its reason and what it came in, in the same version', async () => {
    const paid = await pay(server, await bed.createOrder());
    const watch = server.watch(
      'subscription ($id: ID!) { paymentUpdated(id: $id) { status quarantinedFor receivedCurrency } }',
      { id: paid.payment.id },
      ADMIN,
    );
    await watch.next();
    await bed.stripe.paymentIntents.update(paid.payment.stripePaymentIntentId, { currency: 'eur' });
    await confirm(bed, paid);
    const seen = await watch.until(({ status }) => status === 'QUARANTINED');
    expect(seen.at(-1)).toEqual({ status: 'QUARANTINED', quarantinedFor: 'MISMATCH', receivedCurrency: 'EUR' });
    await watch.stop();
  });

  test('that makes an order have more than it costs is a problem with its remedy, until the surplus goes back', async () => {
    const late = await pay(server, await bed.createOrder());
    const { orderId } = late.payment;
    await cancel(late);
    await confirmUntil(bed, server, await pay(server, orderId));
    await succeedLate(bed.sandbox, late.payment.stripePaymentIntentId);
    await eventually(
      () => readMoney(server, late.payment.id),
      ({ status }) => status === 'QUARANTINED',
    );
    await decide(late.payment.id, 'ACCEPT');
    const told = await eventually(
      () => problem('ORDER_OVERPAID'),
      (one) => one !== undefined,
    );
    expect(told?.message).toMatch(new RegExp(`\\b${orderId}\\b`));
    expect(told?.remedy).toContain('refund what is too much');
    await refund(server, late.payment.id, 10_000);
    await eventually(
      () => problem('ORDER_OVERPAID'),
      (one) => one === undefined,
    );
  });
});

describe('a decision', () => {
  test('of ten at once, by two operators on two servers, is one: all of the money counts, or all of it goes back, never both', async () => {
    for (let round = 0; round < 3; round += 1) {
      const paid = await payLate();
      const { id } = paid.payment;
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, index) => {
          const [kind, as, on] =
            index % 2 === 0 ? (['ACCEPT', ADMIN, server] as const) : (['REFUND', OTHER, second] as const);
          return codeOf(decide(id, kind, index < 4 ? { idempotencyKey: `r${round}` } : {}, as, on));
        }),
      );
      expect(outcomes.filter((code) => code === 'none').length).toBeGreaterThan(0);
      expect(new Set(outcomes)).toEqual(new Set(['none', 'PAYMENT_NOT_QUARANTINED']));
      expect(await auditOf('QUARANTINE_DECIDED', id)).toHaveLength(1);
      const money = await readMoney(server, id);
      const back = await refundedAtStripe(bed, paid);
      const successes = callsOf(paid).filter(({ status }) => status === 'SUCCESSFUL').length;
      if (money.status === 'SUCCESSFUL')
        expect([back.count, money.amountRefundable, successes]).toEqual([0, 10_000, 1]);
      else expect([money.status, back, successes]).toEqual(['QUARANTINED', { amount: 10_000, count: 1 }, 0]);
    }
  });

  test('to send back while Stripe is down holds the money and is made once Stripe answers; ACCEPT comes too late then', async () => {
    for (const fault of [{ kind: 'status', status: 503 }, { kind: 'disconnect-after-apply' }]) {
      const paid = await payOther({ amount: 12_000 });
      const { id } = paid.payment;
      await addFault(bed.sandbox, { match: { method: 'POST', path: '/v1/refunds' }, times: 3, ...fault });
      await decide(id, 'REFUND', { idempotencyKey: `down ${fault.kind}` });
      expect(await codeOf(decide(id, 'ACCEPT'))).toBe('PAYMENT_NOT_QUARANTINED');
      await clearFaults(bed.sandbox);
      await eventually(
        () => readRefunds(server, id),
        ([first]) => first?.status === 'REFUNDED',
      );
      await decide(id, 'REFUND', { idempotencyKey: `down ${fault.kind}` });
      expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 12_000, count: 1 });
      expect(await readMoney(server, id)).toMatchObject({ status: 'QUARANTINED', amountRefunded: 12_000 });
    }
  });

  test('of money in another currency can only be to send it back, in the currency that came', async () => {
    const paid = await payOther({ currency: 'eur' });
    const { id, orderId } = paid.payment;
    expect(await readQuarantined(id)).toMatchObject({ quarantinedFor: 'MISMATCH', receivedCurrency: 'EUR' });
    expect(await codeOf(decide(id, 'ACCEPT'))).toBe('CURRENCY_MISMATCH');
    await decide(id, 'REFUND');
    expect(await readRefunds(server, id)).toMatchObject([{ status: 'REFUNDED', amount: 10_000, currency: 'EUR' }]);
    expect(await codeOf(decide(id, 'REFUND'))).toBe('PAYMENT_NOT_QUARANTINED');
    expect(await bed.orderStatus(orderId)).toBe('pending');
  });

  test('is made by command too: what waits is listed, taken or sent back', async () => {
    const [one, two] = [await payOther({ amount: 11_000 }), await payLate()];
    const run = (...words: string[]) => runCommand(['quarantine', ...words], bed.environment);
    const listed = JSON.parse((await run('list', '--json')).stdout) as { payments: { id: string; reason: string }[] };
    expect(listed.payments).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: one.payment.id, reason: 'MISMATCH', amount: 11_000, asked: 10_000 }),
        expect.objectContaining({ id: two.payment.id, reason: 'LATE' }),
      ]),
    );
    expect(JSON.parse((await run('accept', one.payment.id, '--json')).stdout)).toMatchObject({
      status: 'SUCCESSFUL',
      amountReceived: 11_000,
    });
    expect(JSON.parse((await run('refund', two.payment.id, '--json', '--reason', 'too late')).stdout)).toMatchObject({
      amountRefunded: 10_000,
    });
    expect(await auditOf('QUARANTINE_DECIDED', two.payment.id)).toMatchObject([
      { actor: 'operator', detail: { reason: 'too late' } },
    ]);
    expect((await run('policy', '--late', 'REFUND')).stdout).toContain('after a cancel: REFUND');
  }, 180_000);
});
