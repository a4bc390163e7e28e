import type Stripe from 'stripe';
import { DomainError } from '../../core/errors.js';
import { isPaid } from '../../core/states.js';
import type { RecurringChargeFlow } from '../../flows/flows.js';
import type { StripeAccess, StripeConnection } from '../../installation/stripe-connection.js';
import { readClock } from '../../storage/clock.js';
import type { Database } from '../../storage/database.js';
import { type Answer, StripeCallError } from '../../stripe/answer.js';
import { type InvoiceSnapshot, invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import { makeOnce } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import { saidTwice } from '../../stripe/said-twice.js';
import type { Payment } from '../payments/row.js';
import type { RecurringPayment } from '../recurring/row.js';
import { readRecurring } from '../recurring/rows.js';
import type { Refund } from '../refunds/row.js';
import { assertInvoiceOf } from './ours.js';
import type { Renewal, RenewalProblem } from './row.js';
import {
  claimDueRenewals,
  writeAsleep,
  writeAttempted,
  writeLowered,
  writeMadeGood,
  writeNextRenewalAttempt,
  writeProblem,
} from './rows.js';

/**
 * Writes decided amounts at Stripe: one negative item takes the difference off the draft, and the invoice is read again
 * and must show the decided amount. Each step may be repeated, at once or after a crash, without a second item.
 */
export interface RenewalLowering {
  /** Goes on with a decision that was committed just now; never rejects: what fails is left to `finishDue`. */
  begin(renewal: Renewal): void;
  /** Goes on with what was not finished, here or by a process that died; gives how many. Each is taken once. */
  finishDue(): Promise<number>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

const DUE_AT_ONCE = 8;
const LEASE_SECONDS = 10;
/** A draft that Stripe would finalise sooner than this is pushed back first. */
const TIGHT_SECONDS = 600;
const POSTPONED_SECONDS = 3_600;

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly marks: Marks;
  readonly tooLate: RecurringChargeFlow['tooLate'];
  /** Refunds part of a payment, once per key; a repeat gives the same refund as it is now. */
  readonly giveBack: (paymentId: string, amount: number, key: string) => Promise<Pick<Refund, 'status'>>;
  readonly log: { warn(detail: object, message: string): void };
}

interface Work {
  readonly renewal: Renewal;
  readonly decided: number;
  readonly original: number;
  readonly recurring: RecurringPayment;
  readonly access: StripeAccess;
}

const snapshotOf = ({ renewal, recurring }: Work, { object, at }: Answer<unknown>): InvoiceSnapshot => {
  const snapshot = invoiceSnapshot(object, at);
  if (snapshot) assertInvoiceOf(recurring, renewal.stripeInvoiceId, snapshot);
  else throw new Error(`Invoice ${renewal.stripeInvoiceId} belongs to no subscription any more.`);
  return snapshot;
};

/** What the invoice shows, said twice where it ends the lowering: `last`, when nothing more will be tried. */
const read = async (work: Work, last?: 'last'): Promise<InvoiceSnapshot> => {
  const retrieve = () => work.access.gateway.retrieveInvoice(work.renewal.stripeInvoiceId);
  const endOf = (answer: Answer<unknown>): string | undefined => {
    const { status, total } = snapshotOf(work, answer);
    return last || status !== 'draft' || total === work.decided ? `${status} ${total}` : undefined;
  };
  return snapshotOf(work, await saidTwice(await retrieve(), { endOf, read: retrieve }));
};

const fail = async ({ database, tooLate, log }: Parts, { renewal }: Work, problem: RenewalProblem): Promise<void> => {
  const goesOn = problem === 'TOO_LATE' && tooLate === 'refund';
  await database.query(writeProblem(renewal.stripeInvoiceId, problem, goesOn ? 0 : null));
  log.warn({ invoiceId: renewal.stripeInvoiceId, problem }, 'a charge was not lowered');
};

/** What the invoice shows decides: done, too late, or undefined while it is a draft that shows another amount. */
const judge = async (parts: Parts, work: Work, invoice: InvoiceSnapshot): Promise<'ended' | undefined> => {
  const { database } = parts;
  if (invoice.status === 'void') await database.query(writeMadeGood(work.renewal.stripeInvoiceId));
  else if (invoice.total === work.decided) await database.query(writeLowered(work.renewal.stripeInvoiceId));
  else if (invoice.status !== 'draft') await fail(parts, work, 'TOO_LATE');
  else return undefined;
  return 'ended';
};

const nextAttempt = async (database: Database, invoiceId: string, attempt: number): Promise<number> => {
  await database.query(writeNextRenewalAttempt(invoiceId, attempt));
  return attempt + 1;
};

/** One negative item, once; what comes of a definite refusal the invoice shows, and an unknown outcome throws. */
const reduce = async ({ database, marks }: Parts, work: Work, invoice: InvoiceSnapshot): Promise<void> => {
  const { access, recurring, decided, original, renewal } = work;
  const { invoiceId, currency } = invoice;
  const owner = marks.of('renewal', renewal.stripeInvoiceId);
  const request = { owner, orderId: recurring.orderId, customerId: invoice.customerId ?? '', invoiceId, currency };
  await makeOnce<Stripe.InvoiceItem>({
    owner,
    attempt: renewal.attempt,
    attemptedAt: renewal.attemptedAt ?? undefined,
    now: () => readClock(database),
    find: () => access.gateway.findReduction(owner, invoiceId),
    async create(key) {
      await database.query(writeAttempted(invoiceId));
      return access.gateway.reduceInvoice({ ...request, amount: decided - original, idempotencyKey: key });
    },
    // Whatever the answer is about: the invoice is read again, and what it shows decides.
    assertOurs: () => undefined,
    nextAttempt: (from) => nextAttempt(database, invoiceId, from),
    spoil: (from) => nextAttempt(database, invoiceId, from),
  }).catch((error: unknown) => {
    if (!(error instanceof StripeCallError) || error.failure !== 'refused') throw error;
  });
};

const lower = async (parts: Parts, work: Work): Promise<void> => {
  const { renewal, access } = work;
  const invoice = await read(work);
  if (await judge(parts, work, invoice)) return;
  if (invoice.finalizesAt !== null && invoice.finalizesAt - invoice.at < TIGHT_SECONDS) {
    const owner = parts.marks.of('renewal', renewal.stripeInvoiceId);
    const key = idempotencyKey(owner, renewal.attempt, `postpone:${invoice.at}`);
    await access.gateway.postponeInvoice(invoice.invoiceId, invoice.at + POSTPONED_SECONDS, key);
  }
  await reduce(parts, work, invoice);
  if (await judge(parts, work, await read(work, 'last'))) return;
  await fail(parts, work, 'NOT_SHOWN');
};

/** The invoice went out with the whole amount: once it is paid, the difference goes back. */
const makeGood = async ({ database, giveBack }: Parts, { renewal, decided }: Work): Promise<void> => {
  const { stripeInvoiceId: invoiceId } = renewal;
  const [payment] = await database.query<Pick<Payment, 'id' | 'status' | 'amountReceived'>>({
    text: `select id::text as "id", status, amount_received as "amountReceived" from tollgate.payment
      where stripe_invoice_id = $1`,
    values: [invoiceId],
  });
  if (!payment || !isPaid(payment)) {
    await database.query(writeAsleep(invoiceId, renewal.dueAt));
    return;
  }
  const excess = payment.amountReceived - decided;
  const refund = excess > 0 ? await giveBack(payment.id, excess, `renewal:${invoiceId}`) : undefined;
  // One that is under way may yet fail: then the customer was charged too much, and the problem stays.
  const isDone = refund === undefined || refund.status === 'REFUNDED';
  await database.query(isDone ? writeMadeGood(invoiceId) : writeAsleep(invoiceId, renewal.dueAt));
};

const run = async (parts: Parts, renewal: Renewal): Promise<void> => {
  const { database, connection } = parts;
  const { decidedAmount: decided, originalAmount: original } = renewal;
  if (decided === null || original === null) return;
  const [recurring] = await database.query<RecurringPayment>(readRecurring(renewal.recurringPaymentId));
  const access = await connection.access();
  // Made with other keys: these can't know. It is looked at again when the lease has ended.
  if (recurring?.livemode !== access.livemode || recurring.stripeAccount !== access.account) return;
  const work = { renewal, decided, original, recurring, access };
  if (renewal.problem === 'TOO_LATE') await makeGood(parts, work);
  else await lower(parts, work);
};

export const createRenewalLowering = (parts: Parts): RenewalLowering => {
  const { database, log } = parts;
  const running = new Set<Promise<void>>();

  const track = (renewal: Renewal): Promise<void> => {
    const work = run(parts, renewal)
      .catch((error: unknown) => {
        const expected = error instanceof DomainError || error instanceof StripeCallError;
        log.warn({ err: error, invoiceId: renewal.stripeInvoiceId, expected }, 'a lowering goes on later');
      })
      .finally(() => running.delete(work));
    running.add(work);
    return work;
  };

  return {
    begin: (renewal) => void track(renewal),

    async finishDue() {
      const due = await database.query<Renewal>(claimDueRenewals(DUE_AT_ONCE, LEASE_SECONDS));
      await Promise.all(due.map(track));
      return due.length;
    },

    async idle() {
      await Promise.allSettled(running);
    },
  };
};
