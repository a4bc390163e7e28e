import type Stripe from 'stripe';
import { StripeUnavailableError } from '../../core/errors.js';
import { createInFlight } from '../../core/in-flight.js';
import { isLive } from '../../core/states.js';
import type { StripeAccess, Who } from '../../installation/stripe-connection.js';
import { type Database, isDatabaseError, UNIQUE_VIOLATION } from '../../storage/database.js';
import { type Answer, NotAnAnswerError, StripeCallError } from '../../stripe/answer.js';
import { type AppliedOrMoved, applyOrReadAgain } from '../../stripe/apply-or-read-again.js';
import { invoiceSnapshot } from '../../stripe/invoice-snapshot.js';
import { readKnown } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import { refusalOf } from '../../stripe/refusal.js';
import { saidTwice } from '../../stripe/said-twice.js';
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

/** What was read of the price of a row that was written just now. */
export interface FreshPrice {
  readonly trialDays: number;
}

/** The calls to Stripe that one recurring payment needs; each may be repeated, at once or after a crash. */
export interface RecurringAttempts {
  /**
   * Makes sure that the subscription exists at Stripe, once, and brings our row to its present state; its first
   * invoice's payment is recorded. `fresh`: the row was written just now and no call can have been made for it yet.
   *
   * @throws StripeDeclinedError when Stripe refuses it for good (the row is ended), StripeUnavailableError when the outcome is unknown
   */
  settle(row: RecurringPayment, who: Who, fresh?: FreshPrice): Promise<SettledSubscription>;
  /** Brings the row to Stripe's present state without making anything; one that Stripe has nothing of stays as it is. */
  refresh(row: RecurringPayment, who: Who): Promise<RecurringPayment>;
  /** Drops the subscription that the row names where Stripe doesn't know it, or has another row's under this id. */
  forgetUnknown(row: RecurringPayment, who: Who): Promise<RecurringPayment>;
  /** Ends it at once. The row comes back as Stripe has it; whoever ended it first. */
  cancelNow(row: RecurringPayment, who: Who): Promise<RecurringPayment>;
  /** Lets it end with its period; one that has never begun ends at once. */
  cancelAtPeriodEnd(row: RecurringPayment, who: Who): Promise<RecurringPayment>;
  /** Takes back a scheduled end, whichever way it was scheduled. */
  resume(row: RecurringPayment, who: Who): Promise<RecurringPayment>;
  /**
   * Writes to the subscription until Stripe's present one is as it was asked for, and applies that. Nothing is written to one that is
   * so already or has ended. Twice at once writes the same twice.
   *
   * @throws StripeDeclinedError when Stripe refuses it, StripeUnavailableError when the outcome is unknown
   */
  write(row: RecurringPayment, asked: SubscriptionWrite): Promise<SettledSubscription>;
}

interface Parts {
  readonly database: Database;
  readonly transitions: RecurringTransitions;
  readonly invoices: InvoicePayments;
  readonly objects: RecurringObjects;
  readonly marks: Marks;
  /** Tells every process of a committed change. */
  readonly publish: (row: RecurringPayment) => void;
  readonly publishPayment: (payment: Payment) => void;
}

type Subscription = Answer<Stripe.Subscription>;

/** One write to a subscription. */
export interface SubscriptionWrite extends Who {
  /** What the write is about to change. */
  readonly asks: RecurringPayment['askedFor'];
  /** Whether nothing is left to write. */
  holds(subscription: Stripe.Subscription): boolean;
  /** Gives Stripe's answer; `key` makes the idempotency key of an action. */
  write(subscription: Stripe.Subscription, key: (action: string) => string): Promise<Answer<Stripe.Subscription>>;
}

const snapshotOf = ({ object, at }: Subscription): SubscriptionSnapshot => subscriptionSnapshot(object, at);

/** The end of a recurring payment that Stripe's word would be; undefined while it lives. */
export const endOfSubscription = ({ status }: SubscriptionSnapshot): string | undefined =>
  status !== undefined && !isLive({ status }) ? status : undefined;
const hasEnded = (snapshot: SubscriptionSnapshot): boolean => endOfSubscription(snapshot) !== undefined;
const isOver = (subscription: Stripe.Subscription): boolean => hasEnded(subscriptionSnapshot(subscription, 0));
const isScheduled = (subscription: Stripe.Subscription): boolean =>
  subscription.cancel_at_period_end || subscription.cancel_at !== null;

/** The subscription's first invoice or that of a change, where it is the latest and came with it. */
const ownInvoice = ({ object, at }: Subscription) => {
  const invoice = invoiceOf(object);
  const snapshot = invoice && invoiceSnapshot(invoice, at);
  return (snapshot?.isFirst || snapshot?.isChange) && snapshot.subscriptionId === object.id ? snapshot : undefined;
};

const assertOurs = (
  { marks }: Pick<Parts, 'marks'>,
  row: RecurringPayment,
  { answer, customerId }: { readonly answer: Subscription; readonly customerId?: string },
): void => assertSubscriptionOf(row, { owner: marks.of('recurring', row.id), customerId }, snapshotOf(answer));

