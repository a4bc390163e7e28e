import { isNodeId } from '../../core/node-id.js';
import type { Builder } from '../../graphql/builder.js';
import { given } from '../../graphql/given.js';
import type { NodeKind } from '../../graphql/node.js';
import { DEFAULT_FIRST, defineConnection, pageOfBoth, pageRequest, toConnection } from '../../graphql/page.js';
import { whoMay } from '../../graphql/session.js';
import type { DisputeReads } from './read.js';
import type { Dispute } from './row.js';
import { DISPUTE_STATUSES } from './states.js';
import type { LiveDisputes } from './watch.js';

declare module '../../graphql/builder.js' {
  interface ObjectTypes {
    Dispute: Dispute;
  }
}
declare module '../../graphql/context.js' {
  interface NounDomain {
    readonly disputes: DisputeReads;
  }
  interface LiveStreams extends Omit<LiveDisputes, 'close'> {}
}

/** How `node` finds disputes. */
export const disputeKind: NodeKind = {
  typename: 'Dispute',
  permission: 'DISPUTE_READ',
  find: (id, { disputes, session }) => disputes.find(id, session.caller),
};

/** Defines Dispute, the disputes of a payment, and the fields that read and watch disputes. */
export const defineDispute = (builder: Builder): void => {
  const status = defineDisputeStatus(builder);
  defineDisputeType(builder, status);
  const connection = defineDisputeConnection(builder);
  defineDisputesOfPayment(builder, connection);
  defineDisputeQueries(builder, status, connection);
  builder.subscriptionField('disputeUpdated', (t) =>
    t.field({
      type: 'Dispute',
      nullable: false,
      description: 'All disputes of one payment, new ones included.',
      permission: 'DISPUTE_READ',
      args: { paymentId: t.arg.id({ required: true }) },
      subscribe: (_, { paymentId }, { live, session }) => live.disputes(paymentId, whoMay(session, 'DISPUTE_READ')),
      resolve: (dispute: Dispute) => dispute,
    }),
  );
};

const defineDisputeStatus = (builder: Builder) =>
  builder.enumType('DisputeStatus', {
    description: "Stripe's words. WARNING_…: an inquiry, no money was taken yet.",
    values: DISPUTE_STATUSES,
  });

const defineDisputeConnection = (builder: Builder) => defineConnection<Dispute>(builder, 'Dispute');

type StatusEnum = ReturnType<typeof defineDisputeStatus>;
type DisputeConnection = ReturnType<typeof defineDisputeConnection>;

const defineDisputeType = (builder: Builder, status: StatusEnum): void => {
  builder.objectType('Dispute', {
    interfaces: ['Node'],
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      payment: t.field({
        type: 'Payment',
        nullable: false,
        resolve: async ({ paymentId }, _, { disputes }) => {
          const payment = await disputes.paymentOf(paymentId);
          if (!payment) throw new Error(`Payment ${paymentId} is gone, although rows are never deleted.`);
          return payment;
        },
      }),
      amount: t.expose('amount', { type: 'MinorUnits', nullable: false }),
      currency: t.expose('currency', { type: 'CurrencyCode', nullable: false }),
      status: t.expose('status', { type: status, nullable: false }),
      reason: t.exposeString('reason', { nullable: false }),
      isRefundable: t.exposeBoolean('isRefundable', {
        nullable: false,
        description: 'False once Stripe has taken the money: a refund is then refused with PAYMENT_DISPUTED.',
      }),
      evidenceDueBy: t.expose('evidenceDueBy', { type: 'DateTime', nullable: true }),
      stripeDisputeId: t.exposeString('stripeDisputeId', { nullable: true }),
      livemode: t.exposeBoolean('livemode', { nullable: false }),
      version: t.exposeInt('version', { nullable: false }),
      createdAt: t.expose('createdAt', { type: 'DateTime', nullable: false }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime', nullable: false }),
    }),
  });
};

const defineDisputesOfPayment = (builder: Builder, connection: DisputeConnection): void => {
  builder.objectField('Payment', 'amountDisputed', (t) =>
    t.expose('amountDisputed', {
      type: 'MinorUnits',
      nullable: false,
      description: 'What an open or lost dispute has taken.',
    }),
  );
  builder.objectField('Payment', 'disputes', (t) =>
    t.field({
      type: connection,
      nullable: false,
      permission: 'DISPUTE_READ',
      args: { first: t.arg.int({ defaultValue: DEFAULT_FIRST }), after: t.arg.string() },
      resolve: async ({ id }, { first, after }, { disputes }) => {
        const request = pageRequest({ first, after });
        return toConnection(await disputes.pageOf(id, request), request);
      },
    }),
  );
};

const defineDisputeQueries = (builder: Builder, status: StatusEnum, connection: DisputeConnection): void => {
  builder.queryField('dispute', (t) =>
    t.field({
      type: 'Dispute',
      permission: 'DISPUTE_READ',
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { disputes, session }) => (isNodeId(id) ? disputes.find(id, session.caller) : null),
    }),
  );
  builder.queryField('disputes', (t) =>
    t.field({
      type: connection,
      nullable: false,
      permission: 'DISPUTE_READ',
      args: {
        paymentId: t.arg.id(),
        status: t.arg({ type: status }),
        search: t.arg.string(),
        createdFrom: t.arg({ type: 'DateTime' }),
        createdTo: t.arg({ type: 'DateTime' }),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
        last: t.arg.int(),
        before: t.arg.string(),
      },
      resolve: async (_, { first, after, last, before, ...filter }, { disputes, session }) => {
        const request = pageOfBoth({ first, after, last, before });
        return toConnection(await disputes.list({ ...request, ...given(filter) }, session.caller), request);
      },
    }),
  );
};
