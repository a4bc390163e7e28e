import { NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { InvoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import type { RecurringPayment } from '../recurring/row.js';

/**
 * Refuses an invoice that isn't that of the recurring payment's subscription, in its currency.
 *
 * @throws StripeCallError, `unknown`
 */
export const assertInvoiceOf = (row: RecurringPayment, knownId: string, snapshot: InvoiceSnapshot): void => {
  if (snapshot.invoiceId !== knownId) throw new NotOursError(`the invoice ${snapshot.invoiceId}`);
  if (row.stripeSubscriptionId !== null && snapshot.subscriptionId !== row.stripeSubscriptionId)
    throw new NotOursError(`an invoice of the subscription ${snapshot.subscriptionId}`);
  if (snapshot.currency !== row.currency || snapshot.livemode !== row.livemode)
    throw new NotAnAnswerError(`an invoice in ${snapshot.currency}`);
};
