/** Stripe's own reasons for a refund, in the contract's words. */
export const STRIPE_REFUND_REASONS = ['DUPLICATE', 'FRAUDULENT', 'REQUESTED_BY_CUSTOMER'] as const;
export type StripeRefundReason = (typeof STRIPE_REFUND_REASONS)[number];
