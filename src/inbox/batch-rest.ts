import { updateSetting } from '../installation/setting-rows.js';
import { readClock } from '../storage/clock.js';
import type { Database } from '../storage/database.js';

/** Under this key a setting says that batches failed, for the operator's list of problems. */
const KEY = 'event_batches';
/** A rest so long after another one is the beginning of a new trouble. */
const APART_MS = 5 * 60_000;

interface Rest {
  readonly since: string;
  readonly restedAt: string;
  readonly reason: string;
}

/** Notes, by the database's clock, that batches failed one after the other, and since when. */
export const noteRest = async (database: Database, reason: string): Promise<void> => {
  const now = await readClock(database);
  await updateSetting(database, KEY, (value) => {
    const known = value as Rest | undefined;
    const goesOn = known !== undefined && now.getTime() - Date.parse(known.restedAt) < APART_MS;
    return { since: goesOn ? known.since : now.toISOString(), restedAt: now.toISOString(), reason } satisfies Rest;
  });
};
