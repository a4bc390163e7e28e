import type { PaymentFacts } from '../../src/stripe/translate.js';

/** What Stripe says of an intent over 100.00 USD that was paid, with this said otherwise. */
export const factsOf = (
  intentId: string | null,
  { at, ...given }: Partial<PaymentFacts> & Pick<PaymentFacts, 'at'>,
): PaymentFacts => ({
  intentId,
  signal: 'succeed',
  amount: 10_000,
  amountReceived: 10_000,
  currency: 'USD',
  failureCode: null,
  failureMessage: null,
  chargeId: 'ch_1',
  at,
  ...given,
});
