import type { Queryable } from './database.js';

/**
 * What time it is by the database's clock, which all processes share: a time that is stored is compared with this one, since
 * any process's own may be off by hours.
 */
export const readClock = async (on: Queryable): Promise<Date> => {
  const [row] = await on.query<{ now: Date }>({ name: 'clock_read', text: 'select clock_timestamp() as "now"' });
  if (!row) throw new Error('The database does not say what time it is.');
  return row.now;
};
