import { formatMoney, type RecurringPayment } from 'tollgate-client';
import { RecurringCheckout, useRecurringPayment } from 'tollgate-client/react';
import { useLoaded } from '../ui/load.js';
import { Empty, Waiting } from '../ui/notice.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { useSession } from './session.js';
import { SubscriptionActions } from './subscription-actions.js';

/** A subscription by the order that it was started for: start it, pay it, see it renew, change it, end it. */
export const SubscriptionPage = ({ orderId }: { readonly orderId: string }) => {
  const { tollgate, backEnd, isAdmin } = useSession();
  const order = useLoaded(`order ${orderId}`, () => backEnd.order(orderId));
  const config = useLoaded('config', backEnd.config);
  const found = useLoaded(
    `subscription ${orderId}`,
    async () => (await tollgate.recurringPayments({ orderId, first: 1 })).nodes[0],
    { everyMs: 2_000 },
  );
  const recurring = useRecurringPayment(found.value?.id).rows[0];
  const priceId = config.value?.price?.id;
  if (!order.value || priceId === undefined) return <Waiting error={order.error ?? config.error} />;
  const { description, amount, currency } = order.value;
  return (
    <>
      <header className="stack tight">
        <a href="#/">← All orders</a>
        <h1>
          {description} <span className="soft">from order no.&nbsp;{orderId}</span>
        </h1>
        <p className="lead">
          {formatMoney(amount, currency)} a month {recurring && <Status of={recurring.status} />}
        </p>
      </header>
      <RecurringCheckout orderId={orderId} priceId={priceId} savedMethods={!isAdmin} />
      {recurring && <SubscriptionActions recurring={recurring} />}
      {recurring && <Charges recurring={recurring} />}
    </>
  );
};

const Charges = ({ recurring }: { readonly recurring: RecurringPayment }) => {
  const payments = recurring.payments.edges.map(({ node }) => node);
  return (
    <section className="card stack" aria-labelledby="charges">
      <h2 id="charges">Charges</h2>
      {payments.length === 0 ? (
        <Empty>No charge yet.</Empty>
      ) : (
        <ul className="rows" aria-live="polite">
          {payments.map(({ id, orderId, amount, currency, status, createdAt }) => (
            <li key={id}>
              <a className="grow" href={`#/orders/${orderId}`}>
                Order no. {orderId}
                {orderId === recurring.orderId ? ', the first' : ''}
              </a>
              <span className="soft">
                <Time at={createdAt} dayOnly />
              </span>
              <span>{formatMoney(amount, currency)}</span>
              <Status of={status} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
};
