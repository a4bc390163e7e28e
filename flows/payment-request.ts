import { definePaymentRequest } from 'tollgate/flows';

// tollgate activate: {}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.

/** Asked before a payment begins or goes on, under the order's lock: it declines nothing yet. */
export const paymentRequest = definePaymentRequest({
  beforePay() {
    // Where it must not be paid: (data, { db, decline }) and decline('SOLD_OUT', 'Sold out'). Your own logic goes here.
  },
});
