import { isOpen } from '../../core/states.js';
import { searchSince } from '../../core/unix-time.js';
import { readClock } from '../../storage/clock.js';
import type { Database } from '../../storage/database.js';
import { type Answer, StripeCallError } from '../../stripe/answer.js';
import { makeOnce } from '../../stripe/make-once.js';
import type { Marks } from '../../stripe/marks.js';
import type { PaymentTransitions } from './apply.js';
import type { PaymentWithObject } from './object.js';
import type { Payment } from './row.js';
import { writeNextAttempt } from './rows.js';

/** How far a settling may go. */
export interface Settling {
  readonly actor: string;
  /** True where the row was written just now and no call can have been made for it yet. */
  readonly isFresh?: boolean;
}

/** What settling a payment needs. */
export interface SettlingParts {
  readonly database: Database;
  readonly transitions: PaymentTransitions;
  readonly marks: Marks;
  /** Tells every process of a committed change. */
  readonly publish: (payment: Payment) => void;
}

const nextAttempt = async (database: Database, id: string, attempt: number): Promise<number> => {
  await database.query(writeNextAttempt(id, attempt));
  return attempt + 1;
};

/** Stripe said no for good: the row ends, so that the order can be paid by another attempt. */
const end = async (
  { database, transitions, publish }: SettlingParts,
  payment: Payment,
  { refusal, actor }: { readonly refusal: StripeCallError; readonly actor: string },
): Promise<void> => {
  const ended = await database.transaction(async (tx) => {
    const row = await transitions.lockById(tx, payment);
    const exists = row.stripePaymentIntentId !== null || row.stripeCheckoutSessionId !== null;
    if (exists || !isOpen(row)) return undefined;
    return transitions.refuse(tx, row, { code: refusal.stripeCode ?? 'refused', actor });
  }, payment.orderId);
  if (ended) publish(ended);
};

const makeFrom = <T>(
  { database, marks }: SettlingParts,
  { payment, object }: PaymentWithObject<T>,
  isFresh: boolean,
): Promise<Answer<T>> => {
  const { id, createdAt, attemptedAt, attempt } = payment;
  const owner = marks.of('payment', id);
  return makeOnce<T>({
    owner,
    attempt,
    attemptedAt: isFresh ? undefined : (attemptedAt ?? createdAt),
    now: () => readClock(database),
    find: () => object.find(owner, searchSince(createdAt)),
    create: (key) => object.create(payment, owner, key),
    assertOurs: (answer) => object.assertOurs(payment, owner, answer),
    nextAttempt: (from) => nextAttempt(database, id, from),
    spoil: (from) => nextAttempt(database, id, from),
  });
};

/** A payment's new object, and the row as it was made for: with its customer, another one where the first is gone. */
export interface MadeObject<T> {
  readonly payment: Payment;
  readonly answer: Answer<T>;
}

/** Makes the payment's object, once, however often it is called. A definite refusal ends the row. @throws StripeCallError */
export const makeObject = async <T>(
  parts: SettlingParts,
  { payment: known, object }: PaymentWithObject<T>,
  { actor, isFresh = false }: Settling,
): Promise<MadeObject<T>> => {
  try {
    const payment = await object.complete(known);
    try {
      return { payment, answer: await makeFrom(parts, { payment, object }, isFresh) };
    } catch (error) {
      const mended = error instanceof StripeCallError ? await object.mend(payment, error, actor) : undefined;
      if (!mended) throw error;
      return { payment: mended, answer: await makeFrom(parts, { payment: mended, object }, false) };
    }
  } catch (error) {
    if (error instanceof StripeCallError && error.failure === 'refused')
      await end(parts, known, { refusal: error, actor });
    throw error;
  }
};
