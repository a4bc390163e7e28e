import { formatMoney } from 'tollgate-client';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Choice, chosen } from './filter.js';
import { List } from './list.js';
import {
  AuditDocument,
  type AuditQuery,
  type DisputeStatus,
  DisputesDocument,
  type DisputesQuery,
  OwedFlowsDocument,
  type OwedFlowsQuery,
  RecurringPaymentsDocument,
  type RecurringPaymentsQuery,
  type RecurringStatus,
  type RefundStatus,
  RefundsDocument,
  type RefundsQuery,
} from './operations.js';
import { useTollgate } from './session.js';
import type { Column } from './table.js';

const REFUND_STATUSES: readonly RefundStatus[] = ['PENDING', 'REQUIRES_ACTION', 'REFUNDED', 'FAILED', 'CANCELED'];
type RefundRow = RefundsQuery['refunds']['edges'][number]['node'];

const REFUND_COLUMNS: readonly Column<RefundRow>[] = [
  { title: 'Refund', cell: ({ id, payment }) => <a href={`#/payments/${payment.id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ payment }) => payment.orderId },
  { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => <strong>{formatMoney(amount, currency)}</strong> },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Reason', isExtra: true, cell: ({ reason, failureReason }) => failureReason ?? reason ?? '' },
  { title: 'Begun', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];

/** All refunds, the newest first; each leads to its payment. */
export const RefundPageList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Refunds"
      columns={REFUND_COLUMNS}
      empty="No refund yet. Refund a payment on its page, in Stripe’s dashboard or with the API."
      filters={<Choice name="status" label="Status" values={REFUND_STATUSES} />}
      read={async (view, after) =>
        (await request(RefundsDocument, { status: chosen(view, 'status', REFUND_STATUSES), after })).refunds
      }
    />
  );
};

const RECURRING_STATUSES: readonly RecurringStatus[] = [
  'INCOMPLETE',
  'INCOMPLETE_EXPIRED',
  'TRIALING',
  'ACTIVE',
  'PAST_DUE',
  'UNPAID',
  'PAUSED',
  'CANCELED',
];
type RecurringRow = RecurringPaymentsQuery['recurringPayments']['edges'][number]['node'];

const RECURRING_COLUMNS: readonly Column<RecurringRow>[] = [
  { title: 'Recurring payment', cell: ({ id }) => <a href={`#/recurring/${id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ orderId }) => orderId },
  {
    title: 'Agreed',
    isNumber: true,
    cell: ({ agreedAmount, currency }) => <strong>{formatMoney(agreedAmount, currency)}</strong>,
  },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Price', isExtra: true, cell: ({ priceId, quantity }) => `${priceId} × ${quantity}` },
  { title: 'Account', isExtra: true, cell: ({ accountId }) => accountId ?? '' },
  {
    title: 'Period ends',
    isExtra: true,
    cell: ({ currentPeriodEnd }) => currentPeriodEnd !== null && <Time at={currentPeriodEnd} dayOnly />,
  },
];

/** All recurring payments, the newest first. */
export const RecurringList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Recurring payments"
      columns={RECURRING_COLUMNS}
      empty="No recurring payment yet. initiateRecurringPayment starts one."
      filters={<Choice name="status" label="Status" values={RECURRING_STATUSES} />}
      read={async (view, after) =>
        (await request(RecurringPaymentsDocument, { status: chosen(view, 'status', RECURRING_STATUSES), after }))
          .recurringPayments
      }
    />
  );
};

const DISPUTE_STATUSES: readonly DisputeStatus[] = [
  'NEEDS_RESPONSE',
  'UNDER_REVIEW',
  'WON',
  'LOST',
  'WARNING_NEEDS_RESPONSE',
  'WARNING_UNDER_REVIEW',
  'WARNING_CLOSED',
  'PREVENTED',
];
type DisputeRow = DisputesQuery['disputes']['edges'][number]['node'];

const DISPUTE_COLUMNS: readonly Column<DisputeRow>[] = [
  { title: 'Dispute', cell: ({ id, payment }) => <a href={`#/payments/${payment.id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ payment }) => payment.orderId },
  { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => <strong>{formatMoney(amount, currency)}</strong> },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Reason', isExtra: true, cell: ({ reason }) => reason },
  {
    title: 'Answer by',
    cell: ({ evidenceDueBy }) => evidenceDueBy !== null && <Time at={evidenceDueBy} dayOnly />,
  },
];

/** All disputes, the newest first; each leads to its payment. Evidence is handed in at Stripe's dashboard. */
export const DisputeList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Disputes"
      columns={DISPUTE_COLUMNS}
      empty="No dispute. One shows up here as soon as Stripe tells of it."
      filters={<Choice name="status" label="Status" values={DISPUTE_STATUSES} />}
      read={async (view, after) =>
        (await request(DisputesDocument, { status: chosen(view, 'status', DISPUTE_STATUSES), after })).disputes
      }
    />
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
      read={async (_, after) => (await request(AuditDocument, { after })).audit}
    />
  );
};

type OwedRow = OwedFlowsQuery['owedFlows']['edges'][number]['node'];

const OWED_COLUMNS: readonly Column<OwedRow>[] = [
  { title: 'Flow', cell: ({ flow }) => flow },
  { title: 'Order', cell: ({ orderId }) => orderId },
  { title: 'Status', cell: ({ status }) => <Status of={status} /> },
  { title: 'Why', isExtra: true, cell: ({ error }) => error },
  { title: 'Tries', isNumber: true, isExtra: true, cell: ({ tries }) => tries },
];

/** Callback flows that run later: "tollgate flows run" and "skip" decide about one. */
export const OwedList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Owed flows"
      columns={OWED_COLUMNS}
      empty="No flow is owed: each ran with its change."
      read={async (_, after) => (await request(OwedFlowsDocument, { after })).owedFlows}
    />
  );
};
