import type Stripe from 'stripe';
import { isLive } from '../../core/states.js';
import type { StripeAccess, Who } from '../../installation/stripe-connection.js';
import { readClock } from '../../storage/clock.js';
import type { Database } from '../../storage/database.js';
import { type Answer, StripeCallError } from '../../stripe/answer.js';
import type { SubscriptionRequest } from '../../stripe/billing-calls.js';
import { type Making, makeOnce } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import type { Owner } from '../../stripe/metadata.js';
import type { Customers } from '../customers/customers.js';
import { isDeletedCustomer } from '../customers/deleted.js';
import type { RecurringTransitions } from './apply.js';
import { readPrice } from './prices.js';
import type { RecurringPayment } from './row.js';
import { forgetRecurringObject, writeNextRecurringAttempt } from './rows.js';

/** How the object of a recurring payment is found and made. */
export interface RecurringMaking<T> extends Who {
  /** Given where the row was written just now, its price read, and no call can have been made for it yet. */
  readonly fresh: { readonly trialDays: number } | undefined;
  find(owner: Owner, customerId: string): Promise<Answer<T> | undefined>;
  create(request: SubscriptionRequest): Promise<Answer<T>>;
  /** Throws unless the answer is about the row. */
  assertOurs(answer: Answer<T>, customerId: string): void;
}

/** The object at Stripe that a recurring payment's row begins with, a subscription or a Checkout Session. */
export interface RecurringObjects {
  /**
   * Makes the object, once, however often it is called: at once, again, or after a crash; on the account's one customer.
   *
   * @throws StripeCallError; when Stripe refuses it for good, the row is ended
   */
  makeOnce<T>(row: RecurringPayment, making: RecurringMaking<T>): Promise<Answer<T>>;
  /** The subscription that carries the row's mark, on the account's customer; undefined where there is none. */
  find(row: RecurringPayment, access: StripeAccess): Promise<Answer<Stripe.Subscription> | undefined>;
  /** Drops the id of an object that Stripe doesn't know, and gives the row; the object is found by the row's mark then. */
  forget(row: RecurringPayment, column: RecurringObjectColumn, actor: string): Promise<RecurringPayment>;
}

/** Where a row keeps the id of its object. */
export type RecurringObjectColumn = 'stripe_subscription_id' | 'stripe_checkout_session_id';

interface Parts {
  readonly database: Database;
  readonly transitions: RecurringTransitions;
  readonly customers: Customers;
  readonly marks: Marks;
  /** Tells every process of a committed change. */
  readonly publish: (row: RecurringPayment) => void;
}

const idIn = (row: RecurringPayment, column: RecurringObjectColumn): string | null =>
  column === 'stripe_subscription_id' ? row.stripeSubscriptionId : row.stripeCheckoutSessionId;

const nextAttempt = async (database: Database, id: string, attempt: number): Promise<number> => {
  await database.query(writeNextRecurringAttempt(id, attempt));
  return attempt + 1;
};

/** Stripe said no for good: the row ends, so that the order is free. */
const end = async (
  { database, transitions, publish }: Parts,
  row: RecurringPayment,
  { refusal, actor }: { readonly refusal: StripeCallError; readonly actor: string },
): Promise<void> => {
  const ended = await database.transaction(async (tx) => {
    const locked = await transitions.lockById(tx, row);
    const exists = locked.stripeSubscriptionId !== null || locked.stripeCheckoutSessionId !== null;
    if (exists || !isLive(locked)) return undefined;
    return transitions.refuse(tx, locked, { code: refusal.stripeCode ?? 'refused', actor });
  }, row.orderId);
  if (ended) publish(ended);
};

/** How the row's object is found, and made on a customer; one that was deleted at Stripe is made anew. */
const makingOf = async <T>(
  { database, customers, marks }: Parts,
  row: RecurringPayment,
  { access, fresh, find, create, assertOurs }: RecurringMaking<T>,
): Promise<Making<T>> => {
  const owner = marks.of('recurring', row.id);
  const { id, orderId, priceId, quantity, savedMethodId: methodId, attempt, attemptedAt, createdAt } = row;
  let customerId = await customers.ensure(row.accountId ?? '', access);
  return {
    owner,
    attempt,
    attemptedAt: fresh ? undefined : (attemptedAt ?? createdAt),
    now: () => readClock(database),
    find: () => find(owner, customerId),
    async create(idempotencyKey) {
      const trialDays = row.trialDays ?? (fresh ?? (await readPrice(access.gateway, priceId))).trialDays;
      const request = { owner, orderId, priceId, quantity, trialDays, methodId };
      try {
        return await create({ ...request, customerId, idempotencyKey });
      } catch (error) {
        if (!isDeletedCustomer(error)) throw error;
        const isKnown = (await customers.find(row.accountId ?? '', access)) === customerId;
        if (isKnown && !(await customers.forgetGone(customerId, access))) throw error;
        customerId = await customers.ensure(row.accountId ?? '', access);
        return create({ ...request, customerId, idempotencyKey: `${idempotencyKey}:${customerId}` });
      }
    },
    assertOurs: (answer) => assertOurs(answer, customerId),
    nextAttempt: (from) => nextAttempt(database, id, from),
    spoil: (from) => nextAttempt(database, id, from),
  };
};

const makeObject = async <T>(parts: Parts, row: RecurringPayment, making: RecurringMaking<T>): Promise<Answer<T>> => {
  const how = await makingOf(parts, row, making);
  try {
    return await makeOnce(how);
  } catch (error) {
    if (error instanceof StripeCallError && error.failure === 'refused')
      await end(parts, row, { refusal: error, actor: making.actor });
    throw error;
  }
};

const forget = async (
  { database, transitions, publish }: Parts,
  row: RecurringPayment,
  { column, actor }: { readonly column: RecurringObjectColumn; readonly actor: string },
): Promise<RecurringPayment> => {
  const id = idIn(row, column);
  const { changed, recurringPayment } = await database.transaction(async (tx) => {
    const locked = await transitions.lockById(tx, row);
    if (id === null || idIn(locked, column) !== id) return { changed: false, recurringPayment: locked };
    const entry = { fromStatus: locked.status, actor, note: `Stripe does not know ${id}.` };
    const [after] = await tx.query<RecurringPayment>(forgetRecurringObject(row.id, column, entry));
    return { changed: true, recurringPayment: after ?? locked };
  }, row.orderId);
  if (changed) publish(recurringPayment);
  return recurringPayment;
};

/** Builds the rules that every kind of object shares. */
export const createRecurringObjects = (parts: Parts): RecurringObjects => ({
  makeOnce: (row, making) => makeObject(parts, row, making),

  async find(row, access) {
    const customerId = await parts.customers.find(row.accountId ?? '', access);
    return customerId === undefined
      ? undefined
      : access.gateway.findSubscription(parts.marks.of('recurring', row.id), customerId);
  },

  forget: (row, column, actor) => forget(parts, row, { column, actor }),
});
