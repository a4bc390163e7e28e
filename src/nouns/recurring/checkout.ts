import type Stripe from 'stripe';
import { StripeUnavailableError } from '../../core/errors.js';
import { isLive } from '../../core/states.js';
import { searchSince } from '../../core/unix-time.js';
import type { Redirects } from '../../installation/redirects.js';
import type { StripeAccess, Who } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { type Answer, StripeCallError } from '../../stripe/answer.js';
import { type AppliedOrMoved, applyOrReadAgain } from '../../stripe/apply-or-read-again.js';
import { type CheckoutSnapshot, checkoutSnapshot } from '../../stripe/checkout-snapshot.js';
import { readKnown } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import { refusalOf } from '../../stripe/refusal.js';
import { saidTwice } from '../../stripe/said-twice.js';
import { writeSession } from '../payments/checkout-rows.js';
import type { RecurringTransitions } from './apply.js';
import type { FreshPrice, RecurringAttempts } from './attempts.js';
import { assertSubscriptionSessionOf } from './ours.js';
import type { RecurringPayment } from './row.js';
import type { RecurringObjects } from './settle.js';

/** A recurring payment in Stripe's present state, and the page where it begins; null once that is closed. */
export interface SettledCheckout {
  readonly recurringPayment: RecurringPayment;
  readonly checkoutUrl: string | null;
}

/** The calls to Stripe that a recurring payment needs which begins on Stripe's own page; each may be repeated. */
export interface SubscriptionCheckouts {
  /**
   * Makes sure that the page exists, once, and brings our row to Stripe's present state, its subscription included once it
   * has begun. `fresh`: the row was written just now and no call can have been made for it yet.
   *
   * @throws StripeDeclinedError when Stripe refuses it for good (the row is ended), StripeUnavailableError when the outcome is unknown
   */
  settle(row: RecurringPayment, who: Who, fresh?: FreshPrice): Promise<SettledCheckout>;
  /** Closes the page where it is open. The row comes back as Stripe has it; it may have begun meanwhile. */
  expire(row: RecurringPayment, who: Who): Promise<RecurringPayment>;
}

/** Whether the customer has yet to begin it on Stripe's page. */
export const isOnPage = ({ mode, status }: RecurringPayment): boolean => mode === 'CHECKOUT' && status === 'INCOMPLETE';

interface Parts {
  readonly database: Database;
  readonly transitions: RecurringTransitions;
  readonly objects: RecurringObjects;
  readonly attempts: Pick<RecurringAttempts, 'settle'>;
  readonly redirects: Redirects;
  readonly marks: Marks;
  /** Tells every process of a committed change. */
  readonly publish: (row: RecurringPayment) => void;
}

type Session = Answer<Stripe.Checkout.Session>;

/** The page as Stripe has it, and the row after that. */
interface Applied {
  readonly answer: Session;
  readonly recurringPayment: RecurringPayment;
}

const snapshotOf = ({ object, at }: Session): CheckoutSnapshot => checkoutSnapshot(object, at);

const assertOurs = ({ marks }: Parts, row: RecurringPayment, answer: Session): void =>
  assertSubscriptionSessionOf(row, marks.of('recurring', row.id), snapshotOf(answer));

const read = async (
  parts: Parts,
  row: RecurringPayment,
  { access, actor, fresh }: Who & { readonly fresh: FreshPrice | undefined },
): Promise<Session> => {
  const { objects, redirects } = parts;
  const { gateway } = access;
  const { stripeCheckoutSessionId: id } = row;
  if (id !== null) {
    const known = await readKnown(
      () => gateway.retrieveCheckout(id),
      (answer) => assertOurs(parts, row, answer),
    );
    if (known) return known;
    const forgotten = await objects.forget(row, 'stripe_checkout_session_id', actor);
    return read(parts, forgotten, { access, actor, fresh: undefined });
  }
  return objects.makeOnce<Stripe.Checkout.Session>(row, {
    access,
    actor,
    fresh,
    find: (owner) => gateway.findCheckout(owner, searchSince(row.createdAt)),
    create: (request) =>
      gateway.createSubscriptionCheckout({ ...request, ...redirects.addressesOf(row, 'recurringPayment') }),
    assertOurs: (answer) => assertOurs(parts, row, answer),
  });
};

/** An end is believed only when Stripe says so twice: the row could never go back. */
const confirm = async (
  parts: Parts,
  row: RecurringPayment,
  { answer, access }: { readonly answer: Session; readonly access: StripeAccess },
): Promise<Session> => {
  assertOurs(parts, row, answer);
  if (!isLive(row)) return answer;
  return saidTwice(answer, {
    endOf: (said) => (snapshotOf(said).isExpired ? 'expired' : undefined),
    async read() {
      const again = await access.gateway.retrieveCheckout(answer.object.id);
      assertOurs(parts, row, again);
      return again;
    },
  });
};

