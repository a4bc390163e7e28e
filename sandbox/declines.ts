/** Why a bank refuses (Stripe: "Decline codes", "Error codes"). */
export interface Decline {
  readonly code: string;
  readonly decline_code?: string;
  readonly message: string;
  readonly advice_code?: 'confirm_card_data' | 'do_not_try_again' | 'try_again_later';
  /** Stripe's Radar blocks it: the bank never hears of it. */
  readonly isBlocked?: boolean;
}

const declined = (
  decline_code: string,
  message = 'Your card was declined.',
  advice: Decline['advice_code'] = 'try_again_later',
): Decline => ({
  code: 'card_declined',
  decline_code,
  message,
  advice_code: advice,
});

export const DECLINES = {
  generic: declined('generic_decline'),
  insufficientFunds: declined('insufficient_funds', 'Your card has insufficient funds.'),
  lostCard: declined('lost_card', 'Your card was declined.', 'do_not_try_again'),
  stolenCard: declined('stolen_card', 'Your card was declined.', 'do_not_try_again'),
  fraudulent: { ...declined('fraudulent', 'Your card was declined.', 'do_not_try_again'), isBlocked: true },
  velocity: declined(
    'card_velocity_exceeded',
    'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.',
  ),
  notATestCard: declined(
    'test_mode_live_card',
    'Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards, visit: https://stripe.com/docs/testing.',
  ),
  expiredCard: {
    code: 'expired_card',
    decline_code: 'expired_card',
    message: 'Your card has expired.',
    advice_code: 'do_not_try_again',
  },
  incorrectCvc: {
    code: 'incorrect_cvc',
    decline_code: 'incorrect_cvc',
    message: "Your card's security code is incorrect.",
    advice_code: 'confirm_card_data',
  },
  processingError: {
    code: 'processing_error',
    decline_code: 'processing_error',
    message: 'An error occurred while processing your card. Try again in a little bit.',
    advice_code: 'try_again_later',
  },
  authenticationRequired: {
    code: 'authentication_required',
    decline_code: 'authentication_required',
    message: 'Your card was declined. This transaction requires authentication.',
  },
  accountClosed: { code: 'account_closed', message: "The customer's bank account has been closed." },
  noAccount: { code: 'no_account', message: "The customer's bank account could not be located." },
  bankInsufficientFunds: {
    code: 'insufficient_funds',
    message: 'The customer does not have sufficient funds to cover this payment.',
  },
  debitNotAuthorized: {
    code: 'debit_not_authorized',
    message: 'The customer has notified their bank that this payment was unauthorized.',
  },
  bankDeclined: { code: 'payment_intent_payment_attempt_failed', message: 'The payment failed.' },
} as const satisfies Record<string, Decline>;
