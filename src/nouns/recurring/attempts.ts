import type Stripe from 'stripe';
import { DEADLINES } from '../../core/deadlines.js';
import { StripeUnavailableError } from '../../core/errors.js';
import { createInFlight } from '../../core/in-flight.js';
import { isLive } from '../../core/states.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import { type Database, isDatabaseError, UNIQUE_VIOLATION } from '../../storage/database.js';
import { type Answer, NotAnAnswerError, StripeCallError } from '../../stripe/answer.js';
import { invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import { readKnown } from '../../stripe/make-once.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import { refusalOf } from '../../stripe/refusal.js';
import { invoiceOf, type SubscriptionSnapshot, subscriptionSnapshot } from '../../stripe/subscription-snapshot.js';
import type { Payment } from '../payments/row.js';
import { sourceOf } from '../payments/settle.js';
import type { InvoicePayments } from '../renewals/invoice-payments.js';
import type { RecurringTransitions } from './apply.js';
import { assertSubscriptionOf } from './ours.js';
import type { RecurringPayment } from './row.js';
import { writeRecurringAsked } from './rows.js';
import type { RecurringObjects } from './settle.js';

/** A recurring payment brought to Stripe's present state, with Stripe's object. */
export interface SettledSubscription {
  readonly recurringPayment: RecurringPayment;
  readonly subscription: Stripe.Subscription;
  /** Stripe's time of the answer, unix seconds. */
  readonly at: number;
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
  /** Brings the row to Stripe's present state without making anything; one that Stripe has nothing of stays as it is. */
  refresh(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
  /** Drops the subscription that the row names where Stripe doesn't know it, or has another row's under this id. */
  forgetUnknown(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
  /** Ends it at once. The row comes back as Stripe has it; whoever ended it first. */
  cancelNow(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
  /** Lets it end with its period; one that has never begun ends at once. */
  cancelAtPeriodEnd(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
  /** Takes back a scheduled end, whichever way it was scheduled. */
  resume(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
}

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

const snapshotOf = ({ object, at }: Answer<Stripe.Subscription>): SubscriptionSnapshot =>
  subscriptionSnapshot(object, at);

const hasEnded = ({ status }: SubscriptionSnapshot): boolean => status !== undefined && !isLive({ status });

/** Builds the calls; one recurring payment is settled once at a time within the process. */
export const createRecurringAttempts = (parts: Parts): RecurringAttempts => {
  const { database, transitions, invoices, objects, publish, publishPayment } = parts;
  const oneAtATime = createInFlight<SettledSubscription>();

  const assertOurs = (row: RecurringPayment, answer: Answer<Stripe.Subscription>, customerId?: string): void =>
    assertSubscriptionOf(row, { owner: objects.ownerOf(row), customerId }, snapshotOf(answer));

  const applyOnce = (known: RecurringPayment, answer: Answer<Stripe.Subscription>, actor: string) => {
    const snapshot = snapshotOf(answer);
    const first = firstInvoice(answer);
    return database
      .transaction(async (tx) => {
        const row = await transitions.lockById(tx, known);
        const own = row.stripeSubscriptionId ?? snapshot.subscriptionId;
        if (row.revision !== known.revision || own !== snapshot.subscriptionId)
          return { kind: 'moved' as const, recurringPayment: row, payment: undefined };
        const cause = { actor, body: { source: sourceOf(actor), object: answer.object }, current: true };
        const applied = await transitions.apply(tx, row, snapshot, cause);
        const payment = first && (await invoices.recordFirst(tx, applied.recurringPayment, first, cause));
        return { ...applied, payment };
      }, known.orderId)
      .catch((error: unknown) => {
        if (isDatabaseError(error, UNIQUE_VIOLATION, 'recurring_payment_subscription_once'))
          throw new NotAnAnswerError(`${snapshot.subscriptionId} is another row's`);
        throw error;
      });
  };

  /** An end is believed only when Stripe says so twice: the row could never go back. */
  const confirm = async (row: RecurringPayment, answer: Answer<Stripe.Subscription>, { gateway }: StripeAccess) => {
    if (!isLive(row) || !hasEnded(snapshotOf(answer))) return answer;
    const again = await gateway.retrieveSubscription(snapshotOf(answer).subscriptionId);
    assertOurs(row, again);
    return again;
  };

  /** Applies Stripe's present state; if a webhook moved the row since it was read, Stripe is read again. */
  const applyCurrent = async (
    known: RecurringPayment,
    { read, access, actor }: { read: Read; access: StripeAccess; actor: string },
  ): Promise<SettledSubscription> => {
    let row = known;
    let answer = await read();
    for (let tries = 1; tries <= DEADLINES.applyTries; tries += 1) {
      assertOurs(row, answer);
      answer = await confirm(row, answer, access);
      const outcome = await applyOnce(row, answer, actor);
      if (outcome.kind === 'changed') publish(outcome.recurringPayment);
      if (outcome.payment) publishPayment(outcome.payment);
      if (outcome.kind !== 'moved')
        return { recurringPayment: outcome.recurringPayment, subscription: answer.object, at: answer.at };
      row = outcome.recurringPayment;
      // Another process may have made it meanwhile: the row's own one counts, no other is ever handed out.
      answer = await access.gateway.retrieveSubscription(row.stripeSubscriptionId ?? answer.object.id);
    }
    throw new StripeUnavailableError({
      cause: new Error(`Recurring payment ${known.id} kept moving while it was read.`),
    });
  };

  const readOwn = (row: RecurringPayment, id: string, { gateway }: StripeAccess) =>
    readKnown(
      () => gateway.retrieveSubscription(id),
      (answer) => assertOurs(row, answer),
    );

  const makeOrRead = async (
    row: RecurringPayment,
    access: StripeAccess,
    actor: string,
    fresh: { readonly trialDays: number } | undefined,
  ): Promise<SettledSubscription> => {
    const { stripeSubscriptionId: id } = row;
    if (id !== null) {
      const present = await readOwn(row, id, access);
      if (present) return applyCurrent(row, { read: async () => present, access, actor });
      return makeOrRead(await objects.forget(row, 'stripe_subscription_id', actor), access, actor, undefined);
    }
    const { findSubscription: find, createSubscription: create } = access.gateway;
    const making = { access, actor, fresh, find, create };
    const read = () =>
      objects.makeOnce<Stripe.Subscription>(row, {
        ...making,
        assertOurs: (answer, customerId) => assertOurs(row, answer, customerId),
      });
    return applyCurrent(row, { read, access, actor });
  };

  const settle: RecurringAttempts['settle'] = (row, access, actor, fresh) =>
    oneAtATime(row.id, () =>
      makeOrRead(row, access, actor, fresh).catch((error: unknown) => {
        throw refusalOf(error);
      }),
    );

  /** Writes to the subscription, and applies what Stripe says then; a refusal is read again: it may be so already. */
  const change = async (
    row: RecurringPayment,
    { access, actor, asks, write, holds }: Change,
  ): Promise<RecurringPayment> => {
    await database.query(writeRecurringAsked(row.id, asks, actor));
    const { recurringPayment: settled, subscription: present, at } = await settle(row, access, actor);
    if (!isLive(settled) || holds(present)) return settled;
    let refusal: StripeCallError | undefined;
    // Read just now and harmless twice: a key of its own for each reading, so that a stored 5xx is not replayed.
    const key = (action: string) =>
      idempotencyKey(objects.ownerOf(row), row.attempt, `${action}:${settled.version}:${at}`);
    const writeOrRead = async () => {
      try {
        const answer = await write(present, key);
        assertOurs(settled, answer);
        if (!holds(answer.object)) throw new NotAnAnswerError(`${present.id} is not as it was asked for`);
        return answer;
      } catch (error) {
        if (!(error instanceof StripeCallError)) throw error;
        refusal = error;
        return access.gateway.retrieveSubscription(present.id);
      }
    };
    const after = await applyCurrent(settled, { read: writeOrRead, access, actor }).catch((error: unknown) => {
      throw refusalOf(error);
    });
    if (isLive(after.recurringPayment) && !holds(after.subscription))
      throw refusalOf(refusal ?? new NotAnAnswerError(`${present.id} is not as it was answered`));
    return after.recurringPayment;
  };

  const forgetUnknown: RecurringAttempts['forgetUnknown'] = async (row, access, actor) => {
    const { stripeSubscriptionId: id } = row;
    if (id === null || (await readOwn(row, id, access))) return row;
    return objects.forget(row, 'stripe_subscription_id', actor);
  };

  const refresh = async (row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment> => {
    const { stripeSubscriptionId: id } = row;
    const known = id === null ? undefined : await readOwn(row, id, access);
    if (known) return (await applyCurrent(row, { read: async () => known, access, actor })).recurringPayment;
    const left = id === null ? row : await objects.forget(row, 'stripe_subscription_id', actor);
    const found = await objects.find(left, access);
    return found ? (await applyCurrent(left, { read: async () => found, access, actor })).recurringPayment : left;
  };

  const isOver = (subscription: Stripe.Subscription): boolean => hasEnded(subscriptionSnapshot(subscription, 0));
  const isScheduled = (subscription: Stripe.Subscription): boolean =>
    subscription.cancel_at_period_end || subscription.cancel_at !== null;

  return {
    settle,
    forgetUnknown,

    refresh: (row, access, actor) =>
      refresh(row, access, actor).catch((error: unknown) => {
        throw refusalOf(error);
      }),

    cancelNow: (row, access, actor) =>
      change(row, {
        access,
        actor,
        asks: 'END',
        holds: isOver,
        write: ({ id }, key) => access.gateway.cancelSubscription(id, key('cancel')),
      }),

    cancelAtPeriodEnd: (row, access, actor) =>
      change(row, {
        access,
        actor,
        asks: row.status === 'INCOMPLETE' ? 'END' : 'SCHEDULE',
        holds: (subscription) => isOver(subscription) || isScheduled(subscription),
        write: ({ id, status }, key) =>
          status === 'incomplete'
            ? access.gateway.cancelSubscription(id, key('cancel'))
            : access.gateway.scheduleEnd(id, 'at-period-end', key('end')),
      }),

    resume: (row, access, actor) =>
      change(row, {
        access,
        actor,
        asks: 'RESUME',
        holds: (subscription) => isOver(subscription) || !isScheduled(subscription),
        write: ({ id, cancel_at_period_end: atPeriodEnd }, key) =>
          access.gateway.scheduleEnd(id, atPeriodEnd ? 'clear-period-end' : 'clear-date', key('resume')),
      }),
  };
};

interface Change {
  readonly access: StripeAccess;
  readonly actor: string;
  /** What the write is about to change. */
  readonly asks: RecurringPayment['askedFor'];
  /** Whether nothing is left to write. */
  holds(subscription: Stripe.Subscription): boolean;
  write(subscription: Stripe.Subscription, key: (action: string) => string): Promise<Answer<Stripe.Subscription>>;
}

/** The subscription's first invoice, where it is the latest and came with it. */
const firstInvoice = ({ object, at }: Answer<Stripe.Subscription>) => {
  const invoice = invoiceOf(object);
  const snapshot = invoice && invoiceSnapshot(invoice, at);
  return snapshot?.isFirst && snapshot.subscriptionId === object.id ? snapshot : undefined;
};
