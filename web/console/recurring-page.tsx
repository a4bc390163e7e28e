import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Caused } from './caused.js';
import { Id } from './copy.js';
import { Facts } from './facts.js';
import { SLOW_MS } from './list.js';
import { AccountLink } from './node-link.js';
import { NotFound } from './not-found.js';
import { RecurringDetailDocument, type RecurringDetailQuery } from './operations.js';
import { Money } from './payment-columns.js';
import { RecurringActions, RetryRenewal } from './recurring-actions.js';
import { useTollgate } from './session.js';
import { StripeLink } from './stripe-link.js';
import { type Column, Table } from './table.js';
import { Timeline } from './timeline.js';

type Row = NonNullable<RecurringDetailQuery['recurringPayment']>;
type Charge = Row['payments']['edges'][number]['node'];

const COLUMNS: readonly Column<Charge>[] = [
  { title: 'Payment', cell: ({ id }) => <a href={`#/payments/${id}`}>No. {id}</a> },
  { title: 'Order', isExtra: true, cell: ({ orderId }) => orderId },
  {
    title: 'Amount',
    isNumber: true,
    cell: ({ amount, currency }) => (
      <strong>
        <Money of={amount} currency={currency} />
      </strong>
    ),
  },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Why it failed', isExtra: true, cell: ({ failureMessage }) => failureMessage ?? '' },
  { title: 'Begun', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];

/** Only what failed can be charged again. */
const WITH_ACTIONS: readonly Column<Charge>[] = [
  ...COLUMNS,
  { title: 'Actions', cell: (charge) => <RetryRenewal charge={charge} /> },
];

/** One recurring payment: its terms, what can be done, its charges, and all that happened to it. */
export const RecurringPage = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const { t, money } = useLanguage();
  const read = async () => (await request(RecurringDetailDocument, { id })).recurringPayment;
  const options = { isLive: true, everyMs: SLOW_MS };
  const { value: row, error, reload } = useLoaded(`recurring ${id}`, read, options);
  useTitle(t('Recurring payment {id}', { id }));
  if (row === undefined) return <Waiting error={error} />;
  if (row === null) return <NotFound what={t('There is no recurring payment {id}.', { id })} back="recurring" />;
  const charges = row.payments.edges.map(({ node }) => node);
  return (
    <>
      <header className="stack tight">
        <a href="#/recurring">← {t('All recurring payments')}</a>
        <h1>
          {money(row.agreedAmount, row.currency)} <Status of={row.status} />
        </h1>
        <p className="lead">{t('Started for order {id}', { id: row.orderId })}</p>
      </header>
      <ErrorNotice error={error} />
      <RecurringFacts row={row} />
      <RecurringActions row={row} onDone={reload} />
      <section className="card stack" aria-labelledby="charges">
        <h2 id="charges">{t('Charges')}</h2>
        {charges.length === 0 ? (
          <Empty>{t('Nothing was charged yet.')}</Empty>
        ) : (
          <Table
            label={t('Charges')}
            columns={charges.some(({ status }) => status === 'FAILED') ? WITH_ACTIONS : COLUMNS}
            rows={charges}
            copies
          />
        )}
      </section>
      <Caused of={id} />
      <Timeline entries={row.timeline} />
    </>
  );
};

const RecurringFacts = ({ row }: { readonly row: Row }) => {
  const { t } = useLanguage();
  const { accountId, pendingChange } = row;
  return (
    <Facts
      facts={[
        ['Recurring payment', <Id key="id">{row.id}</Id>],
        ['Account', accountId === null ? t('nobody') : <AccountLink key="account" id={accountId} />],
        ['Price', `${row.priceId} × ${row.quantity}`],
        [
          'Changes to',
          pendingChange !== null && (
            <>
              {pendingChange.priceId} × {pendingChange.quantity}, <Time at={pendingChange.at} />
            </>
          ),
        ],
        ['At the start', <Money key="start" of={row.initialAmount} currency={row.currency} />],
        ['Period ends', row.currentPeriodEnd !== null && <Time at={row.currentPeriodEnd} />],
        ['Ends', row.cancelAt !== null && <Time at={row.cancelAt} />],
        ['Ended', row.endedAt !== null && <Time at={row.endedAt} />],
        ['Collection', row.collectionPaused ? t('paused') : t('goes on')],
        [
          'At Stripe',
          <StripeLink key="stripe" of="subscription" id={row.stripeSubscriptionId} livemode={row.livemode} />,
        ],
        ['Mode', row.livemode ? t('live: real money') : t('test')],
        ['Begun', <Time key="begun" at={row.createdAt} />],
      ]}
    />
  );
};
