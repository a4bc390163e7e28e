import type { AuditEntry } from '../installation/audit-log.js';
import type { Builder } from './builder.js';
import { given } from './given.js';
import { DEFAULT_FIRST, defineConnection, pageOfBoth, toConnection } from './page.js';

/** Defines AuditEntry and its list. */
export const defineAudit = (builder: Builder): void => {
  builder.objectType('AuditEntry', {
    description: 'Who changed which setting, role or key, and when; never a secret.',
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      at: t.expose('at', { type: 'DateTime', nullable: false }),
      actor: t.exposeString('actor', { nullable: false }),
      action: t.exposeString('action', { nullable: false }),
      detail: t.expose('detail', { type: 'JSON', nullable: false }),
    }),
  });
  const connection = defineConnection<AuditEntry>(builder, 'AuditEntry', 'Audit');
  builder.queryField('audit', (t) =>
    t.field({
      type: connection,
      nullable: false,
      permission: 'AUDIT_READ',
      args: {
        actor: t.arg.string(),
        action: t.arg.string(),
        from: t.arg({ type: 'DateTime' }),
        to: t.arg({ type: 'DateTime' }),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
        last: t.arg.int(),
        before: t.arg.string(),
      },
      resolve: async (_, { first, after, last, before, ...filter }, { audit }) => {
        const request = pageOfBoth({ first, after, last, before });
        return toConnection(await audit.list({ ...request, ...given(filter) }), request);
      },
    }),
  );
};
