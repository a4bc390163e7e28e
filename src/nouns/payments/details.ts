import type { PaymentFacts } from '../../stripe/translate.js';
import type { Payment } from './row.js';

/** Whether what came says something else than what is known; a field that came empty says nothing. */
const saysMore = (came: object | null | undefined, known: object | null): boolean =>
  came != null &&
  Object.entries(came).some(([key, value]) => value !== null && value !== Reflect.get(known ?? {}, key));

/** Whether Stripe's present state tells what the row doesn't show yet of its charge or its invoice. */
export const learns = (payment: Payment, { chargeId, charge, invoice }: PaymentFacts): boolean =>
  saysMore(invoice, payment.invoice) ||
  (charge !== undefined &&
    chargeId === payment.stripeChargeId &&
    (saysMore(charge.method, payment.paymentMethod) ||
      (charge.receiptUrl !== null && charge.receiptUrl !== payment.receiptUrl)));
