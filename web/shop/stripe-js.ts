/** The part of Stripe.js that the shop uses. Source: Stripe docs, "Stripe.js reference". */
export interface StripeJs {
  elements(options: { readonly clientSecret: string; readonly appearance?: object }): StripeElements;
  confirmPayment(options: ConfirmOptions): Promise<ConfirmResult>;
  confirmSetup(options: ConfirmOptions): Promise<ConfirmResult>;
}

/** A form's fields, which live in frames of Stripe's. */
export interface StripeElements {
  create(type: 'payment'): { mount(at: HTMLElement): void; destroy(): void };
}

interface ConfirmOptions {
  readonly elements: StripeElements;
  readonly confirmParams: { readonly return_url: string };
  readonly redirect: 'if_required';
}
interface ConfirmResult {
  readonly error?: { readonly message?: string };
}

const ADDRESS = 'https://js.stripe.com/v3/';

/** Loads Stripe.js from Stripe, as Stripe demands; once per page, however often it is asked for. */
export const loadStripeJs = async (publishableKey: string): Promise<StripeJs> => {
  const create = () => Reflect.get(window, 'Stripe') as ((key: string) => StripeJs) | undefined;
  if (!create()) await loadScript();
  const stripe = create()?.(publishableKey);
  if (!stripe) throw new Error('Stripe.js did not start.');
  return stripe;
};

const loadScript = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const known = document.querySelector<HTMLScriptElement>(`script[src="${ADDRESS}"]`);
    const script = known ?? Object.assign(document.createElement('script'), { src: ADDRESS });
    script.addEventListener('load', () => resolve());
    script.addEventListener('error', () => reject(new Error('Stripe.js could not be loaded.')));
    if (!known) document.head.append(script);
  });
