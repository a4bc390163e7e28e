import { useState } from 'react';
import { useAction } from '../ui/action.js';
import { Field } from '../ui/field.js';
import { ErrorNotice } from '../ui/notice.js';
import type { ConfirmProps } from './confirm-form.js';
import { BANK_MEANS, cardMeans, confirmAtSandbox } from './sandbox-confirm.js';

/** Stripe's own test cards, by what they do. Source: Stripe docs, "Test card numbers". */
const TEST_CARDS = [
  ['Pays', '4242 4242 4242 4242'],
  ['Is declined', '4000 0000 0000 0002'],
  ['Has too little money', '4000 0000 0000 9995'],
  ['Asks the bank', '4000 0027 6000 3184'],
] as const;

/** The card form of the sandbox: test cards only, and a test bank account for US dollars. */
export const SandboxForm = (props: ConfirmProps & { readonly stripeUrl: string }) => {
  const [card, setCard] = useState({ number: '', expiry: '12/34', cvc: '123' });
  const confirm = async (means: Parameters<typeof confirmAtSandbox>[1]): Promise<void> => {
    const bankPage = await confirmAtSandbox(props, means);
    if (bankPage !== undefined) location.assign(bankPage);
  };
  const pay = useAction(() => confirm(cardMeans(card)));
  const debit = useAction(() => confirm(BANK_MEANS));
  const field = (name: keyof typeof card) => ({
    required: true,
    value: card[name],
    onChange: (event: { target: HTMLInputElement }) => setCard({ ...card, [name]: event.target.value }),
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
      <fieldset className="chips">
        <legend>Test cards</legend>
        {TEST_CARDS.map(([name, number]) => (
          <button key={number} type="button" onClick={() => setCard({ ...card, number })}>
            {name} <code>{number.slice(-4)}</code>
          </button>
        ))}
      </fieldset>
      <Field
        label="Card number"
        inputMode="numeric"
        autoComplete="cc-number"
        placeholder="4242 4242 4242 4242"
        {...field('number')}
      />
      <div className="row">
        <Field
          label="Expires"
          inputMode="numeric"
          autoComplete="cc-exp"
          placeholder="MM/YY"
          pattern="\d\d ?/ ?\d\d(\d\d)?"
          {...field('expiry')}
        />
        <Field label="CVC" inputMode="numeric" autoComplete="cc-csc" pattern="\d{3,4}" {...field('cvc')} />
      </div>
      <button type="submit" className="primary" disabled={pay.busy}>
        {pay.busy ? 'Paying …' : 'Pay now'}
      </button>
      {props.currency === 'USD' && props.type === 'PAYMENT' && (
        <button type="button" disabled={debit.busy} onClick={debit.run}>
          Debit a test bank account instead
        </button>
      )}
      <ErrorNotice error={pay.error ?? debit.error} />
      <small className="soft">This is the sandbox’s form: it takes test cards only, and no real money moves.</small>
    </form>
  );
};
