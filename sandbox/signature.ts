import { createHmac } from 'node:crypto';

/**
 * The `Stripe-Signature` header (Stripe: "Resolve webhook signature verification errors", "Verify manually"): HMAC-SHA256
 * of `timestamp.payload`; `timestampSeconds` is real time. Test-mode events carry a made-up `v0` too, as at Stripe.
 */
export const signatureHeader = (
  payload: string,
  secret: string,
  timestampSeconds: number,
  livemode: boolean,
): string => {
  const sign = (key: string): string =>
    createHmac('sha256', key).update(`${timestampSeconds}.${payload}`).digest('hex');
  return `t=${timestampSeconds},v1=${sign(secret)}${livemode ? '' : `,v0=${sign(`v0${secret}`)}`}`;
};
