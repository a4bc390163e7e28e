import type { EventHandler } from '../../../src/inbox/handler.js';
import { hintOf, ignored } from '../../../src/inbox/hints.js';
import type { Noun } from '../../../src/nouns/noun.js';

declare module '../../../src/graphql/context.js' {
  interface NounDomain {
    readonly coupons?: { heard(): readonly string[] };
  }
}

const COUPON_EVENTS = ['coupon.created'] as const;

/** A noun with nothing of its own but its events, a field and a job: what each noun may have, without a table. */
export const coupons: Noun = {
  name: 'coupons',
  entities: [],
  eventTypes: COUPON_EVENTS,
  define(builder) {
    builder.queryField('coupons', (t) =>
      t.field({
        type: ['ID'],
        permission: 'PUBLIC',
        resolve: (_, __, { coupons }) => [...(coupons?.heard() ?? [])],
      }),
    );
  },
  build() {
    const heard: string[] = [];
    const handler: EventHandler = {
      unmatched: 'unused',
      ignore: () => undefined,
      isKnown: async () => true,
      deliversDuplicates: false,
      prepare:
        async (_, { event }) =>
        async () => {
          heard.push(hintOf(event).id);
          return ignored('Coupons are only heard of.');
        },
      fetch: () => Promise.reject(new Error('A coupon is never asked for.')),
    };
    return {
      parts: undefined,
      handlers: [[COUPON_EVENTS, handler]],
      domain: { coupons: { heard: () => heard } },
      jobs: [{ name: 'coupons', run: async () => void (heard.includes('a job ran') || heard.push('a job ran')) }],
    };
  },
};
