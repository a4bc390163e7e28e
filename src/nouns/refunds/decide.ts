import { formatMoney } from '../../core/money.js';
import { holdsReservation, type RefundStatus } from '../../core/states.js';
import type { RefundCallbackData } from '../../flows/flows.js';
import type { RefundSnapshot } from '../../stripe/refund-snapshot.js';
import type { Payment } from '../payments/row.js';
import type { Refund } from './row.js';

type Ended = RefundCallbackData['status'];

/** Whether it holds its amount no more: the flow is told of it. */
export const isEnded = (status: RefundStatus): status is Ended => !holdsReservation(status);

/**
 * Whose row it is: the one that the refund's mark of this installation names, else the one that knows its id. `contradicts`: the
 * row knows another amount, currency or id, so that one of the two is wrong.
 */
export const rowOf = (refunds: readonly Refund[], snapshot: RefundSnapshot, markedId: string | null) => {
  const { refundId, amount, currency } = snapshot;
  const marked = refunds.find(({ id }) => id === markedId);
  const row = marked ?? refunds.find(({ stripeRefundId }) => stripeRefundId === refundId);
  const contradicts =
    row !== undefined &&
    (row.amount !== amount || row.currency !== currency || (row.stripeRefundId ?? refundId) !== refundId);
  return { row, contradicts };
};

const endsBadly = ({ signal }: RefundSnapshot): boolean => signal === 'fail' || signal === 'cancel';

/** Failures first, else as they were given. */
export const inOrder = (snapshots: readonly RefundSnapshot[]): RefundSnapshot[] =>
  [...snapshots].sort((a, b) => Number(endsBadly(b)) - Number(endsBadly(a)));

/** What the payment's timeline says of it. */
export const noteOf = (refund: Refund, payment: Payment): string => {
  const taken = payment.amountRefunded + payment.amountRefundPending;
  const surplus =
    taken > payment.amountReceived
      ? `; refunds take ${formatMoney(taken, payment.currency)} of ${formatMoney(payment.amountReceived, payment.currency)}`
      : '';
  return `refund ${refund.id} of ${formatMoney(refund.amount, refund.currency)} is ${refund.status}${surplus}`;
};

/** A fact that would give back more than was received contradicts what we know: another refund has failed meanwhile. */
export const overshoots = (
  { payment, refunds }: { readonly payment: Payment; readonly refunds: readonly Refund[] },
  row: Refund | undefined,
  snapshot: RefundSnapshot,
): boolean =>
  snapshot.signal === 'succeed' &&
  refunds
    .filter(({ id, status }) => status === 'REFUNDED' && id !== row?.id)
    .reduce((sum, { amount }) => sum + amount, snapshot.amount) > payment.amountReceived;
