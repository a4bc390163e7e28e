import type Stripe from 'stripe';
import type { Answer, Caller } from './answer.js';

/** The calls about charges; all throw StripeCallError. */
export interface ChargeCalls {
  retrieveCharge(id: string): Promise<Answer<Stripe.Charge>>;
}

/** Binds the calls to one client. */
export const createChargeCalls = (stripe: Stripe, { read }: Caller): ChargeCalls => ({
  retrieveCharge: (id) => read('charge', (options) => stripe.charges.retrieve(id, {}, options)),
});
