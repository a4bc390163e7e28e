import type { Builder } from './builder.js';

/** Defines TimelineEntry, which every kind of row with versions shares. */
export const defineTimeline = (builder: Builder): void => {
  builder.objectType('TimelineEntry', {
    description: 'One version of a row: what changed, when, why, and which flow ran.',
    fields: (t) => ({
      at: t.expose('at', { type: 'DateTime', nullable: false }),
      fromStatus: t.exposeString('fromStatus', { nullable: true }),
      toStatus: t.exposeString('toStatus', { nullable: false }),
      version: t.exposeInt('version', { nullable: false }),
      actor: t.exposeString('actor', { nullable: false }),
      eventId: t.exposeID('eventId', { nullable: true }),
      flow: t.exposeString('flow', { nullable: true }),
      flowOutcome: t.exposeString('flowOutcome', { nullable: true }),
      note: t.exposeString('note', { nullable: true }),
    }),
  });
};
