import { runMigrations } from 'graphile-worker';
import pg from 'pg';
import { connectionOf } from './connection.js';
import { settleSession } from './session.js';

/** Where the queue of effects is kept. */
export const JOBS_SCHEMA = 'tollgate_jobs';

/** Connections for the queue's library, which ends none of them: whoever opens them does. */
export const openJobsPool = (url: string, size: number): pg.Pool => {
  const pool = new pg.Pool({
    ...connectionOf(url),
    application_name: 'tollgate jobs',
    max: size,
    onConnect: settleSession,
  });
  // The library tells of failures while it runs; an idle connection that breaks later is nobody's.
  pool.on('error', () => undefined);
  return pool;
};

/** Brings the queue's own tables to the version of the library; safe to run twice and from several processes at once. */
export const migrateJobs = async (url: string): Promise<void> => {
  const pgPool = openJobsPool(url, 1);
  try {
    await runMigrations({ pgPool, schema: JOBS_SCHEMA });
  } finally {
    await pgPool.end();
  }
};
