import { useEffect } from 'react';
import { useOrderPayments } from 'tollgate-client/react';
import { useLoaded } from '../ui/load.js';
import { formatMoney } from '../ui/money.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { Status } from '../ui/status.js';
import type { Order } from './back-end.js';
import { PayPanel } from './pay-panel.js';
import { PaymentCard } from './payment-card.js';
import { isOpen } from './payment-states.js';
import { useSession } from './session.js';

/** One order: what it is, how its payments stand, live, and what can be done now. */
export const OrderPage = ({ orderId }: { readonly orderId: string }) => {
  const { tollgate, backEnd } = useSession();
  const watched = useOrderPayments(tollgate, orderId);
  // The shop's own status is written by its callback flow in the same transaction as the payment's.
  const moment = watched.rows.map(({ id, version }) => `${id}.${version}`).join();
  const order = useLoaded(orderId, () => backEnd.order(orderId));
  const { value: shown, reload } = order;
  // Read again whenever a payment moved.
  useEffect(reload, [moment, reload]);
  // A stream can't say that there is nothing: without this answer an order that is paid would ask for money for a moment.
  const before = useLoaded(`payments of ${orderId}`, () => tollgate.payments({ orderId, first: 1 }));
  const isKnown = watched.rows.length > 0 || before.value?.length === 0;
  const newestFirst = [...watched.rows].reverse();
  const open = newestFirst.find(({ status }) => isOpen(status));
  const isSettled = newestFirst.some(({ status }) => status === 'SUCCESSFUL' || status === 'QUARANTINED');

  if (watched.error)
    return (
      <>
        <h1>Order {orderId}</h1>
        <ErrorNotice error={watched.error} />
        <p>
          <a href="#/">Back to the shop</a>
        </p>
      </>
    );
  if (!shown) return <Waiting error={order.error} />;
  return (
    <>
      <OrderHead order={shown} />
      <ErrorNotice error={before.error} />
      {isKnown && !isSettled && <PayPanel order={shown} open={open} />}
      {newestFirst.map((payment) => (
        <PaymentCard key={payment.id} payment={payment} />
      ))}
    </>
  );
};

const OrderHead = ({ order }: { readonly order: Order }) => (
  <header className="stack tight">
    <a href="#/">← All orders</a>
    <h1>
      {order.description ?? 'Order'} <span className="soft">no.&nbsp;{order.id}</span>
    </h1>
    <p className="lead">
      {formatMoney(order.amount, order.currency)} <Status of={order.status} />
    </p>
  </header>
);
