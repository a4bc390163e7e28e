import { isLive } from '../core/states.js';
import type { Database } from '../storage/database.js';
import type { RecurringPayment } from '../storage/recurring-payment.js';
import { type Answer, StripeCallError } from '../stripe/answer.js';
import type { SubscriptionRequest } from '../stripe/billing-calls.js';
import { idempotencyKey, type Owner } from '../stripe/metadata.js';
import type { Customers } from './customers.js';
import { inTurn, KEY_SAFE_MS } from './key-in-flight.js';
import { readPrice } from './prices.js';
import type { RecurringTransitions } from './recurring-transitions.js';
import type { StripeAccess } from './stripe-connection.js';

/** How the object of a recurring payment is found and made. */
export interface RecurringMaking<T> {
  readonly access: StripeAccess;
  readonly actor: string;
  /** Given where the row was written just now, its price read, and no call can have been made for it yet. */
  readonly fresh: { readonly trialDays: number } | undefined;
  find(owner: Owner, customerId: string): Promise<Answer<T> | undefined>;
  create(request: SubscriptionRequest): Promise<Answer<T>>;
}

/** The object at Stripe that a recurring payment's row begins with, a subscription or a Checkout Session. */
export interface RecurringObjects {
  /** The mark of the recurring payment's objects. */
  ownerOf(row: RecurringPayment): Owner;
  /**
   * Makes the object, once, however often it is called: at once, again, or after a crash; on the account's one customer.
   *
   * @throws StripeCallError; when Stripe refuses it for good, the row is ended
   */
  makeOnce<T>(row: RecurringPayment, making: RecurringMaking<T>): Promise<Answer<T>>;
}

interface Parts {
  readonly database: Database;
  readonly transitions: RecurringTransitions;
  readonly customers: Customers;
  /** This installation's id. */
  readonly installation: () => string;
  /** Tells every process of a committed change. */
  readonly publish: (row: RecurringPayment) => void;
}

const isDeletedCustomer = (error: unknown): boolean =>
  error instanceof StripeCallError &&
  error.stripeCode === 'resource_missing' &&
  (error.cause as { param?: string } | undefined)?.param === 'customer';

/** Builds the rules that every kind of object shares. */
export const createRecurringObjects = (parts: Parts): RecurringObjects => {
  const { database, transitions, customers, installation, publish } = parts;
  const ownerOf = (row: RecurringPayment): Owner => ({ installation: installation(), noun: 'recurring', id: row.id });

  const nextAttempt = (row: RecurringPayment): Promise<unknown> =>
    database.query({
      text: `update tollgate.recurring_payment set attempt = attempt + 1, attempted_at = now()
        where id = $1 and attempt = $2`,
      values: [row.id, row.attempt],
    });

  /** Stripe said no for good: the row ends, so that the order is free. */
  const end = async (row: RecurringPayment, refusal: StripeCallError, actor: string): Promise<void> => {
    const ended = await database.transaction(async (tx) => {
      const locked = await transitions.lockById(tx, row);
      const exists = locked.stripeSubscriptionId !== null || locked.stripeCheckoutSessionId !== null;
      if (exists || !isLive(locked)) return undefined;
      return transitions.refuse(tx, locked, { code: refusal.stripeCode ?? 'refused', actor });
    });
    if (ended) publish(ended);
  };

  const create = async <T>(row: RecurringPayment, { access, create }: RecurringMaking<T>, trialDays: number) => {
    const customerId = await customers.ensure(row.accountId ?? '', access);
    const { orderId, priceId, quantity } = row;
    const request = { owner: ownerOf(row), orderId, priceId, quantity, trialDays };
    const key = idempotencyKey(ownerOf(row), row.attempt);
    try {
      return await inTurn(() => create({ ...request, customerId, idempotencyKey: key }));
    } catch (error) {
      if (!isDeletedCustomer(error)) throw error;
      await customers.forget(database, customerId);
      const successor = await customers.ensure(row.accountId ?? '', access);
      const again = { ...request, customerId: successor, idempotencyKey: `${key}:${successor}` };
      return await inTurn(() => create(again));
    }
  };

  const createOrEnd = async <T>(row: RecurringPayment, making: RecurringMaking<T>, trialDays: number) => {
    try {
      return await create(row, making, trialDays);
    } catch (error) {
      if (!(error instanceof StripeCallError)) throw error;
      if (error.failure === 'refused') await end(row, error, making.actor);
      // Stripe would replay its 5xx to this key for a day; an object that it made all the same is found by our mark.
      if ((error.status ?? 0) >= 500) await nextAttempt(row);
      throw error;
    }
  };

  return {
    ownerOf,

    /** Without a Stripe id it is read first whether an earlier call made the object after all. */
    async makeOnce(row, making) {
      const { access, fresh, find } = making;
      if (fresh) return createOrEnd(row, making, fresh.trialDays);
      const customerId = await customers.ensure(row.accountId ?? '', access);
      const found = await find(ownerOf(row), customerId);
      if (found) return found;
      const { trialDays } = await readPrice(access.gateway, row.priceId);
      if (Date.now() - (row.attemptedAt ?? row.createdAt).getTime() < KEY_SAFE_MS)
        return createOrEnd(row, making, trialDays);
      await nextAttempt(row);
      return createOrEnd({ ...row, attempt: row.attempt + 1 }, making, trialDays);
    },
  };
};
