import { readSetting, updateSetting } from '../installation/setting-rows.js';
import { readClock } from '../storage/clock.js';
import type { Database } from '../storage/database.js';

const KEY = 'reconciliation';

/** When the last completed run began: everything that Stripe said before it is known here. */
export interface ReconciliationState {
  completedAt(): Promise<Date | undefined>;
  /** Twice, or an older time, changes nothing; one that is yet to come by the database's clock is given up. */
  complete(startedAt: Date): Promise<void>;
}

const timeOf = (value: unknown): Date | undefined => {
  const { completedAt } = (value ?? {}) as { completedAt?: unknown };
  return typeof completedAt === 'string' ? new Date(completedAt) : undefined;
};

/** Builds the memory over the installation's settings. */
export const createReconciliationState = (database: Database): ReconciliationState => ({
  completedAt: async () => timeOf(await readSetting(database, KEY)),
  async complete(startedAt) {
    const now = await readClock(database);
    await updateSetting(database, KEY, (value) => {
      const known = timeOf(value);
      return { completedAt: (known && known > startedAt && known <= now ? known : startedAt).toISOString() };
    });
  },
});