const readOwn = (parts: Parts, row: RecurringPayment, { id, access }: { id: string; access: StripeAccess }) =>
  readKnown(
    () => access.gateway.retrieveSubscription(id),
    (answer) => assertOurs(parts, row, { answer }),
  );

/** Applies an answer, and its first invoice's, under the locks, unless the row moved since it was asked for. */
const applyOnce = async (
  { database, transitions, invoices, publish, publishPayment }: Parts,
  known: RecurringPayment,
  { answer, actor }: { readonly answer: Subscription; readonly actor: string },
): Promise<AppliedOrMoved<RecurringPayment, SettledSubscription>> => {
  const snapshot = snapshotOf(answer);
  const own = ownInvoice(answer);
  const { kind, recurringPayment, payment } = await database
    .transaction(async (tx) => {
      const row = await transitions.lockById(tx, known);
      const subscriptionId = row.stripeSubscriptionId ?? snapshot.subscriptionId;
      if (row.revision !== known.revision || subscriptionId !== snapshot.subscriptionId)
        return { kind: 'moved' as const, recurringPayment: row, payment: undefined };
      const cause = { actor, body: { source: sourceOf(actor), object: answer.object }, current: true };
      const applied = await transitions.apply(tx, row, { snapshot, cause });
      const paid = own && (await invoices.recordOwn(tx, applied.recurringPayment, { invoice: own, cause }));
      return { ...applied, payment: paid };
    }, known.orderId)
    .catch((error: unknown) => {
      if (isDatabaseError(error, UNIQUE_VIOLATION, 'recurring_payment_subscription_once'))
        throw new NotAnAnswerError(`${snapshot.subscriptionId} is another row's`);
      throw error;
    });
  if (kind === 'changed') publish(recurringPayment);
  if (payment) publishPayment(payment);
  return kind === 'moved'
    ? { moved: true, row: recurringPayment }
    : { moved: false, done: { recurringPayment, subscription: answer.object, at: answer.at } };
};

/** An end is believed only when Stripe says so twice: the row could never go back. */
const confirm = async (
  parts: Parts,
  row: RecurringPayment,
  { answer, access }: { readonly answer: Subscription; readonly access: StripeAccess },
): Promise<Subscription> => {
  assertOurs(parts, row, { answer });
  if (!isLive(row)) return answer;
  return saidTwice(answer, {
    endOf: (said) => endOfSubscription(snapshotOf(said)),
    async read() {
      const again = await access.gateway.retrieveSubscription(snapshotOf(answer).subscriptionId);
      assertOurs(parts, row, { answer: again });
      return again;
    },
  });
};

/** Applies Stripe's present state; if a webhook moved the row since it was read, Stripe is read again. */
const applyCurrent = async (
  parts: Parts,
  known: RecurringPayment,
  { access, actor, read }: Who & { read(): Promise<Subscription> },
): Promise<SettledSubscription> => {
  const outcome = await applyOrReadAgain<RecurringPayment, Subscription, SettledSubscription>(known, {
    read,
    apply: async (row, answer) =>
      applyOnce(parts, row, { answer: await confirm(parts, row, { answer, access }), actor }),
    // Another process may have made it meanwhile: the row's own one counts, no other is ever handed out.
    readAgain: (row, answer) => access.gateway.retrieveSubscription(row.stripeSubscriptionId ?? answer.object.id),
  });
  if (!outcome.moved) return outcome.done;
  const cause = new Error(`Recurring payment ${known.id} kept moving while it was read.`);
  throw new StripeUnavailableError({ cause });
};

const makeOrRead = async (
  parts: Parts,
  row: RecurringPayment,
  { access, actor, fresh }: Who & { readonly fresh: FreshPrice | undefined },
): Promise<SettledSubscription> => {
  const { objects } = parts;
  const { stripeSubscriptionId: id } = row;
  if (id !== null) {
    const present = await readOwn(parts, row, { id, access });
    if (present) return applyCurrent(parts, row, { read: async () => present, access, actor });
    const forgotten = await objects.forget(row, 'stripe_subscription_id', actor);
    return makeOrRead(parts, forgotten, { access, actor, fresh: undefined });
  }
  const { findSubscription: find, createSubscription: create } = access.gateway;
  const read = () =>
    objects.makeOnce<Stripe.Subscription>(row, {
      ...{ access, actor, fresh, find, create },
      assertOurs: (answer, customerId) => assertOurs(parts, row, { answer, customerId }),
    });
  return applyCurrent(parts, row, { read, access, actor });
};

/** Takes a subscription from its schedule; one that was released meanwhile is as it should be. */
export const releaseSchedule = async (
  { gateway }: StripeAccess,
  schedule: string | { readonly id: string },
  key: (action: string) => string,
): Promise<void> => {
  const id = typeof schedule === 'string' ? schedule : schedule.id;
  await gateway.releaseSchedule(id, key('release')).catch((error: unknown) => {
    // What comes next tells whether it is so already.
    if (!(error instanceof StripeCallError) || error.failure !== 'refused') throw error;
  });
};

