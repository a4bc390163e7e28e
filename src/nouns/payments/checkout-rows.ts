import type { Statement } from '../../storage/database.js';

/** How a Checkout Session leads to our row: by our mark; the row then names no other session. */
export interface CheckoutReference {
  readonly sessionId: string;
  /** Our row's id from this installation's mark. */
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly livemode: boolean;
}

/** Remembers the session of a row, without a new version: nothing that shows has changed. Twice changes nothing. */
export const writeSession = (table: 'payment' | 'recurring_payment', id: string, sessionId: string): Statement => ({
  name: `${table}_write_session`,
  text: `update tollgate.${table} set stripe_checkout_session_id = $2
    where id = $1 and stripe_checkout_session_id is null`,
  values: [id, sessionId],
});

/** Finds the payment of a session without a lock: the order's lock comes first. */
export const findByCheckout = ({ sessionId, id, amount, currency, livemode }: CheckoutReference): Statement => ({
  name: 'payment_find_by_checkout',
  text: `select id::text as "id", order_id::text as "orderId" from tollgate.payment
    where id = $2::bigint and mode = 'CHECKOUT' and (stripe_checkout_session_id = $1
      or (stripe_checkout_session_id is null and amount = $3 and currency = $4 and livemode = $5))`,
  values: [sessionId, id, amount, currency, livemode],
});
