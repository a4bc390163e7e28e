import { actorOf } from '../../core/caller.js';
import type { Builder } from '../../graphql/builder.js';
import { given } from '../../graphql/given.js';
import { DEFAULT_FIRST, defineConnection, pageOfBoth, pageRequest, toConnection } from '../../graphql/page.js';
import { DELIVERY_STATUSES, type OutgoingDelivery, type OutgoingWebhook } from './row.js';
import type { OutgoingWebhooks, WebhookInput, WithSecret } from './webhooks.js';

declare module '../../graphql/builder.js' {
  interface ObjectTypes {
    OutgoingWebhook: OutgoingWebhook;
    OutgoingDelivery: OutgoingDelivery;
  }
}
declare module '../../graphql/context.js' {
  interface NounDomain {
    readonly outgoing: OutgoingWebhooks;
  }
}

const PERMISSION = 'OUTGOING_WEBHOOK_MANAGE';

/** Defines outgoing webhooks, their deliveries, and what an operator does about them. */
export const defineOutgoing = (builder: Builder): void => {
  const status = defineStatus(builder);
  defineDelivery(builder, status);
  defineWebhook(builder, status);
  defineWebhookActions(builder);
  defineDeliveryActions(builder);
};

const defineStatus = (builder: Builder) =>
  builder.enumType('DeliveryStatus', {
    description: 'WAITING: not tried yet. FAILED: tried again by itself. DEAD: given up on; redeliver it.',
    values: DELIVERY_STATUSES,
  });
type StatusEnum = ReturnType<typeof defineStatus>;

const defineDelivery = (builder: Builder, status: StatusEnum): void => {
  builder.objectType('OutgoingDelivery', {
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      webhookId: t.exposeID('webhookId', { nullable: false }),
      eventType: t.exposeString('eventType', { nullable: false }),
      nodeType: t.exposeString('nodeType', { nullable: true, description: 'What it tells of: PAYMENT, REFUND, ….' }),
      nodeId: t.exposeID('nodeId', { nullable: true }),
      version: t.exposeInt('version', { nullable: true, description: 'The version of the row.' }),
      nextAttemptAt: t.expose('nextAttemptAt', { type: 'DateTime', nullable: true }),
      status: t.expose('status', { type: status, nullable: false }),
      attempts: t.exposeInt('attempts', { nullable: false }),
      lastStatusCode: t.exposeInt('lastStatusCode', { nullable: true }),
      lastError: t.exposeString('lastError', { nullable: true }),
      createdAt: t.expose('createdAt', { type: 'DateTime', nullable: false }),
      deliveredAt: t.expose('deliveredAt', { type: 'DateTime', nullable: true }),
      payload: t.field({
        type: 'JSON',
        nullable: false,
        description: 'What is sent.',
        resolve: (delivery, _, { outgoing }) => outgoing.payloadOf(delivery),
      }),
    }),
  });
};

const defineWebhook = (builder: Builder, status: StatusEnum): void => {
  const connection = defineConnection<OutgoingDelivery>(builder, 'OutgoingDelivery');
  builder.objectType('OutgoingWebhook', {
    description: 'Where else changes are told: signed as Standard Webhooks says, retried, logged.',
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      url: t.exposeString('url', { nullable: false }),
      eventTypes: t.exposeStringList('eventTypes', { nullable: false }),
      enabled: t.exposeBoolean('enabled', { nullable: false }),
      description: t.exposeString('description', { nullable: true }),
      endedReason: t.exposeString('endedReason', { nullable: true, description: 'Why it was switched off by itself.' }),
      createdAt: t.expose('createdAt', { type: 'DateTime', nullable: false }),
      deliveries: t.field({
        type: connection,
        nullable: false,
        description: 'Newest first; those that ended are kept for 30 days.',
        args: {
          status: t.arg({ type: status }),
          first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
          after: t.arg.string(),
        },
        resolve: async ({ id }, { status: wanted, first, after }, { outgoing }) => {
          const request = pageRequest({ first, after });
          return toConnection(
            await outgoing.deliveries({ ...request, webhookId: id, status: wanted ?? undefined }),
            request,
          );
        },
      }),
    }),
  });
  builder.queryField('outgoingDeliveries', (t) =>
    t.field({
      type: connection,
      nullable: false,
      description:
        'Of all endpoints, newest first. search: an id of the row that is told of, or one that finds its payment in payments. nodeId: of this row, and of its refunds and disputes where it is a payment.',
      permission: PERMISSION,
      args: {
        webhookId: t.arg.id(),
        status: t.arg({ type: status }),
        eventType: t.arg.string(),
        search: t.arg.string(),
        nodeId: t.arg.id(),
        createdFrom: t.arg({ type: 'DateTime' }),
        createdTo: t.arg({ type: 'DateTime' }),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
        last: t.arg.int(),
        before: t.arg.string(),
      },
      resolve: async (_, { first, after, last, before, ...filter }, { outgoing }) => {
        const request = pageOfBoth({ first, after, last, before });
        return toConnection(await outgoing.deliveries({ ...request, ...given(filter) }), request);
      },
    }),
  );
  builder.queryField('outgoingWebhooks', (t) =>
    t.field({
      type: ['OutgoingWebhook'],
      nullable: false,
      permission: PERMISSION,
      resolve: (_, __, { outgoing }) => outgoing.list(),
    }),
  );
};

