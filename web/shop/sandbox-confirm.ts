import { TollgateError } from 'tollgate-client';
import type { ConfirmProps } from './confirm-form.js';

/** What a person chose to pay with: Stripe's parameters of a confirmation. */
export type Means = Readonly<Record<string, string>>;

/** Parameters for a card (Stripe: "Create a PaymentMethod"). */
export const cardMeans = (card: { readonly number: string; readonly expiry: string; readonly cvc: string }): Means => {
  const [month = '', year = ''] = card.expiry.split('/').map((part) => part.trim());
  return {
    'payment_method_data[type]': 'card',
    'payment_method_data[card][number]': card.number.replaceAll(' ', ''),
    'payment_method_data[card][exp_month]': month,
    'payment_method_data[card][exp_year]': year.length === 2 ? `20${year}` : year,
    'payment_method_data[card][cvc]': card.cvc,
  };
};

/** The test bank account that pays after some days. */
export const BANK_MEANS: Means = { payment_method: 'pm_usBankAccount_success' };

interface Intent {
  readonly next_action?: { readonly redirect_to_url?: { readonly url?: string } } | null;
  readonly error?: { readonly message?: string; readonly decline_code?: string };
}

/**
 * Confirms at the sandbox as Stripe.js does at Stripe: with the publishable key and the client secret. Resolves with the
 * bank's page where the customer is to go, if any. Rejects with STRIPE_DECLINED in the bank's words.
 */
export const confirmAtSandbox = async (
  { clientSecret, type, publishableKey, stripeUrl }: ConfirmProps & { readonly stripeUrl: string },
  means: Means,
): Promise<string | undefined> => {
  const [id = ''] = clientSecret.split('_secret_');
  const kind = type === 'SETUP' ? 'setup_intents' : 'payment_intents';
  const response = await fetch(`${stripeUrl}/v1/${kind}/${id}/confirm`, {
    method: 'POST',
    headers: { authorization: `Bearer ${publishableKey}` },
    body: new URLSearchParams({ ...means, client_secret: clientSecret, return_url: location.href }),
  });
  const { error, next_action: action }: Intent = await response.json();
  if (error) throw new TollgateError('STRIPE_DECLINED', error.message ?? 'The card was refused.');
  return action?.redirect_to_url?.url;
};
