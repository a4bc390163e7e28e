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
    columns: {
      id: ({ id }) => id,
      orderId: ({ orderId }) => orderId,
      accountId: ({ accountId }) => accountId,
      status: ({ status }) => status,
      currency: ({ currency }) => currency,
      amount: ({ amount }) => amount,
      amountReceived: ({ amountReceived }) => amountReceived,
      receivedCurrency: ({ receivedCurrency }) => receivedCurrency,
      amountRefunded: ({ amountRefunded }) => amountRefunded,
      amountDisputed: ({ amountDisputed }) => amountDisputed,
      refundState: (payment) => refundState(payment),
      livemode: ({ livemode }) => livemode,
      method: ({ paymentMethod }) => paymentMethod?.brand ?? paymentMethod?.type,
      last4: ({ paymentMethod }) => paymentMethod?.last4,
      failureCode: ({ failureCode }) => failureCode,
      description: ({ description }) => description,
      stripePaymentIntentId: ({ stripePaymentIntentId }) => stripePaymentIntentId,
      stripeChargeId: ({ stripeChargeId }) => stripeChargeId,
      recurringPaymentId: ({ recurringPaymentId }) => recurringPaymentId,
      createdAt: ({ createdAt }) => createdAt,
      updatedAt: ({ updatedAt }) => updatedAt,
    },
    list,
  });
