import { actorOf } from '../core/caller.js';
import { EVENT_STATUSES } from '../core/states.js';
import type { InboxEvent } from '../inbox/event-reads.js';
import type { Builder } from './builder.js';
import { DEFAULT_FIRST, defineConnection, pageRequest, toConnection } from './page.js';

/** Stripe's form of an event's id. */
const isEventId = (id: string): boolean => /^evt_\w{1,100}$/.test(id);

/** Defines WebhookEvent, and the fields that read and replay the inbox. */
export const defineWebhookEvent = (builder: Builder): void => {
  const status = defineStatus(builder);
  defineEventType(builder, status);
  defineQueries(builder, status);
  defineReplay(builder);
};

const defineStatus = (builder: Builder) =>
  builder.enumType('WebhookEventStatus', {
    description:
      'RECEIVED: stored, not yet applied. IGNORED: not ours, wrong mode, or unmatched, with the reason. DEAD: given up on; replay it.',
    values: EVENT_STATUSES,
  });

type StatusRef = ReturnType<typeof defineStatus>;

const defineEventType = (builder: Builder, status: StatusRef): void => {
  builder.objectType('WebhookEvent', {
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      type: t.exposeString('type', { nullable: false }),
      status: t.expose('status', { type: status, nullable: false }),
      reason: t.exposeString('reason', { nullable: true }),
      attempts: t.exposeInt('attempts', { nullable: false }),
      lastError: t.exposeString('lastError', { nullable: true }),
      receivedAt: t.expose('receivedAt', { type: 'DateTime', nullable: false }),
      processedAt: t.expose('processedAt', { type: 'DateTime', nullable: true }),
      payload: t.field({
        type: 'JSON',
        nullable: true,
        resolve: ({ payload }) => (payload === null ? null : (JSON.parse(payload) as unknown)),
      }),
    }),
  });
};

const defineQueries = (builder: Builder, status: StatusRef): void => {
  const connection = defineConnection<InboxEvent>(builder, 'WebhookEvent');
  builder.queryFields((t) => ({
    webhookEvent: t.field({
      type: 'WebhookEvent',
      nullable: true,
      permission: 'EVENT_READ',
      args: { id: t.arg.id({ required: true }) },
      resolve: (_, { id }, { events }) => events.find(id),
    }),
    webhookEvents: t.field({
      type: connection,
      nullable: false,
      permission: 'EVENT_READ',
      args: {
        type: t.arg.string(),
        status: t.arg({ type: status }),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
      },
      resolve: async (_, { type, status: asked, ...page }, { events }) => {
        const request = pageRequest(page, isEventId);
        return toConnection(
          await events.list({ ...request, type: type ?? undefined, status: asked ?? undefined }),
          request,
        );
      },
    }),
  }));
};

const defineReplay = (builder: Builder): void => {
  const input = builder.inputType('ReplayEventInput', { fields: (t) => ({ id: t.id({ required: true }) }) });
  const payload = builder.objectRef<{ readonly event: InboxEvent }>('ReplayEventPayload').implement({
    fields: (t) => ({ event: t.expose('event', { type: 'WebhookEvent', nullable: false }) }),
  });
  builder.mutationField('replayEvent', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'EVENT_REPLAY',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, args, { events, session }) => ({
        event: await events.replay(args.input.id, actorOf(session.caller)),
      }),
    }),
  );
};
