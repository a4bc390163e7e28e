import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';

/** The calls about disputes; all throw StripeCallError. */
export interface DisputeCalls {
  retrieveDispute(id: string): Promise<Answer<Stripe.Dispute>>;
}

/** Binds the calls to one client. */
export const createDisputeCalls = (stripe: Stripe, { read }: Caller): DisputeCalls => ({
  retrieveDispute: (id) => read('dispute', (options) => stripe.disputes.retrieve(id, {}, options)),
});