/** Applies the session's own word under the locks, unless the row has another session by now. */
const applyOnce = async (
  { database, transitions, publish }: Parts,
  row: RecurringPayment,
  { answer, actor }: { readonly answer: Session; readonly actor: string },
): Promise<AppliedOrMoved<RecurringPayment, Applied>> => {
  const { object: session } = answer;
  const { subscriptionId, isExpired } = snapshotOf(answer);
  const { kind, recurringPayment } = await database.transaction(async (tx) => {
    const locked = await transitions.lockById(tx, row);
    if ((locked.stripeCheckoutSessionId ?? session.id) !== session.id)
      return { kind: 'moved' as const, recurringPayment: locked };
    tx.send(writeSession('recurring_payment', row.id, session.id));
    const cause = { actor, body: { source: 'API' as const, object: session }, current: true };
    return isExpired && subscriptionId === null
      ? transitions.expire(tx, locked, cause)
      : { kind: 'kept' as const, recurringPayment: locked };
  }, row.orderId);
  if (kind === 'changed') publish(recurringPayment);
  return kind === 'moved'
    ? { moved: true, row: recurringPayment }
    : { moved: false, done: { answer, recurringPayment } };
};

/** The session's own word; once it names a subscription, that one decides. */
const applyPresent = async (
  parts: Parts,
  row: RecurringPayment,
  { access, actor, ask }: Who & { ask(): Promise<Session> },
): Promise<Applied> => {
  const outcome = await applyOrReadAgain<RecurringPayment, Session, Applied>(row, {
    read: ask,
    apply: async (known, answer) =>
      applyOnce(parts, known, { answer: await confirm(parts, known, { answer, access }), actor }),
    // Another process has made a page meanwhile: the row's own one counts, no other is ever handed out.
    readAgain: (known, answer) => access.gateway.retrieveCheckout(known.stripeCheckoutSessionId ?? answer.object.id),
  });
  if (outcome.moved) {
    const cause = new Error(`The page of recurring payment ${row.id} kept changing while it was read.`);
    throw new StripeUnavailableError({ cause });
  }
  const { answer, recurringPayment: known } = outcome.done;
  const id = known.stripeSubscriptionId ?? snapshotOf(answer).subscriptionId;
  if (id === null || !isLive(known)) return { answer, recurringPayment: known };
  const settled = await parts.attempts.settle({ ...known, stripeSubscriptionId: id }, { access, actor });
  return { answer, recurringPayment: settled.recurringPayment };
};

const readAndApply = async (
  parts: Parts,
  row: RecurringPayment,
  asking: Who & { ask(): Promise<Session> },
): Promise<Applied> => {
  try {
    return await applyPresent(parts, row, asking);
  } catch (error) {
    throw refusalOf(error);
  }
};

const expire = async (parts: Parts, row: RecurringPayment, who: Who): Promise<RecurringPayment> => {
  const { gateway } = who.access;
  const ask = () => read(parts, row, { ...who, fresh: undefined });
  const { answer, recurringPayment } = await readAndApply(parts, row, { ...who, ask });
  const { id, status } = answer.object;
  if (!isLive(recurringPayment) || status !== 'open') return recurringPayment;
  // A key of its own for each reading, so that a stored 5xx is not replayed.
  const action = `expire:${recurringPayment.revision}:${answer.at}`;
  const key = idempotencyKey(parts.marks.of('recurring', row.id), row.attempt, action);
  // Whatever it answers, Stripe's present state decides: the customer may have begun it meanwhile.
  const expireAndRead = async () => {
    await gateway.expireCheckout(id, key).catch((error: unknown) => {
      if (!(error instanceof StripeCallError) || error.failure !== 'refused') throw error;
    });
    return gateway.retrieveCheckout(id);
  };
  return (await readAndApply(parts, recurringPayment, { ...who, ask: expireAndRead })).recurringPayment;
};

/** Builds the calls over the rules that every kind of object shares. */
export const createSubscriptionCheckouts = (parts: Parts): SubscriptionCheckouts => ({
  async settle(row, who, fresh) {
    const ask = () => read(parts, row, { ...who, fresh });
    const { answer, recurringPayment } = await readAndApply(parts, row, { ...who, ask });
    return { recurringPayment, checkoutUrl: snapshotOf(answer).url };
  },

  expire: (row, who) => expire(parts, row, who),
});
