import { paymentRequest as shipped } from '../../../flows/payment-request.js';

export const paymentRequest = shipped;
