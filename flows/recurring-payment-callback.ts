import { defineRecurringPaymentCallback } from 'tollgate/flows';

// tollgate activate: {}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.

/** Runs when a recurring payment begins, changes its status, or its end is scheduled or taken back. */
export const recurringPaymentCallback = defineRecurringPaymentCallback({
  run({ recurringPayment, previousStatus, previousCancelAtPeriodEnd, callbackProcessed }, { log }) {
    if (callbackProcessed) return; // a duplicate
    const { id, status, cancelAtPeriodEnd } = recurringPayment;

    if (status !== previousStatus) {
      log.info({ recurringPaymentId: id, previousStatus, status }, 'recurring payment changed');
      // Give access on ACTIVE or TRIALING, take it on CANCELED, remind on PAST_DUE. Your own logic goes here.
    } else if (cancelAtPeriodEnd !== previousCancelAtPeriodEnd) {
      log.info({ recurringPaymentId: id, cancelAtPeriodEnd }, 'the end of a recurring payment changed');
    }
  },
});
