import { defineRefundCallback } from 'tollgate/flows';

// tollgate activate: {"table":"public.shop_order","id":"id","amount":"amount","status":{"column":"status","cast":"","isRequired":true,"words":{"pending":"pending","paid":"paid","partiallyRefunded":"partially_refunded","refunded":"refunded","canceled":"canceled"}},"why":null}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.

/** Marks the order refunded, wholly or partly, and takes that back when the money came back. */
export const refundCallback = defineRefundCallback({
  async run({ orderId, status, orderCoveredAmount, callbackProcessed }, { db, log }) {
    if (callbackProcessed) return; // a duplicate

    if (status === 'REFUNDED') {
      const refunded = await db.query(
        `update public.shop_order set status = case when $2::bigint = 0 then 'refunded' else 'partially_refunded' end
          where id = $1 and amount > $2::bigint and status in ('paid', 'partially_refunded') returning id`,
        [orderId, orderCoveredAmount],
      );
      if (refunded.length > 0) log.info({ orderId, orderCoveredAmount }, 'order refunded');
    } else {
      // The refund failed: what the order had lost by it, if anything, is there again.
      await db.query(
        `update public.shop_order set status = case when amount <= $2::bigint then 'paid' else 'partially_refunded' end
          where id = $1 and $2::bigint > 0 and status in ('refunded', 'partially_refunded')`,
        [orderId, orderCoveredAmount],
      );
    }
  },
});
