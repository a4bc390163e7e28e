import { type Answer, NotAnAnswerError, NotOursError, StripeCallError } from './answer.js';
import { inTurn, isKeySafe } from './key-in-flight.js';
import { idempotencyKey, type Owner } from './metadata.js';

/** One object at Stripe that a row of ours stands for: how it is made, and how it is known again. */
export interface Making<T> {
  /** The mark that it carries. */
  readonly owner: Owner;
  /** The number of the present attempt: a part of its key. */
  readonly attempt: number;
  /** When the attempt's key was first used; undefined where no call can have been made for the row yet. */
  readonly attemptedAt: Date | undefined;
  /** The time by the clock that wrote `attemptedAt`. */
  now(): Promise<Date>;
  /** Looks for the object that carries the mark. */
  find(): Promise<Answer<T> | undefined>;
  create(key: string): Promise<Answer<T>>;
  /** Throws unless the answer is about the row: its mark, its money, its mode. */
  assertOurs(answer: Answer<T>): void;
  /** Begins the next attempt, under a key of its own, and gives its number. */
  nextAttempt(): Promise<number>;
}

const findOurs = async <T>({ find, assertOurs }: Making<T>): Promise<Answer<T> | undefined> => {
  const found = await find();
  if (found) assertOurs(found);
  return found;
};

const create = async <T>(making: Making<T>, attempt: number): Promise<Answer<T>> => {
  try {
    const answer = await inTurn(() => making.create(idempotencyKey(making.owner, attempt)));
    making.assertOurs(answer);
    return answer;
  } catch (error) {
    // What was made is marked all the same, whatever the answer was about.
    const found = error instanceof NotAnAnswerError ? await findOurs(making) : undefined;
    if (found) return found;
    // Stripe would replay its 5xx to this key for a day; an object that it made all the same is found by our mark.
    if (error instanceof StripeCallError && (error.status ?? 0) >= 500) await making.nextAttempt();
    throw error;
  }
};

/**
 * Makes an object at Stripe, once, however often it is called: at once, again, or after a crash. Unless the row was written
 * just now, it is read first whether an earlier call made it after all. An answer that isn't about the row is no answer.
 *
 * @throws StripeCallError
 */
export const makeOnce = async <T>(making: Making<T>): Promise<Answer<T>> => {
  const { attempt, attemptedAt, nextAttempt, now } = making;
  if (attemptedAt === undefined) return create(making, attempt);
  const found = await findOurs(making);
  if (found) return found;
  return create(making, isKeySafe(attemptedAt, await now()) ? attempt : await nextAttempt());
};

const isMissing = (error: unknown): boolean =>
  error instanceof StripeCallError && error.stripeCode === 'resource_missing';

/**
 * Reads an object whose id the row knows; undefined when Stripe doesn't know it, or has another row's under this id, asked
 * twice: one answer alone may be wrong.
 *
 * @throws StripeCallError
 */
export const readKnown = async <T>(
  retrieve: () => Promise<Answer<T>>,
  assertOurs: (answer: Answer<T>) => void,
): Promise<Answer<T> | undefined> => {
  for (let tries = 1; tries <= 2; tries += 1)
    try {
      const answer = await retrieve();
      assertOurs(answer);
      return answer;
    } catch (error) {
      if (!isMissing(error) && !(error instanceof NotOursError)) throw error;
    }
  return undefined;
};
