import { PERMISSION_MEANINGS, PERMISSIONS, type Permission } from '../core/permissions.js';
import type { Builder } from './builder.js';

/** Defines the permissions' enum, Viewer and Query.viewer: who the server takes the caller for. */
export const defineViewer = (builder: Builder): PermissionEnum => {
  const permission = definePermission(builder);
  builder.objectType('Viewer', {
    fields: (t) => ({
      accountId: t.exposeID('accountId', { nullable: true }),
      sessionEndsAt: t.field({
        type: 'DateTime',
        description: 'When the token ends; null without one, or where it has no end.',
        resolve: (_, __, { session }) => session.expiresAt,
      }),
      roles: t.stringList({ nullable: false, resolve: ({ roles }) => [...roles] }),
      permissions: t.field({
        type: [permission],
        nullable: false,
        resolve: ({ permissions }) => PERMISSIONS.filter((name) => permissions.has(name)),
      }),
    }),
  });
  builder.queryField('viewer', (t) =>
    t.field({
      type: 'Viewer',
      nullable: false,
      permission: 'PUBLIC',
      resolve: (_, __, { session }) => session.caller,
    }),
  );
  return permission;
};

const definePermission = (builder: Builder) =>
  builder.enumType('Permission', {
    values: Object.fromEntries(
      PERMISSIONS.map((permission) => {
        const description = PERMISSION_MEANINGS[permission];
        return [permission, description === undefined ? {} : { description }];
      }),
    ) as Record<Permission, { description?: string }>,
  });

/** The permissions' enum of one build. */
export type PermissionEnum = ReturnType<typeof definePermission>;
