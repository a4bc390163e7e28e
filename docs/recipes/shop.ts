// What stands around a recipe: your own back end, and Stripe.js. Here the embedded run's demo door, which Vite hands `/demo` on
// to, and its sandbox take their places.

/** Where Tollgate is; it must list the page's origin in CORS_ORIGINS. */
export const GRAPHQL = `${import.meta.env['VITE_TOLLGATE_URL'] ?? 'http://127.0.0.1:4000'}/graphql`;

/** What the order costs, in the currency's smallest unit. */
export const PRICE = { amount: 1800, currency: 'USD' };

/** Your back end says who is logged in, with a token that it signs. */
export const token = async (): Promise<string> => {
  const response = await fetch('/demo/token?account=demo-customer');
  return (await response.json()).token;
};

/** Your back end makes orders. A second window with the same address, `?order=12`, shows the same one. */
export const openOrder = async (): Promise<string> => {
  const address = new URL(location.href);
  const known = address.searchParams.get('order');
  if (known !== null) return known;
  const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' };
  const response = await fetch('/demo/orders', { method: 'POST', headers, body: JSON.stringify(PRICE) });
  const { id } = await response.json();
  address.searchParams.set('order', id);
  history.replaceState(null, '', address);
  return id;
};

/** What `pay` and `continuePayment` answer for the page. */
export interface Confirming {
  readonly clientSecret?: string | null | undefined;
  readonly publishableKey: string;
}

/** The sandbox's names for a card that pays, and for one that the bank declines. */
export const CARDS = { good: 'pm_card_visa', declined: 'pm_card_visa_chargeDeclined' };

/**
 * In the place of `stripe.confirmPayment({ elements, clientSecret, confirmParams })`, which asks Stripe the same. Rejects in the
 * bank's words. A payment without a secret has nothing to confirm.
 */
export const confirmCard = async ({ clientSecret, publishableKey }: Confirming, card: string): Promise<void> => {
  if (!clientSecret) return;
  const settings = await fetch(GRAPHQL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ sandboxUrl }' }),
  });
  const { data } = await settings.json();
  const [intent] = clientSecret.split('_secret_');
  const confirmed = await fetch(`${data.sandboxUrl}/v1/payment_intents/${intent}/confirm`, {
    method: 'POST',
    headers: { authorization: `Bearer ${publishableKey}` },
    body: new URLSearchParams({ client_secret: clientSecret, payment_method: card }),
  });
  const { error } = await confirmed.json();
  if (error) throw new Error(error.message);
};
