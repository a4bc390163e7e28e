import { actorOf } from '../../core/caller.js';
import { OWED_FLOW_STATUSES, type OwedFlow } from '../../flows/owed-flow.js';
import type { Builder } from '../../graphql/builder.js';
import { DEFAULT_FIRST, defineConnection, pageRequest, toConnection } from '../../graphql/page.js';
import type { OwedFlows } from './run.js';

declare module '../../graphql/builder.js' {
  interface ObjectTypes {
    OwedFlow: OwedFlow;
  }
}
declare module '../../graphql/context.js' {
  interface NounDomain {
    readonly owedFlows: OwedFlows;
  }
}

const defineOwedFlowStatus = (builder: Builder) =>
  builder.enumType('OwedFlowStatus', {
    description: 'OWED: it is still to run. SKIPPED: an operator said that it never will.',
    values: OWED_FLOW_STATUSES,
  });
type StatusEnum = ReturnType<typeof defineOwedFlowStatus>;

/** Defines owed flows: their list, and what an operator does about them. */
export const defineOwedFlow = (builder: Builder): void => {
  const status = defineOwedFlowStatus(builder);
  builder.objectType('OwedFlow', {
    description: 'A flow that failed too often: its change was applied, and it runs later, once, in order per order.',
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      flow: t.exposeString('flow', { nullable: false }),
      orderId: t.exposeID('orderId', { nullable: false }),
      nodeType: t.exposeString('nodeType', {
        nullable: false,
        description: 'PAYMENT, REFUND, DISPUTE, RECURRING_PAYMENT; RENEWAL: a later charge that has no order yet.',
      }),
      nodeId: t.exposeID('nodeId', { nullable: false, description: "The row's id; of a RENEWAL Stripe's invoice." }),
      toStatus: t.exposeString('toStatus', { nullable: false }),
      status: t.expose('status', { type: status, nullable: false }),
      error: t.exposeString('error', { nullable: false, description: 'What it failed with last, or waits behind.' }),
      tries: t.exposeInt('tries', { nullable: false, description: 'How often it was tried by itself.' }),
      nextTryAt: t.expose('nextTryAt', { type: 'DateTime', nullable: true }),
      createdAt: t.expose('createdAt', { type: 'DateTime', nullable: false }),
      endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true }),
      endedBy: t.exposeString('endedBy', { nullable: true }),
      reason: t.exposeString('reason', { nullable: true }),
    }),
  });
  defineOwedFlowList(builder, status);
  defineOwedFlowActions(builder);
};

const defineOwedFlowList = (builder: Builder, status: StatusEnum): void => {
  const connection = defineConnection<OwedFlow>(builder, 'OwedFlow');
  builder.queryField('owedFlows', (t) =>
    t.field({
      type: connection,
      nullable: false,
      description: 'Newest first.',
      permission: 'PAYMENT_MANAGE',
      args: {
        orderId: t.arg.id(),
        status: t.arg({ type: status }),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
      },
      resolve: async (_, { orderId, status: wanted, first, after }, { owedFlows }) => {
        const request = pageRequest({ first, after });
        const filter = { ...request, orderId: orderId ?? undefined, status: wanted ?? undefined };
        return toConnection(await owedFlows.list(filter), request);
      },
    }),
  );
};

const defineOwedFlowActions = (builder: Builder): void => {
  const payload = builder.objectRef<{ readonly owedFlow: OwedFlow }>('OwedFlowPayload').implement({
    fields: (t) => ({ owedFlow: t.expose('owedFlow', { type: 'OwedFlow', nullable: false }) }),
  });
  const runInput = builder.inputType('RunOwedFlowInput', { fields: (t) => ({ id: t.id({ required: true }) }) });
  const skipInput = builder.inputType('SkipOwedFlowInput', {
    fields: (t) => ({ id: t.id({ required: true }), reason: t.string({ required: true }) }),
  });
  builder.mutationField('runOwedFlow', (t) =>
    t.field({
      type: payload,
      nullable: false,
      description: 'Tries it now; one that fails again stays OWED, with the error.',
      permission: 'PAYMENT_MANAGE',
      onEveryPlan: true,
      args: { input: t.arg({ type: runInput, required: true }) },
      resolve: async (_, { input: { id } }, { owedFlows, session }) => ({
        owedFlow: await owedFlows.run(id, actorOf(session.caller)),
      }),
    }),
  );
  builder.mutationField('skipOwedFlow', (t) =>
    t.field({
      type: payload,
      nullable: false,
      description: 'It never runs; a later charge is recorded on the order that its recurring payment was started for.',
      permission: 'PAYMENT_MANAGE',
      onEveryPlan: true,
      args: { input: t.arg({ type: skipInput, required: true }) },
      resolve: async (_, { input: { id, reason } }, { owedFlows, session }) => ({
        owedFlow: await owedFlows.skip(id, reason, actorOf(session.caller)),
      }),
    }),
  );
  const oweInput = builder.inputType('OweNextFlowInput', { fields: (t) => ({ orderId: t.id({ required: true }) }) });
  const owed = builder
    .objectRef<{ readonly orderId: string; readonly events: number }>('OweNextFlowPayload')
    .implement({
      description: 'events: how many are tried again at once.',
      fields: (t) => ({
        orderId: t.exposeID('orderId', { nullable: false }),
        events: t.exposeInt('events', { nullable: false }),
      }),
    });
  builder.mutationField('oweNextFlow', (t) =>
    t.field({
      type: owed,
      nullable: false,
      description: "The order's next flow is owed at once, however often it failed: its change is applied without it.",
      permission: 'PAYMENT_MANAGE',
      onEveryPlan: true,
      args: { input: t.arg({ type: oweInput, required: true }) },
      resolve: async (_, { input: { orderId } }, { owedFlows, session }) => ({
        orderId,
        events: await owedFlows.oweNext(orderId, actorOf(session.caller)),
      }),
    }),
  );
};
