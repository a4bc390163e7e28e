import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestTollgate, type TestTollgate } from 'tollgate/testing';

let tollgate: TestTollgate;
before(async () => {
  tollgate = await startTestTollgate();
});
after(() => tollgate.stop());

const statusOf = async (orderId: string) => (await tollgate.readOrder<{ status: string }>(orderId)).status;

test('a payment marks its order paid, and a refund takes that back', async () => {
  const orderId = await tollgate.order({ amount: 10_000, currency: 'USD' });
  const payment = await tollgate.pay(orderId);
  assert.equal(payment.status, 'SUCCESSFUL');
  assert.equal(await statusOf(orderId), 'paid');
  await tollgate.refund(payment, 2_500);
  assert.equal(await statusOf(orderId), 'partially_refunded');
  await tollgate.refund(payment);
  assert.equal(await statusOf(orderId), 'refunded');
});

test('a declined card leaves its order as it was', async () => {
  const orderId = await tollgate.order();
  const payment = await tollgate.decline(orderId);
  assert.equal(payment.failureCode, 'generic_decline');
  assert.equal(await statusOf(orderId), 'pending');
});

test('what is sold out is declined before any money moves', async () => {
  const orderId = await tollgate.order();
  await tollgate.sql(`update public.shop_order set product = 'Signed print' where id = $1`, [orderId]);
  await tollgate.sql(`update public.shop_stock set pieces = 0`);
  await assert.rejects(tollgate.pay(orderId), { code: 'DECLINED_BY_APP', message: 'Sold out' });
  assert.equal(await statusOf(orderId), 'pending');
});

test('each later month of a recurring payment makes an order of its own', async () => {
  const first = await tollgate.order();
  await tollgate.subscribe(first);
  await tollgate.renewMonth();
  const orders = await tollgate.sql<{ status: string }>('select status from public.shop_order where id > $1', [first]);
  assert.deepEqual(orders, [{ status: 'paid' }]);
});
