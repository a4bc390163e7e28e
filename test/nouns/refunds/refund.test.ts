import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRefundReads } from '../../../src/nouns/refunds/read.js';
import { createDatabase } from '../../../src/storage/database.js';
import { openDispute } from '../../harness/disputes.js';
import { ask, confirmUntil, pay } from '../../harness/payments.js';
import {
  ADMIN,
  payOrder,
  readMoney,
  readRefunds,
  refund,
  refundedAtStripe,
  watchRefunds,
} from '../../harness/refunds.js';
import { addFault } from '../../harness/sandbox-control.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
let server: Server;
beforeAll(async () => {
  bed = await openTestBed();
  server = await bed.start();
});
afterAll(() => bed.close());

const refusalOf = (work: Promise<unknown>): Promise<{ code: unknown; message: string }> =>
  work.then(
    () => ({ code: 'none', message: 'it was not refused' }),
    (error: { code: unknown; message: string }) => error,
  );

describe('refunding', () => {
  test('many refunds take a payment back part by part; the order, the amounts and both streams follow', async () => {
    const paid = await payOrder(bed, server);
    const { id, orderId } = paid.payment;
    const refunds = watchRefunds(server, id);
    const payments = server.watch(
      'subscription ($id: ID!) { paymentUpdated(id: $id) { version amountRefunded amountRefundable } }',
      { id },
    );
    expect(await payments.next()).toMatchObject({ amountRefunded: 0, amountRefundable: 10_000 });

    const first = await refund(server, id, 4_000, { reason: 'too large', stripeReason: 'REQUESTED_BY_CUSTOMER' });
    expect(first).toMatchObject({ status: 'REFUNDED', amount: 4_000, currency: 'USD', reason: 'too large' });
    expect(first.payment).toMatchObject({ amountRefunded: 4_000, amountRefundable: 6_000 });
    expect(await bed.orderStatus(orderId)).toBe('partially_refunded');
    const made = await bed.stripe.refunds.retrieve(first.stripeRefundId ?? '');
    expect(made).toMatchObject({ reason: 'requested_by_customer', metadata: { reason: 'too large' } });

    const second = await refund(server, id, 6_000);
    expect(second.payment).toMatchObject({ amountRefunded: 10_000, amountRefundable: 0 });
    expect(await bed.orderStatus(orderId)).toBe('refunded');
    expect(await refusalOf(refund(server, id, 1))).toMatchObject({ code: 'REFUND_EXCEEDS_PAYMENT' });

    const seen = await refunds.until(({ id: seenId, status }) => seenId === second.id && status === 'REFUNDED');
    expect(seen.map(({ id: seenId }) => seenId)).toContain(first.id);
    const versions = await payments.until(({ amountRefunded }) => amountRefunded === 10_000);
    expect(versions.at(-1)).toMatchObject({ amountRefundable: 0 });
    await Promise.all([refunds.stop(), payments.stop()]);
    expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 10_000, count: 2 });
  });

  test('an order whose money went back is paid when it is paid for again', async () => {
    const first = await payOrder(bed, server);
    const { orderId } = first.payment;
    for (const [back, due] of [
      [1_000, 1_000],
      [9_000, 10_000],
    ] as const) {
      await refund(server, first.payment.id, back);
      const again = await pay(server, orderId, { amount: due });
      await confirmUntil(bed, server, again);
      expect(await bed.orderStatus(orderId)).toBe('paid');
      await refund(server, again.payment.id, due);
    }
    expect(await bed.orderStatus(orderId)).toBe('refunded');
  });

  test('a refund that Stripe has not decided stays PENDING, holds its amount, and ends with its event', async () => {
    const paid = await payOrder(bed, server, { method: 'pm_card_pendingRefund' });
    const watch = watchRefunds(server, paid.payment.id);
    const pending = await refund(server, paid.payment.id, 7_000);
    expect(pending).toMatchObject({ status: 'PENDING', payment: { amountRefunded: 0, amountRefundable: 3_000 } });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('paid');
    await fetch(`${bed.sandbox.url}/_sandbox/refunds/${pending.stripeRefundId}/succeed`, { method: 'POST' });
    await watch.until(({ status }) => status === 'REFUNDED');
    await watch.stop();
    expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 7_000, amountRefundable: 3_000 });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('partially_refunded');
  });

  test('the payment’s timeline tells who refunded, which flow ran and how it ended', async () => {
    const paid = await payOrder(bed, server);
    const { id: refundId } = await refund(server, paid.payment.id, 2_500);
    await bed.stripe.refunds.create({ payment_intent: paid.payment.stripePaymentIntentId, amount: 500 });
    const watch = watchRefunds(server, paid.payment.id);
    await watch.until(({ amount, status }) => amount === 500 && status === 'REFUNDED');
    await watch.stop();
    const { timeline } = await ask<{ timeline: Record<string, unknown>[] }>(
      server,
      `query ($id: ID!) { payment(id: $id) {
        timeline { version fromStatus toStatus actor eventId flow flowOutcome note at } } }`,
      { id: paid.payment.id },
      ADMIN,
    );
    expect(timeline.map(({ version }) => version)).toEqual(timeline.map((_, index) => index + 1));
    const [reserved, refunded, byStripe] = timeline.slice(-3);
    const same = { fromStatus: 'SUCCESSFUL', toStatus: 'SUCCESSFUL' };
    expect(reserved).toMatchObject({
      ...same,
      actor: 'account:admin',
      flow: null,
      note: `refund ${refundId} of 25.00 USD is PENDING`,
    });
    expect(refunded).toMatchObject({ ...same, flow: 'refund-callback', flowOutcome: 'done' });
    expect(byStripe).toMatchObject({ ...same, actor: 'stripe', flow: 'refund-callback' });
    expect(byStripe?.['eventId']).toMatch(/^evt_/);
  });
});

