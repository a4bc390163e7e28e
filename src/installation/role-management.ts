import { BadUserInputError, NotFoundError } from '../core/errors.js';
import type { Page, PageRequest } from '../core/page.js';
import { PERMISSIONS, type Permission } from '../core/permissions.js';
import { type AskedBy, readReason } from '../core/reason.js';
import { audited } from '../storage/audit.js';
import type { Database, Queryable, Tx } from '../storage/database.js';

/** A role with what it may do, in the contract's order. */
export interface RoleGrants {
  readonly name: string;
  readonly permissions: readonly Permission[];
}

/** An account with the roles that were given to it; `logged_in`, which every account has, is not among them. */
export interface AccountRoles {
  readonly accountId: string;
  readonly roles: readonly RoleGrants[];
}

/** A role that somebody gave an account. */
export interface GivenRole {
  readonly role: string;
  /** Null where the audit doesn't tell: it was there from the start, or written by hand. */
  readonly since: Date | null;
  readonly by: string | null;
  readonly reason: string | null;
}

/** An account to which roles were given. */
export interface GivenRoles {
  /** The account's. */
  readonly id: string;
  readonly given: readonly GivenRole[];
}

/** Who may do what, for those who decide it. Each call may be repeated: the second changes nothing. The audit keeps who did it. */
export interface RoleManagement {
  /** All roles by name. */
  list(): Promise<RoleGrants[]>;
  /** The roles that were given to the account, by name; none to one that nobody gave any. */
  rolesOf(accountId: string): Promise<readonly RoleGrants[]>;
  /** The accounts to which roles were given, by id: who gave them, when and why. */
  accounts(filter: { readonly role?: string | undefined } & PageRequest): Promise<Page<GivenRoles>>;
  /** Grants the permission, and makes the role if it is new. @throws BadUserInputError for a name that can't be */
  grant(role: string, permission: Permission, by: AskedBy): Promise<RoleGrants>;
  /**
   * @throws NotFoundError for an unknown role, BadUserInputError for ROLE_MANAGE of `admin`, and for what would leave no
   * administrator
   */
  revoke(role: string, permission: Permission, by: AskedBy): Promise<RoleGrants>;
  /** @throws NotFoundError for an unknown role, BadUserInputError for `anonymous` and `logged_in`, which nobody is given */
  assign(accountId: string, role: string, by: AskedBy): Promise<AccountRoles>;
  /**
   * @throws NotFoundError for an unknown role, BadUserInputError for `anonymous` and `logged_in`, which nobody loses, and for
   * what would leave no administrator
   */
  unassign(accountId: string, role: string, by: AskedBy): Promise<AccountRoles>;
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const ACCOUNT_LENGTH = 255;
/** Roles that follow from the token alone. */
const IMPLIED: ReadonlySet<string> = new Set(['anonymous', 'logged_in']);

const LISTED = `select r.name, coalesce(array_agg(p.permission) filter (where p.permission is not null), '{}') as "permissions"
  from tollgate.role r left join tollgate.role_permission p on p.role = r.name`;

const readRoles = async (on: Queryable, condition: string, values: readonly unknown[]): Promise<RoleGrants[]> => {
  const rows = await on.query<{ name: string; permissions: string[] }>({
    text: `${LISTED} ${condition} group by r.name order by r.name`,
    values,
  });
  return rows.map(({ name, permissions }) => ({
    name,
    permissions: PERMISSIONS.filter((permission) => permissions.includes(permission)),
  }));
};

const readRole = async (tx: Tx, name: string): Promise<RoleGrants> => {
  const [role] = await readRoles(tx, 'where r.name = $1', [name]);
  if (!role) throw new NotFoundError('role', name);
  return role;
};

const readAccount = async (tx: Queryable, accountId: string): Promise<AccountRoles> => ({
  accountId,
  roles: await readRoles(tx, 'where r.name in (select role from tollgate.account_role where account_id = $1)', [
    accountId,
  ]),
});

const assertGiven = (accountId: string, role: string): void => {
  if (accountId.length === 0 || accountId.length > ACCOUNT_LENGTH)
    throw new BadUserInputError(`An account id has 1 to ${ACCOUNT_LENGTH} characters; it is the token's "sub".`);
  if (IMPLIED.has(role))
    throw new BadUserInputError(
      `Nobody is given the role ${role}: every caller ${role === 'anonymous' ? 'without' : 'with'} a token has it.`,
    );
};

/** Whether any account, or every one, may change roles by what the database says; tokens may carry further roles. */
const hasAdministrator = async (tx: Tx): Promise<boolean> => {
  const rows = await tx.query({
    text: `select from tollgate.role_permission p where p.permission = 'ROLE_MANAGE' and (p.role in ('anonymous', 'logged_in')
      or exists (select from tollgate.account_role a where a.role = p.role)) limit 1`,
  });
  return rows.length > 0;
};

/**
 * Runs what takes a right away, unless it would leave nobody who could give it back. One at a time: two administrators who
 * remove each other at once would each see the other one stay.
 */
const keepingAnAdministrator = async (tx: Tx, work: () => void, remedy: string): Promise<void> => {
  await tx.query({ text: `select from tollgate.role where name = 'admin' for update` });
  const had = await hasAdministrator(tx);
  work();
  if (had && !(await hasAdministrator(tx)))
    throw new BadUserInputError(
      `Nobody could change roles any more: this is the last account that may. Give another one the role admin first, or run "${remedy}" on the server.`,
    );
};

const listAccounts = async (
  database: Database,
  { role, first, after }: { readonly role?: string | undefined } & PageRequest,
): Promise<Page<GivenRoles>> => {
  const rows = await database.query<GivenRole & { id: string }>({
    text: `select a.account_id as "id", a.role, g.at as "since", g.actor as "by", g.detail->>'reason' as "reason"
      from (select distinct account_id from tollgate.account_role
        where ($1::text is null or role = $1) and ($2::text is null or account_id > $2) order by account_id limit $3) w
      join tollgate.account_role a on a.account_id = w.account_id
      left join lateral (select at, actor, detail from tollgate.audit where action = 'ROLE_ASSIGNED'
        and detail->>'accountId' = a.account_id and detail->>'role' = a.role order by id desc limit 1) g on true
      order by a.account_id, a.role`,
    values: [role ?? null, after ?? null, first + 1],
  });
  const accounts = new Map<string, GivenRole[]>();
  for (const { id, ...given } of rows) accounts.set(id, [...(accounts.get(id) ?? []), given]);
  const all = [...accounts].map(([id, given]) => ({ id, given }));
  return { rows: all.slice(0, first), hasNextPage: all.length > first };
};

/**
 * Builds the management; `changed` tells every process, after the commit. `keepsAdministrator`: the last account that may
 * change roles stays one; the command line, which needs no role, may take it away.
 */
export const createRoleManagement = ({
  database,
  changed,
  keepsAdministrator,
}: {
  database: Database;
  changed: () => Promise<void>;
  keepsAdministrator: boolean;
}): RoleManagement => {
  const takeAway = async (tx: Tx, work: () => void, remedy: string): Promise<void> => {
    if (keepsAdministrator) await keepingAnAdministrator(tx, work, remedy);
    else work();
  };

  const change = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const result = await database.transaction(work);
    await changed();
    return result;
  };

