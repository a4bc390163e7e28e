import { anyText, aTime, defineExport, type ExportList, oneOf } from '../../core/list-export.js';
import type { DisputeFilter, DisputeReads } from './read.js';
import type { Dispute } from './row.js';
import { DISPUTE_STATUSES } from './states.js';

/** Disputes as a file. */
export const createDisputeExport = ({ list }: Pick<DisputeReads, 'list'>): ExportList =>
  defineExport<Dispute, Omit<DisputeFilter, 'first'>>({
    name: 'disputes',
    permission: 'DISPUTE_READ',
    filters: {
      status: oneOf(DISPUTE_STATUSES),
      paymentId: anyText,
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
      'isRefundable',
      'evidenceDueBy',
      'livemode',
      'stripeDisputeId',
      'createdAt',
      'updatedAt',
    ],
    list,
  });
