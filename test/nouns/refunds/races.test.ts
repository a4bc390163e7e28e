import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithRedis, openRedis } from '../../harness/redis.js';
import { payOrder, readMoney, refund, refundedAtStripe } from '../../harness/refunds.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

let bed: TestBed;
beforeAll(async () => {
  bed = await openTestBed();
});
afterAll(() => bed.close());

/** How each of 20 refunds of 60 % at once ended. */
const refundAtOnce = async (servers: readonly Server[], paymentId: string): Promise<Record<string, number>> => {
  const ends: Record<string, number> = {};
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const server = servers[index % servers.length];
      if (!server) throw new Error('no server');
      const end = await refund(server, paymentId, 6_000).then(
        ({ status }) => status,
        (error: { code: string }) => error.code,
      );
      ends[end] = (ends[end] ?? 0) + 1;
    }),
  );
  return ends;
};

test('of 20 refunds of 60 % at once one is accepted, and Stripe’s total is ours', async () => {
  const server = await bed.start();
  const paid = await payOrder(bed, server);
  expect(await refundAtOnce([server], paid.payment.id)).toEqual({ REFUNDED: 1, REFUND_EXCEEDS_PAYMENT: 19 });
  expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 6_000, count: 1 });
  expect(await readMoney(server, paid.payment.id)).toMatchObject({ amountRefunded: 6_000, amountRefundable: 4_000 });
});

describeWithRedis('two servers on one database and one Redis', () => {
  test('share what is left: of 20 refunds of 60 % one is accepted', async () => {
    const redis = await openRedis();
    const environment = { REDIS_URL: redis.url };
    const servers = [await bed.start({ environment }), await bed.start({ environment })];
    const [first] = servers;
    if (!first) throw new Error('no server');
    const paid = await payOrder(bed, first);
    expect(await refundAtOnce(servers, paid.payment.id)).toEqual({ REFUNDED: 1, REFUND_EXCEEDS_PAYMENT: 19 });
    expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 6_000, count: 1 });
    await Promise.all(servers.map((server) => server.stop()));
    await redis.stop();
  });
});
