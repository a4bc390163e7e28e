import { recurringCharge as shipped } from '../../../flows/recurring-charge.js';

export const recurringCharge = shipped;
