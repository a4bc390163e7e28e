import { anyText, aTime, defineExport, type ExportList, oneOf } from '../../core/list-export.js';
import { PAYMENT_STATUSES } from '../../core/states.js';
import { REFUND_STATES, refundState } from '../refunds/refundable.js';
import type { PaymentFilter, Payments } from './payments.js';
import type { Payment } from './row.js';

/** Payments as a file. Amounts are in the currency's smallest unit, as everywhere. */
export const createPaymentExport = ({ list }: Pick<Payments, 'list'>): ExportList =>
  defineExport<Payment, Omit<PaymentFilter, 'first'>>({
    name: 'payments',
    permission: 'PAYMENT_READ',
    filters: {
      status: oneOf(PAYMENT_STATUSES),
      refundState: oneOf(REFUND_STATES),
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
      'currency',
      'amount',
      'amountReceived',
      'receivedCurrency',
      'amountRefunded',
      'amountDisputed',
      ['refundState', refundState],
      'livemode',
      ['method', ({ paymentMethod }) => paymentMethod?.brand ?? paymentMethod?.type],
      ['last4', ({ paymentMethod }) => paymentMethod?.last4],
      'failureCode',
      'description',
      'stripePaymentIntentId',
      'stripeChargeId',
      'recurringPaymentId',
      'createdAt',
      'updatedAt',
    ],
    list,
  });
