import type Stripe from 'stripe';
import { isLive } from '../../core/states.js';
import { searchSince } from '../../core/unix-time.js';
import type { Redirects } from '../../installation/redirects.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { type Answer, StripeCallError } from '../../stripe/answer.js';
import { checkoutSnapshot } from '../../stripe/checkout-snapshot.js';
import { readKnown } from '../../stripe/make-once.js';
import { idempotencyKey } from '../../stripe/metadata.js';
import { refusalOf } from '../../stripe/refusal.js';
import { writeSession } from '../payments/checkout-rows.js';
import type { RecurringTransitions } from './apply.js';
import type { RecurringAttempts } from './attempts.js';
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
  settle(
    row: RecurringPayment,
    access: StripeAccess,
    actor: string,
    fresh?: { readonly trialDays: number },
  ): Promise<SettledCheckout>;
  /** Closes the page where it is open. The row comes back as Stripe has it; it may have begun meanwhile. */
  expire(row: RecurringPayment, access: StripeAccess, actor: string): Promise<RecurringPayment>;
}

/** Whether the customer has yet to begin it on Stripe's page. */
export const isOnPage = ({ mode, status }: RecurringPayment): boolean => mode === 'CHECKOUT' && status === 'INCOMPLETE';

interface Parts {
  readonly database: Database;
  readonly transitions: RecurringTransitions;
  readonly objects: RecurringObjects;
  readonly attempts: Pick<RecurringAttempts, 'settle'>;
  readonly redirects: Redirects;
  /** Tells every process of a committed change. */
  readonly publish: (row: RecurringPayment) => void;
}

interface Context {
  readonly access: StripeAccess;
  readonly actor: string;
}

/** The page as Stripe has it, and the row after that. */
interface Applied {
  readonly answer: Answer<Stripe.Checkout.Session>;
  readonly recurringPayment: RecurringPayment;
}

/** Builds the calls. */
export const createSubscriptionCheckouts = (parts: Parts): SubscriptionCheckouts => {
  const { database, transitions, objects, attempts, redirects, publish } = parts;

  const assertOurs = (row: RecurringPayment, answer: Answer<Stripe.Checkout.Session>): void =>
    assertSubscriptionSessionOf(row, objects.ownerOf(row), checkoutSnapshot(answer.object, answer.at));

  const read = async (
    row: RecurringPayment,
    { access, actor, fresh }: Context & { fresh: { readonly trialDays: number } | undefined },
  ): Promise<Answer<Stripe.Checkout.Session>> => {
    const { gateway } = access;
    const { stripeCheckoutSessionId: id } = row;
    if (id !== null) {
      const known = await readKnown(
        () => gateway.retrieveCheckout(id),
        (answer) => assertOurs(row, answer),
      );
      if (known) return known;
      const forgotten = await objects.forget(row, 'stripe_checkout_session_id', actor);
      return read(forgotten, { access, actor, fresh: undefined });
    }
    return objects.makeOnce<Stripe.Checkout.Session>(row, {
      access,
      actor,
      fresh,
      find: (owner) => gateway.findCheckout(owner, searchSince(row.createdAt)),
      create: (request) =>
        gateway.createSubscriptionCheckout({ ...request, ...redirects.addressesOf(row, 'recurringPayment') }),
      assertOurs: (answer) => assertOurs(row, answer),
    });
  };

  /** An end is believed only when Stripe says so twice: the row could never go back. */
  const confirm = async (
    row: RecurringPayment,
    answer: Answer<Stripe.Checkout.Session>,
    { gateway }: StripeAccess,
  ): Promise<Answer<Stripe.Checkout.Session>> => {
    if (!isLive(row) || !checkoutSnapshot(answer.object, answer.at).isExpired) return answer;
    const again = await gateway.retrieveCheckout(answer.object.id);
    assertOurs(row, again);
    return again;
  };

  /** The session's own word; once it names a subscription, that one decides. */
  const apply = async (
    row: RecurringPayment,
    answer: Answer<Stripe.Checkout.Session>,
    { access, actor }: Context,
  ): Promise<Applied> => {
    assertOurs(row, answer);
    const { object: session, at } = await confirm(row, answer, access);
    const { subscriptionId, isExpired } = checkoutSnapshot(session, at);
    const outcome = await database.transaction(async (tx) => {
      const locked = await transitions.lockById(tx, row);
      const { stripeCheckoutSessionId: own } = locked;
      if (own !== null && own !== session.id) return { kind: 'other' as const, own, recurringPayment: locked };
      tx.send(writeSession('recurring_payment', row.id, session.id));
      const cause = { actor, body: { source: 'API' as const, object: session }, current: true };
      return isExpired && subscriptionId === null
        ? transitions.expire(tx, locked, cause)
        : { kind: 'kept' as const, recurringPayment: locked };
    }, row.orderId);
    const { recurringPayment: known } = outcome;
    // Another process has made a page meanwhile: the row's own one counts, no other is ever handed out.
    if (outcome.kind === 'other')
      return apply(known, await access.gateway.retrieveCheckout(outcome.own), { access, actor });
    if (outcome.kind === 'changed') publish(known);
    const id = known.stripeSubscriptionId ?? subscriptionId;
    if (id === null || !isLive(known)) return { answer, recurringPayment: known };
    const settled = await attempts.settle({ ...known, stripeSubscriptionId: id }, access, actor);
    return { answer, recurringPayment: settled.recurringPayment };
  };

  const readAndApply = async (
    row: RecurringPayment,
    context: Context,
    ask: () => Promise<Answer<Stripe.Checkout.Session>>,
  ): Promise<Applied> => {
    try {
      return await apply(row, await ask(), context);
    } catch (error) {
      throw refusalOf(error);
    }
  };

  return {
    async settle(row, access, actor, fresh) {
      const ask = () => read(row, { access, actor, fresh });
      const { answer, recurringPayment } = await readAndApply(row, { access, actor }, ask);
      return { recurringPayment, checkoutUrl: checkoutSnapshot(answer.object, answer.at).url };
    },

    async expire(row, access, actor) {
      const { gateway } = access;
      const context = { access, actor };
      const { answer, recurringPayment } = await readAndApply(row, context, () =>
        read(row, { access, actor, fresh: undefined }),
      );
      const { id, status } = answer.object;
      if (!isLive(recurringPayment) || status !== 'open') return recurringPayment;
      // A key of its own for each reading, so that a stored 5xx is not replayed.
      const action = `expire:${recurringPayment.revision}:${answer.at}`;
      const key = idempotencyKey(objects.ownerOf(row), row.attempt, action);
      // Whatever it answers, Stripe's present state decides: the customer may have begun it meanwhile.
      const expireAndRead = async () => {
        await gateway.expireCheckout(id, key).catch((error: unknown) => {
          if (!(error instanceof StripeCallError) || error.failure !== 'refused') throw error;
        });
        return gateway.retrieveCheckout(id);
      };
      return (await readAndApply(recurringPayment, context, expireAndRead)).recurringPayment;
    },
  };
};
