import type { Caller } from '../core/caller.js';
import { PERMISSIONS } from '../core/permissions.js';

/** Who sits at the command line: nobody's account, with every right. */
export const OPERATOR_CALLER: Caller = {
  accountId: null,
  roles: [],
  permissions: new Set(PERMISSIONS),
  actor: 'operator',
};
