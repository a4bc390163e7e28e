import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestTollgate, type TestTollgate } from '../../src/testing/testing.js';

const BOOKINGS = {
  sql: `create table public.booking (
    ref uuid primary key default gen_random_uuid(), guest text not null, cents bigint not null,
    currency text not null, status text not null default 'pending')`,
  bind: {
    orderTable: 'public.booking',
    idColumn: 'ref',
    ownerColumn: 'guest',
    amountColumn: 'cents',
    currencyColumn: 'currency',
  },
} as const;

let shop: TestTollgate;
beforeAll(async () => {
  shop = await startTestTollgate();
});
afterAll(() => shop.stop());

describe("tollgate/testing plays what can happen to an order, and a project's flows answer", () => {
  test('paid, and disputed: the API tells both', async () => {
    const orderId = await shop.order({ amount: 2_500, currency: 'EUR', account: 'ann' });
    const payment = await shop.pay(orderId);
    expect(payment).toMatchObject({ status: 'SUCCESSFUL', amountReceived: 2_500, currency: 'EUR' });
    await shop.waitForStatus(orderId, 'paid');
    await shop.dispute(payment);
    const disputed = await shop.until(
      () =>
        shop.ask<{ payment: { amountDisputed: number; disputes: { edges: unknown[] } } }>(
          'query ($id: ID!) { payment(id: $id) { amountDisputed disputes { edges { node { status } } } } }',
          { id: payment.id },
        ),
      (read) => read.payment.amountDisputed > 0,
    );
    expect(disputed.payment).toMatchObject({
      amountDisputed: 2_500,
      disputes: { edges: [{ node: { status: 'NEEDS_RESPONSE' } }] },
    });
  });

  test('an error carries its code', async () => {
    await expect(
      shop.ask('mutation { refund(input: { paymentId: "x", refundAmount: 1 }) { refund { id } } }'),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^[A-Z_]+$/),
    });
  });
});

test('an order table of one’s own is bound, and each start has a database of its own', async () => {
  const flows = await mkdtemp(path.join(os.tmpdir(), 'tollgate-flows-'));
  await cp('flows', flows, { recursive: true });
  const marks = (name: string, status: string) =>
    writeFile(
      path.join(flows, `${name}-callback.ts`),
      `export const ${name}Callback = {
         run: (data: any, { db }: any) =>
           db.query('update public.booking set status = lower($2) where ref = $1', [data.orderId, data.${status}]),
       };`,
    );
  await Promise.all([marks('payment', 'paymentStatus'), marks('refund', 'status')]);
  // The sample's asks its own shop.
  await writeFile(
    path.join(flows, 'payment-request.ts'),
    'export const paymentRequest = { beforePay: () => undefined };',
  );
  const startedAt = performance.now();
  const inn = await startTestTollgate({ orderTable: BOOKINGS, flows });
  const tookMs = Math.round(performance.now() - startedAt);
  try {
    const [row] = await inn.sql<{ ref: string }>(
      "insert into booking (guest, cents, currency) values ('ann', 4200, 'EUR') returning ref",
    );
    const payment = await inn.pay(row?.ref ?? '');
    expect(payment).toMatchObject({ status: 'SUCCESSFUL', orderId: row?.ref });
    expect(await inn.readOrder(row?.ref ?? '')).toMatchObject({ status: 'successful' });
    expect(await inn.refund(payment)).toMatchObject({ status: 'REFUNDED', amount: 4_200 });
    expect(await inn.readOrder(row?.ref ?? '')).toMatchObject({ status: 'refunded' });
    expect(await inn.sql("select to_regclass('public.shop_order') as shop")).toEqual([{ shop: null }]);
    process.stdout.write(`a second start took ${tookMs} ms\n`);
  } finally {
    await inn.stop();
    await rm(flows, { recursive: true });
  }
});
