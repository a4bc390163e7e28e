import { NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import { QUARANTINE_DECISIONS, QUARANTINE_REASONS } from '../../core/states.js';
import type { Builder } from '../../graphql/builder.js';
import type { Quarantine } from './decide.js';

declare module '../../graphql/context.js' {
  interface NounDomain {
    readonly quarantine: Quarantine;
  }
}

/** Defines what is shown of money that was set aside, and how it is decided. */
export const defineQuarantine = (builder: Builder): void => {
  const reason = builder.enumType('QuarantineReason', {
    description: "LATE: money came after a cancel. MISMATCH: it isn't what was asked for (amount or currency).",
    values: QUARANTINE_REASONS,
  });
  builder.objectFields('Payment', (t) => ({
    quarantinedFor: t.expose('quarantinedFor', {
      type: reason,
      nullable: true,
      description: 'Why its money was set aside; it stays once that was decided.',
    }),
    receivedCurrency: t.expose('receivedCurrency', {
      type: 'CurrencyCode',
      nullable: true,
      description:
        "What amountReceived and amountRefunded are in where that isn't currency; such money is never counted.",
    }),
  }));
  const decision = builder.enumType('QuarantineDecision', { values: QUARANTINE_DECISIONS });
  const input = builder.inputType('DecideQuarantinedInput', {
    fields: (t) => ({
      paymentId: t.id({ required: true }),
      decision: t.field({ type: decision, required: true }),
      reason: t.string(),
      idempotencyKey: t.string(),
    }),
  });
  builder.mutationField('decideQuarantined', (t) =>
    t.field({
      type: 'PaymentPayload',
      nullable: false,
      description:
        'ACCEPT: SUCCESSFUL with what was received. REFUND: all of it goes back. Whoever decides at once, the first decision holds.',
      permission: 'PAYMENT_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input: { paymentId, decision, reason, idempotencyKey } }, { quarantine, session }) => {
        if (!isNodeId(paymentId)) throw new NotFoundError('payment', paymentId);
        const request = {
          paymentId,
          decision,
          ...(reason == null ? {} : { reason }),
          ...(idempotencyKey == null ? {} : { idempotencyKey }),
        };
        return { payment: await quarantine.decide(request, session.caller) };
      },
    }),
  );
};
