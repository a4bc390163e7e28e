import { StripeCallError } from '../stripe/answer.js';

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

/** Stripe forgets idempotency keys after 24 hours; well before, a repeat under the same key is safe. Source: Stripe docs, "Idempotent requests". */
export const KEY_SAFE_MS = 20 * 3_600_000;
