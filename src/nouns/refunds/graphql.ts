import { NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import { REFUND_STATUSES } from '../../core/states.js';
import type { Builder } from '../../graphql/builder.js';
import { given } from '../../graphql/given.js';
import type { NodeKind } from '../../graphql/node.js';
import { DEFAULT_FIRST, defineConnection, pageOfBoth, pageRequest, toConnection } from '../../graphql/page.js';
import { whoMay } from '../../graphql/session.js';
import { STRIPE_REFUND_REASONS } from '../../stripe/refund-reasons.js';
import { defineRefundTotals } from './graphql-totals.js';
import type { Refunds } from './refunds.js';
import type { RefundRequest } from './reserve.js';
import type { Refund } from './row.js';
import type { LiveRefunds } from './watch.js';

declare module '../../graphql/builder.js' {
  interface ObjectTypes {
    Refund: Refund;
  }
}
declare module '../../graphql/context.js' {
  interface NounDomain {
    readonly refunds: Refunds;
  }
  interface LiveStreams extends Omit<LiveRefunds, 'close'> {}
}

/** How `node` finds refunds. */
export const refundKind: NodeKind = {
  typename: 'Refund',
  permission: 'REFUND_READ',
  find: (id, { refunds, session }) => refunds.find(id, session.caller),
};

/** Defines Refund, the refunds of a payment, and the fields that make, read and watch refunds. */
export const defineRefund = (builder: Builder): void => {
  const status = defineRefundStatus(builder);
  defineRefundType(builder, status);
  const connection = defineRefundConnection(builder);
  defineRefundsOfPayment(builder, connection);
  defineRefundList(builder, connection, status);
  defineRefundTotals(builder);
  defineRefundMutation(builder);
  builder.queryField('refund', (t) =>
    t.field({
      type: 'Refund',
      permission: 'REFUND_READ',
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { refunds, session }) => refunds.find(id, session.caller),
    }),
  );
  builder.subscriptionField('refundUpdated', (t) =>
    t.field({
      type: 'Refund',
      nullable: false,
      description: 'All refunds of one payment, new ones included.',
      permission: 'REFUND_READ',
      args: { paymentId: t.arg.id({ required: true }) },
      subscribe: (_, { paymentId }, { live, session }) => live.refunds(paymentId, whoMay(session, 'REFUND_READ')),
      resolve: (refund: Refund) => refund,
    }),
  );
};

const defineRefundStatus = (builder: Builder) => builder.enumType('RefundStatus', { values: REFUND_STATUSES });
type StatusEnum = ReturnType<typeof defineRefundStatus>;

const defineRefundType = (builder: Builder, status: StatusEnum): void => {
  builder.objectType('Refund', {
    interfaces: ['Node'],
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      payment: t.field({
        type: 'Payment',
        nullable: false,
        resolve: async ({ paymentId }, _, { refunds }) => {
          const payment = await refunds.paymentOf(paymentId);
          if (!payment) throw new Error(`Payment ${paymentId} is gone, although rows are never deleted.`);
          return payment;
        },
      }),
      amount: t.expose('amount', { type: 'MinorUnits', nullable: false }),
      currency: t.expose('currency', { type: 'CurrencyCode', nullable: false }),
      status: t.expose('status', { type: status, nullable: false }),
      reason: t.exposeString('reason', { nullable: true }),
      failureReason: t.exposeString('failureReason', { nullable: true }),
      stripeRefundId: t.exposeString('stripeRefundId', { nullable: true }),
      version: t.exposeInt('version', { nullable: false }),
      createdAt: t.expose('createdAt', { type: 'DateTime', nullable: false }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', nullable: false }),
    }),
  });
};

const defineRefundConnection = (builder: Builder) => defineConnection<Refund>(builder, 'Refund');
type RefundConnection = ReturnType<typeof defineRefundConnection>;

const defineRefundList = (builder: Builder, connection: RefundConnection, status: StatusEnum): void => {
  builder.queryField('refunds', (t) =>
    t.field({
      type: connection,
      nullable: false,
      permission: 'REFUND_READ_ANY',
      args: {
        status: t.arg({ type: status }),
        accountId: t.arg.id(),
        search: t.arg.string(),
        createdFrom: t.arg({ type: 'DateTime' }),
        createdTo: t.arg({ type: 'DateTime' }),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
        last: t.arg.int(),
        before: t.arg.string(),
      },
      resolve: async (_, { first, after, last, before, ...filter }, { refunds }) => {
        const request = pageOfBoth({ first, after, last, before });
        return toConnection(await refunds.list({ ...request, ...given(filter) }), request);
      },
    }),
  );
};

const defineRefundsOfPayment = (builder: Builder, connection: RefundConnection): void => {
  builder.objectField('Payment', 'refunds', (t) =>
    t.field({
      type: connection,
      nullable: false,
      args: { first: t.arg.int({ defaultValue: DEFAULT_FIRST }), after: t.arg.string() },
      resolve: async ({ id }, { first, after }, { refunds }) => {
        const request = pageRequest({ first, after });
        return toConnection(await refunds.pageOf(id, request), request);
      },
    }),
  );
};

const defineRefundMutation = (builder: Builder): void => {
  const input = defineRefundInput(builder);
  const payload = builder.objectRef<{ readonly refund: Refund }>('RefundPayload').implement({
    description: 'With an unknown outcome at Stripe this is the PENDING refund, not an error.',
    fields: (t) => ({ refund: t.expose('refund', { type: 'Refund', nullable: false }) }),
  });
  builder.mutationField('refund', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'REFUND_CREATE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, args, { refunds, session }) => {
        if (!isNodeId(args.input.paymentId)) throw new NotFoundError('payment', args.input.paymentId);
        return { refund: await refunds.refund(toRefundRequest(args.input), session.caller) };
      },
    }),
  );
};

const defineRefundInput = (builder: Builder) => {
  const stripeReason = builder.enumType('StripeRefundReason', { values: STRIPE_REFUND_REASONS });
  return builder.inputType('RefundInput', {
    fields: (t) => ({
      paymentId: t.id({ required: true }),
      refundAmount: t.field({ type: 'MinorUnits', required: true }),
      reason: t.string({ description: 'Free text, at most 500 characters.' }),
      stripeReason: t.field({ type: stripeReason }),
      idempotencyKey: t.string(),
    }),
  });
};

type RefundInput = ReturnType<typeof defineRefundInput>['$inferInput'];

/** An optional field given as null is the same as one left out. */
const toRefundRequest = (input: RefundInput): RefundRequest => ({
  paymentId: input.paymentId,
  amount: input.refundAmount,
  ...(input.reason == null ? {} : { reason: input.reason }),
  ...(input.stripeReason == null ? {} : { stripeReason: input.stripeReason }),
  ...(input.idempotencyKey == null ? {} : { idempotencyKey: input.idempotencyKey }),
});
