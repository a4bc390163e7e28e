import { lazy, Suspense, useMemo } from 'react';
import { useStore } from './hooks.js';
import type { ClientSecretType } from './operations.js';
import { ErrorText } from './parts.js';
import { useSurroundings } from './provider.js';
import { stripeStore } from './stores.js';

/** What a form needs to confirm a payment, or a card to be charged later. */
export interface Confirming {
  readonly clientSecret: string;
  readonly type: ClientSecretType;
  readonly publishableKey: string;
  readonly currency: string | undefined;
  /** Where the bank sends the person back to. */
  readonly returnUrl: string;
}

// Each is loaded where it is needed: a page with real keys never loads the sandbox's form, nor the sandbox Stripe's.
const StripeForm = lazy(async () => ({ default: (await import('./stripe-form.js')).StripeForm }));
const StripeBank = lazy(async () => ({ default: (await import('./stripe-form.js')).StripeBank }));
const SandboxForm = lazy(async () => ({ default: (await import('./sandbox-form.js')).SandboxForm }));
const SandboxBank = lazy(async () => ({ default: (await import('./sandbox-form.js')).SandboxBank }));

/**
 * Takes the card: Stripe's own form with real keys, the sandbox's where the server says that it has one. With `asksBank` the
 * card is known already, and only the bank is asked.
 */
export const ConfirmForm = ({ asksBank, ...props }: Confirming & { readonly asksBank: boolean }) => {
  const { client, texts } = useSurroundings();
  const store = useMemo(() => stripeStore(client), [client]);
  const { value, error } = useStore(store);
  const waiting = <p className="tollgate-soft">{texts.loading}</p>;
  if (!value) return error ? <ErrorText error={error} /> : waiting;
  const { sandboxUrl } = value;
  const [OfStripe, OfSandbox] = asksBank ? [StripeBank, SandboxBank] : [StripeForm, SandboxForm];
  return (
    <Suspense fallback={waiting}>
      {sandboxUrl === null ? <OfStripe {...props} /> : <OfSandbox {...props} sandboxUrl={sandboxUrl} />}
    </Suspense>
  );
};