describe('what can not be refunded is refused before Stripe is asked', () => {
  test('a payment that is not SUCCESSFUL', async () => {
    const paid = await pay(server, await bed.createOrder());
    expect(await refusalOf(refund(server, paid.payment.id, 100))).toMatchObject({ code: 'PAYMENT_NOT_REFUNDABLE' });
  });

  test('more than is left, nothing, fractions of what the currency takes, too long a reason, unknown payments', async () => {
    const paid = await payOrder(bed, server);
    const { id } = paid.payment;
    expect(await refusalOf(refund(server, id, 10_001))).toMatchObject({
      code: 'REFUND_EXCEEDS_PAYMENT',
      message: expect.stringContaining('100.00 USD is left'),
    });
    expect(await refusalOf(refund(server, id, 0))).toMatchObject({ code: 'AMOUNT_INVALID' });
    expect(await refusalOf(refund(server, id, -1))).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await refusalOf(refund(server, id, 1, { reason: 'x'.repeat(501) }))).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    for (const unknown of ['0', '999999999', 'abc', '007', '99999999999999999999'])
      expect(await refusalOf(refund(server, unknown, 1))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await readRefunds(server, id)).toEqual([]);
    expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 0, count: 0 });
  });

  test('5 fils: the last digit of a three-decimal currency is 0', async () => {
    const orderId = await bed.createOrder({ amount: 10_000, currency: 'KWD' });
    const paid = await pay(server, orderId, { currency: 'KWD' });
    await confirmUntil(bed, server, paid);
    expect(await refusalOf(refund(server, paid.payment.id, 5))).toMatchObject({ code: 'AMOUNT_INVALID' });
    expect(await refund(server, paid.payment.id, 5_120)).toMatchObject({ status: 'REFUNDED', currency: 'KWD' });
  });

  test('regular users may not refund; who may, may not touch another account’s payment without REFUND_READ_ANY', async () => {
    const paid = await payOrder(bed, server);
    const { id } = paid.payment;
    await ask(
      server,
      'mutation { grantPermission(input: { role: "clerk", permission: REFUND_CREATE }) { role { name } } }',
      {},
      ADMIN,
    );
    const own = refund(server, id, 100, {}, { account: 'customer' });
    expect(await refusalOf(own)).toMatchObject({ code: 'FORBIDDEN' });
    const strange = refund(server, id, 100, {}, { account: 'stranger', roles: ['clerk'] });
    expect(await refusalOf(strange)).toMatchObject({ code: 'NOT_FOUND' });
    const clerk = await refund(server, id, 100, {}, { account: 'customer', roles: ['clerk'] });
    expect(clerk.status).toBe('REFUNDED');
    const read = 'query ($id: ID!) { refund(id: $id) { id payment { id } } node(id: $id) { id __typename } }';
    const seenBy = async (account: string) => (await server.request(read, { id: clerk.id }, { account })).data;
    expect(await seenBy('customer')).toEqual({
      refund: { id: clerk.id, payment: { id } },
      node: { id: clerk.id, __typename: 'Refund' },
    });
    expect(await seenBy('stranger')).toEqual({ refund: null, node: null });
    const stranger = watchRefunds(server, id, { account: 'stranger' });
    await expect(stranger.next()).rejects.toThrow('There is no payment');
    await stranger.stop();
  });
});

