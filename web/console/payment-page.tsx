import type { Payment } from 'tollgate-client';
import { usePayment, useRefunds } from 'tollgate-client/react';
import { useAction } from '../ui/action.js';
import { formatMoney } from '../ui/money.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { RefundForm } from '../ui/refund-form.js';
import { RefundList } from '../ui/refund-list.js';
import { Status } from '../ui/status.js';
import { useTollgate } from './session.js';
import { Timeline } from './timeline.js';

/** One payment, live: what it is, what can be done, its refunds and all that happened to it. */
export const PaymentPage = ({ id }: { readonly id: string }) => {
  const tollgate = useTollgate();
  const { rows, error } = usePayment(tollgate, id);
  const payment = rows[0];
  const refunds = useRefunds(tollgate, payment && payment.amountReceived > 0 ? id : undefined);
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
      <section className="card stack" aria-labelledby="refunds">
        <h2 id="refunds">Refunds</h2>
        <ErrorNotice error={refunds.error} />
        {refunds.rows.length > 0 ? <RefundList refunds={refunds.rows} /> : <Empty>Nothing was given back.</Empty>}
        {payment.amountRefundable > 0 && <RefundForm tollgate={tollgate} payment={payment} />}
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
    ['Given back', formatMoney(payment.amountRefunded, currency)],
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
  const capture = useAction(() => tollgate.capturePayment({ id }));
  const cancel = useAction(() => tollgate.cancelPayment({ id }));
  if (!CANCELABLE.includes(status)) return null;
  return (
    <section className="card stack" aria-label="Actions">
      <div className="row">
        {status === 'REQUIRES_CAPTURE' && (
          <button type="button" className="primary" disabled={capture.busy} onClick={capture.run}>
            Take {formatMoney(amount, currency)}
          </button>
        )}
        <button type="button" className="quiet" disabled={cancel.busy} onClick={cancel.run}>
          Cancel this payment
        </button>
      </div>
      <ErrorNotice error={capture.error ?? cancel.error} />
    </section>
  );
};
