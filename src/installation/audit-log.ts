import type { Page, PageRequest } from '../core/page.js';
import type { Database } from '../storage/database.js';

/** Who changed which setting, role or key, and when; never a secret. */
export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  /** `account:<id>`, `operator` for the command line, or `job`. */
  readonly actor: string;
  readonly action: string;
  readonly detail: object;
}

/** Reads what was kept; nothing of it ever changes. */
export interface AuditLog {
  /** Newest first. */
  list(request: PageRequest): Promise<Page<AuditEntry>>;
}

export const createAuditLog = (database: Database): AuditLog => ({
  async list({ first, after }) {
    const rows = await database.query<AuditEntry>({
      text: `select a.id::text as "id", at, actor, action, detail from tollgate.audit a
        where ($1::bigint is null or a.id < $1) order by a.id desc limit $2`,
      values: [after ?? null, first + 1],
    });
    return { rows: rows.slice(0, first), hasNextPage: rows.length > first };
  },
});
