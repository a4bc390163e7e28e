import { runMigrations } from 'graphile-worker';

/** Where the queue of effects is kept. */
export const JOBS_SCHEMA = 'tollgate_jobs';

/** Brings the queue's own tables to the version of the library; safe to run twice and from several processes at once. */
export const migrateJobs = (url: string): Promise<void> =>
  runMigrations({ connectionString: url, schema: JOBS_SCHEMA, maxPoolSize: 1 });
