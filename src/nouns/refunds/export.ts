import { anyText, aTime, defineExport, type ExportList, oneOf } from '../../core/list-export.js';
import { REFUND_STATUSES } from '../../core/states.js';
import type { RefundFilter, RefundReads } from './read.js';
import type { Refund } from './row.js';

/** Refunds as a file. */
export const createRefundExport = ({ list }: Pick<RefundReads, 'list'>): ExportList =>
  defineExport<Refund, Omit<RefundFilter, 'first'>>({
    name: 'refunds',
    permission: 'REFUND_READ_ANY',
    filters: {
      status: oneOf(REFUND_STATUSES),
      accountId: anyText,
      search: anyText,
      createdFrom: aTime,
      createdTo: aTime,
    },
    columns: [
      'id',
      'paymentId',
      'status',
      'currency',
      'amount',
      'reason',
      'failureReason',
      'livemode',
      'stripeRefundId',
      'createdAt',
      'updatedAt',
    ],
    list,
  });
