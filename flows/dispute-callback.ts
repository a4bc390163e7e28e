import { defineDisputeCallback } from 'tollgate/flows';

// tollgate activate: {}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.

/** Runs when a dispute of a payment begins or changes its status: it does not touch the order yet. */
export const disputeCallback = defineDisputeCallback({
  run({ orderId, status, previousStatus, dispute, callbackProcessed }, { log }) {
    if (callbackProcessed) return; // a duplicate
    const { id, amount, currency, evidenceDueBy } = dispute;

    log.warn({ orderId, disputeId: id, previousStatus, status, amount, currency, evidenceDueBy }, 'payment disputed');
    // Withdraw what was delivered on NEEDS_RESPONSE or LOST, give it back on WON. Your own logic goes here.
  },
});
