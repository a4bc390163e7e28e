import type { Builder } from './builder.js';

/** Defines the problems that an operator should fix. */
export const defineProblems = (builder: Builder): void => {
  builder.objectType('Problem', {
    description: 'Something the operator should mend, with the remedy in words.',
    fields: (t) => ({
      code: t.exposeString('code', { nullable: false }),
      message: t.exposeString('message', { nullable: false }),
      remedy: t.exposeString('remedy', { nullable: false }),
      since: t.expose('since', { type: 'DateTime', nullable: false }),
    }),
  });
  builder.queryField('problems', (t) =>
    t.field({
      type: ['Problem'],
      nullable: false,
      permission: 'SETTINGS_READ',
      resolve: async (_, __, { problems }) => [...(await problems.list())],
    }),
  );
};
