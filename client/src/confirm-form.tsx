import { type ComponentType, useEffect, useMemo, useState } from 'react';
import { useAction, useStore } from './hooks.js';
import type { ClientSecretType } from './operations.js';
import { TryAgain } from './parts.js';
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

type Part = ComponentType<Confirming & { readonly sandboxUrl: string }>;

/** `Form` takes a card; `Bank` asks the bank of a card that is known already. */
interface Forms {
  readonly Form: Part;
  readonly Bank: Part;
}

// Each is loaded where it is needed: a page with real keys never loads the sandbox's form, nor the sandbox Stripe's.
const loadForms = async (isSandbox: boolean): Promise<Forms> => {
  if (!isSandbox) {
    const { StripeForm, StripeBank } = await import('./stripe-form.js');
    return { Form: StripeForm, Bank: StripeBank };
  }
  const { SandboxForm, SandboxBank } = await import('./sandbox-form.js');
  return { Form: SandboxForm, Bank: SandboxBank };
};

type ConfirmFormProps = Confirming & { readonly asksBank: boolean };

/**
 * Takes the card: Stripe's own form with real keys, the sandbox's where the server says that it has one. With `asksBank` the
 * card is known already, and only the bank is asked.
 */
export const ConfirmForm = (props: ConfirmFormProps) => {
  const { client, texts } = useSurroundings();
  const store = useMemo(() => stripeStore(client), [client]);
  const { value, error } = useStore(store);
  const again = useAction(store.reload);
  if (value) return <LoadedForm {...props} sandboxUrl={value.sandboxUrl} />;
  return error ? <TryAgain error={error} again={again} /> : <p className="tollgate-soft">{texts.loading}</p>;
};

/** Its code may fail to load, as anything may that comes over a network: that is told, and the page around it stays. */
const LoadedForm = ({ asksBank, sandboxUrl, ...props }: ConfirmFormProps & { readonly sandboxUrl: string | null }) => {
  const { texts } = useSurroundings();
  const isSandbox = sandboxUrl !== null;
  const [forms, setForms] = useState<Forms>();
  const load = useAction(async () => setForms(await loadForms(isSandbox)));
  useEffect(load.run, [isSandbox]);
  if (forms) {
    const Shown = asksBank ? forms.Bank : forms.Form;
    return <Shown {...props} sandboxUrl={sandboxUrl ?? ''} />;
  }
  return load.error ? <TryAgain error={load.error} again={load} /> : <p className="tollgate-soft">{texts.loading}</p>;
};
