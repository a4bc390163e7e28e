import { definePaymentCallback } from 'tollgate/flows';

// tollgate activate: {"table":"public.shop_order","id":"id","amount":"amount","status":{"column":"status","cast":"","isRequired":true,"words":{"pending":"pending","paid":"paid","partiallyRefunded":"partially_refunded","refunded":"refunded","canceled":"canceled"}},"why":null,"shelf":{"table":"public.shop_stock","product":"product"}}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.

/** Marks the order paid once what was received, or settled otherwise, covers its amount, and takes it from the shelf. */
export const paymentCallback = definePaymentCallback({
  async run(
    { orderId, paymentStatus, previousStatus, payment, orderCoveredAmount, settledOutOfBand, callbackProcessed },
    { db, log, refund },
  ) {
    if (callbackProcessed) return; // a duplicate

    if (paymentStatus === 'SUCCESSFUL') {
      // Money that came after a cancel, or was set aside, and was taken all the same: an order that was given up is wanted again.
      const takesUp = previousStatus === 'CANCELED' || previousStatus === 'QUARANTINED';
      const paid = await db.query<{ product: string | null }>(
        `update public.shop_order set status = 'paid'
          where id = $1 and amount <= $2::bigint
            and (status not in ('paid', 'canceled') or ($3::boolean and status = 'canceled')) returning product`,
        [orderId, orderCoveredAmount, takesUp],
      );
      const [order] = paid;
      if (order) {
        log.info({ orderId, orderCoveredAmount, settledOutOfBand }, 'order paid');
        if (order.product === null) return;
        const taken = await db.query(
          `update public.shop_stock set pieces = pieces - 1 where product = $1 and pieces > 0 returning pieces`,
          [order.product],
        );
        // Sold out meanwhile: the money goes back, and the refund's own flow marks the order.
        if (taken.length === 0 && payment.amountReceived > 0)
          await refund({ paymentId: payment.id, amount: payment.amountReceived, reason: 'Sold out' });
        return;
      }
      // Paid or canceled already, or not covered yet; what can't be seen or written must not pass unnoticed.
      const left = await db.query(
        `select 1 from public.shop_order where id = $1 and (status in ('paid', 'canceled') or amount > $2::bigint)`,
        [orderId, orderCoveredAmount],
      );
      if (left.length === 0)
        throw new Error(`Order ${orderId} was not marked paid: a policy, rule or trigger keeps its row.`);
    } else if (paymentStatus === 'QUARANTINED') {
      // Not what was asked for, or after a cancel (previousStatus): it counts for nothing until somebody decides.
      log.warn({ orderId, previousStatus }, 'money was set aside; see "tollgate quarantine list"');
    } else {
      // The payment failed, was canceled, or goes on: the order stays as it is. Your own logic goes here.
    }
  },
});
