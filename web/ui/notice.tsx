import type { ReactNode } from 'react';
import type { TollgateError } from 'tollgate-client';

/** What to do, by the codes that a person can do something about. */
const REMEDIES: Readonly<Record<string, string>> = {
  UNREACHABLE: 'What the page shows goes on by itself once the server is back; what you asked for does not.',
  UNAUTHENTICATED: 'Log in again.',
  FORBIDDEN: 'Switch to an account that may.',
  FEATURE_INACTIVE: 'An operator can switch it on with: npx tollgate plan PRO.',
  NOT_CONFIGURED: 'An operator can set the Stripe keys with: npx tollgate configure.',
  STRIPE_UNAVAILABLE: 'Stripe did not answer. Try again in a moment; nothing is charged twice.',
  PAYMENT_IN_PROGRESS: 'Finish or cancel the payment that is under way first.',
  RATE_LIMITED: 'Wait a few seconds and try again.',
};

/** An error in words, with what to do about it. Read out as soon as it appears. */
export const ErrorNotice = ({ error }: { readonly error: TollgateError | undefined }) =>
  error && (
    <p className="notice bad" role="alert" data-code={error.code}>
      {error.message} {REMEDIES[error.code]}
    </p>
  );

/** What is said where there is nothing to show yet. */
export const Empty = ({ children }: { readonly children: ReactNode }) => <p className="empty">{children}</p>;

/** Shown until the first answer; the error instead, if it is one. */
export const Waiting = ({ error }: { readonly error?: TollgateError | undefined }) =>
  error ? <ErrorNotice error={error} /> : <p className="empty">Loading …</p>;
