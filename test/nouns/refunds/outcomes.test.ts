import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Paid } from '../../harness/payments.js';
import {
  payOrder,
  type Refunded,
  readMoney,
  readRefunds,
  refund,
  refundedAtStripe,
  watchRefunds,
} from '../../harness/refunds.js';
import { addFault, clearFaults, type FaultOrder } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start({ refundTiming: { leaseMs: 500, readsApartMs: 300 } });
});
afterEach(() => clearFaults(bed.sandbox));
afterAll(() => bed.close());

const onRefund = (fault: Omit<FaultOrder, 'match'>): Promise<unknown> =>
  addFault(bed.sandbox, { match: { method: 'POST', path: '/v1/refunds' }, ...fault });
/** The client library repeats a call that got no answer twice by itself. */
const EVERY_TRY = 3;
const loseEvents = async (): Promise<void> => {
  for (const eventType of ['refund.*', 'charge.refund*'])
    await addFault(bed.sandbox, { match: { eventType }, kind: 'drop', times: 1_000 });
};
/** Waits until the payment's newest refund has ended, and gives it. */
const ended = async ({ payment }: Paid, made: Refunded): Promise<Refunded> => {
  const watch = watchRefunds(server, payment.id);
  const seen = await watch.until(({ id, status }) => id === made.id && status !== 'PENDING', 15_000);
  await watch.stop();
  return seen.at(-1) as unknown as Refunded;
};
const attemptOf = async ({ id }: Refunded): Promise<number> =>
  (await bed.sql.query<{ attempt: number }>('select attempt from tollgate.refund where id = $1', [id])).rows[0]
    ?.attempt ?? 0;
const expectOneRefund = async (paid: Paid, made: Refunded): Promise<void> => {
  expect(await ended(paid, made)).toMatchObject({ status: 'REFUNDED' });
  expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 6_000, count: 1 });
  expect(await readRefunds(server, paid.payment.id)).toHaveLength(1);
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 6_000, amountRefundable: 4_000 });
  expect(await bed.orderStatus(paid.payment.orderId)).toBe('partially_refunded');
};

const UNCLEAR: readonly [string, Omit<FaultOrder, 'match'>][] = [
  ['hanging up', { kind: 'disconnect-after-apply', times: EVERY_TRY }],
  ['timing out', { kind: 'timeout', applied: true, delayMs: 100, times: EVERY_TRY }],
  ['answering 500, which it repeats to the key', { kind: 'status', status: 500, applied: true }],
];

describe('Stripe refunds, then gives no clear answer', () => {
  test.each(UNCLEAR)('%s: one refund on both sides, told by its events', async (_, fault) => {
    const paid = await payOrder(bed, server);
    await onRefund(fault);
    await expectOneRefund(paid, await refund(server, paid.payment.id, 6_000));
  });

  test.each(UNCLEAR)('%s, and all its events are lost: a job reads what became of it', async (_, fault) => {
    const paid = await payOrder(bed, server);
    await loseEvents();
    await onRefund(fault);
    const made = await refund(server, paid.payment.id, 6_000);
    expect(made).toMatchObject({ status: 'PENDING', payment: { amountRefundable: 4_000 } });
    await expectOneRefund(paid, made);
    expect(await attemptOf(made)).toBe(1);
  });
});

describe('Stripe does not refund, and gives no clear answer', () => {
  test('a timeout: the same key is used again', async () => {
    const paid = await payOrder(bed, server);
    await onRefund({ kind: 'timeout', applied: false, delayMs: 50, times: EVERY_TRY });
    const made = await refund(server, paid.payment.id, 6_000);
    expect(made.status).toBe('PENDING');
    await expectOneRefund(paid, made);
    expect(await attemptOf(made)).toBe(1);
  });

  test('a 429 waits, under the same key', async () => {
    const paid = await payOrder(bed, server);
    await onRefund({ kind: 'status', status: 429, times: EVERY_TRY });
    const made = await refund(server, paid.payment.id, 6_000);
    await expectOneRefund(paid, made);
    expect(await attemptOf(made)).toBe(1);
  });

  test('a 500 that Stripe repeats to the key: a new one, after two reads apart found nothing', async () => {
    const paid = await payOrder(bed, server);
    await onRefund({ kind: 'status', status: 500, applied: false, saved: true });
    const made = await refund(server, paid.payment.id, 6_000);
    expect(made.status).toBe('PENDING');
    await expectOneRefund(paid, made);
    expect(await attemptOf(made)).toBe(2);
  });

  test('a key that Stripe may have forgotten is not used again', async () => {
    const paid = await payOrder(bed, server);
    await onRefund({ kind: 'timeout', applied: false, delayMs: 50, times: EVERY_TRY });
    const made = await refund(server, paid.payment.id, 6_000);
    await bed.sql.query(`update tollgate.refund set attempted_at = now() - interval '21 hours' where id = $1`, [
      made.id,
    ]);
    await expectOneRefund(paid, made);
    expect(await attemptOf(made)).toBe(2);
  });

  test('the same idempotency key finds out at once', async () => {
    const paid = await payOrder(bed, server);
    await loseEvents();
    await onRefund({ kind: 'disconnect-after-apply', times: EVERY_TRY });
    const again = () => refund(server, paid.payment.id, 6_000, { idempotencyKey: 'retried' });
    const [first, second] = [await again(), await again()];
    expect(first.status).toBe('PENDING');
    expect(second).toMatchObject({ id: first.id, status: 'REFUNDED' });
    await expectOneRefund(paid, first);
  });
});

test('a refusal while the outcome was unknown frees the amount', async () => {
  const paid = await payOrder(bed, server);
  await loseEvents();
  await onRefund({ kind: 'timeout', applied: false, delayMs: 50, times: EVERY_TRY });
  const made = await refund(server, paid.payment.id, 6_000);
  await bed.stripe.refunds.create({ payment_intent: paid.payment.stripePaymentIntentId, amount: 9_000 });
  expect(await ended(paid, made)).toMatchObject({ status: 'FAILED', stripeRefundId: null });
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 0, amountRefundable: 10_000 });
  expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 9_000, count: 1 });
});

test('what a dashboard refund took meanwhile is refused by Stripe: a clear error, and that refund is taken up at once', async () => {
  const paid = await payOrder(bed, server);
  await loseEvents();
  await bed.stripe.refunds.create({ payment_intent: paid.payment.stripePaymentIntentId });
  const refusal = await refund(server, paid.payment.id, 6_000).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'STRIPE_DECLINED', message: expect.stringContaining('refunded already') });
  expect(await readMoney(server, paid.payment.id)).toMatchObject({
    amountRefunded: 10_000,
    amountRefundable: 0,
  });
});
