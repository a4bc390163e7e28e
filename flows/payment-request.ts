import { definePaymentRequest } from 'tollgate/flows';

// tollgate activate: {"table":"public.shop_order","id":"id","shelf":{"table":"public.shop_stock","product":"product"}}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.

/** Asked before a payment begins or goes on, under the order's lock: what is sold out is declined. */
export const paymentRequest = definePaymentRequest({
  async beforePay({ orderId }, { db, decline }) {
    const soldOut = await db.query(
      `select 1 from public.shop_order o join public.shop_stock s on s.product = o.product
        where o.id = $1 and s.pieces = 0`,
      [orderId],
    );
    if (soldOut.length > 0) decline('SOLD_OUT', 'Sold out');
  },
});
