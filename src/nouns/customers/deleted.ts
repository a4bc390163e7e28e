import { StripeCallError } from '../../stripe/answer.js';

/** Whether Stripe refused because it no longer has the customer: somebody deleted them in its dashboard. */
export const isDeletedCustomer = (error: unknown): boolean =>
  error instanceof StripeCallError &&
  error.stripeCode === 'resource_missing' &&
  (error.cause as { param?: string } | undefined)?.param === 'customer';
