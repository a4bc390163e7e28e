import { useLanguage } from '../ui/language.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { AccountLink } from './node-link.js';
import type { PaymentRowFragment } from './operations.js';
import type { Column } from './table.js';

export type PaymentRow = PaymentRowFragment;

/** What became of the money: a payment that went back whole is not merely paid. */
export const outcomeOf = ({
  status,
  refundState,
  amountDisputed,
}: Pick<PaymentRow, 'status' | 'refundState' | 'amountDisputed'>): string => {
  if (status !== 'SUCCESSFUL') return status;
  if (amountDisputed > 0) return 'DISPUTED';
  if (refundState === 'FULL') return 'REFUNDED';
  return refundState === 'PARTIAL' ? 'partially_refunded' : status;
};

/** An amount as the reader writes it; nothing for none. */
export const Money = ({ of, currency }: { readonly of: number; readonly currency: string }) =>
  useLanguage().money(of, currency);

/** A card by its brand and last digits, another method by its name. */
export const methodOf = (method: PaymentRow['paymentMethod']): string =>
  method
    ? [method.wallet, method.brand ?? method.type, method.last4 && `···· ${method.last4}`].filter(Boolean).join(' ')
    : '';

export const PAYMENT_COLUMNS: readonly Column<PaymentRow>[] = [
  { title: 'Payment', cell: ({ id }) => <a href={`#/payments/${id}`}>No. {id}</a> },
  { title: 'Order', cell: ({ orderId }) => orderId },
  {
    title: 'Amount',
    isNumber: true,
    cell: ({ amount, currency }) => (
      <strong>
        <Money of={amount} currency={currency} />
      </strong>
    ),
  },
  { title: 'Status', cell: (row) => <Status of={outcomeOf(row)} /> },
  {
    title: 'Refunded',
    isNumber: true,
    isExtra: true,
    cell: ({ amountRefunded, currency }) => amountRefunded > 0 && <Money of={amountRefunded} currency={currency} />,
  },
  { title: 'Method', isExtra: true, cell: ({ paymentMethod }) => methodOf(paymentMethod) },
  {
    title: 'Account',
    isExtra: true,
    cell: ({ accountId }) => <AccountLink id={accountId} />,
  },
  { title: 'Begun', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];
