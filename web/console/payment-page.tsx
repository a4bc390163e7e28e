import { useState } from 'react';
import type { Payment } from 'tollgate-client';
import { formatMoney } from 'tollgate-client';
import { useAction, usePayment, useRefunds } from 'tollgate-client/react';
import { Field } from '../ui/field.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { RefundForm } from '../ui/refund-form.js';
import { RefundList } from '../ui/refund-list.js';
import { useTitle } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { NotFound } from './not-found.js';
import { DecideQuarantinedDocument } from './operations.js';
import { useTollgate } from './session.js';
import { Sure } from './sure.js';
import { Timeline } from './timeline.js';
import { useMay } from './viewer.js';

/** One payment, live: what it is, what can be done, its refunds and all that happened to it. */
export const PaymentPage = ({ id }: { readonly id: string }) => {
  const tollgate = useTollgate();
  const may = useMay();
  const { rows, error } = usePayment(id);
  const payment = rows[0];
  const refunds = useRefunds(payment && payment.amountReceived > 0 ? id : undefined);
  useTitle(`Payment ${id}`);
  if (!payment && error?.code === 'NOT_FOUND') return <NotFound what={`payment ${id}`} back="payments" />;
  if (!payment) return <Waiting error={error} />;
  return (
    <>
      <header className="stack tight">
        <a href="#/payments">← All payments</a>
        <h1>
          {formatMoney(payment.amount, payment.currency)} <Status of={payment.status} />
        </h1>
        <p className="lead">{payment.description ?? `Order ${payment.orderId}`}</p>
      </header>
      <ErrorNotice error={error} />
      <Facts payment={payment} />
      <Actions payment={payment} />
      {payment.status === 'QUARANTINED' && <Decision payment={payment} />}
      <section className="card stack" aria-labelledby="refunds">
        <h2 id="refunds">Refunds</h2>
        <ErrorNotice error={refunds.error} />
        {refunds.rows.length > 0 ? <RefundList refunds={refunds.rows} /> : <Empty>Nothing was refunded.</Empty>}
        {payment.amountRefundable > 0 && may('REFUND_CREATE') && <RefundForm tollgate={tollgate} payment={payment} />}
      </section>
      <Timeline id={id} version={payment.version} />
    </>
  );
};

const Facts = ({ payment }: { readonly payment: Payment }) => {
  const { currency } = payment;
  const facts = [
    ['Payment', payment.id],
    ['Order', payment.orderId],
    ['Account', payment.accountId ?? 'nobody'],
    ['Received', formatMoney(payment.amountReceived, currency)],
    ['Refunded', formatMoney(payment.amountRefunded, currency)],
    ['At Stripe', payment.stripePaymentIntentId ?? 'not there yet'],
    ...(payment.failureMessage === null ? [] : [['Failure', `${payment.failureMessage} (${payment.failureCode})`]]),
  ];
  return (
    <dl className="card facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
};

const CANCELABLE: readonly string[] = ['PENDING', 'REQUIRES_ACTION', 'REQUIRES_CAPTURE', 'FAILED'];

const Actions = ({ payment: { id, status, amount, currency } }: { readonly payment: Payment }) => {
  const tollgate = useTollgate();
  const may = useMay();
  const capture = useAction(() => tollgate.capturePayment({ id }));
  const cancel = useAction(() => tollgate.cancelPayment({ id }));
  if (!CANCELABLE.includes(status)) return null;
  return (
    <section className="card stack" aria-label="Actions">
      <div className="row">
        {status === 'REQUIRES_CAPTURE' && may('PAYMENT_MANAGE') && (
          <Sure
            does={`Capture ${formatMoney(amount, currency)}`}
            explains="The authorized money is taken; what is left over can't be captured later."
            action={capture}
          />
        )}
        {may('PAYMENT_CREATE') && (
          <Sure
            does="Cancel this payment"
            explains="It can't be paid any more, and authorized money is let go. The order may begin another payment."
            action={cancel}
          />
        )}
      </div>
      <ErrorNotice error={capture.error ?? cancel.error} />
    </section>
  );
};

/** Money that isn't what was asked for: somebody takes it, or sends it back. */
const Decision = ({ payment: { id, amountReceived, currency } }: { readonly payment: Payment }) => {
  const { request } = useTollgate();
  const may = useMay();
  const [reason, setReason] = useState('');
  const decide = (decision: 'ACCEPT' | 'REFUND') => () =>
    request(DecideQuarantinedDocument, { input: { paymentId: id, decision, ...(reason !== '' && { reason }) } });
  const accept = useAction(decide('ACCEPT'));
  const sendBack = useAction(decide('REFUND'));
  if (!may('PAYMENT_MANAGE')) return null;
  const money = formatMoney(amountReceived, currency);
  return (
    <section className="card stack" aria-labelledby="decision">
      <h2 id="decision">This money was set aside</h2>
      <Field
        label="Reason (optional)"
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
      <div className="row">
        <Sure
          does={`Accept ${money}`}
          explains="It counts for the order as it is, and the callback flow runs."
          action={accept}
        />
        <Sure does={`Refund ${money}`} explains="All of it goes back to where it came from." action={sendBack} />
      </div>
      <ErrorNotice error={accept.error ?? sendBack.error} />
    </section>
  );
};
