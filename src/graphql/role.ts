import { actorOf } from '../core/caller.js';
import type { AccountRoles, GivenRole, GivenRoles, RoleGrants } from '../installation/role-management.js';
import type { Builder } from './builder.js';
import { DEFAULT_FIRST, defineConnection, pageRequest, toConnection } from './page.js';
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
  defineAccounts(builder);
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
      reason: t.string({ description: 'For the audit.' }),
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
        role: await roleManagement.grant(input.role, input.permission, {
          actor: actorOf(session.caller),
          reason: input.reason,
        }),
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
        role: await roleManagement.revoke(input.role, input.permission, {
          actor: actorOf(session.caller),
          reason: input.reason,
        }),
      }),
    }),
  );
};

const defineAssignments = (builder: Builder, role: RoleType): void => {
  const input = builder.inputType('AccountRoleInput', {
    fields: (t) => ({
      accountId: t.id({ required: true }),
      role: t.string({ required: true }),
      reason: t.string({ description: 'For the audit.' }),
    }),
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
        roleManagement.assign(input.accountId, input.role, { actor: actorOf(session.caller), reason: input.reason }),
    }),
  );
  builder.mutationField('unassignRole', (t) =>
    t.field({
      type: payload,
      nullable: false,
      permission: 'ROLE_MANAGE',
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_, { input }, { roleManagement, session }) =>
        roleManagement.unassign(input.accountId, input.role, { actor: actorOf(session.caller), reason: input.reason }),
    }),
  );
};

const isAccountId = (id: string): boolean => id !== '' && id.length <= 255;

const defineAccounts = (builder: Builder): void => {
  const given = builder.objectRef<GivenRole>('GivenRole').implement({
    fields: (t) => ({
      role: t.exposeString('role', { nullable: false }),
      since: t.expose('since', {
        type: 'DateTime',
        nullable: true,
        description: 'Null where the audit does not tell.',
      }),
      by: t.exposeString('by', { nullable: true }),
      reason: t.exposeString('reason', { nullable: true }),
    }),
  });
  builder.objectType('Account', {
    description: 'An account to which roles were given.',
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      roles: t.field({ type: [given], nullable: false, resolve: (account) => [...account.given] }),
    }),
  });
  const connection = defineConnection<GivenRoles>(builder, 'Account');
  builder.queryField('accounts', (t) =>
    t.field({
      type: connection,
      nullable: false,
      description: 'Who has which role, since when, by whom and why; by id.',
      permission: 'ROLE_MANAGE',
      args: {
        role: t.arg.string(),
        first: t.arg.int({ defaultValue: DEFAULT_FIRST }),
        after: t.arg.string(),
      },
      resolve: async (_, { role, first, after }, { roleManagement }) => {
        const request = pageRequest({ first, after }, isAccountId);
        return toConnection(await roleManagement.accounts({ ...request, role: role ?? undefined }), request);
      },
    }),
  );
};
