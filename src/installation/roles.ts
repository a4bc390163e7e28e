import type { Caller } from '../core/caller.js';
import { PERMISSIONS, type Permission } from '../core/permissions.js';
import type { Database } from '../storage/database.js';

/** Who may do what. Rights are the union of an account's roles. */
export interface Roles {
  /**
   * The caller behind a verified token (null: none). Roles are `anonymous` without an account, else `logged_in`, those
   * granted in the database, and `tokenRoles` (already filtered by configuration). Cheap enough to ask at each message.
   */
  callerOf(accountId: string | null, tokenRoles: readonly string[]): Promise<Caller>;
  /** Forgets what was read: a role or an account changed, here or in another process. */
  forget(): void;
}

/** Should the word of a change be lost, rights are read again after this. */
const KEPT_MS = 5_000;
const KEPT_ACCOUNTS = 10_000;

const isPermission = (name: string): name is Permission => (PERMISSIONS as readonly string[]).includes(name);

/** Builds the reader of roles, with a short memory. */
export const createRoles = (database: Database): Roles => {
  const accounts = new Map<string, { roles: Promise<string[]>; until: number }>();
  let granted: { permissions: Promise<Map<string, Permission[]>>; until: number } | undefined;

  const readGrants = async (): Promise<Map<string, Permission[]>> => {
    const rows = await database.query<{ role: string; permissions: string[] }>({
      name: 'role_grants',
      text: 'select role, array_agg(permission) as "permissions" from tollgate.role_permission group by role',
    });
    return new Map(rows.map(({ role, permissions }) => [role, permissions.filter(isPermission)]));
  };
  const grants = (): Promise<Map<string, Permission[]>> => {
    if (!granted || granted.until < performance.now()) {
      const permissions = readGrants();
      granted = { permissions, until: performance.now() + KEPT_MS };
      permissions.catch(() => {
        granted = undefined;
      });
    }
    return granted.permissions;
  };
  const rolesOf = (accountId: string): Promise<string[]> => {
    const known = accounts.get(accountId);
    if (known && known.until > performance.now()) return known.roles;
    const roles = database
      .query<{ role: string }>({
        name: 'account_roles',
        text: 'select role from tollgate.account_role where account_id = $1 order by role',
        values: [accountId],
      })
      .then((rows) => rows.map(({ role }) => role));
    roles.catch(() => accounts.delete(accountId));
    accounts.delete(accountId);
    accounts.set(accountId, { roles, until: performance.now() + KEPT_MS });
    const [oldest] = accounts.keys();
    if (accounts.size > KEPT_ACCOUNTS && oldest !== undefined) accounts.delete(oldest);
    return roles;
  };

  return {
    async callerOf(accountId, tokenRoles) {
      const roles =
        accountId === null ? ['anonymous'] : [...new Set(['logged_in', ...(await rolesOf(accountId)), ...tokenRoles])];
      const table = await grants();
      return { accountId, roles, permissions: new Set(roles.flatMap((role) => table.get(role) ?? [])) };
    },
    forget() {
      accounts.clear();
      granted = undefined;
    },
  };
};
