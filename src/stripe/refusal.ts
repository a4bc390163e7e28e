import { DomainError, NotConfiguredError, StripeDeclinedError, StripeUnavailableError } from '../core/errors.js';
import { StripeCallError } from './answer.js';

/** What a client sees of a failed call to Stripe; other errors stay as they are. */
export const refusalOf = (error: unknown): unknown => {
  if (error instanceof DomainError || !(error instanceof StripeCallError)) return error;
  switch (error.failure) {
    case 'refused':
      return new StripeDeclinedError(
        error.declineCode === undefined
          ? 'Stripe refused the request. An operator finds the reason in the log.'
          : `The card was declined (${error.declineCode}). Another card may work.`,
        error.declineCode,
        { cause: error },
      );
    case 'denied':
      return new NotConfiguredError('Stripe does not accept the secret key that is set');
    default:
      return new StripeUnavailableError({ cause: error });
  }
};
