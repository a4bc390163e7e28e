import type { ClientSecretType } from 'tollgate-client/operations';
import { useLoaded } from '../ui/load.js';
import { Waiting } from '../ui/notice.js';
import { SandboxForm } from './sandbox-form.js';
import { useSession } from './session.js';
import { StripeForm } from './stripe-form.js';

/** What a form needs to confirm a payment, or a card to be charged later. */
export interface ConfirmProps {
  readonly clientSecret: string;
  readonly type: ClientSecretType;
  readonly publishableKey: string;
  readonly currency: string;
}

/** Takes the card: Stripe's own form with real keys, the sandbox's where there is no Stripe. */
export const ConfirmForm = (props: ConfirmProps) => {
  const { backEnd } = useSession();
  const config = useLoaded('config', backEnd.config);
  if (!config.value) return <Waiting error={config.error} />;
  return config.value.stripeUrl === null ? (
    <StripeForm {...props} />
  ) : (
    <SandboxForm {...props} stripeUrl={config.value.stripeUrl} />
  );
};
