import { recurringPaymentCallback as shipped } from '../../../flows/recurring-payment-callback.js';

export const recurringPaymentCallback = shipped;
