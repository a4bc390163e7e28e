import Stripe from 'stripe';

/** Seconds that a signature stays good, in both directions. Source: Stripe docs, "Verify webhook signatures" (replay attacks). */
const TOLERANCE_SECONDS = 300;

/**
 * Verifies the raw bytes with any of the secrets and gives the event; undefined when none fits, the time stamp is more
 * than five minutes off, or the body is no event. Several secrets serve while one is being rotated.
 */
export const verifyEvent = (
  body: Buffer,
  signature: string | undefined,
  secrets: readonly string[],
): Stripe.Event | undefined => {
  if (signature === undefined) return undefined;
  const signedAt = Number(/(?:^|,)t=(\d{1,12})(?:,|$)/.exec(signature)?.[1] ?? Number.NaN);
  if (!(signedAt <= Date.now() / 1000 + TOLERANCE_SECONDS)) return undefined;
  for (const secret of secrets) {
    try {
      const event = Stripe.webhooks.constructEvent(body, signature, secret, TOLERANCE_SECONDS);
      return event?.object === 'event' && typeof event.id === 'string' && event.data?.object ? event : undefined;
    } catch {
      // The next secret may fit.
    }
  }
  return undefined;
};
