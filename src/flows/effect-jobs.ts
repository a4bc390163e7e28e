import type { Page, PageRequest } from '../core/page.js';
import { type AskedBy, readReason } from '../core/reason.js';
import { redactWords } from '../core/redaction.js';
import { writeAudit } from '../storage/audit.js';
import type { Database } from '../storage/database.js';
import { CAUSE_ID } from '../storage/jobs.js';
import type { Bind } from '../storage/listing.js';
import type { EffectCause } from './effects.js';

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
  /** What the last attempt failed with, without secrets; its beginning where it is long. */
  readonly lastError: string | null;
  readonly addedAt: Date;
  /** Null for one that an earlier release queued. */
  readonly cause: EffectCause | null;
}

/** Which effects a list holds. */
export interface EffectFilter {
  /** Those that were given up on alone. */
  readonly dead?: boolean | undefined;
  readonly name?: string | undefined;
  /** Those of a payment, its refunds' and disputes' with them, or of a recurring payment. */
  readonly nodeId?: string | undefined;
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

const ERROR_LENGTH = 1_000;
/** Secrets are looked for before it is cut: half of one looks like none. */
const READ_LENGTH = 4_000;

/** What a filter asks for, in SQL; what it doesn't ask for isn't there, so that an index can be used. */
const conditionsOf = (bind: Bind, { dead, name, nodeId }: EffectFilter): string[] => [
  ...(dead ? [DEAD] : []),
  ...(name === undefined ? [] : [`t.identifier = ${bind(name)}`]),
  ...(nodeId === undefined ? [] : [`${CAUSE_ID} = ${bind(nodeId)}`]),
];

const withoutSecrets = ({ lastError, ...rest }: EffectEntry): EffectEntry => ({
  ...rest,
  lastError: lastError && redactWords(lastError).slice(0, ERROR_LENGTH),
});

/** Builds the view of the queue. */
export const createEffectJobs = (database: Database): EffectJobs => ({
  async list({ first, after, ...filter }) {
    const values: unknown[] = [];
    const bind: Bind = (value) => `$${values.push(value)}`;
    const conditions = [
      ...conditionsOf(bind, filter),
      ...(after === undefined ? [] : [`j.id > ${bind(after)}::bigint`]),
    ];
    const rows = await database.query<EffectEntry>({
      text: `select j.id::text as "id", t.identifier as "name", j.payload->'payload' as "payload",
          j.payload->>'idempotencyKey' as "idempotencyKey", j.attempts, j.max_attempts as "maxAttempts",
          (${DEAD}) as "dead", j.locked_at is not null as "running", j.run_at as "nextAttemptAt",
          left(j.last_error, ${READ_LENGTH}) as "lastError", j.created_at as "addedAt", j.payload->'cause' as "cause"
        from ${JOBS} where ${conditions.join(' and ') || 'true'} order by j.id limit ${bind(first + 1)}`,
      values,
    });
    return { rows: rows.slice(0, first).map(withoutSecrets), hasNextPage: rows.length > first };
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
