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
    columns: {
      id: ({ id }) => id,
      orderId: ({ orderId }) => orderId,
      accountId: ({ accountId }) => accountId,
      status: ({ status }) => status,
      priceId: ({ priceId }) => priceId,
      quantity: ({ quantity }) => quantity,
      currency: ({ currency }) => currency,
      initialAmount: ({ initialAmount }) => initialAmount,
      cancelAtPeriodEnd: ({ cancelAtPeriodEnd }) => cancelAtPeriodEnd,
      cancelAt: ({ cancelAt }) => cancelAt,
      canceledAt: ({ canceledAt }) => canceledAt,
      endedAt: ({ endedAt }) => endedAt,
      collectionPaused: ({ collectionPaused }) => collectionPaused,
      currentPeriodEnd: ({ currentPeriodEnd }) => currentPeriodEnd,
      livemode: ({ livemode }) => livemode,
      stripeSubscriptionId: ({ stripeSubscriptionId }) => stripeSubscriptionId,
      createdAt: ({ createdAt }) => createdAt,
      updatedAt: ({ updatedAt }) => updatedAt,
    },
    list,
  });
