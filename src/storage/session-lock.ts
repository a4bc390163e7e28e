import pg from 'pg';
import { connectionOf } from './connection.js';

const KEY = `hashtext('tollgate ' || $1::text)`;

/** A connection of its own: the lock belongs to its session, and a process that dies lets go of it. */
const withSession = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ ...connectionOf(url), application_name: 'tollgate lock' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

/**
 * Runs the work while no other process of this database runs work under the same name; others wait their turn. Holds a
 * session's advisory lock and no transaction, so the work may call Stripe; a process that dies lets go of it.
 */
export const withSessionLock = <T>(url: string, name: string, work: () => Promise<T>): Promise<T> =>
  withSession(url, async (client) => {
    await client.query(`select pg_advisory_lock(${KEY})`, [name]);
    return work();
  });

/** As `withSessionLock`, but gives undefined at once while another process has the lock. */
export const trySessionLock = <T>(url: string, name: string, work: () => Promise<T>): Promise<T | undefined> =>
  withSession(url, async (client) => {
    const { rows } = await client.query<{ mine: boolean }>(`select pg_try_advisory_lock(${KEY}) as "mine"`, [name]);
    return rows[0]?.mine === true ? work() : undefined;
  });
