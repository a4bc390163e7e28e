import type { Command } from 'commander';
import { PERMISSIONS, type Permission } from '../core/permissions.js';
import {
  type AccountRoles,
  createRoleManagement,
  type RoleGrants,
  type RoleManagement,
} from '../installation/role-management.js';
import { createOutput, type JsonOption, UsageError } from './output.js';
import { withParts } from './parts.js';

const withRoles = <T>(work: (roles: RoleManagement) => Promise<T>): Promise<T> =>
  withParts(({ database, changed }) => work(createRoleManagement({ database, changed, keepsAdministrator: false })));

const OPERATOR = 'operator';

interface ReasonOption extends JsonOption {
  readonly reason?: string;
}

const parsePermission = (text: string): Permission => {
  const found = PERMISSIONS.find((permission) => permission === text.toUpperCase());
  if (!found) throw new UsageError(`There is no permission "${text}". They are: ${PERMISSIONS.join(', ')}.`);
  return found;
};

const describeRole = ({ name, permissions }: RoleGrants): string => `${name}: ${permissions.join(' ') || 'nothing'}`;

const describeAccount = ({ accountId, roles }: AccountRoles): string =>
  `${accountId}: ${roles.map(({ name }) => name).join(' ') || 'no role'}`;

/** Adds the commands that decide who may do what. */
export const addRoleCommands = (program: Command): void => {
  const role = program.command('role').description('decide who may do what');
  const command = (usage: string, description: string): Command =>
    role.command(usage).description(description).option('--json', 'print the result as JSON');

  const change = (usage: string, description: string): Command =>
    command(usage, description).option('--reason <text>', 'why, for the audit');

  command('list', 'print every role with its permissions').action(async (options: JsonOption) => {
    const roles = await withRoles((management) => management.list());
    createOutput(options).data(roles, roles.map(describeRole).join('\n'));
  });
  change('grant <role> <permission>', 'let a role do something; makes the role if it is new').action(
    async (name: string, permission: string, options: ReasonOption) => {
      const granted = await withRoles((management) =>
        management.grant(name, parsePermission(permission), { actor: OPERATOR, reason: options.reason }),
      );
      createOutput(options).data(granted, describeRole(granted));
    },
  );
  change('revoke <role> <permission>', 'take it back').action(
    async (name: string, permission: string, options: ReasonOption) => {
      const revoked = await withRoles((management) =>
        management.revoke(name, parsePermission(permission), { actor: OPERATOR, reason: options.reason }),
      );
      createOutput(options).data(revoked, describeRole(revoked));
    },
  );
  change('assign <account> <role>', 'give an account a role').action(
    async (account: string, name: string, options: ReasonOption) => {
      const assigned = await withRoles((management) =>
        management.assign(account, name, { actor: OPERATOR, reason: options.reason }),
      );
      createOutput(options).data(assigned, describeAccount(assigned));
    },
  );
  change('unassign <account> <role>', 'take the role from the account').action(
    async (account: string, name: string, options: ReasonOption) => {
      const left = await withRoles((management) =>
        management.unassign(account, name, { actor: OPERATOR, reason: options.reason }),
      );
      createOutput(options).data(left, describeAccount(left));
    },
  );
};
