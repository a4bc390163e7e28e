import { useView } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { AccountHint } from './account-hint.js';
import { CsvButton } from './csv.js';
import { Choice, chosen, Days, momentsOf, Search } from './filter.js';
import { List } from './list.js';
import { AccountLink } from './node-link.js';
import {
  AuditDocument,
  type AuditQuery,
  DisputesDocument,
  type DisputesQuery,
  ENUMS,
  RecurringPaymentsDocument,
  type RecurringRowFragment,
  type RefundRowFragment,
  RefundsDocument,
} from './operations.js';
import { Money } from './payment-columns.js';
import { useTollgate } from './session.js';
import type { Column } from './table.js';

/** What the view narrows a list to, by the names of GraphQL. */
const filterOf = <Status extends string>(view: URLSearchParams, statuses: readonly Status[]) => ({
  status: chosen(view, 'status', statuses),
  search: view.get('search') ?? undefined,
  ...(view.has('account') && { accountId: view.get('account') ?? undefined }),
  ...momentsOf(view),
});

/** A refund, which leads to its payment. */
export const REFUND_COLUMNS: readonly Column<RefundRowFragment>[] = [
  { title: 'Refund', cell: ({ id, payment }) => <a href={`#/payments/${payment.id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ payment }) => payment.orderId },
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
  { title: 'Reason', isExtra: true, cell: ({ reason, failureReason }) => failureReason ?? reason ?? '' },
  { title: 'Begun', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];

/** All refunds, the newest first; each leads to its payment. */
export const RefundPageList = () => {
  const { request } = useTollgate();
  const [current] = useView();
  return (
    <List
      title="Refunds"
      columns={REFUND_COLUMNS}
      empty="No refund yet. Refund a payment on its page, in Stripe’s dashboard or with the API."
      filters={
        <>
          <Search name="search" label="Find" />
          <Search name="account" label="Account" />
          <Choice name="status" label="Status" values={ENUMS.RefundStatus} />
          <Days />
        </>
      }
      read={async (view, page) =>
        (await request(RefundsDocument, { ...filterOf(view, ENUMS.RefundStatus), ...page })).refunds
      }
    >
      <AccountHint />
      <CsvButton list="refunds" filter={filterOf(current, ENUMS.RefundStatus)} />
    </List>
  );
};

/** A recurring payment. */
export const RECURRING_COLUMNS: readonly Column<RecurringRowFragment>[] = [
  { title: 'Recurring payment', cell: ({ id }) => <a href={`#/recurring/${id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ orderId }) => orderId },
  {
    title: 'Agreed',
    isNumber: true,
    cell: ({ agreedAmount, currency }) => (
      <strong>
        <Money of={agreedAmount} currency={currency} />
      </strong>
    ),
  },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Price', isExtra: true, cell: ({ priceId, quantity }) => `${priceId} × ${quantity}` },
  { title: 'Account', isExtra: true, cell: ({ accountId }) => <AccountLink id={accountId} /> },
  {
    title: 'Period ends',
    isExtra: true,
    cell: ({ currentPeriodEnd }) => currentPeriodEnd !== null && <Time at={currentPeriodEnd} dayOnly />,
  },
];

/** All recurring payments, the newest first. */
export const RecurringList = () => {
  const { request } = useTollgate();
  const [current] = useView();
  return (
    <List
      title="Recurring payments"
      columns={RECURRING_COLUMNS}
      empty="No recurring payment yet. initiateRecurringPayment starts one."
      filters={
        <>
          <Search name="search" label="Find" />
          <Search name="account" label="Account" />
          <Choice name="status" label="Status" values={ENUMS.RecurringStatus} />
          <Days />
        </>
      }
      read={async (view, page) =>
        (await request(RecurringPaymentsDocument, { ...filterOf(view, ENUMS.RecurringStatus), ...page }))
          .recurringPayments
      }
    >
      <AccountHint />
      <CsvButton list="recurringPayments" filter={filterOf(current, ENUMS.RecurringStatus)} />
    </List>
  );
};

type DisputeRow = DisputesQuery['disputes']['edges'][number]['node'];

const DISPUTE_COLUMNS: readonly Column<DisputeRow>[] = [
  { title: 'Dispute', cell: ({ id }) => <a href={`#/disputes/${id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ payment }) => payment.orderId },
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
  { title: 'Reason', isExtra: true, cell: ({ reason }) => reason },
  {
    title: 'Answer by',
    cell: ({ evidenceDueBy }) => evidenceDueBy !== null && <Time at={evidenceDueBy} dayOnly />,
  },
];

/** All disputes, the newest first. Evidence is handed in at Stripe's dashboard. */
export const DisputeList = () => {
  const { request } = useTollgate();
  const [current] = useView();
  return (
    <List
      title="Disputes"
      columns={DISPUTE_COLUMNS}
      empty="No dispute. One shows up here as soon as Stripe tells of it."
      filters={
        <>
          <Search name="search" label="Find" />

          <Choice name="status" label="Status" values={ENUMS.DisputeStatus} />
          <Days />
        </>
      }
      read={async (view, page) =>
        (await request(DisputesDocument, { ...filterOf(view, ENUMS.DisputeStatus), ...page })).disputes
      }
    >
      <CsvButton list="disputes" filter={filterOf(current, ENUMS.DisputeStatus)} />
    </List>
  );
};

type AuditRow = AuditQuery['audit']['edges'][number]['node'];

const AUDIT_COLUMNS: readonly Column<AuditRow>[] = [
  { title: 'When', cell: ({ at }) => <Time at={at} /> },
  { title: 'Who', cell: ({ actor }) => actor },
  { title: 'What', cell: ({ action }) => action },
  { title: 'Detail', isExtra: true, cell: ({ detail }) => <code>{JSON.stringify(detail)}</code> },
];

/** Who changed what of the settings, the newest first. */
export const AuditList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Audit"
      columns={AUDIT_COLUMNS}
      empty="Nothing was changed yet."
      filters={
        <>
          <Search name="actor" label="Who" />
          <Search name="action" label="What" />
          <Days />
        </>
      }
      read={async (view, page) => {
        const { createdFrom: from, createdTo: to } = momentsOf(view);
        const [actor, action] = [view.get('actor') ?? undefined, view.get('action') ?? undefined];
        return (await request(AuditDocument, { actor, action, from, to, ...page })).audit;
      }}
    />
  );
};
