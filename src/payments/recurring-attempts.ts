import type Stripe from 'stripe';
import { StripeUnavailableError } from '../core/errors.js';
import { isLive } from '../core/states.js';
import type { Database } from '../storage/database.js';
import type { Payment } from '../storage/payment.js';
import type { RecurringPayment } from '../storage/recurring-payment.js';
import { type Answer, StripeCallError } from '../stripe/answer.js';
import { invoiceSnapshot } from '../stripe/invoice-snapshot.js';
import { idempotencyKey } from '../stripe/metadata.js';
import { invoiceOf, subscriptionSnapshot } from '../stripe/subscription-snapshot.js';
import type { InvoicePayments } from './invoice-payments.js';
import type { RecurringObjects } from './recurring-objects.js';
import type { RecurringTransitions } from './recurring-transitions.js';
import type { StripeAccess } from './stripe-connection.js';
import { refusalOf } from './stripe-refusal.js';

/** A recurring payment brought to Stripe's present state, with Stripe's object. */
export interface SettledSubscription {
  readonly recurringPayment: RecurringPayment;
  readonly subscription: Stripe.Subscription;
}

/** The calls to Stripe that one recurring payment needs; each may be repeated, at once or after a crash. */
export interface RecurringAttempts {
  /**
   * Makes sure that the subscription exists at Stripe, once, and brings our row to its present state; its first
   * invoice's payment is recorded. `fresh`: the row was written just now and no call can have been made for it yet.
   *
   * @throws StripeDeclinedError when Stripe refuses it for good (the row is ended), StripeUnavailableError when the outcome is unknown
   */
  settle(
    row: RecurringPayment,
    access: StripeAccess,
    actor: string,
    fresh?: { readonly trialDays: number },
  ): Promise<SettledSubscription>;
  /** Ends it at once. The row comes back as Stripe has it; whoever ended it first. */
  cancelNow(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
  /** Lets it end with its period; one that has never begun ends at once. */
  cancelAtPeriodEnd(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
  /** Takes back a scheduled end, whichever way it was scheduled. */
  resume(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
}

/** Tries to apply an answer while webhooks keep moving the row. */
const APPLY_TRIES = 3;

interface Parts {
  readonly database: Database;
  readonly transitions: RecurringTransitions;
  readonly invoices: InvoicePayments;
  readonly objects: RecurringObjects;
  /** Tells every process of a committed change. */
  readonly publish: (row: RecurringPayment) => void;
  readonly publishPayment: (payment: Payment) => void;
}

type Read = () => Promise<Answer<Stripe.Subscription>>;

/** Builds the calls; one recurring payment is settled once at a time within the process. */
export const createRecurringAttempts = (parts: Parts): RecurringAttempts => {
  const { database, transitions, invoices, objects, publish, publishPayment } = parts;
  const inFlight = new Map<string, Promise<SettledSubscription>>();

  /** Applies Stripe's present state; if a webhook moved the row since it was read, Stripe is read again. */
  const applyCurrent = async (
    known: RecurringPayment,
    {
      read,
      reread,
      actor,
    }: { read: Read; reread: (id: string) => Promise<Answer<Stripe.Subscription>>; actor: string },
  ): Promise<SettledSubscription> => {
    let { revision } = known;
    let answer = await read();
    for (let tries = 1; tries <= APPLY_TRIES; tries += 1) {
      const { object: subscription, at } = answer;
      const first = firstInvoice(answer);
      const outcome = await database.transaction(async (tx) => {
        const row = await transitions.lockById(tx, known);
        const own = row.stripeSubscriptionId ?? subscription.id;
        if (row.revision !== revision || own !== subscription.id)
          return { kind: 'moved' as const, recurringPayment: row, payment: undefined };
        const cause = { actor, body: { source: 'API' as const, object: subscription }, current: true };
        const applied = await transitions.apply(tx, row, subscriptionSnapshot(subscription, at), cause);
        const payment = first && (await invoices.recordFirst(tx, applied.recurringPayment, first, cause));
        return { ...applied, payment };
      });
      if (outcome.kind === 'changed') publish(outcome.recurringPayment);
      if (outcome.payment) publishPayment(outcome.payment);
      if (outcome.kind !== 'moved') return { recurringPayment: outcome.recurringPayment, subscription };
      revision = outcome.recurringPayment.revision;
      // Another process may have made it meanwhile: the row's own one counts, no other is ever handed out.
      answer = await reread(outcome.recurringPayment.stripeSubscriptionId ?? subscription.id);
    }
    throw new StripeUnavailableError({
      cause: new Error(`Recurring payment ${known.id} kept moving while it was read.`),
    });
  };

  const settle: RecurringAttempts['settle'] = (row, access, actor, fresh) => {
    const running = inFlight.get(row.id);
    if (running) return running;
    const { stripeSubscriptionId: id } = row;
    const reread = (known: string) => access.gateway.retrieveSubscription(known);
    const making = { fresh, find: access.gateway.findSubscription, create: access.gateway.createSubscription };
    const read = () => (id !== null ? reread(id) : objects.makeOnce(row, { access, actor, ...making }));
    const started = applyCurrent(row, { read, reread, actor })
      .catch((error: unknown) => {
        throw refusalOf(error);
      })
      .finally(() => inFlight.delete(row.id));
    inFlight.set(row.id, started);
    return started;
  };

  /** Writes to the subscription, and applies what Stripe says then; a refusal is read again: it may be so already. */
  const change = async (row: RecurringPayment, { access, actor, write, holds }: Change): Promise<RecurringPayment> => {
    const settled = row.stripeSubscriptionId === null ? (await settle(row, access, actor)).recurringPayment : row;
    const { stripeSubscriptionId: id } = settled;
    if (id === null || !isLive(settled)) return settled;
    let refusal: StripeCallError | undefined;
    const reread = () => access.gateway.retrieveSubscription(id);
    const read = async () => {
      const present = await reread();
      if (holds(present.object)) return present;
      // Read just now and harmless twice: a key of its own for each reading, so that a stored 5xx is not replayed.
      const key = (action: string) =>
        idempotencyKey(objects.ownerOf(row), row.attempt, `${action}:${settled.version}:${present.at}`);
      return write(present.object, key).catch((error: unknown) => {
        if (!(error instanceof StripeCallError) || error.failure !== 'refused') throw error;
        refusal = error;
        return reread();
      });
    };
    const after = await applyCurrent(settled, { read, reread, actor }).catch((error: unknown) => {
      throw refusalOf(error);
    });
    if (refusal && isLive(after.recurringPayment) && !holds(after.subscription)) throw refusalOf(refusal);
    return after.recurringPayment;
  };

  const hasEnded = ({ status }: Stripe.Subscription): boolean =>
    status === 'canceled' || status === 'incomplete_expired';
  const isScheduled = (subscription: Stripe.Subscription): boolean =>
    subscription.cancel_at_period_end || subscription.cancel_at !== null;

  return {
    settle,

    cancelNow: (row, access, actor) =>
      change(row, {
        access,
        actor,
        holds: hasEnded,
        write: ({ id }, key) => access.gateway.cancelSubscription(id, key('cancel')),
      }),

    cancelAtPeriodEnd: (row, access, actor) =>
      change(row, {
        access,
        actor,
        holds: (subscription) => hasEnded(subscription) || isScheduled(subscription),
        write: ({ id, status }, key) =>
          status === 'incomplete'
            ? access.gateway.cancelSubscription(id, key('cancel'))
            : access.gateway.scheduleEnd(id, 'at-period-end', key('end')),
      }),

    resume: (row, access, actor) =>
      change(row, {
        access,
        actor,
        holds: (subscription) => hasEnded(subscription) || !isScheduled(subscription),
        write: ({ id, cancel_at_period_end: atPeriodEnd }, key) =>
          access.gateway.scheduleEnd(id, atPeriodEnd ? 'clear-period-end' : 'clear-date', key('resume')),
      }),
  };
};

interface Change {
  readonly access: StripeAccess;
  readonly actor: string;
  /** Whether nothing is left to write. */
  holds(subscription: Stripe.Subscription): boolean;
  write(subscription: Stripe.Subscription, key: (action: string) => string): Promise<Answer<Stripe.Subscription>>;
}

/** The subscription's first invoice, where it is the latest and came with it. */
const firstInvoice = ({ object, at }: Answer<Stripe.Subscription>) => {
  const invoice = invoiceOf(object);
  const snapshot = invoice && invoiceSnapshot(invoice, at);
  return snapshot?.isFirst ? snapshot : undefined;
};
