import { anyText, aTime, defineExport, type ExportList, oneOf } from '../../core/list-export.js';
import { RECURRING_STATUSES } from '../../core/states.js';
import type { Recurring, RecurringFilter } from './recurring.js';
import type { RecurringPayment } from './row.js';

/** Recurring payments as a file. */
export const createRecurringExport = ({ list }: Pick<Recurring, 'list'>): ExportList =>
  defineExport<RecurringPayment, Omit<RecurringFilter, 'first'>>({
    name: 'recurringPayments',
    permission: 'RECURRING_READ',
    filters: {
      status: oneOf(RECURRING_STATUSES),
      orderId: anyText,
      accountId: anyText,
      search: anyText,
      createdFrom: aTime,
      createdTo: aTime,
    },
    columns: [
      'id',
      'orderId',
      'accountId',
      'status',
      'priceId',
      'quantity',
      'currency',
      'initialAmount',
      'cancelAtPeriodEnd',
      'cancelAt',
      'canceledAt',
      'endedAt',
      'collectionPaused',
      'currentPeriodEnd',
      'livemode',
      'stripeSubscriptionId',
      'createdAt',
      'updatedAt',
    ],
    list,
  });
