import type { ReactNode } from 'react';
import type { TollgateError } from 'tollgate-client';
import { useLanguage, useT } from './language.js';
import type { Text } from './words.js';

/** What to do, by the codes that a person can do something about. */
const REMEDIES: Readonly<Record<string, Text>> = {
  UNREACHABLE: 'What the page shows goes on by itself once the server is back; what you asked for does not.',
  UNAUTHENTICATED: 'Log in again.',
  FORBIDDEN: 'Switch to an account that may.',
  FEATURE_INACTIVE: 'An operator can switch it on with: npx tollgate plan PRO.',
  NOT_CONFIGURED: 'An operator can set the Stripe keys with: npx tollgate configure.',
  STRIPE_UNAVAILABLE: 'Stripe did not answer. Try again in a moment; nothing is charged twice.',
  PAYMENT_IN_PROGRESS: 'Finish or cancel the payment that is under way first.',
  RATE_LIMITED: 'Wait a few seconds and try again.',
};

/** What the server says of these is said whole by their meaning: it names no row, amount or field. */
const SAID_WHOLE: ReadonlySet<string> = new Set([
  'UNREACHABLE',
  'UNAUTHENTICATED',
  'NOT_ACTIVATED',
  'CONSOLE_CODE_REFUSED',
  'STRIPE_UNAVAILABLE',
]);

/** An error in words, with what to do about it. Read out as soon as it appears. */
export const ErrorNotice = ({ error }: { readonly error: TollgateError | undefined }) => {
  const { t, meaningOf } = useLanguage();
  if (!error) return null;
  const { code, message } = error;
  const remedy = REMEDIES[code];
  const meaning = meaningOf(code);
  return (
    <p className="notice bad" role="alert" data-code={code}>
      {meaning ?? message} {remedy && t(remedy)}
      {meaning !== undefined && !SAID_WHOLE.has(code) && <Said>{message}</Said>}
    </p>
  );
};

/** The server's own words, where they are explained in the reader's language already. */
export const Said = ({ children }: { readonly children: ReactNode }) => (
  <small className="said" lang="en">
    {children}
  </small>
);

/** Says that something was done. */
export const DoneNotice = ({ children }: { readonly children: ReactNode }) => (
  <p className="notice good" role="status">
    {children}
  </p>
);

/** What is said where there is nothing to show yet. */
export const Empty = ({ children }: { readonly children: ReactNode }) => <p className="empty">{children}</p>;

/** Shown until the first answer; the error instead, if it is one. */
export const Waiting = ({ error }: { readonly error?: TollgateError | undefined }) => {
  const t = useT();
  return error ? <ErrorNotice error={error} /> : <p className="empty">{t('Loading …')}</p>;
};
