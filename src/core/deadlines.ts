const HOUR_MS = 3_600_000;

/** How long, and how often: what several parts count on stands here alone. */
export const DEADLINES = {
  /** Stripe forgets idempotency keys after 24 hours; well before, a repeat under the same key is safe. Source: Stripe docs, "Idempotent requests". */
  keySafeMs: 20 * HOUR_MS,
  /** Tries to apply an answer of Stripe's while webhooks keep moving the row. */
  applyTries: 3,
  /** A search by our mark looks so much further back than the row is old: clocks differ. */
  searchBackMs: HOUR_MS,
} as const;
