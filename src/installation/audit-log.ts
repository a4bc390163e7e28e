import type { Page, PageOfBoth } from '../core/page.js';
import type { Database } from '../storage/database.js';
import { isEqual, isWithin, type Listing, readPage } from '../storage/listing.js';

/** Who changed which setting, role or key, and when; never a secret. */
export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  /** `account:<id>`, `operator` for the command line, or `job`. */
  readonly actor: string;
  readonly action: string;
  readonly detail: object;
}

/** Which entries a list holds. */
export interface AuditFilter extends PageOfBoth {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** Reads what was kept; nothing of it ever changes. */
export interface AuditLog {
  /** Newest first. */
  list(filter: AuditFilter): Promise<Page<AuditEntry>>;
}

const LISTING: Listing = {
  table: 'tollgate.audit',
  alias: 'a',
  columns: 'a.id::text as "id", a.at, a.actor, a.action, a.detail',
  time: 'at',
  id: 'bigint',
};

export const createAuditLog = (database: Database): AuditLog => ({
  list: ({ actor, action, from, to, ...page }) =>
    readPage<AuditEntry>(
      database,
      LISTING,
      [...isEqual('a.actor', actor), ...isEqual('a.action', action), ...isWithin('a.at', from, to)],
      page,
    ),
});
