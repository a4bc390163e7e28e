import { actorOf } from '../core/caller.js';
import type { AccountRoles, RoleGrants } from '../installation/role-management.js';
import type { Builder } from './builder.js';
import type { PermissionEnum } from './viewer.js';

/** Defines Role, the list of roles, and the mutations that decide who may do what. */
export const defineRole = (builder: Builder, permission: PermissionEnum): void => {
  const role = defineRoleType(builder, permission);
  builder.queryField('roles', (t) =>
    t.field({
      type: [role],
      nullable: false,
      permission: 'ROLE_MANAGE',
      resolve: (_, __, { roleManagement }) => roleManagement.list(),
    }),
  );
  builder.queryField('accountRoles', (t) =>
    t.field({
      type: [role],
      nullable: false,
      permission: 'ROLE_MANAGE',
      args: { accountId: t.arg.id({ required: true }) },
      resolve: async (_, { accountId }, { roleManagement }) => [...(await roleManagement.rolesOf(accountId))],
    }),
  );
  defineGrants(builder, role, permission);
  defineAssignments(builder, role);
};

type RoleType = ReturnType<typeof defineRoleType>;

const defineRoleType = (builder: Builder, permission: PermissionEnum) =>
  builder.objectRef<RoleGrants>('Role').implement({
    fields: (t) => ({
      name: t.exposeString('name', { nullable: false }),
      permissions: t.field({
        type: [permission],
        nullable: false,
        resolve: ({ permissions }) => [...permissions],
      }),
    }),
  });

const defineGrants = (builder: Builder, role: RoleType, permission: PermissionEnum): void => {
  const input = builder.inputType('RolePermissionInput', {
    fields: (t) => ({
      role: t.string({ required: true }),
      permission: t.field({ type: permission, required: true }),
    }),
  });
  const payload = builder.objectRef<{ readonly role: RoleGrants }>('RolePayload').implement({
    fields: (t) => ({ role: t.expose('role', { type: role, nullable: false }) }),
  });
  builder.mutationField('grantPermission', (t) =>
    t.field({
      type: payload,
      nullable: false,
      description: 'Makes the role if it is new.',
      permission: 'ROLE_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input }, { roleManagement, session }) => ({
        role: await roleManagement.grant(input.role, input.permission, actorOf(session.caller)),
      }),
    }),
  );
  builder.mutationField('revokePermission', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'ROLE_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_, { input }, { roleManagement, session }) => ({
        role: await roleManagement.revoke(input.role, input.permission, actorOf(session.caller)),
      }),
    }),
  );
};

const defineAssignments = (builder: Builder, role: RoleType): void => {
  const input = builder.inputType('AccountRoleInput', {
    fields: (t) => ({ accountId: t.id({ required: true }), role: t.string({ required: true }) }),
  });
  const payload = builder.objectRef<AccountRoles>('AccountRolesPayload').implement({
    fields: (t) => ({
      accountId: t.exposeID('accountId', { nullable: false }),
      roles: t.field({ type: [role], nullable: false, resolve: ({ roles }) => [...roles] }),
    }),
  });
  builder.mutationField('assignRole', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'ROLE_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, { input }, { roleManagement, session }) =>
        roleManagement.assign(input.accountId, input.role, actorOf(session.caller)),
    }),
  );
  builder.mutationField('unassignRole', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'ROLE_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, { input }, { roleManagement, session }) =>
        roleManagement.unassign(input.accountId, input.role, actorOf(session.caller)),
    }),
  );
};
