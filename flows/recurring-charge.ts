import { defineRecurringCharge } from 'tollgate/flows';

// tollgate activate: {"table":"public.shop_order","id":"id","copy":{"account_id":"account_id","description":"description","amount":"$amount","currency":"$currency","product":"product"}}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.

/** Makes a new order for each later charge: a copy of the order that the recurring payment was started for. */
export const recurringCharge = defineRecurringCharge({
  async createOrder({ orderId, amount, currency }, { db }) {
    const [order] = await db.query<{ id: string }>(
      `insert into public.shop_order (account_id, description, amount, currency, product)
        select account_id, description, $2, $3, product from public.shop_order where id = $1 returning id::text as id`,
      [orderId, amount, currency],
    );
    if (!order) throw new Error(`Order ${orderId} is gone: there is nothing to copy for its later charge.`);
    return order.id;
  },

  // To lower a charge before it is made, return fewer minor units than charge.amount; undefined leaves it alone.
  amount: () => undefined,
});
