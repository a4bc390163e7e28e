import { mayRead } from '../../core/caller.js';
import { NotFoundError } from '../../core/errors.js';
import { createComparer } from '../../live/comparer.js';
import { rowKey } from '../../live/key.js';
import { createWatchedRows } from '../../live/watched-rows.js';
import type { PubSub, PubSubLog } from '../../outbox/pubsub.js';
import { decodeRow } from '../../outbox/stream.js';
import { permitted, type WhoAsks } from '../payments/watch.js';
import type { RecurringReads } from './read.js';
import type { RecurringPayment } from './row.js';
import { RECURRING_STREAM, recurringTopic } from './stream.js';

/** What subscribers see of recurring payments, with the guarantees of `Live`. */
export interface LiveRecurring {
  /** One recurring payment. Rejects with NOT_FOUND where there is none that the caller may see, FORBIDDEN without RECURRING_READ. */
  recurringPayment(id: string, whoAsks: WhoAsks): Promise<AsyncIterableIterator<RecurringPayment>>;
  /** Ends all streams without an error. */
  close(): Promise<void>;
}

interface Parts {
  readonly pubsub: Pick<PubSub, 'subscribe' | 'onGap'>;
  readonly recurring: Pick<RecurringReads, 'readMany' | 'versionsOf'>;
  readonly log: Pick<PubSubLog, 'warn'>;
  /** How often the versions of watched rows are compared with the database. */
  readonly compareEveryMs?: number;
}

/** Builds live status of recurring payments: they are watched one by one. */
export const createLiveRecurring = ({ pubsub, recurring, log, compareEveryMs = 10_000 }: Parts): LiveRecurring => {
  const comparer = createComparer({ pubsub, log, everyMs: compareEveryMs });
  const watched = createWatchedRows<RecurringPayment>({
    pubsub,
    comparer,
    log,
    kind: {
      topicOfRow: recurringTopic,
      topicOfGroup: recurringTopic,
      decode: (message) => decodeRow(RECURRING_STREAM, message),
      readMany: (ids) => recurring.readMany(ids),
      versionsOf: async (ids) => (await recurring.versionsOf(ids)).map((row) => ({ ...row, groupId: row.id })),
    },
  });

  return {
    async recurringPayment(id, whoAsks) {
      const key = rowKey(id) ?? '';
      const check = async (row: RecurringPayment | undefined): Promise<boolean> => {
        const caller = await permitted(whoAsks, 'RECURRING_READ');
        if (!row || !mayRead(caller, row, 'RECURRING_READ_ANY')) throw new NotFoundError('recurring payment', id);
        return true;
      };
      const snapshot = async (): Promise<RecurringPayment[]> => {
        const rows = key === '' ? [] : await recurring.readMany([key]);
        await check(rows[0]);
        return rows;
      };
      await permitted(whoAsks, 'RECURRING_READ');
      return watched.watch({ scope: 'row', key, snapshot, check });
    },
    async close() {
      watched.close();
      await comparer.close();
    },
  };
};
