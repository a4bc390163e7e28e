import { NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { Builder } from '../../graphql/builder.js';
import { withReason } from '../../installation/reasons.js';
import type { Payment } from './row.js';

declare module '../../graphql/builder.js' {
  interface ObjectTypes {
    PaymentPayload: { readonly payment: Payment };
  }
}

/** Defines how an attempt is ended by people: cancelPayment and capturePayment. */
export const definePaymentEndings = (builder: Builder): void => {
  builder.objectType('PaymentPayload', {
    fields: (t) => ({ payment: t.expose('payment', { type: 'Payment', nullable: false }) }),
  });
  const cancelInput = builder.inputType('CancelPaymentInput', {
    fields: (t) => ({
      id: t.id({ required: true }),
      reason: t.string({ description: 'For the audit, where an operator does it.' }),
      idempotencyKey: t.string(),
    }),
  });
  const captureInput = builder.inputType('CapturePaymentInput', {
    fields: (t) => ({
      id: t.id({ required: true }),
      amount: t.field({ type: 'MinorUnits' }),
      reason: t.string({ description: 'For the audit, where an operator does it.' }),
      idempotencyKey: t.string(),
    }),
  });
  builder.mutationField('cancelPayment', (t) =>
    t.field({
      type: 'PaymentPayload',
      nullable: false,
      permission: 'PAYMENT_CREATE',
      args: { input: t.arg({ type: cancelInput, required: true }) },
      resolve: async (_, { input }, { payments, audit, session: { caller } }) => {
        const { id: paymentId, reason, idempotencyKey } = input;
        const deed = { caller, action: 'PAYMENT_CANCELED', detail: { paymentId }, reason, idempotencyKey };
        const payment = await withReason(audit, deed, () => payments.cancelPayment(withKey(input), caller));
        return { payment };
      },
    }),
  );
  builder.mutationField('capturePayment', (t) =>
    t.field({
      type: 'PaymentPayload',
      nullable: false,
      permission: 'PAYMENT_MANAGE',
      args: { input: t.arg({ type: captureInput, required: true }) },
      resolve: async (_, { input }, { payments, audit, session: { caller } }) => {
        const { id: paymentId, reason, idempotencyKey, amount } = input;
        const request = { ...withKey(input), ...(amount == null ? {} : { amount }) };
        const deed = { caller, action: 'PAYMENT_CAPTURED', detail: { paymentId, amount }, reason, idempotencyKey };
        return { payment: await withReason(audit, deed, () => payments.capturePayment(request, caller)) };
      },
    }),
  );
};

/** An optional field given as null is the same as one left out. */
const withKey = (input: {
  readonly id: string;
  readonly idempotencyKey?: string | null | undefined;
}): { readonly id: string; readonly idempotencyKey?: string } => {
  const { id, idempotencyKey } = input;
  if (!isNodeId(id)) throw new NotFoundError('payment', id);
  return { id, ...(idempotencyKey == null ? {} : { idempotencyKey }) };
};
