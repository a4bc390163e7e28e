import { isNodeId } from '../core/node-id.js';
import type { Permission } from '../core/permissions.js';
import type { Builder, Types } from './builder.js';
import type { Context } from './context.js';

/** How `node` finds rows of one kind: as the kind's own field would, with the same permission. */
export interface NodeKind {
  readonly typename: keyof Types['Objects'] & string;
  readonly permission: Permission;
  find(id: string, context: Context): Promise<{ readonly id: string } | null>;
}

/** Defines Node and Query.node over the kinds, asked in turn: an id belongs to one of them at most. */
export const defineNode = (builder: Builder, kinds: readonly NodeKind[]): void => {
  builder.interfaceType('Node', {
    description: 'Ids are integers, unique across payments, refunds and recurring payments.',
    resolveType: (row) => (row as { __typename?: string }).__typename,
    fields: (t) => ({ id: t.exposeID('id', { nullable: false }) }),
  });
  builder.queryField('node', (t) =>
    t.field({
      type: 'Node',
      description: "Only what the caller could read through the type's own field.",
      permission: 'PUBLIC',
      args: { id: t.arg.id({ required: true }) },
      resolve: async (_, { id }, context) => {
        if (!isNodeId(id)) return null;
        for (const { typename, permission, find } of kinds) {
          if (!context.session.caller.permissions.has(permission)) continue;
          const row = await find(id, context);
          if (row) return { ...row, __typename: typename };
        }
        return null;
      },
    }),
  );
};
