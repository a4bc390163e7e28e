import { definePaymentCallback } from '../../../dist/src/flows/define.js';

/** An app without logic of its own. */
export const paymentCallback = definePaymentCallback({ async run() {} });
