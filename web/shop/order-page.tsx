import { useEffect, useState } from 'react';
import { formatMoney, type Payment } from 'tollgate-client';
import {
  AskingButton,
  ErrorText,
  TollgateCheckout,
  useAction,
  useOrderPayments,
  useRefunds,
} from 'tollgate-client/react';
import { useLoaded } from '../ui/load.js';
import { Waiting } from '../ui/notice.js';
import { RefundForm } from '../ui/refund-form.js';
import { RefundList } from '../ui/refund-list.js';
import { Status } from '../ui/status.js';
import { useSession } from './session.js';

/** One order: what it is, the checkout, and what the shop's staff may do with its money. */
export const OrderPage = ({ orderId }: { readonly orderId: string }) => {
  const { backEnd, isAdmin } = useSession();
  const { rows, error } = useOrderPayments(orderId);
  const order = useLoaded(`order ${orderId}`, () => backEnd.order(orderId));
  const [isLater, setLater] = useState(false);
  // The shop's own status is written by its callback flow in the same transaction as the payment's: read when one moved.
  const moment = rows.map(({ id, version }) => `${id}.${version}`).join();
  const { value: shown, reload } = order;
  useEffect(reload, [moment, reload]);
  if (error)
    return (
      <>
        <h1>Order {orderId}</h1>
        <ErrorText error={error} />
        <p>
          <a href="#/">Back to the shop</a>
        </p>
      </>
    );
  if (!shown) return <Waiting error={order.error} />;
  const { description, amount, currency } = shown;
  return (
    <>
      <header className="stack tight">
        <a href="#/">← All orders</a>
        <h1>
          {description ?? 'Order'} <span className="soft">no.&nbsp;{orderId}</span>
        </h1>
        <p className="lead">
          {formatMoney(amount, currency)} <Status of={shown.status} />
        </p>
      </header>
      <TollgateCheckout
        orderId={orderId}
        amount={amount}
        currency={currency}
        description={description}
        captureMethod={isLater ? 'MANUAL' : 'AUTOMATIC'}
        savedMethods={!isAdmin}
      >
        <label className="check">
          <input type="checkbox" checked={isLater} onChange={(event) => setLater(event.target.checked)} />
          Only authorize the money now; staff take it later
        </label>
      </TollgateCheckout>
      {rows.map((payment) => (
        <Money key={payment.id} payment={payment} />
      ))}
    </>
  );
};

/** What becomes of a payment's money: the bank's days, what staff take or refund, and each refund. */
const Money = ({ payment }: { readonly payment: Payment }) => {
  const { tollgate, backEnd, isAdmin } = useSession();
  const { id, status, amount, currency, amountRefundable } = payment;
  const refunds = useRefunds(payment.amountReceived > 0 ? id : undefined);
  const skip = useAction(() => backEnd.skipDays(7));
  const capture = useAction(() => tollgate.capturePayment({ id }));
  const canRefund = isAdmin && amountRefundable > 0;
  if (status !== 'PROCESSING' && !(isAdmin && status === 'REQUIRES_CAPTURE') && !canRefund && refunds.rows.length === 0)
    return null;
  return (
    <section className="card stack" aria-label="Money">
      {status === 'PROCESSING' && (
        <button type="button" disabled={skip.busy} onClick={skip.run}>
          Let a week pass
        </button>
      )}
      {isAdmin && status === 'REQUIRES_CAPTURE' && (
        <AskingButton
          action={capture}
          does={`Take ${formatMoney(amount, currency)}`}
          explains="The customer is charged."
          yes="Yes, take it"
          no="Not yet"
        />
      )}
      {canRefund && (
        <>
          <h3>Refund</h3>
          <RefundForm tollgate={tollgate} payment={payment} />
        </>
      )}
      {refunds.rows.length > 0 && <RefundList refunds={[...refunds.rows].reverse()} />}
      <ErrorText error={skip.error ?? capture.error ?? refunds.error} />
    </section>
  );
};
