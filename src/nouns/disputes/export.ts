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
    columns: {
      id: ({ id }) => id,
      paymentId: ({ paymentId }) => paymentId,
      status: ({ status }) => status,
      currency: ({ currency }) => currency,
      amount: ({ amount }) => amount,
      reason: ({ reason }) => reason,
      isRefundable: ({ isRefundable }) => isRefundable,
      evidenceDueBy: ({ evidenceDueBy }) => evidenceDueBy,
      livemode: ({ livemode }) => livemode,
      stripeDisputeId: ({ stripeDisputeId }) => stripeDisputeId,
      createdAt: ({ createdAt }) => createdAt,
      updatedAt: ({ updatedAt }) => updatedAt,
    },
    list,
  });