/** Writes to the subscription, and applies what Stripe says then; a refusal is read again: it may be so already. */
const change = async (
  parts: Parts,
  known: SettledSubscription,
  { access, actor, write, holds }: SubscriptionWrite,
): Promise<SettledSubscription> => {
  const { recurringPayment: settled, subscription: present, at } = known;
  if (!isLive(settled) || holds(present)) return known;
  let refusal: StripeCallError | undefined;
  // Read just now and harmless twice: a key of its own for each reading, so that a stored 5xx is not replayed.
  const owner = parts.marks.of('recurring', settled.id);
  const key = (action: string) => idempotencyKey(owner, settled.attempt, `${action}:${settled.version}:${at}`);
  const writeOrRead = async () => {
    try {
      const answer = await write(present, key);
      assertOurs(parts, settled, { answer });
      if (!holds(answer.object)) throw new NotAnAnswerError(`${present.id} is not as it was asked for`);
      return answer;
    } catch (error) {
      if (!(error instanceof StripeCallError)) throw error;
      refusal = error;
      return access.gateway.retrieveSubscription(present.id);
    }
  };
  const after = await applyCurrent(parts, settled, { read: writeOrRead, access, actor }).catch(orRefusal);
  if (isLive(after.recurringPayment) && !holds(after.subscription))
    throw refusalOf(refusal ?? new NotAnAnswerError(`${present.id} is not as it was answered`));
  return after;
};

const forgetUnknown = async (parts: Parts, row: RecurringPayment, { access, actor }: Who) => {
  const { stripeSubscriptionId: id } = row;
  if (id === null || (await readOwn(parts, row, { id, access }))) return row;
  return parts.objects.forget(row, 'stripe_subscription_id', actor);
};

const refresh = async (parts: Parts, row: RecurringPayment, who: Who): Promise<RecurringPayment> => {
  const { access, actor } = who;
  const { stripeSubscriptionId: id } = row;
  const known = id === null ? undefined : await readOwn(parts, row, { id, access });
  if (known) return (await applyCurrent(parts, row, { ...who, read: async () => known })).recurringPayment;
  const left = id === null ? row : await parts.objects.forget(row, 'stripe_subscription_id', actor);
  const found = await parts.objects.find(left, access);
  return found ? (await applyCurrent(parts, left, { ...who, read: async () => found })).recurringPayment : left;
};

const orRefusal = (error: unknown): never => {
  throw refusalOf(error);
};

/** Builds the calls; one recurring payment is settled once at a time within the process. */
export const createRecurringAttempts = (parts: Parts): RecurringAttempts => {
  const oneAtATime = createInFlight<SettledSubscription>();

  const settle: RecurringAttempts['settle'] = (row, who, fresh) =>
    oneAtATime(row.id, () => makeOrRead(parts, row, { ...who, fresh }).catch(orRefusal));

  const write: RecurringAttempts['write'] = async (row, asked) => {
    await parts.database.query(writeRecurringAsked(row.id, asked.asks, asked.actor));
    return change(parts, await settle(row, asked), asked);
  };
  const settleAndChange = async (row: RecurringPayment, asked: SubscriptionWrite): Promise<RecurringPayment> =>
    (await write(row, asked)).recurringPayment;

  return {
    settle,
    forgetUnknown: (row, who) => forgetUnknown(parts, row, who),
    refresh: (row, who) => refresh(parts, row, who).catch(orRefusal),

    write,

    cancelNow: (row, who) =>
      settleAndChange(row, {
        ...who,
        asks: 'END',
        holds: isOver,
        write: ({ id }, key) => who.access.gateway.cancelSubscription(id, key('cancel')),
      }),

    cancelAtPeriodEnd: (row, who) =>
      settleAndChange(row, {
        ...who,
        asks: row.status === 'INCOMPLETE' ? 'END' : 'SCHEDULE',
        holds: (subscription) => isOver(subscription) || isScheduled(subscription),
        write: async ({ id, status, schedule }, key) => {
          if (status === 'incomplete') return who.access.gateway.cancelSubscription(id, key('cancel'));
          // What ends isn't changed before: Stripe takes no end while a schedule has the subscription.
          if (schedule !== null) await releaseSchedule(who.access, schedule, key);
          return who.access.gateway.scheduleEnd(id, 'at-period-end', key('end'));
        },
      }),

    resume: (row, who) =>
      settleAndChange(row, {
        ...who,
        asks: 'RESUME',
        holds: (subscription) => isOver(subscription) || !isScheduled(subscription),
        write: ({ id, cancel_at_period_end: atPeriodEnd }, key) =>
          who.access.gateway.scheduleEnd(id, atPeriodEnd ? 'clear-period-end' : 'clear-date', key('resume')),
      }),
  };
};
