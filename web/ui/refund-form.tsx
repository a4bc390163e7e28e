import { useState } from 'react';
import type { Payment, Tollgate } from 'tollgate-client';
import { useAction } from './action.js';
import { Field } from './field.js';
import { formatMoney, parseMoney, toFieldText } from './money.js';
import { ErrorNotice } from './notice.js';

/** Refunds a part of a payment, or all that is left of it. */
export const RefundForm = ({ tollgate, payment }: { readonly tollgate: Tollgate; readonly payment: Payment }) => {
  const { id, currency, amountRefundable: left } = payment;
  const [text, setText] = useState<string>();
  const [reason, setReason] = useState('');
  const shown = text ?? toFieldText(left, currency);
  const amount = parseMoney(shown, currency);
  const refund = useAction(async () => {
    if (amount === undefined) return;
    await tollgate.refund({ paymentId: id, refundAmount: amount, ...(reason !== '' && { reason }) });
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
          label={`Amount in ${currency}`}
          inputMode="decimal"
          value={shown}
          onChange={(event) => setText(event.target.value)}
          hint={`${formatMoney(left, currency)} can be refunded`}
          problem={amount === undefined ? `Write an amount such as ${toFieldText(left, currency)}.` : undefined}
        />
        <Field
          label="Reason (optional)"
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      <button type="submit" disabled={refund.busy || amount === undefined}>
        {amount === undefined ? 'Refund' : `Refund ${formatMoney(amount, currency)}`}
      </button>
      <ErrorNotice error={refund.error} />
    </form>
  );
};
