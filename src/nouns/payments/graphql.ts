import { NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import { PAYMENT_STATUSES } from '../../core/states.js';
import type { Builder, Once } from '../../graphql/builder.js';
import { given } from '../../graphql/given.js';
import type { NodeKind } from '../../graphql/node.js';
import { DEFAULT_FIRST, defineConnection, pageOfBoth, toConnection } from '../../graphql/page.js';
import { whoMay } from '../../graphql/session.js';
import { amountRefundable, isSettledOutOfBand } from '../refunds/refundable.js';
import { definePaymentDetails, defineRefundState } from './graphql-details.js';
import { definePaymentTotals } from './graphql-totals.js';
import type { PayAnswer } from './pay.js';
import type { Payments } from './payments.js';
import type { Payment } from './row.js';
import type { Live } from './watch.js';

declare module '../../graphql/builder.js' {
  interface ObjectTypes {
    Payment: Payment;
    PayPayload: PayAnswer;
  }
}
declare module '../../graphql/context.js' {
  interface NounDomain {
    readonly payments: Payments;
  }
  interface LiveStreams extends Omit<Live, 'close'> {}
}

/** How `node` finds payments. */
export const paymentKind: NodeKind = {
  typename: 'Payment',
  permission: 'PAYMENT_READ',
  find: (id, { payments, session }) => payments.find(id, session.caller),
};

/** Defines Payment, its list, and the fields that read and watch payments. */
export const definePayment = (builder: Builder, once: Once): void => {
  const status = definePaymentStatus(builder);
  const refundState = defineRefundState(builder);
  definePaymentType(builder, status);
  definePaymentDetails(builder, refundState);
  definePaymentQueries(builder, once, { status, refundState });
  definePaymentTotals(builder);
  definePaymentStreams(builder);
};

const definePaymentStatus = (builder: Builder) =>
  builder.enumType('PaymentStatus', {
    description: "QUARANTINED: money arrived that isn't what was asked for (amount or currency); an operator decides.",
    values: PAYMENT_STATUSES,
  });

type StatusEnum = ReturnType<typeof definePaymentStatus>;

const definePaymentType = (builder: Builder, status: StatusEnum): void => {
  builder.objectType('Payment', {
    interfaces: ['Node'],
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      orderId: t.exposeID('orderId', { nullable: false }),
      accountId: t.exposeID('accountId', { nullable: true }),
      amount: t.expose('amount', { type: 'MinorUnits', nullable: false }),
      currency: t.expose('currency', { type: 'CurrencyCode', nullable: false }),
      status: t.expose('status', { type: status, nullable: false }),
      amountReceived: t.expose('amountReceived', {
        type: 'MinorUnits',
        nullable: false,
        description: '0 until SUCCESSFUL; less than amount after a partial capture.',
      }),
      amountRefunded: t.expose('amountRefunded', {
        type: 'MinorUnits',
        nullable: false,
        description: 'Confirmed refunds only.',
      }),
      amountRefundable: t.field({
        type: 'MinorUnits',
        nullable: false,
        description: 'What a refund may still take: received less confirmed and pending refunds.',
        resolve: amountRefundable,
      }),
      settledOutOfBand: t.field({
        type: 'Boolean',
        nullable: false,
        description:
          "An invoice that was settled, wholly or in part, without Stripe's money: out of band, from credit or by a discount.",
        resolve: isSettledOutOfBand,
      }),
      description: t.exposeString('description', { nullable: true }),
      failureCode: t.exposeString('failureCode', { nullable: true }),
      failureMessage: t.exposeString('failureMessage', { nullable: true }),
      stripePaymentIntentId: t.exposeString('stripePaymentIntentId', { nullable: true }),
      livemode: t.exposeBoolean('livemode', { nullable: false }),
      version: t.exposeInt('version', { nullable: false, description: 'Rises with every change of the row.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', nullable: false }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', nullable: false }),
      timeline: t.field({
        type: ['TimelineEntry'],
        nullable: false,
        permission: 'PAYMENT_READ_ANY',
        resolve: ({ id }, _, { payments }) => payments.timeline(id),
      }),
    }),
  });
};

/** Defines lists of payments, which recurring payments have as well. */
export const definePaymentConnection = (builder: Builder) => defineConnection<Payment>(builder, 'Payment');

const definePaymentQueries = (
  builder: Builder,
  once: Once,
  { status, refundState }: { status: StatusEnum; refundState: ReturnType<typeof defineRefundState> },
): void => {
  const connection = once(definePaymentConnection);
  builder.queryField('payment', (t) =>
    t.field({
      type: 'Payment',
      permission: 'PAYMENT_READ',
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { payments, session }) => (isNodeId(id) ? payments.find(id, session.caller) : null),
    }),
  );
  builder.queryField('payments', (t) =>
    t.field({
      type: connection,
      nullable: false,
      description:
        "Newest first; accountId needs PAYMENT_READ_ANY unless it is the caller's. search: an id of a payment, order, account or Stripe object, whole; others' rows need PAYMENT_READ_ANY.",
      permission: 'PAYMENT_READ',
      args: {
        orderId: t.arg.id(),
        accountId: t.arg.id(),
        status: t.arg({ type: status }),
        refundState: t.arg({ type: refundState }),
        search: t.arg.string(),
        createdFrom: t.arg({ type: 'DateTime' }),
        createdTo: t.arg({ type: 'DateTime' }),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
        last: t.arg.int(),
        before: t.arg.string(),
      },
      resolve: async (_, { first, after, last, before, ...filter }, { payments, session }) => {
        const request = pageOfBoth({ first, after, last, before });
        const page = await payments.list({ ...request, ...given(filter) }, session.caller);
        return toConnection(page, request);
      },
    }),
  );
};

const definePaymentStreams = (builder: Builder): void => {
  builder.subscriptionField('paymentUpdated', (t) =>
    t.field({
      type: 'Payment',
      nullable: false,
      permission: 'PAYMENT_READ',
      args: { id: t.arg.id({ required: true }) },
      subscribe: async (_, { id }, { live, session }) => {
        if (!isNodeId(id)) throw new NotFoundError('payment', id);
        return live.payment(id, whoMay(session, 'PAYMENT_READ'));
      },
      resolve: (payment: Payment) => payment,
    }),
  );
  builder.subscriptionField('orderPaymentsUpdated', (t) =>
    t.field({
      type: 'Payment',
      nullable: false,
      description: 'New payments of the order included.',
      permission: 'PAYMENT_READ',
      args: { orderId: t.arg.id({ required: true }) },
      subscribe: (_, { orderId }, { live, session }) => live.orderPayments(orderId, whoMay(session, 'PAYMENT_READ')),
      resolve: (payment: Payment) => payment,
    }),
  );
  builder.subscriptionField('paymentsChanged', (t) =>
    t.field({
      type: 'Payment',
      nullable: false,
      description:
        "Every payment of the installation as it changes, from now on: for an operator's screen. No first states.",
      permission: 'PAYMENT_READ_ANY',
      subscribe: (_, __, { live, session }) => live.payments(whoMay(session, 'PAYMENT_READ_ANY')),
      resolve: (payment: Payment) => payment,
    }),
  );
};
