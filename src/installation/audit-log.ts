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
  /** Keeps why somebody did something; what was asked with one key is kept once. */
  record(deed: Deed): Promise<void>;
}

/** Something that was done, and why. */
export interface Deed {
  readonly actor: string;
  readonly action: string;
  readonly detail: object;
  /** The idempotency key that it was asked with. */
  readonly key: string | undefined;
}

/** As long as a key may come again. */
const KEYS_FOR = '1 day';

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

  async record({ actor, action, detail, key }) {
    await database.transaction(async (tx) => {
      // Of two at once with one key, the second sees what the first has written.
      if (key !== undefined)
        tx.send({
          text: 'select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))',
          values: [JSON.stringify(['audit', actor, action, key])],
        });
      tx.send({
        text: `insert into tollgate.audit (actor, action, detail) select $1, $2, $3::jsonb where $4::text is null
          or not exists (select from tollgate.audit where at > now() - interval '${KEYS_FOR}' and actor = $1 and action = $2
            and detail->>'key' = $4)`,
        values: [actor, action, JSON.stringify({ ...detail, key }), key ?? null],
      });
    });
  },
});
