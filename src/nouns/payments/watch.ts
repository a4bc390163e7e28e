import { type Caller, mayRead } from '../../core/caller.js';
import { denial, NotFoundError, OrderNotFoundError } from '../../core/errors.js';
import type { Permission } from '../../core/permissions.js';
import { createComparer } from '../../live/comparer.js';
import { rowKey } from '../../live/key.js';
import { createWatchedRows } from '../../live/watched-rows.js';
import type { PubSub, PubSubLog } from '../../outbox/pubsub.js';
import { decodeRow } from '../../outbox/stream.js';
import type { Payments } from './payments.js';
import type { Payment } from './row.js';
import { orderPaymentsTopic, PAYMENT_STREAM, PAYMENTS_TOPIC, paymentTopic } from './stream.js';

/** Who asks, at this moment: asked again before each row. A throw ends the stream with that error. */
export type WhoAsks = () => Promise<Caller>;

/**
 * What subscribers see: the current state of every covered row, oldest first, then newer versions, rising per row. The
 * newest is never missed, an older one never shown, whatever pub/sub loses, repeats or reorders. A slow reader skips
 * versions. A stream ends with FORBIDDEN when its permission is lost, with NOT_FOUND (ORDER_NOT_FOUND) when its rows are
 * no longer the caller's. `return()` frees everything at once.
 */
export interface Live {
  /** One payment. Rejects with NOT_FOUND where there is none that the caller may see, FORBIDDEN without PAYMENT_READ. */
  payment(id: string, whoAsks: WhoAsks): Promise<AsyncIterableIterator<Payment>>;
  /**
   * All payments of an order that the caller may see, new ones included: where no owner column is bound, one order may have
   * payments of several accounts. Rejects with ORDER_NOT_FOUND, or FORBIDDEN without PAYMENT_READ.
   */
  orderPayments(orderId: string, whoAsks: WhoAsks): Promise<AsyncIterableIterator<Payment>>;
  /** Every payment as it changes, from now on, without first states. Rejects with FORBIDDEN without PAYMENT_READ_ANY. */
  payments(whoAsks: WhoAsks): Promise<AsyncIterableIterator<Payment>>;
  /** Ends all streams without an error. */
  close(): Promise<void>;
}

/** What live status reads of payments; between a message and its subscribers nothing is read. */
export type LivePayments = Pick<Payments, 'readMany' | 'readOfOrder' | 'findWatchable' | 'versionsOf' | 'changedLast'>;

interface LiveParts {
  readonly pubsub: Pick<PubSub, 'subscribe' | 'onGap'>;
  readonly payments: LivePayments;
  readonly log: Pick<PubSubLog, 'warn'>;
  /** How often the versions of watched rows are compared with the database: what Redis lost shows within it. */
  readonly compareEveryMs?: number;
}

/** Builds live status over pub/sub and the domain's reads. */
export const createLive = ({ pubsub, payments, log, compareEveryMs = 10_000 }: LiveParts): Live => {
  const comparer = createComparer({ pubsub, log, everyMs: compareEveryMs });
  const watchedPayments = createWatchedRows<Payment>({
    pubsub,
    comparer,
    log,
    kind: {
      topicOfRow: paymentTopic,
      topicOfGroup: orderPaymentsTopic,
      decode: (message) => decodeRow(PAYMENT_STREAM, message),
      readMany: (ids) => payments.readMany(ids),
      versionsOf: async (ids, orderIds) =>
        (await payments.versionsOf(ids, orderIds)).map(({ id, orderId, version }) => ({
          id,
          groupId: orderId,
          version,
        })),
    },
  });

  /** All of them are one group. */
  const watchedChanges = createWatchedRows<Payment>({
    pubsub,
    comparer,
    log,
    kind: {
      topicOfRow: paymentTopic,
      topicOfGroup: () => PAYMENTS_TOPIC,
      decode: (message) => decodeRow(PAYMENT_STREAM, message),
      readMany: (ids) => payments.readMany(ids),
      versionsOf: async () =>
        (await payments.changedLast()).map(({ id, version }) => ({ id, groupId: PAYMENTS_TOPIC, version })),
    },
  });

  return {
    async payments(whoAsks) {
      await permitted(whoAsks, 'PAYMENT_READ_ANY');
      const check = () => permitted(whoAsks, 'PAYMENT_READ_ANY').then(() => true);
      return watchedChanges.watchFromNow({ key: PAYMENTS_TOPIC, check });
    },
    async payment(id, whoAsks) {
      await permitted(whoAsks, 'PAYMENT_READ');
      const key = rowKey(id);
      if (key === undefined) throw new NotFoundError('payment', id);
      const check = async (row: Payment | undefined): Promise<boolean> => {
        const caller = await permitted(whoAsks, 'PAYMENT_READ');
        if (!row || !mayRead(caller, row, 'PAYMENT_READ_ANY')) throw new NotFoundError('payment', id);
        return true;
      };
      const snapshot = async (): Promise<Payment[]> => {
        const rows = await payments.readMany([key]);
        await check(rows[0]);
        return rows;
      };
      return watchedPayments.watch({ scope: 'row', key, snapshot, check });
    },
    async orderPayments(orderId, whoAsks) {
      const find = async (caller: Caller): Promise<string> => {
        const found = await payments.findWatchable(orderId, caller);
        if (found === undefined) throw new OrderNotFoundError(orderId);
        return found;
      };
      const first = await permitted(whoAsks, 'PAYMENT_READ');
      const key = await find(first);
      let admitted = rightsOf(first);
      // The order is read again only when the caller's rights changed: a fan-out reads nothing.
      const check = async (row: Payment): Promise<boolean> => {
        const caller = await permitted(whoAsks, 'PAYMENT_READ');
        if (rightsOf(caller) !== admitted) await find(caller);
        admitted = rightsOf(caller);
        return row.accountId === null || mayRead(caller, row, 'PAYMENT_READ_ANY');
      };
      return watchedPayments.watch({ scope: 'group', key, snapshot: () => payments.readOfOrder(key), check });
    },
    async close() {
      watchedPayments.close();
      watchedChanges.close();
      await comparer.close();
    },
  };
};

/** What decides which orders the caller may watch. */
const rightsOf = ({ permissions, accountId }: Caller): string => `${permissions.has('PAYMENT_READ_ANY')} ${accountId}`;

/** Asks who it is now; throws FORBIDDEN when the permission is missing, UNAUTHENTICATED without an account. */
export const permitted = async (whoAsks: WhoAsks, permission: Permission): Promise<Caller> => {
  const caller = await whoAsks();
  if (!caller.permissions.has(permission)) throw denial(caller, permission);
  return caller;
};
