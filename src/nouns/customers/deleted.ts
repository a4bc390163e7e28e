import { isMissing, type StripeCallError } from '../../stripe/answer.js';

/** Whether Stripe refused because it no longer has the customer: somebody deleted them in its dashboard. */
export const isDeletedCustomer = (error: unknown): boolean =>
  isMissing(error) && ((error as StripeCallError).cause as { param?: string } | undefined)?.param === 'customer';
