import type { MinorUnits } from '../../core/money.js';
import type { PaymentStatus } from '../../core/states.js';

/** What a payment says of its money, all in minor units. */
export interface ReceivedMoney {
  readonly status: PaymentStatus;
  readonly amountReceived: MinorUnits;
  readonly amountRefunded: MinorUnits;
  /** Reserved by refunds whose end isn't known yet. */
  readonly amountRefundPending: MinorUnits;
}

/** How much of a payment went back, by confirmed refunds. */
export const REFUND_STATES = ['NONE', 'PARTIAL', 'FULL'] as const;
export type RefundState = (typeof REFUND_STATES)[number];

/** Of what was received nothing, a part, or all went back. */
export const refundState = ({
  amountReceived,
  amountRefunded,
}: Pick<ReceivedMoney, 'amountReceived' | 'amountRefunded'>): RefundState =>
  amountRefunded === 0 ? 'NONE' : amountRefunded < amountReceived ? 'PARTIAL' : 'FULL';

/** The same in SQL, for the payments of a table `p`. */
export const REFUND_STATE_SQL: Readonly<Record<RefundState, string>> = {
  NONE: 'p.amount_refunded = 0',
  PARTIAL: 'p.amount_refunded > 0 and p.amount_refunded < p.amount_received',
  FULL: 'p.amount_refunded > 0 and p.amount_refunded >= p.amount_received',
};

/** Whether an invoice was settled, wholly or in part, without Stripe's money: out of band, from credit or by a discount. */
export const isSettledOutOfBand = (payment: {
  readonly status: PaymentStatus;
  readonly amountSettledElsewhere: MinorUnits | null;
}): boolean => payment.status === 'SUCCESSFUL' && payment.amountSettledElsewhere !== null;

/** What a refund may still take: received less confirmed and pending refunds, never below 0; 0 unless SUCCESSFUL. */
export const amountRefundable = (payment: ReceivedMoney): MinorUnits =>
  payment.status === 'SUCCESSFUL'
    ? Math.max(0, payment.amountReceived - payment.amountRefunded - payment.amountRefundPending)
    : 0;
