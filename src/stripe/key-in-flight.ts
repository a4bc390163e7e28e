import { DEADLINES } from '../core/deadlines.js';
import { StripeCallError } from './answer.js';

/** How often a call under a key that is in flight elsewhere is repeated. */
const TRIES = 20;
const WAIT_MS = 150;

/** Makes a write; while another process has the same key in flight (409), it waits and repeats: Stripe then replays that answer. */
export const inTurn = async <T>(write: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof StripeCallError) || error.status !== 409 || tries >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
};

/** Whether a key first used then may be used again now, both by the database's clock; a time that is yet to come tells nothing. */
export const isKeySafe = (attemptedAt: Date, now: Date): boolean => {
  const ageMs = now.getTime() - attemptedAt.getTime();
  return ageMs >= 0 && ageMs < DEADLINES.keySafeMs;
};