const readInput = ({
  url,
  eventTypes,
  description,
  enabled,
}: {
  url: string;
  eventTypes: string[];
  description?: string | null | undefined;
  enabled?: boolean | null | undefined;
}): WebhookInput => ({
  url,
  eventTypes,
  description: description ?? undefined,
  enabled: enabled ?? undefined,
});

const defineWebhookActions = (builder: Builder): void => {
  const input = builder.inputType('OutgoingWebhookInput', {
    fields: (t) => ({
      url: t.string({ required: true }),
      eventTypes: t.stringList({ required: true }),
      description: t.string(),
      enabled: t.boolean({ defaultValue: true }),
    }),
  });
  const withSecret = builder.objectRef<WithSecret>('CreateOutgoingWebhookPayload').implement({
    description: 'The secret is shown once.',
    fields: (t) => ({
      webhook: t.expose('webhook', { type: 'OutgoingWebhook', nullable: false }),
      secret: t.exposeString('secret', { nullable: false }),
    }),
  });
  const payload = builder.objectRef<{ readonly webhook: OutgoingWebhook }>('OutgoingWebhookPayload').implement({
    fields: (t) => ({ webhook: t.expose('webhook', { type: 'OutgoingWebhook', nullable: false }) }),
  });
  const deleted = builder.objectRef<{ readonly id: string }>('DeletePayload').implement({
    fields: (t) => ({ id: t.exposeID('id', { nullable: false }) }),
  });
  builder.mutationFields((t) => ({
    createOutgoingWebhook: t.field({
      type: withSecret,
      nullable: false,
      permission: PERMISSION,
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, args, { outgoing, session }) => outgoing.create(readInput(args.input), actorOf(session.caller)),
    }),
    updateOutgoingWebhook: t.field({
      type: payload,
      nullable: false,
      permission: PERMISSION,
      args: { id: t.arg.id({ required: true }), input: t.arg({ type: input, required: true }) },
      resolve: async (_, args, { outgoing, session }) => ({
        webhook: await outgoing.update(args.id, readInput(args.input), actorOf(session.caller)),
      }),
    }),
    deleteOutgoingWebhook: t.field({
      type: deleted,
      nullable: false,
      permission: PERMISSION,
      args: { id: t.arg.id({ required: true }) },
      resolve: async (_, { id }, { outgoing, session }) => {
        await outgoing.delete(id, actorOf(session.caller));
        return { id };
      },
    }),
    rotateOutgoingWebhookSecret: t.field({
      type: withSecret,
      nullable: false,
      description: 'The old secret signs too for a day.',
      permission: PERMISSION,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { outgoing, session }) => outgoing.rotateSecret(id, actorOf(session.caller)),
    }),
  }));
};

const defineDeliveryActions = (builder: Builder): void => {
  const input = builder.inputType('DeliveryInput', {
    fields: (t) => ({ id: t.id({ required: true }), reason: t.string({ description: 'For the audit.' }) }),
  });
  const payload = builder.objectRef<{ readonly delivery: OutgoingDelivery }>('OutgoingDeliveryPayload').implement({
    fields: (t) => ({ delivery: t.expose('delivery', { type: 'OutgoingDelivery', nullable: false }) }),
  });
  builder.mutationFields((t) => ({
    testOutgoingWebhook: t.field({
      type: payload,
      nullable: false,
      description: 'Sends a test message now.',
      permission: PERMISSION,
      args: { id: t.arg.id({ required: true }) },
      resolve: async (_, { id }, { outgoing }) => ({ delivery: await outgoing.test(id) }),
    }),
    redeliver: t.field({
      type: payload,
      nullable: false,
      description: 'Sends a message once more, soon.',
      permission: PERMISSION,
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, args, { outgoing, session }) => ({
        delivery: await outgoing.redeliver(args.input.id, {
          actor: actorOf(session.caller),
          reason: args.input.reason,
        }),
      }),
    }),
  }));
  defineRedeliverDead(builder);
};

const defineRedeliverDead = (builder: Builder): void => {
  const input = builder.inputType('RedeliverDeadInput', {
    fields: (t) => ({ webhookId: t.id({ required: true }), reason: t.string({ description: 'For the audit.' }) }),
  });
  const payload = builder.objectRef<{ readonly deliveries: number }>('RedeliverDeadPayload').implement({
    fields: (t) => ({
      deliveries: t.exposeInt('deliveries', { nullable: false, description: 'How many are sent once more.' }),
    }),
  });
  builder.mutationField('redeliverDead', (t) =>
    t.field({
      type: payload,
      nullable: false,
      description: 'Sends all messages of an endpoint once more, soon, that were given up on.',
      permission: PERMISSION,
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input: { webhookId, reason } }, { outgoing, session }) => ({
        deliveries: await outgoing.redeliverDead(webhookId, { actor: actorOf(session.caller), reason }),
      }),
    }),
  );
};
