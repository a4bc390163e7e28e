import type { Builder } from '../../graphql/builder.js';
import { DEFAULT_STEPS, timeSteps } from '../../graphql/time-steps.js';
import type { PaymentTotals } from './totals.js';

/** Defines the sums that an operator's overview shows. */
export const definePaymentTotals = (builder: Builder): void => {
  const totals = builder.objectRef<PaymentTotals>('PaymentTotals').implement({
    description: 'What became of the payments that were begun in one step of time, in one currency.',
    fields: (t) => ({
      from: t.expose('from', { type: 'DateTime', nullable: false }),
      currency: t.expose('currency', { type: 'CurrencyCode', nullable: false }),
      succeeded: t.exposeInt('succeeded', { nullable: false }),
      received: t.exposeFloat('received', {
        nullable: false,
        description: "In the currency's smallest unit; a sum may have more digits than an amount.",
      }),
      failed: t.exposeInt('failed', { nullable: false }),
    }),
  });
  builder.queryField('paymentTotals', (t) =>
    t.field({
      type: [totals],
      nullable: false,
      description:
        'Sums over all payments of the installation, by when they were begun: "from" included, "to" not, in that many steps of equal length, or by the calendar months of UTC (months). Steps without payments are left out.',
      permission: 'PAYMENT_READ_ANY',
      args: {
        from: t.arg({ type: 'DateTime', required: true }),
        to: t.arg({ type: 'DateTime', required: true }),
        steps: t.arg.int({ defaultValue: DEFAULT_STEPS }),
        months: t.arg.boolean({ defaultValue: false }),
      },
      resolve: (_, args, { payments }) => payments.totals(timeSteps(args)),
    }),
  );
};