  return {
    list: () => readRoles(database, '', []),
    accounts: (filter) => listAccounts(database, filter),
    rolesOf: async (accountId) => (await readAccount(database, accountId)).roles,

    async grant(role, permission, { actor, reason }) {
      const why = readReason(reason);
      if (!NAME.test(role))
        throw new BadUserInputError(
          `"${role}" is no name for a role: it begins with a letter, then letters, digits, _ or -, 63 characters at most.`,
        );
      return change(async (tx) => {
        tx.send({ text: `insert into tollgate.role (name) values ($1) on conflict do nothing`, values: [role] });
        const grant = {
          text: `insert into tollgate.role_permission (role, permission) values ($1, $2) on conflict do nothing`,
          values: [role, permission],
        };
        tx.send(audited(grant, { actor, action: 'PERMISSION_GRANTED', detail: { role, permission, reason: why } }));
        return readRole(tx, role);
      });
    },

    async revoke(role, permission, { actor, reason }) {
      const why = readReason(reason);
      if (role === 'admin' && permission === 'ROLE_MANAGE')
        throw new BadUserInputError('The role admin keeps ROLE_MANAGE: without it nobody could grant anything again.');
      return change(async (tx) => {
        const revocation = {
          text: `delete from tollgate.role_permission where role = $1 and permission = $2`,
          values: [role, permission],
        };
        const record = { actor, action: 'PERMISSION_REVOKED', detail: { role, permission, reason: why } };
        await takeAway(
          tx,
          () => tx.send(audited(revocation, record)),
          `npx tollgate role revoke ${role} ${permission}`,
        );
        return readRole(tx, role);
      });
    },

    async assign(accountId, role, { actor, reason }) {
      const why = readReason(reason);
      assertGiven(accountId, role);
      return change(async (tx) => {
        await readRole(tx, role);
        const assignment = {
          text: `insert into tollgate.account_role (account_id, role) values ($1, $2) on conflict do nothing`,
          values: [accountId, role],
        };
        tx.send(audited(assignment, { actor, action: 'ROLE_ASSIGNED', detail: { accountId, role, reason: why } }));
        return readAccount(tx, accountId);
      });
    },

    async unassign(accountId, role, { actor, reason }) {
      const why = readReason(reason);
      assertGiven(accountId, role);
      return change(async (tx) => {
        await readRole(tx, role);
        const removal = {
          text: `delete from tollgate.account_role where account_id = $1 and role = $2`,
          values: [accountId, role],
        };
        const record = { actor, action: 'ROLE_UNASSIGNED', detail: { accountId, role, reason: why } };
        await takeAway(tx, () => tx.send(audited(removal, record)), `npx tollgate role unassign ${accountId} ${role}`);
        return readAccount(tx, accountId);
      });
    },
  };
};
