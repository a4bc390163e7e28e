import { actorOf } from '../core/caller.js';
import { BadUserInputError } from '../core/errors.js';
import { EVENT_STATUSES } from '../core/states.js';
import { type EventCount, type EventFilter, type InboxEvent, MOST_COUNTED } from '../inbox/event-reads.js';
import type { ReplayedStep } from '../inbox/event-replay.js';
import type { Builder } from './builder.js';
import { DEFAULT_FIRST, defineConnection, MAX_FIRST, pageOfBoth, toConnection } from './page.js';

/** Stripe's form of an event's id. */
const isEventId = (id: string): boolean => /^evt_\w{1,100}$/.test(id);

/** Defines WebhookEvent, and the fields that read and replay the inbox. */
export const defineWebhookEvent = (builder: Builder): void => {
  const status = defineStatus(builder);
  defineEventType(builder, status);
  defineQueries(builder, status);
  defineReplay(builder);
  defineReplayOfMany(builder, status);
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
        receivedFrom: t.arg({ type: 'DateTime' }),
        receivedTo: t.arg({ type: 'DateTime' }),
        search: t.arg.string(),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
        last: t.arg.int(),
        before: t.arg.string(),
      },
      resolve: async (_, { first, after, last, before, ...filter }, { events }) => {
        const request = pageOfBoth({ first, after, last, before }, isEventId);
        return toConnection(await events.list({ ...request, ...toFilter(filter) }), request);
      },
    }),
  }));
};

interface AskedFilter {
  readonly type?: string | null | undefined;
  readonly status?: InboxEvent['status'] | null | undefined;
  readonly receivedFrom?: Date | null | undefined;
  readonly receivedTo?: Date | null | undefined;
  readonly search?: string | null | undefined;
}

const toFilter = ({ type, status, receivedFrom, receivedTo, search }: AskedFilter): EventFilter => ({
  type: type ?? undefined,
  status: status ?? undefined,
  since: receivedFrom ?? undefined,
  until: receivedTo ?? undefined,
  search: search ?? undefined,
});

const defineReplay = (builder: Builder): void => {
  const input = builder.inputType('ReplayEventInput', {
    fields: (t) => ({ id: t.id({ required: true }), reason: t.string({ description: 'For the audit.' }) }),
  });
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
        event: await events.replay(args.input.id, { actor: actorOf(session.caller), reason: args.input.reason }),
      }),
    }),
  );
};

const defineReplayOfMany = (builder: Builder, status: StatusRef): void => {
  const count = builder.objectRef<EventCount>('WebhookEventCount').implement({
    fields: (t) => ({
      count: t.exposeInt('count', { nullable: false, description: `Counted to ${MOST_COUNTED}.` }),
      isMore: t.exposeBoolean('isMore', { nullable: false, description: 'There are more than were counted.' }),
    }),
  });
  builder.queryField('webhookEventCount', (t) =>
    t.field({
      type: count,
      nullable: false,
      description: 'How many events fit: what replayEvents would take.',
      permission: 'EVENT_READ',
      args: {
        type: t.arg.string(),
        status: t.arg({ type: status }),
        receivedFrom: t.arg({ type: 'DateTime' }),
        receivedTo: t.arg({ type: 'DateTime' }),
      },
      resolve: (_, filter, { events }) => events.count(toFilter(filter)),
    }),
  );
  const input = defineReplayInput(builder, status);
  const payload = defineReplayPayload(builder);
  builder.mutationField('replayEvents', (t) =>
    t.field({
      type: payload,
      nullable: false,
      description:
        'Replays the events that fit in the order in which they came, a step at a time: call it with the "next" that it gave until that is null. Repeating a step does no harm.',
      permission: 'EVENT_REPLAY',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, { input: { first, after, reason, ...filter } }, { events, session }) =>
        events.replayStep(
          { filter: toFilter(filter), first: stepSize(first), after: lastEvent(after) },
          { actor: actorOf(session.caller), reason },
        ),
    }),
  );
};

const defineReplayInput = (builder: Builder, status: StatusRef) =>
  builder.inputType('ReplayEventsInput', {
    fields: (t) => ({
      type: t.string(),
      status: t.field({ type: status }),
      receivedFrom: t.field({ type: 'DateTime' }),
      receivedTo: t.field({
        type: 'DateTime',
        required: true,
        description: 'Before it: so that what comes meanwhile is not taken too.',
      }),
      first: t.int({ defaultValue: MAX_FIRST, description: `At most so many in this step, 1 to ${MAX_FIRST}.` }),
      after: t.id({ description: 'The "next" of the step before.' }),
      reason: t.string({ description: 'For the audit.' }),
    }),
  });

const defineReplayPayload = (builder: Builder) => {
  const failure = builder.objectRef<ReplayedStep['failed'][number]>('ReplayFailure').implement({
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      error: t.exposeString('error', { nullable: false }),
    }),
  });
  return builder.objectRef<ReplayedStep>('ReplayEventsPayload').implement({
    fields: (t) => ({
      replayed: t.exposeInt('replayed', { nullable: false, description: 'Those that failed again included.' }),
      failed: t.field({ type: [failure], nullable: false, resolve: ({ failed }) => [...failed] }),
      next: t.exposeID('next', { nullable: true, description: 'Null where nothing is left.' }),
    }),
  });
};

const stepSize = (first: number | null | undefined): number => {
  const size = first ?? MAX_FIRST;
  if (size < 1 || size > MAX_FIRST) throw new BadUserInputError(`"first" must be 1 to ${MAX_FIRST}; it is ${size}.`);
  return size;
};

const lastEvent = (after: string | null | undefined): string | undefined => {
  if (after == null) return undefined;
  if (!isEventId(after)) throw new BadUserInputError('"after" is the "next" of the step before.');
  return after;
};
