import { useState } from 'react';
import type { Confirming } from './confirm-form.js';
import { useAction } from './hooks.js';
import { ActionButton, ErrorText, TextField } from './parts.js';
import { useSurroundings } from './provider.js';
import { BANK_MEANS, bankPageAtSandbox, cardMeans, confirmAtSandbox, type Means } from './sandbox-confirm.js';

/** Stripe's own test cards, by what they do. Source: Stripe docs, "Test card numbers". */
const TEST_CARDS = [
  ['form.testPays', '4242 4242 4242 4242'],
  ['form.testDeclined', '4000 0000 0000 0002'],
  ['form.testPoor', '4000 0000 0000 9995'],
  ['form.testBank', '4000 0027 6000 3184'],
] as const;

type Props = Confirming & { readonly sandboxUrl: string };

const goTo = (address: string | undefined): void => {
  if (address !== undefined) location.assign(address);
};

/** The card form of the sandbox: test cards only, and a test bank account for US dollars. */
export const SandboxForm = (props: Props) => {
  const { texts } = useSurroundings();
  const [card, setCard] = useState({ number: '', expiry: '12/34', code: '123' });
  const confirm = async (means: Means): Promise<void> =>
    goTo(await confirmAtSandbox(props, means, texts['form.refused']));
  const pay = useAction(() => confirm(cardMeans(card)));
  const debit = useAction(() => confirm(BANK_MEANS));
  const field = (name: keyof typeof card) => ({
    required: true,
    inputMode: 'numeric' as const,
    value: card[name],
    onChange: (event: { target: HTMLInputElement }) => setCard({ ...card, [name]: event.target.value }),
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
      <fieldset className="tollgate-chips">
        <legend className="tollgate-legend">{texts['form.testCards']}</legend>
        {TEST_CARDS.map(([name, number]) => (
          <button
            key={number}
            type="button"
            className="tollgate-button tollgate-chip"
            onClick={() => setCard({ ...card, number })}
          >
            {texts[name]} <code>{number.slice(-4)}</code>
          </button>
        ))}
      </fieldset>
      <TextField label={texts['form.number']} autoComplete="cc-number" {...field('number')} />
      <div className="tollgate-row">
        <TextField
          label={texts['form.expires']}
          autoComplete="cc-exp"
          pattern="\d\d ?/ ?\d\d(\d\d)?"
          {...field('expiry')}
        />
        <TextField label={texts['form.code']} autoComplete="cc-csc" pattern="\d{3,4}" {...field('code')} />
      </div>
      <button type="submit" className="tollgate-button tollgate-primary" disabled={pay.busy} aria-busy={pay.busy}>
        {texts[pay.busy ? 'pay.paying' : 'pay.now']}
      </button>
      {props.currency === 'USD' && props.type === 'PAYMENT' && (
        <ActionButton action={debit}>{texts['form.testDebit']}</ActionButton>
      )}
      <ErrorText error={pay.error ?? debit.error} />
      <p className="tollgate-soft">{texts['form.sandbox']}</p>
    </form>
  );
};

/** Leads a customer, whose saved card was charged, to their bank. */
export const SandboxBank = (props: Props) => {
  const { texts } = useSurroundings();
  const go = useAction(async () => goTo(await bankPageAtSandbox(props)));
  return (
    <>
      <ActionButton action={go} look="primary">
        {texts['pay.bank']}
      </ActionButton>
      <ErrorText error={go.error} />
    </>
  );
};
