import { ApiError } from '../errors.js';
import type { Scope } from '../scope.js';
import { type ConfirmOptions, confirmIntent } from './payment-intent-flow.js';
import { type PaymentIntent, paymentIntents } from './payment-intent-row.js';
import type { PaymentMethod } from './payment-method.js';

/**
 * Confirms an intent with this method on Stripe's side, without a client. Gives the card error of a decline, which is
 * recorded by then; throws any other.
 */
export const confirmWith = (
  scope: Scope,
  intent: PaymentIntent,
  method: PaymentMethod,
  options: Partial<ConfirmOptions>,
): ApiError | undefined => {
  Object.assign(intent, { payment_method: method.id, status: 'requires_confirmation', next_action: null });
  scope.save(paymentIntents, intent);
  try {
    confirmIntent(scope, intent, {
      offSession: false,
      errorOnRequiresAction: false,
      returnUrl: undefined,
      wantsAuthentication: false,
      ...options,
    });
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.status === 402) return error;
    throw error;
  }
};
