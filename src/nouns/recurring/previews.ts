import type { Caller } from '../../core/caller.js';
import { assertReachable, type StripeConnection } from '../../installation/stripe-connection.js';
import { NotAnAnswerError } from '../../stripe/answer.js';
import { type InvoiceSnapshot, invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import { refusalOf } from '../../stripe/refusal.js';
import { assertInvoiceOf } from '../renewals/ours.js';
import type { RecurringAttempts } from './attempts.js';
import { findById } from './deed.js';
import { assertBegun } from './pauses.js';
import { periodAmount, readPrice } from './prices.js';
import type { RecurringReads } from './read.js';
import type { RecurringPayment } from './row.js';
import { assertCurrencyOf, type ChangeRequest, checkRequest, itemOf, PRORATION_BEHAVIORS, termsOf } from './terms.js';

/** What a change would come to; amounts in minor units. */
export interface ChangePreview {
  readonly amountDueNow: number;
  /** What the next invoice would come to. */
  readonly nextAmount: number;
  readonly nextAt: Date | null;
  readonly currency: string;
}

/** Looks ahead at changes: reads Stripe, and changes nothing. */
export interface Previews {
  /** @throws as `change`, but nobody asks the order or the app */
  previewChange(request: ChangeRequest, caller: Caller): Promise<ChangePreview>;
}

interface Parts {
  readonly connection: StripeConnection;
  readonly attempts: Pick<RecurringAttempts, 'settle'>;
  readonly reads: RecurringReads;
}

/** What Stripe's preview says: the line of the period that begins next, or now, and what the change itself adds or takes. */
const readPreview = (
  invoice: InvoiceSnapshot,
  { row, amount, request }: { row: RecurringPayment; amount: number; request: ChangeRequest },
): ChangePreview => {
  const { total, amountDue, line, periodStart, periodEnd, currency } = invoice;
  const { currentPeriodEnd } = row;
  const beginsNow = periodStart !== null && currentPeriodEnd !== null && periodStart < currentPeriodEnd;
  if (beginsNow) return { amountDueNow: amountDue, nextAmount: amount, nextAt: periodEnd, currency };
  const nextAt = currentPeriodEnd;
  if (request.proration !== 'ALWAYS_INVOICE') return { amountDueNow: 0, nextAmount: amountDue, nextAt, currency };
  const prorated = total - (line?.amount ?? 0);
  const amountDueNow = line === null ? amountDue : Math.max(0, prorated);
  return { amountDueNow, nextAmount: Math.max(0, amount + Math.min(0, prorated)), nextAt, currency };
};

/** Builds the calls over their parts. */
export const createPreviews = ({ connection, attempts, reads }: Parts): Previews => ({
  async previewChange(request, caller) {
    checkRequest(request);
    const found = await findById(reads, request.recurringPaymentId, caller);
    assertBegun(found);
    const access = await connection.access();
    assertReachable('Recurring payment', found, access);
    const { recurringPayment: row, subscription } = await attempts.settle(found, { access, actor: 'job' });
    assertBegun(row);
    const terms = termsOf(request, row);
    const price = await readPrice(access.gateway, terms.priceId, { mayBeArchived: request.priceId === undefined });
    assertCurrencyOf(row, price);
    const amount = periodAmount(price, terms.quantity);
    if (request.at === 'PERIOD_END' || row.status === 'TRIALING')
      return { amountDueNow: 0, nextAmount: amount, nextAt: row.currentPeriodEnd, currency: row.currency };
    const item = itemOf(subscription, terms);
    const answer = await access.gateway
      .previewTerms(subscription.id, {
        itemId: item.id,
        quantity: terms.quantity,
        priceId: item.price.id === terms.priceId ? undefined : terms.priceId,
        proration: PRORATION_BEHAVIORS[request.proration],
      })
      .catch((error: unknown) => {
        throw refusalOf(error);
      });
    const invoice = invoiceSnapshot(answer.object, answer.at);
    if (!invoice) throw refusalOf(new NotAnAnswerError('a preview of no subscription'));
    assertInvoiceOf(row, invoice.invoiceId, invoice);
    return readPreview(invoice, { row, amount, request });
  },
});
