import { useState } from 'react';
import { type Payment, parseMoney, toFieldText } from 'tollgate-client';
import { Field } from '../ui/field.js';
import { useLanguage } from '../ui/language.js';
import { Deed } from './deed.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

const CANCELABLE: readonly string[] = ['PENDING', 'REQUIRES_ACTION', 'REQUIRES_CAPTURE', 'FAILED'];

/** What may be done with a payment as it is now, by this operator; refunds have a part of their own. */
export const PaymentActions = ({ payment }: { readonly payment: Payment }) => {
  const may = useMay();
  const { t } = useLanguage();
  const { status } = payment;
  const mayCapture = status === 'REQUIRES_CAPTURE' && may('PAYMENT_MANAGE');
  const mayCancel = CANCELABLE.includes(status) && may('PAYMENT_CREATE');
  const mayDecide = status === 'QUARANTINED' && may('PAYMENT_MANAGE');
  if (!mayCapture && !mayCancel && !mayDecide) return null;
  return (
    <section className="card stack" aria-labelledby="actions">
      <h2 id="actions">{mayDecide ? t('This money was set aside') : t('Actions')}</h2>
      <div className="row">
        {mayCapture && <Capture payment={payment} />}
        {mayCancel && <Cancel payment={payment} />}
        {mayDecide && <Decision payment={payment} />}
      </div>
    </section>
  );
};

const Capture = ({ payment: { id, amount, currency } }: { readonly payment: Payment }) => {
  const tollgate = useTollgate();
  const { t, money } = useLanguage();
  const [text, setText] = useState(toFieldText(amount, currency));
  const part = parseMoney(text, currency);
  const isPart = part !== undefined && part <= amount;
  const shown = money(isPart ? part : amount, currency);
  return (
    <Deed
      does={t('Capture {amount}', { amount: money(amount, currency) })}
      yes={t('Yes, capture {amount}', { amount: shown })}
      explains={t('The authorized money is taken; what is left over can’t be captured later.')}
      of={text}
      isReady={isPart}
      asksReason
      run={async (asked) => {
        await tollgate.capturePayment({ id, ...asked, ...(isPart && part < amount && { amount: part }) });
        return t('Captured.');
      }}
    >
      <Field
        label={t('Amount in {currency}', { currency })}
        inputMode="decimal"
        value={text}
        onChange={(event) => setText(event.target.value)}
        problem={isPart ? undefined : t('At most {amount}.', { amount: money(amount, currency) })}
      />
    </Deed>
  );
};

const Cancel = ({ payment: { id } }: { readonly payment: Payment }) => {
  const tollgate = useTollgate();
  const { t } = useLanguage();
  return (
    <Deed
      does={t('Cancel this payment')}
      yes={t('Yes, cancel this payment')}
      explains={t('It can’t be paid any more, and authorized money is let go. The order may begin another payment.')}
      asksReason
      run={async (asked) => {
        await tollgate.cancelPayment({ id, ...asked });
        return t('Canceled.');
      }}
    />
  );
};

/** Money that isn't what was asked for: somebody takes it, or sends it back. */
const Decision = ({ payment }: { readonly payment: Payment }) => {
  const tollgate = useTollgate();
  const { t, money } = useLanguage();
  const amount = money(payment.amountReceived, payment.receivedCurrency ?? payment.currency);
  const decide = (decision: 'ACCEPT' | 'REFUND', done: string) => async (asked: { idempotencyKey: string }) => {
    await tollgate.decideQuarantined({ paymentId: payment.id, decision, ...asked });
    return done;
  };
  return (
    <>
      <Deed
        does={t('Accept {amount}', { amount })}
        yes={t('Yes, accept {amount}', { amount })}
        explains={t('It counts for the order as it is, and the callback flow runs.')}
        asksReason
        run={decide('ACCEPT', t('Accepted.'))}
      />
      <Deed
        does={t('Refund {amount}', { amount })}
        yes={t('Yes, refund {amount}', { amount })}
        explains={t('All of it goes back to where it came from.')}
        asksReason
        run={decide('REFUND', t('It goes back.'))}
      />
    </>
  );
};

/** Sends back a part of a payment, or all that is left of it. */
export const Refund = ({ payment: { id, currency, amountRefundable: left } }: { readonly payment: Payment }) => {
  const tollgate = useTollgate();
  const { t, money } = useLanguage();
  const [text, setText] = useState<string>();
  const shown = text ?? toFieldText(left, currency);
  const part = parseMoney(shown, currency);
  const isPart = part !== undefined && part <= left;
  const amount = money(isPart ? part : left, currency);
  return (
    <Deed
      does={t('Refund up to {amount}', { amount: money(left, currency) })}
      yes={t('Yes, refund {amount}', { amount })}
      explains={t('{amount} goes back to where it came from. This can’t be taken back, and Stripe keeps its fee.', {
        amount,
      })}
      of={shown}
      isReady={isPart}
      asksReason
      run={async (asked) => {
        await tollgate.refund({ paymentId: id, refundAmount: part ?? 0, ...asked });
        setText(undefined);
        return t('Refund of {amount} begun.', { amount });
      }}
    >
      <Field
        label={t('Amount in {currency}', { currency })}
        inputMode="decimal"
        value={shown}
        onChange={(event) => setText(event.target.value)}
        problem={isPart ? undefined : t('At most {amount}.', { amount: money(left, currency) })}
      />
    </Deed>
  );
};
