import { definePaymentCallback } from '../../../dist/src/flows/define.js';

/** Marks the order paid, as the shipped flow does; for one order in a thousand it throws, each time. */
export const paymentCallback = definePaymentCallback({
  async run({ orderId, paymentStatus, orderCoveredAmount }, { db }) {
    if (paymentStatus !== 'SUCCESSFUL') return;
    if (Number(orderId) % 1_000 === 0) throw new Error('This order is one in a thousand.');
    await db.query(`update public.shop_order set status = 'paid' where id = $1 and amount <= $2::bigint`, [
      orderId,
      orderCoveredAmount,
    ]);
  },
});
