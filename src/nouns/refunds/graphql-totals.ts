import type { Builder } from '../../graphql/builder.js';
import { DEFAULT_STEPS, timeSteps } from '../../graphql/time-steps.js';
import type { RefundTotals } from './totals.js';

/** Defines the sums that an operator's overview shows. */
export const defineRefundTotals = (builder: Builder): void => {
  const totals = builder.objectRef<RefundTotals>('RefundTotals').implement({
    description: 'What became of the refunds that were begun in one step of time, in one currency.',
    fields: (t) => ({
      from: t.expose('from', { type: 'DateTime', nullable: false }),
      currency: t.expose('currency', { type: 'CurrencyCode', nullable: false }),
      refunds: t.exposeInt('refunds', { nullable: false, description: 'Confirmed ones.' }),
      refunded: t.exposeFloat('refunded', {
        nullable: false,
        description: "In the currency's smallest unit; a sum may have more digits than an amount.",
      }),
      pending: t.exposeInt('pending', { nullable: false }),
      failed: t.exposeInt('failed', { nullable: false }),
    }),
  });
  builder.queryField('refundTotals', (t) =>
    t.field({
      type: [totals],
      nullable: false,
      description: 'Sums over all refunds of the installation, by when they were begun; see paymentTotals.',
      permission: 'REFUND_READ_ANY',
      args: {
        from: t.arg({ type: 'DateTime', required: true }),
        to: t.arg({ type: 'DateTime', required: true }),
        steps: t.arg.int({ defaultValue: DEFAULT_STEPS }),
        months: t.arg.boolean({ defaultValue: false }),
      },
      resolve: (_, args, { refunds }) => refunds.totals(timeSteps(args)),
    }),
  );
};
