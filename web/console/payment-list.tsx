import { formatMoney } from 'tollgate-client';
import { type PaymentStatus, PaymentsDocument, type PaymentsQuery, type RefundState } from 'tollgate-client/operations';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Choice, chosen, Days, momentsOf, Search } from './filter.js';
import { List } from './list.js';
import { useTollgate } from './session.js';
import type { Column } from './table.js';

const STATUSES: readonly PaymentStatus[] = [
  'PENDING',
  'REQUIRES_ACTION',
  'PROCESSING',
  'REQUIRES_CAPTURE',
  'SUCCESSFUL',
  'FAILED',
  'CANCELED',
  'QUARANTINED',
];
const REFUND_STATES: readonly RefundState[] = ['NONE', 'PARTIAL', 'FULL'];

type Row = PaymentsQuery['payments']['edges'][number]['node'];

/** What became of the money: a payment that went back whole is not merely paid. */
const outcomeOf = ({ status, refundState, amountDisputed }: Row): string => {
  if (status !== 'SUCCESSFUL') return status;
  if (amountDisputed > 0) return 'DISPUTED';
  if (refundState === 'FULL') return 'REFUNDED';
  return refundState === 'PARTIAL' ? 'partially_refunded' : status;
};

const COLUMNS: readonly Column<Row>[] = [
  { title: 'Payment', cell: ({ id }) => <a href={`#/payments/${id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ orderId }) => orderId },
  { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => <strong>{formatMoney(amount, currency)}</strong> },
  { title: 'Status', cell: (row) => <Status of={outcomeOf(row)} /> },
  {
    title: 'Refunded',
    isNumber: true,
    isExtra: true,
    cell: ({ amountRefunded, currency }) => (amountRefunded > 0 ? formatMoney(amountRefunded, currency) : ''),
  },
  { title: 'Account', isExtra: true, cell: ({ accountId }) => accountId ?? '' },
  { title: 'Begun', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];

/** All payments, the newest first. */
export const PaymentList = () => {
  const { request } = useTollgate();
  return (
    <List
      title="Payments"
      columns={COLUMNS}
      empty="No payment yet. The first order’s payment shows up here."
      filters={
        <>
          <Search name="search" label="Find" hint="any id, whole" />
          <Choice name="status" label="Status" values={STATUSES} />
          <Choice name="refunds" label="Refunds" values={REFUND_STATES} />
          <Days />
        </>
      }
      read={async (view, after) =>
        (
          await request(PaymentsDocument, {
            status: chosen(view, 'status', STATUSES),
            refundState: chosen(view, 'refunds', REFUND_STATES),
            search: view.get('search') ?? undefined,
            ...momentsOf(view),
            first: 50,
            after,
          })
        ).payments
      }
    />
  );
};
