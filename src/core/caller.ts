import type { Permission } from './permissions.js';

/** Who asks: an account from a verified token, or nobody. Rights are the union of all roles. */
export interface Caller {
  /** `sub` of the token; null without one. */
  readonly accountId: string | null;
  readonly roles: readonly string[];
  readonly permissions: ReadonlySet<Permission>;
  /** Who it is in timelines, where that isn't the account: the command line. */
  readonly actor?: string;
}

/** Whether the caller may see a row of `accountId`: their own, or anyone's with the kind's ..._READ_ANY permission. */
export const mayRead = (
  caller: Caller,
  row: { readonly accountId: string | null },
  any: Extract<Permission, `${string}_READ_ANY`>,
): boolean => (caller.accountId !== null && caller.accountId === row.accountId) || caller.permissions.has(any);

/** Who it was, for timelines. */
export const actorOf = ({ actor, accountId }: Caller): string =>
  actor ?? (accountId === null ? 'anonymous' : `account:${accountId}`);
