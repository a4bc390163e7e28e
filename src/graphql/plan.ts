import { PLANS } from '../installation/plan.js';
import type { Builder } from './builder.js';

/** Defines the plans and setPlan, which switches the payment actions off and on. */
export const definePlan = (builder: Builder): void => {
  const plan = builder.enumType('Plan', { values: PLANS });
  builder.objectField('PaymentSettings', 'plan', (t) => t.expose('plan', { type: plan, nullable: false }));
  const input = builder.inputType('SetPlanInput', {
    fields: (t) => ({ plan: t.field({ type: plan, required: true }) }),
  });
  builder.objectType('SetPlanPayload', {
    description: 'liveRecurringPayments: subscriptions that go on charging at Stripe while actions are inactive.',
    fields: (t) => ({
      settings: t.expose('settings', { type: 'PaymentSettings', nullable: false }),
      liveRecurringPayments: t.exposeInt('liveRecurringPayments', { nullable: false }),
    }),
  });
  builder.mutationField('setPlan', (t) =>
    t.field({
      type: 'SetPlanPayload',
      nullable: false,
      permission: 'SETTINGS_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, args, { plans, settings, session: { caller } }) => {
        const { liveRecurringPayments } = await plans.set(args.input.plan, `account:${caller.accountId ?? ''}`);
        return { settings: await settings.read(), liveRecurringPayments };
      },
    }),
  );
};
