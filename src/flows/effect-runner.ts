import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type JobHelpers, Logger, type Runner, run, type WorkerEvents } from 'graphile-worker';
import { waitSeconds } from '../core/backoff.js';
import { takeTrace, traced } from '../core/trace.js';
import { isLent } from '../storage/connection.js';
import type { Database } from '../storage/database.js';
import { JOBS_SCHEMA, openJobsPool } from '../storage/jobs.js';
import type { Effect, EffectJob, Effects } from './effects.js';
import type { FlowLog } from './flows.js';

/** The runner of effects in this process. */
export interface EffectRunner {
  /** Takes no more, waits for those that run, aborts them when they take long; bounded. */
  stop(): Promise<void>;
}

/** When a silent process counts as dead. */
export interface EffectTiming {
  readonly heartbeatMs: number;
  readonly silentMs: number;
}

const TIMING: EffectTiming = { heartbeatMs: 5_000, silentMs: 30_000 };
const AT_ONCE = 4;
/** Beside those that run: one listens, one looks for work. */
const CONNECTIONS = AT_ONCE + 2;
const TIMEOUT_MS = 30_000;
/** Once the server stops, running effects have so long before their signal is aborted. */
const GRACE_MS = 3_000;
const RESTART_MS = 1_000;

interface Parts {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly effects: Effects;
  readonly log: FlowLog;
  readonly timing?: EffectTiming;
}

/** Runs one attempt; a handler that ignores the abort keeps running, but its attempt has failed. */
const attempt = async (
  name: string,
  effect: Effect,
  job: EffectJob,
  { helpers, log }: { helpers: JobHelpers; log: FlowLog },
) => {
  const timeoutMs = effect.timeoutMs ?? TIMEOUT_MS;
  const time = new AbortController();
  const timer = setTimeout(
    () => time.abort(new Error(`The effect ${name} took longer than ${timeoutMs} ms.`)),
    timeoutMs,
  );
  const signal = AbortSignal.any([time.signal, ...(helpers.abortSignal ? [helpers.abortSignal] : [])]);
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  try {
    const options = { kind: 'CONSUMER', parent: takeTrace(job.trace) } as const;
    const ran = traced(`effect ${name}`, options, async () =>
      effect.run(job.payload as never, { idempotencyKey: job.idempotencyKey, signal, log }),
    );
    ran.catch(() => undefined);
    await Promise.race([ran, aborted]);
  } finally {
    clearTimeout(timer);
  }
};

/** The queue's own backoff grows without jitter; ours replaces it, and where this process dies first, its own holds. */
const delayFailures = (events: WorkerEvents, { database, log }: Pick<Parts, 'database' | 'log'>): void => {
  events.on('job:complete', ({ job, error }) => {
    if (!error) return;
    const { id, attempts, task_identifier: effect } = job;
    const isDead = attempts >= job.max_attempts;
    log.warn({ err: error, effect, id, attempts }, isDead ? 'an effect was given up on' : 'an effect failed');
    if (isDead) return;
    database
      .query({
        text: `select id from tollgate_jobs.reschedule_jobs(array[$1::bigint], run_at := now() + $2 * interval '1 second')`,
        values: [id, waitSeconds(attempts)],
      })
      .catch((failure: unknown) => log.warn({ err: failure, id }, 'an effect is tried again later than it could be'));
  });
};

/** Remembers the workers of this process, and frees what silent ones had begun; who was seen in the future was not seen. */
const beat = async (database: Database, workers: ReadonlySet<string>, silentMs: number): Promise<void> => {
  await database.query({
    text: `insert into tollgate.effect_worker (id) select unnest($1::text[])
      on conflict (id) do update set seen_at = now()`,
    values: [[...workers]],
  });
  await database.query({
    text: `with gone as (delete from tollgate.effect_worker
        where seen_at not between now() - $1 * interval '1 millisecond' and now() + $1 * interval '1 millisecond'),
      silent as (select distinct locked_by from tollgate_jobs._private_jobs j
        where locked_at not between now() - $1 * interval '1 millisecond' and now() + $1 * interval '1 millisecond' and not exists (
          select from tollgate.effect_worker w
          where w.id = j.locked_by
            and w.seen_at between now() - $1 * interval '1 millisecond' and now() + $1 * interval '1 millisecond'))
      select tollgate_jobs.force_unlock_workers(array_agg(locked_by)) from silent having count(*) > 0`,
    values: [silentMs],
  });
};

/** Runs the effects that flows queued, each at least once, a bounded number at a time; what fails comes back with backoff. */
export const startEffects = ({ database, databaseUrl, effects, log, timing = TIMING }: Parts): EffectRunner => {
  // Without effects nothing is queued, so there is nothing to look for.
  if (effects.size === 0) return { stop: async () => undefined };
  const workers = new Set<string>();
  const events: WorkerEvents = new EventEmitter();
  events.on('worker:create', ({ worker }) => workers.add(worker.workerId));
  // The library leaves out for good a worker that could not tell the database how its effect ended: a new runner has all again.
  events.on('worker:stop', ({ worker, error }) => {
    workers.delete(worker.workerId);
    if (error !== undefined) void runner?.stop().catch(() => undefined);
  });
  delayFailures(events, { database, log });
  const taskList = Object.fromEntries(
    [...effects].map(([name, effect]) => [
      name,
      (job: unknown, helpers: JobHelpers) => attempt(name, effect, job as EffectJob, { helpers, log }),
    ]),
  );

  const stopping = new AbortController();
  let runner: Runner | undefined;

  /** The library stops its runner after several database failures; a new one takes over. */
  const serve = async (): Promise<void> => {
    const pgPool = openJobsPool(databaseUrl, CONNECTIONS);
    try {
      runner = await run({
        pgPool,
        schema: JOBS_SCHEMA,
        concurrency: AT_ONCE,
        pollInterval: 1_000,
        noHandleSignals: true,
        noPreparedStatements: isLent(databaseUrl),
        taskList,
        events,
        logger: new Logger(() => () => undefined),
        preset: { worker: { gracefulShutdownAbortTimeout: GRACE_MS } },
      });
      if (stopping.signal.aborted) await runner.stop();
      await runner.promise;
    } finally {
      await pgPool.end();
    }
  };
  const pause = (ms: number): Promise<void> => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  const again = async (work: () => Promise<void>, everyMs: number, words: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      await work().catch((error: unknown) => log.warn({ err: error }, words));
      await pause(everyMs);
    }
  };
  const serving = again(serve, RESTART_MS, 'effects wait for the database');
  const beating = again(
    () => beat(database, workers, timing.silentMs),
    timing.heartbeatMs,
    'the heartbeat of effects failed',
  );

  return {
    async stop() {
      stopping.abort();
      await runner?.stop().catch(() => undefined);
      await Promise.all([serving, beating]);
    },
  };
};
