import { NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { Builder } from '../../graphql/builder.js';
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
    fields: (t) => ({ id: t.id({ required: true }), idempotencyKey: t.string() }),
  });
  const captureInput = builder.inputType('CapturePaymentInput', {
    fields: (t) => ({
      id: t.id({ required: true }),
      amount: t.field({ type: 'MinorUnits' }),
      idempotencyKey: t.string(),
    }),
  });
  builder.mutationField('cancelPayment', (t) =>
    t.field({
      type: 'PaymentPayload',
      nullable: false,
      permission: 'PAYMENT_CREATE',
      args: { input: t.arg({ type: cancelInput, required: true }) },
      resolve: async (_, { input }, { payments, session }) => ({
        payment: await payments.cancelPayment(withKey(input), session.caller),
      }),
    }),
  );
  builder.mutationField('capturePayment', (t) =>
    t.field({
      type: 'PaymentPayload',
      nullable: false,
      permission: 'PAYMENT_MANAGE',
      args: { input: t.arg({ type: captureInput, required: true }) },
      resolve: async (_, { input }, { payments, session }) => {
        const request = { ...withKey(input), ...(input.amount == null ? {} : { amount: input.amount }) };
        return { payment: await payments.capturePayment(request, session.caller) };
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
