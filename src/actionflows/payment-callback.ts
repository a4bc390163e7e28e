import { definePaymentCallback } from './define.js';

// tollgate activate: {"table":"public.shop_order","id":"id","amount":"amount","status":"status"}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.

/** Marks the order paid once what was received for it covers its amount. */
export const paymentCallback = definePaymentCallback({
  async run({ orderId, paymentStatus, orderPaidAmount, callbackProcessed }, { db, log }) {
    if (callbackProcessed) return; // a duplicate

    if (paymentStatus === 'SUCCESSFUL') {
      const paid = await db.query(
        `update public.shop_order set status = 'paid'
          where id = $1 and amount <= $2::bigint
            and status not in ('paid', 'canceled') returning id`,
        [orderId, orderPaidAmount],
      );
      if (paid.length > 0) log.info({ orderId, orderPaidAmount }, 'order paid');
    } else {
      // The payment failed, was canceled, or goes on: the order stays as it is. Your own logic goes here.
    }
  },
});
