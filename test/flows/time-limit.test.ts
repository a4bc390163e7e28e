import { expect, test } from 'vitest';
import { pay } from '../harness/payments.js';
import { openTestBed } from '../harness/tollgate.js';

test('a flow that takes longer than its own time limit is ended by it', async () => {
  const bed = await openTestBed();
  const server = await bed.start({
    flows: { paymentRequest: { limitMs: 100, beforePay: () => new Promise<void>(() => undefined) } },
  });
  const orderId = await bed.createOrder();
  const beganAt = performance.now();
  await expect(pay(server, orderId)).rejects.toThrow();
  expect(performance.now() - beganAt).toBeLessThan(4_500);
  await bed.close();
});
