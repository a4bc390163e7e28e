import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { payOrder, readMoney, readRefunds, refund, refundedAtStripe, watchRefunds } from '../../harness/refunds.js';
import { startServerProcess } from '../../harness/server-process.js';
import { openTestBed, type Server, type TestBed } from '../../harness/tollgate.js';

const CRASHING = fileURLToPath(new URL('../../harness/crashing-server.ts', import.meta.url));

let bed: TestBed;
let survivor: Server;
beforeAll(async () => {
  bed = await openTestBed();
  survivor = await bed.start({ refundTiming: { leaseMs: 500, readsApartMs: 300 } });
});
afterAll(() => bed.close());

test.each([
  ['after the reservation', 'request POST /v1/refunds'],
  ['after the call', 'answer POST /v1/refunds'],
  ['before the answer is committed', 'commit refund_write_version'],
])(
  'killed %s: one refund on both sides after a restart',
  async (_, crashAt) => {
    const paid = await payOrder(bed, survivor);
    const victim = await startServerProcess({ ...bed.environment, TOLLGATE_CRASH_AT: crashAt }, CRASHING);
    const server = bed.attach(victim.url ?? '', async () => undefined);
    // Nobody hears of Stripe's events until the restart.
    bed.sandbox.setWebhookUrl(`${victim.url}/webhooks/stripe`);
    await expect(refund(server, paid.payment.id, 6_000)).rejects.toThrow();
    expect(await victim.ended).toBeNull();

    const watch = watchRefunds(survivor, paid.payment.id);
    await watch.until(({ status }) => status === 'REFUNDED', 15_000);
    await watch.stop();
    expect(await refundedAtStripe(bed, paid)).toEqual({ amount: 6_000, count: 1 });
    expect(await readRefunds(survivor, paid.payment.id)).toHaveLength(1);
    expect(await readMoney(survivor, paid.payment.id)).toMatchObject({
      amountRefunded: 6_000,
      amountRefundable: 4_000,
    });
    expect(await bed.orderStatus(paid.payment.orderId)).toBe('partially_refunded');
    bed.sandbox.setWebhookUrl(`${survivor.url}/webhooks/stripe`);
  },
  60_000,
);
