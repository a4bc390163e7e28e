import type { Payment } from 'tollgate-client';
import { useDisputes, usePayment, useRefunds } from 'tollgate-client/react';
import { useLanguage, useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { RefundList } from '../ui/refund-list.js';
import { useTitle } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import type { Text } from '../ui/words.js';
import { Caused } from './caused.js';
import { Id } from './copy.js';
import { Facts } from './facts.js';
import { AccountLink } from './node-link.js';
import { NotFound } from './not-found.js';
import { PaymentMoreDocument, type PaymentMoreQuery } from './operations.js';
import { PaymentActions, Refund } from './payment-actions.js';
import { Money, methodOf, outcomeOf } from './payment-columns.js';
import { useTollgate } from './session.js';
import { StripeLink } from './stripe-link.js';
import { Timeline } from './timeline.js';
import { useMay } from './viewer.js';

/** One payment, live: what it is, what can be done, its refunds and disputes, and all that happened to it. */
export const PaymentPage = ({ id }: { readonly id: string }) => {
  const tollgate = useTollgate();
  const may = useMay();
  const { t, money } = useLanguage();
  const { rows, error } = usePayment(id);
  const payment = rows[0];
  const refunds = useRefunds(payment && payment.amountReceived > 0 && may('REFUND_READ') ? id : undefined);
  const key = `more ${id} ${payment?.version}`;
  const more = useLoaded(key, async () => (await tollgate.request(PaymentMoreDocument, { id })).payment, {
    keepsBefore: true,
  });
  useTitle(t('Payment {id}', { id }));
  if (!payment && error?.code === 'NOT_FOUND')
    return <NotFound what={t('There is no payment {id}.', { id })} back="payments" />;
  if (!payment) return <Waiting error={error} />;
  return (
    <>
      <header className="stack tight">
        <a href="#/payments">← {t('All payments')}</a>
        <h1>
          {money(payment.amount, payment.currency)} <Status of={payment.status} />{' '}
          {outcomeOf(payment) !== payment.status && <Status of={outcomeOf(payment)} />}
        </h1>
        <p className="lead">{payment.description ?? t('Order {id}', { id: payment.orderId })}</p>
      </header>
      <ErrorNotice error={error} />
      <PaymentFacts payment={payment} recurring={more.value?.recurringPayment ?? null} />
      <PaymentActions payment={payment} />
      {may('REFUND_READ') && (
        <section className="card stack" aria-labelledby="refunds">
          <h2 id="refunds">{t('Refunds')}</h2>
          <ErrorNotice error={refunds.error} />
          {refunds.rows.length > 0 ? (
            <RefundList refunds={refunds.rows} />
          ) : (
            <Empty>{t('Nothing was refunded.')}</Empty>
          )}
          {payment.amountRefundable > 0 && may('REFUND_CREATE') && <Refund payment={payment} />}
        </section>
      )}
      {may('DISPUTE_READ') && <Disputes id={id} />}
      <Caused of={id} />
      {more.value ? <Timeline entries={more.value.timeline} /> : <Waiting error={more.error} />}
    </>
  );
};

/** Why its money was set aside, in words. */
const SET_ASIDE: Readonly<Record<string, Text>> = {
  LATE: 'it came after the payment was canceled',
  MISMATCH: 'it is not what was asked for',
};

const PaymentFacts = (props: {
  readonly payment: Payment;
  readonly recurring: NonNullable<PaymentMoreQuery['payment']>['recurringPayment'];
}) => {
  const { payment, recurring } = props;
  const { t } = useLanguage();
  const { currency, receivedCurrency, accountId, invoice, metadata } = payment;
  const received = receivedCurrency ?? currency;
  const hasMetadata = typeof metadata === 'object' && metadata !== null && Object.keys(metadata).length > 0;
  const why = payment.quarantinedFor === null ? undefined : SET_ASIDE[payment.quarantinedFor];
  return (
    <Facts
      facts={[
        ['Payment', <Id key="id">{payment.id}</Id>],
        [
          'Order',
          <a key="order" href={`#/payments?search=${encodeURIComponent(payment.orderId)}`}>
            {payment.orderId}
          </a>,
        ],
        ['Account', accountId === null ? t('nobody') : <AccountLink key="account" id={accountId} />],
        ['Received', <Money key="received" of={payment.amountReceived} currency={received} />],
        ['Refunded', <Money key="refunded" of={payment.amountRefunded} currency={received} />],
        ['Disputed', payment.amountDisputed > 0 && <Money of={payment.amountDisputed} currency={received} />],
        ['Method', payment.paymentMethod !== null && methodOf(payment.paymentMethod)],
        [
          'Receipt',
          payment.receiptUrl !== null && <Outside href={payment.receiptUrl}>{t('Open the receipt')}</Outside>,
        ],
        [
          'Invoice',
          invoice !== null &&
            (invoice.hostedUrl === null ? (
              (invoice.number ?? '–')
            ) : (
              <Outside href={invoice.hostedUrl}>{invoice.number ?? t('Open the invoice')}</Outside>
            )),
        ],
        [
          'Recurring payment',
          recurring !== null && <a href={`#/recurring/${recurring.id}`}>{`No. ${recurring.id}`}</a>,
        ],
        [
          'At Stripe',
          <StripeLink key="stripe" of="payment" id={payment.stripePaymentIntentId} livemode={payment.livemode} />,
        ],
        ['Failure', payment.failureMessage !== null && `${payment.failureMessage} (${payment.failureCode})`],
        ['Set aside because', why !== undefined && t(why)],
        ['Settled', payment.settledOutOfBand && t('without Stripe’s money')],
        ['Mode', payment.livemode ? t('live: real money') : t('test')],
        ['Metadata', hasMetadata && <code>{JSON.stringify(metadata)}</code>],
        ['Begun', <Time key="begun" at={payment.createdAt} />],
        ['Changed', <Time key="changed" at={payment.updatedAt} />],
      ]}
    />
  );
};

/** A page that isn't ours. */
const Outside = ({ href, children }: { readonly href: string; readonly children: string }) => (
  <a href={href} target="_blank" rel="noreferrer">
    {children}
  </a>
);

/** What the customer's bank takes back, live. */
const Disputes = ({ id }: { readonly id: string }) => {
  const t = useT();
  const { rows, error } = useDisputes(id);
  if (rows.length === 0) return <ErrorNotice error={error} />;
  return (
    <section className="card stack" aria-labelledby="disputes">
      <h2 id="disputes">{t('Disputes')}</h2>
      <ErrorNotice error={error} />
      <ul className="rows">
        {rows.map(({ id: dispute, amount, currency, status, reason, evidenceDueBy }) => (
          <li key={dispute}>
            <a className="grow" href={`#/disputes/${dispute}`}>
              <Money of={amount} currency={currency} />
            </a>
            <Status of={status} />
            <span className="detail soft">
              {reason}
              {evidenceDueBy !== null && (
                <>
                  , {t('answer by')} <Time at={evidenceDueBy} />
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
};
