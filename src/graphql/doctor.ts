import type { Examination, Finding } from '../installation/problems.js';
import type { Builder } from './builder.js';

/** Defines runDoctor: the checks of the doctor's command, for a page. */
export const defineDoctor = (builder: Builder): void => {
  const finding = builder.objectRef<Finding>('DoctorFinding').implement({
    fields: (t) => ({
      code: t.exposeString('code', { nullable: false }),
      message: t.exposeString('message', { nullable: false }),
      remedy: t.exposeString('remedy', { nullable: false }),
    }),
  });
  const check = builder.objectRef<Examination>('DoctorCheck').implement({
    fields: (t) => ({
      title: t.exposeString('title', { nullable: false }),
      asks: t.exposeString('asks', { nullable: false, description: 'What was asked, and whom.' }),
      detail: t.exposeString('detail', { nullable: true, description: 'Why all is well; null where it is not.' }),
      warning: t.field({ type: finding, resolve: ({ warning }) => warning }),
      problems: t.field({ type: [finding], nullable: false, resolve: ({ problems }) => [...problems] }),
    }),
  });
  const payload = builder.objectRef<{ readonly checks: readonly Examination[] }>('DoctorPayload').implement({
    fields: (t) => ({
      ok: t.boolean({
        nullable: false,
        resolve: ({ checks }) => checks.every(({ problems }) => problems.length === 0),
      }),
      checks: t.field({ type: [check], nullable: false, resolve: ({ checks }) => [...checks] }),
    }),
  });
  builder.mutationField('runDoctor', (t) =>
    t.field({
      type: payload,
      nullable: false,
      description:
        'Asks the database, Stripe, Redis and the flows, as "tollgate doctor" does; it changes nothing and may take a minute. Many at once share one run.',
      permission: 'SETTINGS_MANAGE',
      resolve: async (_, __, { problems }) => ({ checks: await problems.examine() }),
    }),
  );
};
