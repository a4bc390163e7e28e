import { NotFoundError } from '../../core/errors.js';
import { createComparer } from '../../live/comparer.js';
import { rowKey } from '../../live/key.js';
import { createWatchedRows } from '../../live/watched-rows.js';
import type { PubSub, PubSubLog } from '../../outbox/pubsub.js';
import { decodeRow } from '../../outbox/stream.js';
import { permitted, type WhoAsks } from '../payments/watch.js';
import type { RefundReads } from './read.js';
import type { Refund } from './row.js';
import { REFUND_STREAM, refundsTopic, refundTopic } from './stream.js';

/** What subscribers see of refunds, with the guarantees of `Live`. */
export interface LiveRefunds {
  /**
   * All refunds of a payment, new ones included. Rejects with NOT_FOUND where there is no payment whose refunds the caller
   * may see, FORBIDDEN without REFUND_READ.
   */
  refunds(paymentId: string, whoAsks: WhoAsks): Promise<AsyncIterableIterator<Refund>>;
  /** Ends all streams without an error. */
  close(): Promise<void>;
}

interface Parts {
  readonly pubsub: Pick<PubSub, 'subscribe' | 'onGap'>;
  readonly refunds: Pick<RefundReads, 'readMany' | 'readOfPayment' | 'versionsOf' | 'mayWatch'>;
  readonly log: Pick<PubSubLog, 'warn'>;
  /** How often the versions of watched rows are compared with the database. */
  readonly compareEveryMs?: number;
}

/** Builds live status of refunds: they are watched by their payment. */
export const createLiveRefunds = ({ pubsub, refunds, log, compareEveryMs = 10_000 }: Parts): LiveRefunds => {
  const comparer = createComparer({ pubsub, log, everyMs: compareEveryMs });
  const watched = createWatchedRows<Refund>({
    pubsub,
    comparer,
    log,
    kind: {
      topicOfRow: refundTopic,
      topicOfGroup: refundsTopic,
      decode: (message) => decodeRow(REFUND_STREAM, message),
      readMany: (ids) => refunds.readMany(ids),
      versionsOf: async (_, paymentIds) =>
        (await refunds.versionsOf(paymentIds)).map(({ id, paymentId, version }) => ({
          id,
          groupId: paymentId,
          version,
        })),
    },
  });

  return {
    async refunds(paymentId, whoAsks) {
      const key = rowKey(paymentId);
      // The payment is read again only when the caller's rights changed: a fan-out reads nothing.
      let admitted: string | undefined;
      const check = async (): Promise<boolean> => {
        const caller = await permitted(whoAsks, 'REFUND_READ');
        const rights = `${caller.permissions.has('REFUND_READ_ANY')} ${caller.accountId}`;
        if (rights === admitted) return true;
        if (key === undefined || !(await refunds.mayWatch(key, caller))) throw new NotFoundError('payment', paymentId);
        admitted = rights;
        return true;
      };
      await check();
      const scope = key ?? '';
      return watched.watch({ scope: 'group', key: scope, snapshot: () => refunds.readOfPayment(scope), check });
    },
    async close() {
      watched.close();
      await comparer.close();
    },
  };
};
