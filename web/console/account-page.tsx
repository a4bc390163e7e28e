import type { ReactNode } from 'react';
import { useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Empty, ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import type { Text } from '../ui/words.js';
import { SLOW_MS } from './list.js';
import { AccountDocument } from './operations.js';
import { RECURRING_COLUMNS, REFUND_COLUMNS } from './other-lists.js';
import { methodOf, PAYMENT_COLUMNS } from './payment-columns.js';
import { useTollgate } from './session.js';
import { type Column, Table } from './table.js';
import { useMay } from './viewer.js';

/** So many are shown of each; the lists have all. */
const MOST = 10;

/** On its own page it needs no column. */
const ofOne = <Row,>(columns: readonly Column<Row>[]): readonly Column<Row>[] =>
  columns.filter(({ title }) => title !== 'Account');

/** All that an account has: payments, recurring payments, refunds and saved methods, as far as the operator may see them. */
export const AccountPage = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const may = useMay();
  const t = useT();
  const read = () =>
    request(AccountDocument, {
      accountId: id,
      first: MOST,
      recurring: may('RECURRING_READ_ANY'),
      refunds: may('REFUND_READ_ANY'),
    });
  const { value, error } = useLoaded(`account ${id}`, read, { isLive: true, everyMs: SLOW_MS });
  useTitle(t('Account {id}', { id }));
  if (!value) return <Waiting error={error} />;
  const view = `?account=${encodeURIComponent(id)}`;
  const { payments, recurringPayments: recurring, refunds } = value;
  return (
    <>
      <header className="stack tight">
        <a href="#/payments">← {t('All payments')}</a>
        <h1>{t('Account {id}', { id })}</h1>
      </header>
      <ErrorNotice error={error} />
      <Part name="Payments" of={payments} empty="No payment of this account." all={`payments${view}`}>
        {(rows, label) => <Table label={label} columns={ofOne(PAYMENT_COLUMNS)} rows={rows} copies />}
      </Part>
      {recurring && (
        <Part
          name="Recurring payments"
          of={recurring}
          empty="No recurring payment of this account."
          all={`recurring${view}`}
        >
          {(rows, label) => <Table label={label} columns={ofOne(RECURRING_COLUMNS)} rows={rows} copies />}
        </Part>
      )}
      {refunds && (
        <Part name="Refunds" of={refunds} empty="Nothing was refunded." all={`refunds${view}`}>
          {(rows, label) => <Table label={label} columns={REFUND_COLUMNS} rows={rows} copies />}
        </Part>
      )}
      {may('PAYMENT_METHOD_MANAGE') && may('PAYMENT_MANAGE') && <Methods of={id} />}
    </>
  );
};

interface FirstRows<Row> {
  readonly edges: readonly { readonly node: Row }[];
  readonly pageInfo: { readonly hasNextPage: boolean };
}

const Part = <Row,>(props: {
  readonly name: Text;
  readonly of: FirstRows<Row>;
  readonly empty: Text;
  /** The list that has all of them. */
  readonly all: string;
  readonly children: (rows: readonly Row[], label: string) => ReactNode;
}) => {
  const { name, of, empty, all, children } = props;
  const t = useT();
  const rows = of.edges.map(({ node }) => node);
  return (
    <section className="card stack" aria-label={t(name)}>
      <h2>{t(name)}</h2>
      {rows.length === 0 ? <Empty>{t(empty)}</Empty> : children(rows, t(name))}
      {of.pageInfo.hasNextPage && <a href={`#/${all}`}>{t('All of them')}</a>}
    </section>
  );
};

const Methods = ({ of }: { readonly of: string }) => {
  const tollgate = useTollgate();
  const t = useT();
  const { value: methods, error } = useLoaded(`methods ${of}`, () => tollgate.savedPaymentMethods(of), {
    isLive: true,
    everyMs: SLOW_MS,
  });
  return (
    <section className="card stack" aria-label={t('Saved methods')}>
      <h2>{t('Saved methods')}</h2>
      {methods ? <ErrorNotice error={error} /> : <Waiting error={error} />}
      {methods?.length === 0 && <Empty>{t('No method is saved.')}</Empty>}
      <ul className="rows">
        {methods?.map((method) => (
          <li key={method.id}>
            <span className="grow">{methodOf(method)}</span>
            {method.expMonth !== null && (
              <span className="soft">{`${String(method.expMonth).padStart(2, '0')}/${method.expYear}`}</span>
            )}
            {method.isDefault && <span className="status calm">{t('charged next')}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
};
