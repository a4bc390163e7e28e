import { runMigrations } from 'graphile-worker';
import pg from 'pg';
import { connectionOf } from './connection.js';
import { sessionOf } from './session.js';

/** Where the queue of effects is kept. */
export const JOBS_SCHEMA = 'tollgate_jobs';

/** Connections for the queue's library, which ends none of them: whoever opens them does. Lent ones hear no LISTEN. */
export const openJobsPool = (url: string, size: number): pg.Pool => {
  const pool = new pg.Pool({
    ...connectionOf(url),
    application_name: 'tollgate jobs',
    max: size,
    ...sessionOf(url),
  });
  // The library tells of failures while it runs; an idle connection that breaks later is nobody's.
  pool.on('error', () => undefined);
  return pool;
};

/** The library switches row-level security on and makes no policy, so that the tables' owner alone could use the queue. */
const OPEN_TO_GRANTED = `do $open$
  declare name regclass;
  begin
    for name in select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = '${JOBS_SCHEMA}' and c.relkind = 'r' and c.relrowsecurity
        and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'granted')
    loop
      execute format('create policy granted on %s using (true) with check (true)', name);
    end loop;
  end $open$`;

/** The id of the row that an effect was asked for, in the queue's rows; see EffectCause. */
export const CAUSE_ID = `(payload->'cause'->>'nodeId')`;
const FOUND_BY_CAUSE = `create index if not exists tollgate_effect_cause on ${JOBS_SCHEMA}._private_jobs (${CAUSE_ID})
  where ${CAUSE_ID} is not null`;

/** Brings the queue's own tables to the version of the library; safe to run twice and from several processes at once. */
export const migrateJobs = async (url: string): Promise<void> => {
  const pgPool = openJobsPool(url, 1);
  try {
    await runMigrations({ pgPool, schema: JOBS_SCHEMA });
    // Who may use it is said by GRANT.
    await pgPool.query(OPEN_TO_GRANTED);
    await pgPool.query(FOUND_BY_CAUSE);
  } finally {
    await pgPool.end();
  }
};
