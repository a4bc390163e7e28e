import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, confirm, pay } from '../harness/payments.js';
import { eventually, readRecurring, startActive } from '../harness/recurring.js';
import { ADMIN, payOrder, readMoney } from '../harness/refunds.js';
import { openTestBed, type Server, type TestBed } from '../harness/tollgate.js';
import { runCommand } from './command.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const command = async (...words: string[]) => {
  const { code, stdout, stderr } = await runCommand([...words, '--json'], bed.environment);
  return { code, stderr, data: code === 0 ? (JSON.parse(stdout) as Record<string, unknown>) : undefined };
};
const audited = async (action: string) =>
  (
    await bed.sql.query<{ actor: string; detail: object }>(
      'select actor, detail from tollgate.audit where action = $1 order by id',
      [action],
    )
  ).rows;
const lastActor = async (nodeType: string, id: unknown) =>
  (
    await bed.sql.query<{ actor: string }>(
      'select actor from tollgate.change where node_type = $1 and node_id = $2 order by version desc limit 1',
      [nodeType, id],
    )
  ).rows[0]?.actor;

describe('an operator’s deeds by command', () => {
  test('a refund is made once per key, a payment cancelled, and timelines say who did it', async () => {
    const { payment } = await payOrder(bed, server);
    const words = ['payment', 'refund', payment.id, '400', '--reason', 'a cup too many', '--idempotency-key', 'cli-1'];
    const first = await command(...words);
    expect(first.data).toMatchObject({ amount: 400, currency: 'USD' });
    expect((await command(...words)).data).toMatchObject({ id: first.data?.['id'] });
    await eventually(
      () => readMoney(server, payment.id),
      ({ amountRefunded }) => amountRefunded === 400,
    );
    const refused = await command('payment', 'refund', payment.id, '99999999');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is left of payment') });
    const open = (await pay(server, await bed.createOrder())).payment;
    const cancelled = await command('payment', 'cancel', open.id, '--reason', 'they called');
    expect(cancelled.data).toEqual({ id: open.id, status: 'CANCELED' });
    expect(await audited('PAYMENT_CANCELED')).toEqual([
      { actor: 'operator', detail: { paymentId: open.id, reason: 'they called' } },
    ]);
    expect(await lastActor('PAYMENT', open.id)).toBe('operator');
    expect((await command('payment', 'capture', open.id)).stderr).toContain('REQUIRES_CAPTURE');
  });

  test('a recurring payment is paused, changed and cancelled', async () => {
    const { id, orderId } = await startActive(bed, server);
    expect((await command('recurring', 'pause', id, '--reason', 'on holiday')).data).toMatchObject({
      collectionPaused: true,
    });
    await bed.sql.query('update public.shop_order set amount = 20000 where id = $1', [orderId]);
    expect((await command('recurring', 'change', id, '--quantity', '2')).data).toMatchObject({ quantity: 2 });
    expect((await command('recurring', 'cancel', id, '--at-period-end')).data).toMatchObject({
      cancelAt: expect.any(String),
    });
    expect((await command('recurring', 'cancel', id, '--reason', 'they moved')).data).toMatchObject({
      status: 'CANCELED',
    });
    expect(await readRecurring(server, id)).toMatchObject({ status: 'CANCELED' });
    expect(await audited('RECURRING_PAUSED')).toMatchObject([{ actor: 'operator', detail: { reason: 'on holiday' } }]);
    // What was done without a reason stands in the timeline alone.
    expect(await audited('RECURRING_CANCELED')).toMatchObject([{ detail: { at: 'NOW', reason: 'they moved' } }]);
  });
});

describe('a reason over GraphQL', () => {
  const capture = (input: object) =>
    ask(
      server,
      'mutation ($input: CapturePaymentInput!) { capturePayment(input: $input) { payment { status } } }',
      { input },
      ADMIN,
    );

  test('is kept once per key, and one that is too long keeps the deed from being done', async () => {
    const paid = await pay(server, await bed.createOrder(), { captureMethod: 'MANUAL' });
    await confirm(bed, paid);
    const { id } = paid.payment;
    await expect(capture({ id, reason: 'x'.repeat(501) })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect((await bed.stripe.paymentIntents.retrieve(paid.payment.stripePaymentIntentId)).amount_received).toBe(0);
    const input = { id, amount: 4_000, reason: 'half of it is out of stock', idempotencyKey: 'half' };
    expect(await capture(input)).toEqual({ payment: { status: 'SUCCESSFUL' } });
    expect(await capture(input)).toEqual({ payment: { status: 'SUCCESSFUL' } });
    expect(await audited('PAYMENT_CAPTURED')).toEqual([
      {
        actor: 'account:admin',
        detail: { paymentId: id, amount: 4_000, reason: 'half of it is out of stock', key: 'half' },
      },
    ]);
    // The reason came first with a key that was used without one: of eight at once one keeps it.
    const other = await pay(server, await bed.createOrder(), { captureMethod: 'MANUAL' });
    await confirm(bed, other);
    const whole = { id: other.payment.id, idempotencyKey: 'whole' };
    await capture(whole);
    const holder = await bed.sql.connect();
    await holder.query('begin');
    await holder.query('lock table tollgate.audit in share mode'); // all eight come to the same moment
    const eight = Array.from({ length: 8 }, () => capture({ ...whole, reason: 'all is there' }));
    await eventually(
      async () =>
        (
          await bed.sql.query(
            `select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
          )
        ).rows.length,
      (waiting) => waiting >= 8,
    );
    await holder.query('commit');
    holder.release();
    await Promise.all(eight);
    expect((await audited('PAYMENT_CAPTURED')).map(({ detail }) => detail)).toEqual([
      expect.objectContaining({ key: 'half' }),
      { paymentId: other.payment.id, reason: 'all is there', key: 'whole' },
    ]);
    const { id: recurringPaymentId } = await startActive(bed, server);
    await ask(
      server,
      'mutation ($input: CancelRecurringPaymentInput!) { cancelRecurringPayment(input: $input) { recurringPayment { id } } }',
      { input: { recurringPaymentId, at: 'PERIOD_END', reason: 'they asked' } },
      ADMIN,
    );
    expect((await audited('RECURRING_CANCELED')).at(-1)).toEqual({
      actor: 'account:admin',
      detail: { recurringPaymentId, at: 'PERIOD_END', reason: 'they asked' },
    });
    // Nor may customers fill what nobody can shorten.
    const own = (await pay(server, await bed.createOrder())).payment;
    const cancel = 'mutation ($input: CancelPaymentInput!) { cancelPayment(input: $input) { payment { status } } }';
    expect(await ask(server, cancel, { input: { id: own.id, reason: 'I changed my mind' } })).toEqual({
      payment: { status: 'CANCELED' },
    });
    expect(JSON.stringify(await audited('PAYMENT_CANCELED'))).not.toContain('my mind');
  });
});
