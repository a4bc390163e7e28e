import { useState } from 'react';
import { newKey, type Payment, parseMoney, type Tollgate, toFieldText } from 'tollgate-client';
import { useAction } from 'tollgate-client/react';
import { Field } from './field.js';
import { useLanguage } from './language.js';
import { ErrorNotice } from './notice.js';

/** Refunds a part of a payment, or all that is left of it. */
export const RefundForm = ({ tollgate, payment }: { readonly tollgate: Tollgate; readonly payment: Payment }) => {
  const { t, money } = useLanguage();
  const { id, currency, amountRefundable: left } = payment;
  const [text, setText] = useState<string>();
  const [reason, setReason] = useState('');
  const shown = text ?? toFieldText(left, currency);
  const amount = parseMoney(shown, currency);
  // Asked again after an answer was lost, it is the same refund; another amount or reason is another.
  const [asked, setAsked] = useState({ key: newKey(), of: '' });
  const refund = useAction(async () => {
    if (amount === undefined) return;
    const of = `${amount} ${reason}`;
    const idempotencyKey = asked.of === of ? asked.key : newKey();
    setAsked({ key: idempotencyKey, of });
    await tollgate.refund({ paymentId: id, refundAmount: amount, ...(reason !== '' && { reason }), idempotencyKey });
    setAsked({ key: newKey(), of: '' });
    setText(undefined);
    setReason('');
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        refund.run();
      }}
    >
      <div className="row">
        <Field
          label={t('Amount in {currency}', { currency })}
          inputMode="decimal"
          value={shown}
          onChange={(event) => setText(event.target.value)}
          hint={t('{amount} can be refunded', { amount: money(left, currency) })}
          problem={
            amount === undefined
              ? t('Write an amount such as {amount}.', { amount: toFieldText(left, currency) })
              : undefined
          }
        />
        <Field
          label={t('Reason (optional)')}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      <button type="submit" disabled={refund.busy || amount === undefined}>
        {amount === undefined ? t('Refund') : t('Refund {amount}', { amount: money(amount, currency) })}
      </button>
      <ErrorNotice error={refund.error} />
    </form>
  );
};
