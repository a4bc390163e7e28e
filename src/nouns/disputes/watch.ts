import { NotFoundError } from '../../core/errors.js';
import { createComparer } from '../../live/comparer.js';
import { rowKey } from '../../live/key.js';
import { createWatchedRows } from '../../live/watched-rows.js';
import type { PubSub, PubSubLog } from '../../outbox/pubsub.js';
import { decodeRow } from '../../outbox/stream.js';
import { permitted, type WhoAsks } from '../payments/watch.js';
import type { DisputeReads } from './read.js';
import type { Dispute } from './row.js';
import { DISPUTE_STREAM, disputesTopic, disputeTopic } from './stream.js';

/** What subscribers see of disputes, with the guarantees of `Live`. */
export interface LiveDisputes {
  /**
   * All disputes of a payment, new ones included. Rejects with NOT_FOUND where there is no payment whose disputes the caller
   * may see, FORBIDDEN without DISPUTE_READ.
   */
  disputes(paymentId: string, whoAsks: WhoAsks): Promise<AsyncIterableIterator<Dispute>>;
  /** Ends all streams without an error. */
  close(): Promise<void>;
}

interface Parts {
  readonly pubsub: Pick<PubSub, 'subscribe' | 'onGap'>;
  readonly disputes: Pick<DisputeReads, 'readMany' | 'readOfPayment' | 'versionsOf' | 'mayWatch'>;
  readonly log: Pick<PubSubLog, 'warn'>;
  /** How often the versions of watched rows are compared with the database. */
  readonly compareEveryMs?: number;
}

/** Builds live status of disputes: they are watched by their payment. */
export const createLiveDisputes = ({ pubsub, disputes, log, compareEveryMs = 10_000 }: Parts): LiveDisputes => {
  const comparer = createComparer({ pubsub, log, everyMs: compareEveryMs });
  const watched = createWatchedRows<Dispute>({
    pubsub,
    comparer,
    log,
    kind: {
      topicOfRow: disputeTopic,
      topicOfGroup: disputesTopic,
      decode: (message) => decodeRow(DISPUTE_STREAM, message),
      readMany: (ids) => disputes.readMany(ids),
      versionsOf: async (_, paymentIds) =>
        (await disputes.versionsOf(paymentIds)).map(({ id, paymentId, version }) => ({
          id,
          groupId: paymentId,
          version,
        })),
    },
  });

  return {
    async disputes(paymentId, whoAsks) {
      const key = rowKey(paymentId);
      // The payment is read again only when the caller's rights changed: a fan-out reads nothing.
      let admitted: string | undefined;
      const check = async (): Promise<boolean> => {
        const caller = await permitted(whoAsks, 'DISPUTE_READ');
        const rights = `${caller.permissions.has('PAYMENT_READ_ANY')} ${caller.accountId}`;
        if (rights === admitted) return true;
        if (key === undefined || !(await disputes.mayWatch(key, caller))) throw new NotFoundError('payment', paymentId);
        admitted = rights;
        return true;
      };
      await check();
      const scope = key ?? '';
      return watched.watch({ scope: 'group', key: scope, snapshot: () => disputes.readOfPayment(scope), check });
    },
    async close() {
      watched.close();
      await comparer.close();
    },
  };
};
