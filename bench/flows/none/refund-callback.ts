import { refundCallback as shipped } from '../../../flows/refund-callback.js';

export const refundCallback = shipped;
