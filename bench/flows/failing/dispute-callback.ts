import { disputeCallback as shipped } from '../../../flows/dispute-callback.js';

export const disputeCallback = shipped;
