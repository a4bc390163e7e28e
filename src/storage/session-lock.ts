import type pg from 'pg';
import { isLent } from './connection.js';
import { openClient } from './session.js';

/** What a lock is known by: a name, hashed, or a number. */
export type LockKey = string | number;

const keyOf = (key: LockKey): string => (typeof key === 'number' ? '$1::bigint' : `hashtext('tollgate ' || $1::text)`);

/**
 * A connection of its own: the lock belongs to its session, and a process that dies lets go of it. Where connections are lent,
 * to its transaction, which rests until the end, whatever the database's limit for that is.
 */
const withLock = async <T>(
  { url, key, waits }: { url: string; key: LockKey; waits: boolean },
  work: () => Promise<T>,
): Promise<T | undefined> => {
  const client = await openClient(url, 'tollgate lock');
  try {
    const scope = isLent(url) ? 'xact_' : '';
    if (isLent(url)) await beginToRest(client);
    if (waits) await client.query(`select pg_advisory_${scope}lock(${keyOf(key)})`, [key]);
    else {
      const sql = `select pg_try_advisory_${scope}lock(${keyOf(key)}) as "mine"`;
      if ((await client.query<{ mine: boolean }>(sql, [key])).rows[0]?.mine !== true) return undefined;
    }
    return await work();
  } finally {
    await client.end();
  }
};

const beginToRest = async (client: pg.Client): Promise<void> => {
  // No snapshot is held between statements at this level.
  await client.query('begin isolation level read committed');
  await client.query('set local idle_in_transaction_session_timeout = 0');
};

/**
 * Runs the work while no other process of this database runs work under the same key; others wait their turn. Holds an
 * advisory lock and no row, so the work may call Stripe; a process that dies lets go of it.
 */
export const withSessionLock = async <T>(url: string, key: LockKey, work: () => Promise<T>): Promise<T> =>
  (await withLock({ url, key, waits: true }, work)) as T; // undefined only where it does not wait

/** As `withSessionLock`, but gives undefined at once while another process has the lock. */
export const trySessionLock = <T>(url: string, key: LockKey, work: () => Promise<T>): Promise<T | undefined> =>
  withLock({ url, key, waits: false }, work);
