import { formatMoney } from 'tollgate-client';
import { useAction } from 'tollgate-client/react';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Facts } from './facts.js';
import { NotFound } from './not-found.js';
import {
  CancelRecurringDocument,
  PauseRecurringDocument,
  RecurringDetailDocument,
  type RecurringDetailQuery,
  type RecurringRowFragment,
  ResumeRecurringDocument,
  UnpauseRecurringDocument,
} from './operations.js';
import { useTollgate } from './session.js';
import { Sure } from './sure.js';
import { type Column, Table } from './table.js';
import { useMay } from './viewer.js';

type Charge = NonNullable<RecurringDetailQuery['recurringPayment']>['payments']['edges'][number]['node'];

const COLUMNS: readonly Column<Charge>[] = [
  { title: 'Payment', cell: ({ id }) => <a href={`#/payments/${id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ orderId }) => orderId },
  { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => <strong>{formatMoney(amount, currency)}</strong> },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Why it failed', isExtra: true, cell: ({ failureMessage }) => failureMessage ?? '' },
  { title: 'Begun', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];

/** One recurring payment: its terms, what can be done, and its charges. */
export const RecurringPage = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const read = async () => (await request(RecurringDetailDocument, { id })).recurringPayment;
  const { value: row, error, reload } = useLoaded(`recurring ${id}`, read, 4_000);
  useTitle(`Recurring payment ${id}`);
  if (row === undefined) return <Waiting error={error} />;
  if (row === null) return <NotFound what={`recurring payment ${id}`} back="recurring" />;
  return (
    <>
      <header className="stack tight">
        <a href="#/recurring">← All recurring payments</a>
        <h1>
          {formatMoney(row.agreedAmount, row.currency)} <Status of={row.status} />
        </h1>
        <p className="lead">Started for order {row.orderId}</p>
      </header>
      <ErrorNotice error={error} />
      <Facts
        facts={[
          ['Recurring payment', row.id],
          ['Account', row.accountId ?? 'nobody'],
          ['Price', `${row.priceId} × ${row.quantity}`],
          ['At the start', formatMoney(row.initialAmount, row.currency)],
          ['Period ends', row.currentPeriodEnd !== null && <Time at={row.currentPeriodEnd} />],
          ['Ends', row.cancelAt !== null && <Time at={row.cancelAt} />],
          ['Ended', row.endedAt !== null && <Time at={row.endedAt} />],
          ['Collection', row.collectionPaused ? 'paused' : 'goes on'],
          ['At Stripe', row.stripeSubscriptionId ?? 'not there yet'],
          ['Mode', row.livemode ? 'live' : 'test'],
        ]}
      />
      <Actions row={row} reload={reload} />
      <section className="card stack" aria-labelledby="charges">
        <h2 id="charges">Charges</h2>
        {row.payments.edges.length === 0 ? (
          <Empty>Nothing was charged yet.</Empty>
        ) : (
          <Table label="Charges" columns={COLUMNS} rows={row.payments.edges.map(({ node }) => node)} />
        )}
      </section>
    </>
  );
};

const ENDED: readonly string[] = ['CANCELED', 'INCOMPLETE_EXPIRED'];

const Actions = ({ row, reload }: { readonly row: RecurringRowFragment; readonly reload: () => void }) => {
  const { request } = useTollgate();
  const may = useMay();
  const input = { recurringPaymentId: row.id };
  const end = useAction(() => request(CancelRecurringDocument, { input: { ...input, at: 'NOW' } }).then(reload));
  const endLater = useAction(() =>
    request(CancelRecurringDocument, { input: { ...input, at: 'PERIOD_END' } }).then(reload),
  );
  const resume = useAction(() => request(ResumeRecurringDocument, { input }).then(reload));
  const pause = useAction(() => request(PauseRecurringDocument, { input }).then(reload));
  const unpause = useAction(() => request(UnpauseRecurringDocument, { input }).then(reload));
  if (ENDED.includes(row.status)) return null;
  return (
    <section className="card stack" aria-label="Actions">
      <div className="row">
        {may('RECURRING_CANCEL') && row.cancelAtPeriodEnd && (
          <Sure does="Resume" explains="The scheduled end is taken back, and charges go on." action={resume} />
        )}
        {may('RECURRING_CANCEL') && !row.cancelAtPeriodEnd && (
          <Sure
            does="Cancel at the period’s end"
            explains="What is paid for runs out; nothing is charged after it."
            action={endLater}
          />
        )}
        {may('RECURRING_CANCEL') && (
          <Sure
            does="Cancel now"
            explains="It ends at once and can’t be taken back. Nothing is refunded by itself."
            action={end}
          />
        )}
        {may('RECURRING_CHANGE') &&
          (row.collectionPaused ? (
            <Sure does="Collect again" explains="The next invoice is charged as usual." action={unpause} />
          ) : (
            <Sure
              does="Pause collection"
              explains="Invoices are voided until collection goes on; nothing is charged."
              action={pause}
            />
          ))}
      </div>
      <ErrorNotice error={end.error ?? endLater.error ?? resume.error ?? pause.error ?? unpause.error} />
    </section>
  );
};
