import { Elements, PaymentElement, useElements, useStripe } from '@stripe/react-stripe-js';
import type { Appearance, Stripe, StripeElementLocale } from '@stripe/stripe-js';
import { loadStripe } from '@stripe/stripe-js';
import { useEffect, useState } from 'react';
import type { Confirming } from './confirm-form.js';
import { TollgateError } from './errors.js';
import { useAction } from './hooks.js';
import { ActionButton, ErrorText, TryAgain } from './parts.js';
import { useSurroundings } from './provider.js';

interface Loading {
  readonly stripe: Stripe | undefined;
  readonly hasFailed: boolean;
  retry(): void;
}

/** Stripe.js, asked for once per key; what failed is tried again, by the person or when the network is back. */
const useStripeJs = (publishableKey: string): Loading => {
  const { client, locale } = useSurroundings();
  const [state, setState] = useState<Pick<Loading, 'stripe' | 'hasFailed'>>({ stripe: undefined, hasFailed: false });
  const [round, setRound] = useState(0);
  const retry = (): void => setRound((before) => before + 1);

  // `round` asks again.
  useEffect(() => {
    let isCurrent = true;
    const key = `stripe.js ${publishableKey}`;
    const known = client.shared.get(key) as Promise<Stripe | null> | undefined;
    const asked = known ?? loadStripe(publishableKey, { locale: locale as StripeElementLocale });
    client.shared.set(key, asked);
    setState({ stripe: undefined, hasFailed: false });
    asked.then(
      (stripe) => isCurrent && setState({ stripe: stripe ?? undefined, hasFailed: stripe === null }),
      () => {
        client.shared.delete(key);
        if (isCurrent) setState({ stripe: undefined, hasFailed: true });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [client, publishableKey, locale, round]);

  useEffect(() => {
    if (!state.hasFailed) return;
    const again = (): void => setRound((before) => before + 1);
    addEventListener('online', again);
    return () => removeEventListener('online', again);
  }, [state.hasFailed]);
  return { ...state, retry };
};

/** Shows what is inside once Stripe.js is there. */
const WithStripe = (props: {
  readonly publishableKey: string;
  readonly children: (stripe: Stripe) => React.ReactNode;
}) => {
  const { texts } = useSurroundings();
  const { stripe, hasFailed, retry } = useStripeJs(props.publishableKey);
  if (hasFailed)
    return (
      <TryAgain
        error={new TollgateError('STRIPE_JS', texts['form.failed'])}
        again={{ run: retry, busy: false, error: undefined }}
      />
    );
  return stripe ? props.children(stripe) : <p className="tollgate-soft">{texts.loading}</p>;
};

/** Stripe's own form; card data never touches the page. */
export const StripeForm = (props: Confirming) => {
  const { locale, appearance } = useSurroundings();
  const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'night' : 'stripe';
  return (
    <WithStripe publishableKey={props.publishableKey}>
      {(stripe) => (
        <Elements
          key={props.clientSecret}
          stripe={stripe}
          options={{
            clientSecret: props.clientSecret,
            locale: locale as StripeElementLocale,
            appearance: (appearance ?? { theme }) as Appearance,
          }}
        >
          <Fields {...props} />
        </Elements>
      )}
    </WithStripe>
  );
};

const Fields = ({ type, returnUrl }: Confirming) => {
  const { texts } = useSurroundings();
  const stripe = useStripe();
  const elements = useElements();
  const [isReady, setReady] = useState(false);
  const pay = useAction(async () => {
    if (!stripe || !elements) return;
    const options = { elements, confirmParams: { return_url: returnUrl }, redirect: 'if_required' as const };
    const { error } = await (type === 'SETUP' ? stripe.confirmSetup(options) : stripe.confirmPayment(options));
    if (error) throw new TollgateError('STRIPE_DECLINED', error.message ?? texts['form.refused']);
  });
  return (
    <form
      className="tollgate-stack"
      aria-label={texts['form.card']}
      onSubmit={(event) => {
        event.preventDefault();
        pay.run();
      }}
    >
      <PaymentElement onReady={() => setReady(true)} />
      <button
        type="submit"
        className="tollgate-button tollgate-primary"
        disabled={!isReady || pay.busy}
        aria-busy={pay.busy}
      >
        {texts[pay.busy ? 'pay.paying' : 'pay.now']}
      </button>
      <ErrorText error={pay.error} />
    </form>
  );
};

/** Lets Stripe.js ask the bank of a customer whose saved card was charged. */
export const StripeBank = (props: Confirming) => (
  <WithStripe publishableKey={props.publishableKey}>{(stripe) => <Bank stripe={stripe} {...props} />}</WithStripe>
);

const Bank = ({ stripe, clientSecret }: Confirming & { readonly stripe: Stripe }) => {
  const { texts } = useSurroundings();
  const go = useAction(async () => {
    const { error } = await stripe.handleNextAction({ clientSecret });
    if (error) throw new TollgateError('STRIPE_DECLINED', error.message ?? texts['form.refused']);
  });
  return (
    <>
      <ActionButton action={go} look="primary">
        {texts['pay.bank']}
      </ActionButton>
      <ErrorText error={go.error} />
    </>
  );
};
