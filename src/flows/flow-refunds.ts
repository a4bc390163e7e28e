import type { Tx } from '../storage/database.js';
import type { Flows } from './flows.js';

/** A refund that a flow asks for; the amount in minor units. */
export interface FlowRefundRequest {
  /** A payment of the order that the flow is about. */
  readonly paymentId: string;
  readonly amount: number;
  /** Free text, at most 500 characters. */
  readonly reason?: string;
}

/** The refund that was reserved. */
export interface FlowRefund {
  readonly id: string;
}

/** Reserves a refund in the transaction of a flow, of a payment of this order. */
export type ReserveFlowRefund = (tx: Tx, orderId: string, request: FlowRefundRequest) => Promise<FlowRefund>;

/** How flows reach the refunds, which are built after them. */
export interface FlowRefunds {
  /** Says who reserves them; once. */
  bind(reserve: ReserveFlowRefund): void;
  readonly reserve: ReserveFlowRefund;
}

/** Builds the way. */
export const createFlowRefunds = (): FlowRefunds => {
  let bound: ReserveFlowRefund | undefined;
  return {
    bind(reserve) {
      bound = reserve;
    },
    reserve(tx, orderId, request) {
      if (!bound) throw new Error('Nobody makes refunds here.');
      return bound(tx, orderId, request);
    },
  };
};

/** The same flows, whose callbacks may refund. */
export const withRefunds = (flows: Flows, { reserve }: Pick<FlowRefunds, 'reserve'>): Flows => {
  const { paymentCallback, refundCallback, disputeCallback, recurringPaymentCallback } = flows;
  return {
    ...flows,
    paymentCallback: { ...paymentCallback, run: paymentCallback.run.bind(paymentCallback), reserve },
    refundCallback: { ...refundCallback, run: refundCallback.run.bind(refundCallback), reserve },
    disputeCallback: { ...disputeCallback, run: disputeCallback.run.bind(disputeCallback), reserve },
    recurringPaymentCallback: {
      ...recurringPaymentCallback,
      run: recurringPaymentCallback.run.bind(recurringPaymentCallback),
      reserve,
    },
  };
};
