import { actorOf } from '../core/caller.js';
import { NotFoundError } from '../core/errors.js';
import { isNodeId } from '../core/node-id.js';
import type { EffectEntry } from '../flows/effect-jobs.js';
import type { Builder } from './builder.js';
import { given } from './given.js';
import { DEFAULT_FIRST, defineConnection, pageRequest, toConnection } from './page.js';

/** Defines Effect, and the fields that read and retry the queue of effects. */
export const defineEffects = (builder: Builder): void => {
  defineEffectType(builder);
  const connection = defineConnection<EffectEntry>(builder, 'Effect');
  builder.queryField('effects', (t) =>
    t.field({
      type: connection,
      nullable: false,
      description:
        'Oldest first; what has run is gone. dead: those alone that were given up on. nodeId: those that callbacks of this payment asked for, of its refunds and disputes too, or of this recurring payment.',
      permission: 'EVENT_READ',
      args: {
        dead: t.arg.boolean({ defaultValue: false }),
        name: t.arg.string(),
        nodeId: t.arg.id(),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
      },
      resolve: async (_, { first, after, ...filter }, { effects }) => {
        const request = pageRequest({ first, after });
        return toConnection(await effects.list({ ...request, ...given(filter) }), request);
      },
    }),
  );
  defineRetries(builder);
};

const defineEffectType = (builder: Builder): void => {
  builder.objectType('Effect', {
    description: 'What a callback flow asked for outside of the database, while it waits, runs, or was given up on.',
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      name: t.exposeString('name', { nullable: false }),
      payload: t.expose('payload', { type: 'JSON', nullable: true }),
      idempotencyKey: t.exposeString('idempotencyKey', { nullable: false }),
      attempts: t.exposeInt('attempts', { nullable: false }),
      maxAttempts: t.exposeInt('maxAttempts', { nullable: false }),
      dead: t.exposeBoolean('dead', { nullable: false, description: 'Given up on; retry it.' }),
      running: t.exposeBoolean('running', { nullable: false }),
      nextAttemptAt: t.field({
        type: 'DateTime',
        description: 'Null where it is dead.',
        resolve: ({ dead, nextAttemptAt }) => (dead ? null : nextAttemptAt),
      }),
      lastError: t.exposeString('lastError', { nullable: true, description: 'Without what looks like a secret.' }),
      flow: t.string({ nullable: true, description: 'Which flow asked for it.', resolve: ({ cause }) => cause?.flow }),
      nodeType: t.string({
        nullable: true,
        description: 'What for: PAYMENT, also where its refund or dispute changed, or RECURRING_PAYMENT.',
        resolve: ({ cause }) => cause?.nodeType,
      }),
      nodeId: t.id({ nullable: true, resolve: ({ cause }) => cause?.nodeId }),
      addedAt: t.expose('addedAt', { type: 'DateTime', nullable: false }),
    }),
  });
};

const defineRetries = (builder: Builder): void => {
  const payload = builder.objectRef<{ readonly ids: readonly string[] }>('RetryEffectsPayload').implement({
    fields: (t) => ({
      ids: t.idList({
        nullable: false,
        description: 'Those that are tried again at once.',
        resolve: ({ ids }) => [...ids],
      }),
    }),
  });
  const one = builder.inputType('RetryEffectInput', {
    fields: (t) => ({ id: t.id({ required: true }), reason: t.string({ description: 'For the audit.' }) }),
  });
  const many = builder.inputType('RetryDeadEffectsInput', {
    fields: (t) => ({
      name: t.string({ description: 'Those of this name alone.' }),
      reason: t.string({ description: 'For the audit.' }),
    }),
  });
  builder.mutationFields((t) => ({
    retryEffect: t.field({
      type: payload,
      nullable: false,
      description: 'Tries it again at once, with all its attempts ahead. One that runs is left alone.',
      permission: 'EVENT_REPLAY',
      args: { input: t.arg({ type: one, required: true }) },
      resolve: async (_, { input: { id, reason } }, { effects, session }) => {
        if (!isNodeId(id)) throw new NotFoundError('effect', id);
        return { ids: await effects.retry({ ids: [id] }, { actor: actorOf(session.caller), reason }) };
      },
    }),
    retryDeadEffects: t.field({
      type: payload,
      nullable: false,
      description: 'Tries all again that were given up on.',
      permission: 'EVENT_REPLAY',
      args: { input: t.arg({ type: many, required: true }) },
      resolve: async (_, { input: { name, reason } }, { effects, session }) => ({
        ids: await effects.retry({ name: name ?? undefined }, { actor: actorOf(session.caller), reason }),
      }),
    }),
  }));
};
