import Stripe from 'stripe';

/** Seconds that a signature stays good, in both directions. Source: Stripe docs, "Verify webhook signatures" (replay attacks). */
const TOLERANCE_SECONDS = 300;

/**
 * What a signature came to. `clock`: it fits, but was made at another time than this server's clock says; `secondsOff` is above 0
 * where it seems to come from the future.
 */
export type SignatureVerdict =
  | { readonly kind: 'fits' | 'unknown' }
  | { readonly kind: 'clock'; readonly secondsOff: number };

const UNKNOWN: SignatureVerdict = { kind: 'unknown' };

const verifies = (body: Buffer, signature: string, secret: string): boolean => {
  try {
    // Without a tolerance the time is left to us, in both directions.
    return Stripe.webhooks.signature?.verifyHeader(body, signature, secret, 0) === true;
  } catch {
    return false;
  }
};

/** Verifies the raw bytes with any of the secrets; several serve while one is being rotated. */
export const verifySignature = (
  body: Buffer,
  signature: string | undefined,
  secrets: readonly string[],
): SignatureVerdict => {
  if (signature === undefined || !secrets.some((secret) => verifies(body, signature, secret))) return UNKNOWN;
  const signedAt = Number(/(?:^|,)t=(\d{1,12})(?:,|$)/.exec(signature)?.[1] ?? Number.NaN);
  if (Number.isNaN(signedAt)) return UNKNOWN;
  const secondsOff = Math.round(signedAt - Date.now() / 1000);
  return Math.abs(secondsOff) > TOLERANCE_SECONDS ? { kind: 'clock', secondsOff } : { kind: 'fits' };
};
