import { useEffect, useRef, useState } from 'react';
import { TollgateError } from 'tollgate-client';
import { useAction } from '../ui/action.js';
import { ErrorNotice } from '../ui/notice.js';
import type { ConfirmProps } from './confirm-form.js';
import { loadStripeJs, type StripeElements, type StripeJs } from './stripe-js.js';

/** Stripe's own card form; card data never touches this page. */
export const StripeForm = ({ clientSecret, type, publishableKey }: ConfirmProps) => {
  const place = useRef<HTMLDivElement>(null);
  const [form, setForm] = useState<{ readonly stripe: StripeJs; readonly elements: StripeElements }>();
  const [problem, setProblem] = useState<TollgateError>();

  useEffect(() => {
    let unmount = (): void => undefined;
    let isCurrent = true;
    const mount = async (): Promise<void> => {
      const stripe = await loadStripeJs(publishableKey);
      if (!isCurrent || !place.current) return;
      const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
      const elements = stripe.elements({ clientSecret, appearance: { theme: isDark ? 'night' : 'stripe' } });
      const element = elements.create('payment');
      element.mount(place.current);
      unmount = () => element.destroy();
      setForm({ stripe, elements });
    };
    mount().catch(() =>
      setProblem(
        new TollgateError('UNREACHABLE', 'Stripe’s form could not be loaded. Check the connection and reload.'),
      ),
    );
    return () => {
      isCurrent = false;
      unmount();
    };
  }, [clientSecret, publishableKey]);

  const pay = useAction(async () => {
    if (!form) return;
    const confirm = type === 'SETUP' ? form.stripe.confirmSetup : form.stripe.confirmPayment;
    const { error } = await confirm({
      elements: form.elements,
      confirmParams: { return_url: location.href },
      redirect: 'if_required',
    });
    if (error) throw new TollgateError('STRIPE_DECLINED', error.message ?? 'The card was refused.');
  });

  return (
    <form
      className="stack"
      aria-label="Card"
      onSubmit={(event) => {
        event.preventDefault();
        pay.run();
      }}
    >
      <div ref={place} />
      <button type="submit" className="primary" disabled={!form || pay.busy}>
        {pay.busy ? 'Paying …' : 'Pay now'}
      </button>
      <ErrorNotice error={problem ?? pay.error} />
    </form>
  );
};
