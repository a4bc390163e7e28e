import { useState } from 'react';
import type { RecurringAnswer, RecurringPayment } from 'tollgate-client';
import type { PayMode } from 'tollgate-client/operations';
import { useRecurringPayment } from 'tollgate-client/react';
import { useAction } from '../ui/action.js';
import { useLoaded } from '../ui/load.js';
import { formatMoney } from '../ui/money.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import type { Order } from './back-end.js';
import { ConfirmForm } from './confirm-form.js';
import { isOpen } from './payment-states.js';
import { SavedCards } from './saved-cards.js';
import { useSession } from './session.js';
import { SubscriptionActions } from './subscription-actions.js';

/** A subscription by the order that it was started for: start it, pay it, see it renew, end it. */
export const SubscriptionPage = ({ orderId }: { readonly orderId: string }) => {
  const { tollgate, backEnd } = useSession();
  const order = useLoaded(orderId, () => backEnd.order(orderId));
  const found = useLoaded(orderId, async () => (await tollgate.recurringPayments({ orderId, first: 1 }))[0] ?? null);
  const [begun, setBegun] = useState<RecurringAnswer>();
  const id = begun?.recurringPayment.id ?? found.value?.id;
  const watched = useRecurringPayment(tollgate, id);
  const recurring = watched.rows[0];
  const isToStart = id === undefined || (recurring?.status === 'INCOMPLETE' && !begun?.clientSecret);

  if (!order.value) return <Waiting error={order.error} />;
  return (
    <>
      <header className="stack tight">
        <a href="#/">← All orders</a>
        <h1>
          {order.value.description} <span className="soft">from order no.&nbsp;{orderId}</span>
        </h1>
        <p className="lead">
          {formatMoney(order.value.amount, order.value.currency)} a month{' '}
          {recurring && <Status of={recurring.status} />}
        </p>
      </header>
      <ErrorNotice error={found.error ?? watched.error} />
      {isToStart && <StartPanel order={order.value} onBegun={setBegun} />}
      {recurring && <CardPanel recurring={recurring} begun={begun} onBegun={setBegun} />}
      {recurring && <SubscriptionActions recurring={recurring} />}
      {recurring && <Charges recurring={recurring} />}
    </>
  );
};

type OnBegun = (answer: RecurringAnswer) => void;

/** Starts the subscription; again for one that was begun and not paid, it goes on with that. */
const StartPanel = ({ order, onBegun }: { readonly order: Order; readonly onBegun: OnBegun }) => {
  const { tollgate, backEnd } = useSession();
  const config = useLoaded('config', backEnd.config);
  const priceId = config.value?.price?.id;
  const start = async (mode: PayMode): Promise<void> => {
    if (priceId === undefined) return;
    const here = location.href;
    const answer = await tollgate.initiateRecurringPayment({
      orderId: order.id,
      priceId,
      mode,
      ...(mode === 'CHECKOUT' && { successUrl: here, cancelUrl: here }),
    });
    if (answer.checkoutUrl !== null) location.assign(answer.checkoutUrl);
    else onBegun(answer);
  };
  const byCard = useAction(() => start('ELEMENTS'));
  const byCheckout = useAction(() => start('CHECKOUT'));
  return (
    <section className="card stack" aria-label="Start">
      <p>You pay {formatMoney(order.amount, order.currency)} now and every month, until you cancel.</p>
      <div className="row">
        <button type="button" className="primary" disabled={byCard.busy || priceId === undefined} onClick={byCard.run}>
          Subscribe by card
        </button>
        <button type="button" disabled={byCheckout.busy || priceId === undefined} onClick={byCheckout.run}>
          Subscribe on Stripe’s page
        </button>
      </div>
      <ErrorNotice error={byCard.error ?? byCheckout.error ?? config.error} />
    </section>
  );
};

/** Takes the card for the first charge, or for a later one that was declined. */
const CardPanel = (props: {
  readonly recurring: RecurringPayment;
  readonly begun: RecurringAnswer | undefined;
  readonly onBegun: OnBegun;
}) => {
  const { recurring, begun, onBegun } = props;
  const { tollgate } = useSession();
  const open = recurring.payments.edges.map(({ node }) => node).find(({ status }) => isOpen(status));
  const goOn = useAction(async () => {
    if (open) onBegun({ ...(await tollgate.continuePayment(open.id)), recurringPayment: recurring });
  });
  const isOverdue = ['PAST_DUE', 'UNPAID'].includes(recurring.status) && open !== undefined;
  const isBegun = recurring.status === 'INCOMPLETE' && begun?.clientSecret != null;
  if (!isOverdue && !isBegun) return null;
  return (
    <section className="card stack" aria-labelledby="pay">
      <h2 id="pay">Pay {formatMoney(recurring.initialAmount, recurring.currency)}</h2>
      {open?.status === 'FAILED' && <p>{open.failureMessage} Try another card.</p>}
      {begun?.clientSecret ? (
        <ConfirmForm
          clientSecret={begun.clientSecret}
          type={begun.clientSecretType ?? 'PAYMENT'}
          publishableKey={begun.publishableKey}
          currency="" // bank debits are left out here
        />
      ) : (
        <>
          {isOverdue && (
            <SavedCards
              pay={async ({ id }) => {
                await tollgate.setDefaultPaymentMethod({ id, recurringPaymentId: recurring.id });
              }}
            />
          )}
          <button type="button" className="primary" disabled={goOn.busy} onClick={goOn.run}>
            Pay by card
          </button>
        </>
      )}
      <ErrorNotice error={goOn.error} />
    </section>
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
