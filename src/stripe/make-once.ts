import { type Answer, isMissing, NotAnAnswerError, NotOursError, StripeCallError } from './answer.js';
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
  /** Whether Stripe answers the present attempt's key with a 5xx for a day, by the row's own note: it is not used again. */
  readonly isSpoiled?: boolean;
  /** Looks for the object that carries the mark. */
  find(): Promise<Answer<T> | undefined>;
  create(key: string): Promise<Answer<T>>;
  /** Throws unless the answer is about the row: its mark, its money, its mode. */
  assertOurs(answer: Answer<T>): void;
  /**
   * Begins the attempt after this one, under a key of its own, and gives its number. Undefined while it isn't sure that nothing
   * comes of this one: what moves money is sought twice, minutes apart, and what waits for a customer once.
   */
  nextAttempt(attempt: number): Promise<number | undefined>;
  /** Remembers that the attempt's key is spoiled by a 5xx; left out where the row's note of failures tells that. */
  spoil?(attempt: number): Promise<unknown>;
}

/** Nothing was found, and nothing was made: something may yet come of the last attempt. */
export class AttemptUndecidedError extends StripeCallError {
  constructor(options: { cause?: unknown } = {}) {
    super({ failure: 'unknown', cause: options.cause ?? new Error('Something may yet come of the last attempt.') });
    this.name = 'AttemptUndecidedError';
  }
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
    if (error instanceof StripeCallError && (error.status ?? 0) >= 500) await making.spoil?.(attempt);
    throw error;
  }
};

/**
 * Makes an object at Stripe, once, however often it is called: at once, again, or after a crash. Unless the row was written
 * just now, it is read first whether an earlier call made it after all. An answer that isn't about the row is no answer.
 *
 * @throws StripeCallError, AttemptUndecidedError where only time can tell
 */
export const makeOnce = async <T>(making: Making<T>): Promise<Answer<T>> => {
  const { attempt, attemptedAt, isSpoiled = false } = making;
  if (attemptedAt === undefined) return create(making, attempt);
  const found = await findOurs(making);
  if (found) return found;
  const mayRepeat = !isSpoiled && isKeySafe(attemptedAt, await making.now());
  const next = mayRepeat ? attempt : await making.nextAttempt(attempt);
  if (next === undefined) throw new AttemptUndecidedError();
  return create(making, next);
};

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
