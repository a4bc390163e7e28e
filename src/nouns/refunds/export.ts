import { anyText, aTime, defineExport, type ExportList, oneOf } from '../../core/list-export.js';
import { REFUND_STATUSES } from '../../core/states.js';
import type { RefundFilter, RefundReads } from './read.js';
import type { Refund } from './row.js';

/** Refunds as a file. */
export const createRefundExport = ({ list }: Pick<RefundReads, 'list'>): ExportList =>
  defineExport<Refund, Omit<RefundFilter, 'first'>>({
    name: 'refunds',
    permission: 'REFUND_READ_ANY',
    filters: { status: oneOf(REFUND_STATUSES), search: anyText, createdFrom: aTime, createdTo: aTime },
    columns: {
      id: ({ id }) => id,
      paymentId: ({ paymentId }) => paymentId,
      status: ({ status }) => status,
      currency: ({ currency }) => currency,
      amount: ({ amount }) => amount,
      reason: ({ reason }) => reason,
      failureReason: ({ failureReason }) => failureReason,
      livemode: ({ livemode }) => livemode,
      stripeRefundId: ({ stripeRefundId }) => stripeRefundId,
      createdAt: ({ createdAt }) => createdAt,
      updatedAt: ({ updatedAt }) => updatedAt,
    },
    list,
  });
