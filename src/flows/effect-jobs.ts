import type { Page, PageRequest } from '../core/page.js';
import { type AskedBy, readReason } from '../core/reason.js';
import { writeAudit } from '../storage/audit.js';
import type { Database } from '../storage/database.js';

/** An effect in the queue; what has run is gone from it. */
export interface EffectEntry {
  readonly id: string;
  readonly name: string;
  readonly payload: unknown;
  readonly idempotencyKey: string;
  /** Failed attempts, and the one that runs. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** True when it was given up on. */
  readonly dead: boolean;
  readonly running: boolean;
  readonly nextAttemptAt: Date;
  readonly lastError: string | null;
  readonly addedAt: Date;
}

/** Which effects a list holds. */
export interface EffectFilter {
  /** Those that were given up on alone. */
  readonly dead?: boolean | undefined;
  readonly name?: string | undefined;
}

/** Which effects are tried again: these, or all that are dead (of one name). */
export type RetriedEffects = { readonly ids: readonly string[] } | { readonly name?: string | undefined };

/** The queue of effects as an operator sees it. */
export interface EffectJobs {
  /** Oldest first. */
  list(filter: EffectFilter & PageRequest): Promise<Page<EffectEntry>>;
  /**
   * Tries them again at once, with all their attempts ahead; gives the ids. One that runs is left alone. Twice is harmless: one that was put
   * back into the queue is not dead any more. The audit keeps who asked, and why.
   */
  retry(which: RetriedEffects, by: AskedBy): Promise<string[]>;
}

const DEAD = 'j.attempts >= j.max_attempts and j.locked_at is null';
const JOBS = 'tollgate_jobs._private_jobs j join tollgate_jobs._private_tasks t on t.id = j.task_id';

/** Builds the view of the queue. */
export const createEffectJobs = (database: Database): EffectJobs => ({
  async list({ dead = false, name, first, after }) {
    const rows = await database.query<EffectEntry>({
      text: `select j.id::text as "id", t.identifier as "name", j.payload->'payload' as "payload",
          j.payload->>'idempotencyKey' as "idempotencyKey", j.attempts, j.max_attempts as "maxAttempts",
          (${DEAD}) as "dead", j.locked_at is not null as "running", j.run_at as "nextAttemptAt",
          j.last_error as "lastError", j.created_at as "addedAt"
        from ${JOBS} where (not $1 or (${DEAD})) and ($2::text is null or t.identifier = $2)
          and ($3::bigint is null or j.id > $3) order by j.id limit $4`,
      values: [dead, name ?? null, after ?? null, first + 1],
    });
    return { rows: rows.slice(0, first), hasNextPage: rows.length > first };
  },

  async retry(which, { actor, reason }) {
    const why = readReason(reason);
    const [ids, name] = 'ids' in which ? [which.ids, undefined] : [undefined, which.name];
    return database.transaction(async (tx) => {
      const rows = await tx.query<{ id: string }>({
        // Locked first: of two that ask at once, the second finds them no longer dead.
        text: `select id::text as "id" from tollgate_jobs.reschedule_jobs(array(
            select j.id from ${JOBS} where j.locked_at is null
              and case when $1::bigint[] is null then (${DEAD}) and ($2::text is null or t.identifier = $2)
                else j.id = any($1) end
              order by j.id for update of j),
          run_at := now(), attempts := 0)`,
        values: [ids ?? null, name ?? null],
      });
      const retried = rows.map(({ id }) => id);
      if (retried.length > 0)
        tx.send(writeAudit(actor, 'EFFECTS_RETRIED', { count: retried.length, ids, name, reason: why }));
      return retried;
    });
  },
});
