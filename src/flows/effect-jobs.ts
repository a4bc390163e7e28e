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

/** The queue of effects as an operator sees it. */
export interface EffectJobs {
  /** Oldest first, at most `limit`; `dead`: those that were given up on alone. */
  list(filter: { readonly dead?: boolean | undefined; readonly limit: number }): Promise<EffectEntry[]>;
  /** Tries these again at once, or all that are dead (of one name); gives the ids. One that runs is left alone. Twice is harmless. */
  retry(which: { readonly ids?: readonly string[]; readonly name?: string | undefined }): Promise<string[]>;
}

const DEAD = 'j.attempts >= j.max_attempts and j.locked_at is null';
const JOBS = 'tollgate_jobs._private_jobs j join tollgate_jobs._private_tasks t on t.id = j.task_id';

/** Builds the view of the queue. */
export const createEffectJobs = (database: Database): EffectJobs => ({
  list: ({ dead = false, limit }) =>
    database.query<EffectEntry>({
      text: `select j.id::text as "id", t.identifier as "name", j.payload->'payload' as "payload",
          j.payload->>'idempotencyKey' as "idempotencyKey", j.attempts, j.max_attempts as "maxAttempts",
          (${DEAD}) as "dead", j.locked_at is not null as "running", j.run_at as "nextAttemptAt",
          j.last_error as "lastError", j.created_at as "addedAt"
        from ${JOBS} where not $1 or (${DEAD}) order by j.id limit $2`,
      values: [dead, limit],
    }),

  async retry({ ids, name }) {
    const rows = await database.query<{ id: string }>({
      text: `select id::text as "id" from tollgate_jobs.reschedule_jobs(array(
          select j.id from ${JOBS} where j.locked_at is null
            and case when $1::bigint[] is null then (${DEAD}) and ($2::text is null or t.identifier = $2)
              else j.id = any($1) end),
        run_at := now(), attempts := 0)`,
      values: [ids ?? null, name ?? null],
    });
    return rows.map(({ id }) => id);
  },
});
