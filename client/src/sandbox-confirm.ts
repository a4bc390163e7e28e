import type { Confirming } from './confirm-form.js';
import { TollgateError } from './errors.js';

/** What a person chose to pay with: Stripe's parameters of a confirmation. */
export type Means = Readonly<Record<string, string>>;

/** Parameters for a card (Stripe: "Create a PaymentMethod"). */
export const cardMeans = (card: { readonly number: string; readonly expiry: string; readonly code: string }): Means => {
  const [month = '', year = ''] = card.expiry.split('/').map((part) => part.trim());
  return {
    'payment_method_data[type]': 'card',
    'payment_method_data[card][number]': card.number.replaceAll(' ', ''),
    'payment_method_data[card][exp_month]': month,
    'payment_method_data[card][exp_year]': year.length === 2 ? `20${year}` : year,
    'payment_method_data[card][cvc]': card.code,
  };
};

/** The test bank account that pays after some days. */
export const BANK_MEANS: Means = { payment_method: 'pm_usBankAccount_success' };

interface Intent {
  readonly next_action?: { readonly redirect_to_url?: { readonly url?: string } } | null;
  readonly error?: { readonly message?: string };
}

/** Where the sandbox is, and what the page may do there. */
export interface AtSandbox extends Pick<Confirming, 'clientSecret' | 'type' | 'publishableKey' | 'returnUrl'> {
  readonly sandboxUrl: string;
}

const ask = async (at: AtSandbox, path: string, init: RequestInit): Promise<Intent> => {
  const [id = ''] = at.clientSecret.split('_secret_');
  const kind = at.type === 'SETUP' ? 'setup_intents' : 'payment_intents';
  const headers = { authorization: `Bearer ${at.publishableKey}` };
  const response = await fetch(`${at.sandboxUrl}/v1/${kind}/${id}${path}`, { ...init, headers });
  return (await response.json()) as Intent;
};

/**
 * Confirms at the sandbox as Stripe.js does at Stripe: with the publishable key and the client secret. Resolves with the
 * bank's page where the customer is to go, if any. Rejects with STRIPE_DECLINED in the bank's words, or `refused` where it has none.
 */
export const confirmAtSandbox = async (at: AtSandbox, means: Means, refused: string): Promise<string | undefined> => {
  const body = new URLSearchParams({ ...means, client_secret: at.clientSecret, return_url: at.returnUrl });
  const { error, next_action: action } = await ask(at, '/confirm', { method: 'POST', body });
  if (error) throw new TollgateError('STRIPE_DECLINED', error.message ?? refused);
  return action?.redirect_to_url?.url;
};

/** The bank's page that the customer of an intent is to see, if any. */
export const bankPageAtSandbox = async (at: AtSandbox): Promise<string | undefined> => {
  const query = new URLSearchParams({ client_secret: at.clientSecret });
  return (await ask(at, `?${query}`, {})).next_action?.redirect_to_url?.url;
};
