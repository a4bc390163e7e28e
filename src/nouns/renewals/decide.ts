import { findCurrency } from '../../core/money.js';
import { type FlowBody, type FlowLog, type Flows, type RecurringCharge, runFlow } from '../../flows/flows.js';
import { countingFailure, failedTooOften } from '../../flows/owed.js';
import type { Tx } from '../../storage/database.js';
import type { InvoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import type { Cause } from '../payments/decide.js';
import { agreedAmountOf, type RecurringPayment } from '../recurring/row.js';
import type { Renewal, RenewalProblem } from './row.js';
import { insertRenewal, lockRenewal, writeDecision } from './rows.js';

/** The flow's name in the timeline and in the log. */
export const CHARGE_FLOW = 'recurring-charge';

/** What the flows of later charges are counted and owed under, with Stripe's id of the invoice. */
export const RENEWAL_NODE = 'RENEWAL';

/** The process that decided goes on at once; another one only takes over when it seems to have died. */
const LEASE_SECONDS = 10;

/**
 * The most that the charge may be lowered to: what was agreed on last. The invoice of the period in which a pending change begins may
 * be heard of before the change itself.
 */
const agreedFor = (recurring: RecurringPayment, { line, periodStart }: InvoiceSnapshot): number => {
  const { pendingPriceId, pendingAt } = recurring;
  const isDue = pendingAt !== null && periodStart !== null && pendingAt <= periodStart;
  return isDue && line?.priceId === pendingPriceId ? line.amount : agreedAmountOf(recurring);
};

/** What a flow is told of a charge. */
export const chargeOf = (
  recurringPayment: RecurringPayment,
  invoice: InvoiceSnapshot,
  { amount, body }: { amount: number; body: FlowBody },
): RecurringCharge => ({
  invoiceId: invoice.invoiceId,
  recurringPayment,
  orderId: recurringPayment.orderId,
  amount,
  currency: invoice.currency,
  initialAmount: recurringPayment.initialAmount,
  agreedAmount: agreedFor(recurringPayment, invoice),
  periodStart: invoice.periodStart,
  periodEnd: invoice.periodEnd,
  body,
});

/** What stands against a wished amount; undefined when it can be charged. */
const faultOfWish = (
  wanted: number,
  { agreed, total, currency }: { agreed: number; total: number; currency: string },
): RenewalProblem | undefined => {
  const { step, minimumCharge } = findCurrency(currency);
  if (!Number.isSafeInteger(wanted) || wanted < 0 || wanted % step !== 0) return 'UNCHARGEABLE';
  if (wanted > agreed || wanted > total) return 'ABOVE_FIRST';
  return wanted !== 0 && wanted < minimumCharge ? 'UNCHARGEABLE' : undefined;
};

/** What Stripe says of an invoice, and who brought it. */
export interface SeenInvoice {
  readonly invoice: InvoiceSnapshot;
  readonly cause: Cause;
  /** To run, or to skip, the owed flow that makes its order. */
  readonly owed?: 'run' | 'skip';
}

/**
 * Asks the flow once per invoice what a period's charge is to be, and stores its decision before anything is written at
 * Stripe. The recurring payment must be locked. Gives the renewal when something is left to do at Stripe.
 */
export const decideAmount = async (
  { tx, flows, log }: { readonly tx: Tx; readonly flows: Flows; readonly log: FlowLog },
  recurring: RecurringPayment,
  { invoice, cause: { body } }: SeenInvoice,
): Promise<Renewal | undefined> => {
  const { recurringCharge } = flows;
  // What was voided is not charged: collection is paused, or an operator took it back.
  if (!recurringCharge.amount || !invoice.isCycle || invoice.status === 'void') return undefined;
  await tx.query(insertRenewal(invoice.invoiceId, recurring.id));
  const [renewal] = await tx.query<Renewal>(lockRenewal(invoice.invoiceId));
  if (!renewal || renewal.decidedAt !== null) return undefined;
  const charge = chargeOf(recurring, invoice, { amount: invoice.total, body });
  const ask = {
    limitMs: recurringCharge.limitMs,
    run: (data: RecurringCharge, context: Parameters<typeof recurringCharge.createOrder>[1]) =>
      recurringCharge.amount?.(data, context),
  };
  const leave = { decidedAmount: null, originalAmount: invoice.total, problem: null, wanted: null, dueSeconds: null };
  const write = async (decision: Parameters<typeof writeDecision>[1]) =>
    (await tx.query<Renewal>(writeDecision(invoice.invoiceId, decision)))[0];
  const subject = {
    flow: CHARGE_FLOW,
    orderId: recurring.orderId,
    nodeType: RENEWAL_NODE,
    nodeId: invoice.invoiceId,
    version: 0,
    toStatus: 'AMOUNT',
  };
  // A draft can still be lowered; what was charged as invoiced must not wait for a flow that keeps failing.
  if (invoice.status !== 'draft' && (await failedTooOften(tx, subject))) {
    await write({ ...leave, problem: 'FLOW_FAILED' });
    return undefined;
  }
  const parts = { tx, log, effects: flows.effects };
  const wanted = await countingFailure(subject, () => runFlow(CHARGE_FLOW, ask, charge, parts));
  if (wanted === undefined || wanted === invoice.total) {
    await write(leave);
    return undefined;
  }
  const agreed = agreedFor(recurring, invoice);
  const fault = faultOfWish(wanted, { agreed, total: invoice.total, currency: invoice.currency });
  if (fault !== undefined) {
    log.warn({ invoiceId: invoice.invoiceId, wanted, agreed, fault }, 'a lowered amount was refused');
    await write({ ...leave, problem: fault, wanted: Number.isSafeInteger(wanted) ? wanted : null });
    return undefined;
  }
  return write({ ...leave, decidedAmount: wanted, dueSeconds: LEASE_SECONDS });
};