describe('a refusal of Stripe', () => {
  test('of a payment whose dispute nobody told of is PAYMENT_DISPUTED, frees the amount, and is told again to the same key', async () => {
    const paid = await payOrder(bed, server);
    await addFault(bed.sandbox, { match: { eventType: 'charge.dispute.*' }, kind: 'drop', times: 100 });
    await openDispute(bed, paid.payment.stripePaymentIntentId);
    const again = { idempotencyKey: 'disputed' };
    expect(await refusalOf(refund(server, paid.payment.id, 1_000, again))).toMatchObject({ code: 'PAYMENT_DISPUTED' });
    expect(await refusalOf(refund(server, paid.payment.id, 1_000, again))).toMatchObject({ code: 'PAYMENT_DISPUTED' });
    expect(await readRefunds(server, paid.payment.id)).toMatchObject([
      { status: 'FAILED', failureReason: 'charge_disputed' },
    ]);
    expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefundable: 10_000, amountRefunded: 0 });
  });

  test('is no matter for a dispute that leaves the charge refundable', async () => {
    const paid = await payOrder(bed, server);
    await openDispute(bed, paid.payment.stripePaymentIntentId, { inquiry: true });
    expect(await refund(server, paid.payment.id, 1_000)).toMatchObject({ status: 'REFUNDED' });
  });
});

describe('an idempotency key', () => {
  test('gives the same refund again, also at once, and refuses other arguments', async () => {
    const paid = await payOrder(bed, server);
    const once = () => refund(server, paid.payment.id, 1_000, { idempotencyKey: 'one' });
    const refunds = await Promise.all([once(), once(), once()]);
    expect(new Set(refunds.map(({ id }) => id)).size).toBe(1);
    expect((await once()).id).toBe(refunds[0]?.id);
    expect(await refusalOf(refund(server, paid.payment.id, 2_000, { idempotencyKey: 'one' }))).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 1_000, count: 1 });
  });
});

describe('reading refunds', () => {
  test('refunds of many payments, and payments of many refunds, are read by one query each', async () => {
    const many = await Promise.all(Array.from({ length: 5 }, () => payOrder(bed, server, {})));
    for (const { payment } of many) {
      await refund(server, payment.id, 100);
      await refund(server, payment.id, 200);
    }
    const database = createDatabase({ url: bed.database.url, poolSize: 1 });
    let queries = 0;
    const reads = createRefundReads(
      {
        ...database,
        query: (statement) => {
          queries += 1;
          return database.query(statement);
        },
      },
      { keyOf: async (id) => id },
    );
    const pages = await Promise.all(many.map(({ payment }) => reads.pageOf(payment.id, { first: 2 })));
    expect(pages.map(({ rows }) => rows.map(({ amount }) => amount))).toEqual(many.map(() => [200, 100]));
    expect(queries).toBe(1);
    await Promise.all(pages.flatMap(({ rows }) => rows.map(({ paymentId }) => reads.paymentOf(paymentId))));
    expect(queries).toBe(2);
    await database.close();
    const { edges } = await ask<{
      edges: { node: { id: string; refunds: { edges: { node: { amount: number } }[] } } }[];
    }>(
      server,
      `query { payments(first: 5) { edges { node { id refunds(first: 1) {
        edges { node { amount payment { id } } cursor } pageInfo { hasNextPage endCursor } } } } } }`,
      {},
      ADMIN,
    );
    expect(edges).toHaveLength(5);
    for (const { node } of edges)
      expect(node.refunds).toMatchObject({
        edges: [{ node: { amount: 200, payment: { id: node.id } } }],
        pageInfo: { hasNextPage: true },
      });
  });

  test('pages of refunds join without a gap', async () => {
    const paid = await payOrder(bed, server);
    for (const amount of [1, 2, 3]) await refund(server, paid.payment.id, amount);
    const page = (after: string | null) =>
      ask<{
        refunds: { edges: { node: { amount: number } }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
      }>(
        server,
        `query ($id: ID!, $after: String) { payment(id: $id) { refunds(first: 2, after: $after) {
          edges { node { amount } } pageInfo { hasNextPage endCursor } } } }`,
        { id: paid.payment.id, after },
        ADMIN,
      );
    const first = (await page(null)).refunds;
    expect(first).toMatchObject({
      edges: [{ node: { amount: 3 } }, { node: { amount: 2 } }],
      pageInfo: { hasNextPage: true },
    });
    const second = (await page(first.pageInfo.endCursor)).refunds;
    expect(second).toMatchObject({ edges: [{ node: { amount: 1 } }], pageInfo: { hasNextPage: false } });
  });
});
