import { formatMoney, type RecurringPayment } from 'tollgate-client';
import { useLoaded } from '../ui/load.js';
import { Empty, Waiting } from '../ui/notice.js';
import { Status } from '../ui/status.js';
import type { Order } from './back-end.js';
import { OrderForm } from './order-form.js';
import { useSession } from './session.js';

/** The shop's first page: order something, and see what was ordered. */
export const Home = () => {
  const { backEnd, tollgate, isAdmin } = useSession();
  const config = useLoaded('config', backEnd.config);
  const orders = useLoaded('orders', backEnd.orders, { everyMs: 5_000 });
  const stock = useLoaded('stock', backEnd.stock, { everyMs: 5_000 });
  const subscriptions = useLoaded('subscriptions', async () => (await tollgate.recurringPayments()).nodes, {
    everyMs: 5_000,
  });
  return (
    <>
      <header className="stack tight">
        <h1>What would you like?</h1>
        <p className="lead">
          Order something and pay for it. {config.value?.stripeUrl === null ? '' : 'No real money moves here.'}
        </p>
      </header>
      {config.value ? (
        <OrderForm price={config.value.price} stock={stock.value ?? {}} />
      ) : (
        <Waiting error={config.error} />
      )}
      <section className="card" aria-labelledby="orders">
        <h2 id="orders">{isAdmin ? 'All orders' : 'Your orders'}</h2>
        {orders.value ? <OrderList orders={orders.value} /> : <Waiting error={orders.error} />}
      </section>
      {subscriptions.value && subscriptions.value.length > 0 && (
        <SubscriptionList subscriptions={subscriptions.value} />
      )}
    </>
  );
};

const SubscriptionList = ({ subscriptions }: { readonly subscriptions: readonly RecurringPayment[] }) => (
  <section className="card" aria-labelledby="subscriptions">
    <h2 id="subscriptions">Subscriptions</h2>
    <ul className="rows">
      {subscriptions.map(({ id, orderId, initialAmount, currency, status }) => (
        <li key={id}>
          <a className="grow" href={`#/subscriptions/${orderId}`}>
            Started with order no. {orderId}
          </a>
          <span>{formatMoney(initialAmount, currency)} a month</span>
          <Status of={status} />
        </li>
      ))}
    </ul>
  </section>
);

const OrderList = ({ orders }: { readonly orders: readonly Order[] }) =>
  orders.length === 0 ? (
    <Empty>Nothing was ordered yet. Choose something above and place the first order.</Empty>
  ) : (
    <ul className="rows">
      {orders.map(({ id, description, amount, currency, status }) => (
        <li key={id}>
          <a className="grow" href={`#/orders/${id}`}>
            {description ?? 'Order'} <span className="soft">no. {id}</span>
          </a>
          <span>{formatMoney(amount, currency)}</span>
          <Status of={status} />
        </li>
      ))}
    </ul>
  );
