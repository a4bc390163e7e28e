import type { PubSub, PubSubLog } from '../outbox/pubsub.js';
import { Channel } from './channel.js';
import type { Comparer } from './comparer.js';
import type { Versioned } from './row-stream.js';

/** A kind of row that can be watched: one row by its id, or a group (all payments of an order) by the group's id. */
interface Kind<Row extends Versioned> {
  topicOfRow(id: string): string;
  topicOfGroup(groupId: string): string;
  /** Reads a message. Throws what isn't a row. */
  decode(message: string): Row;
  /** The current rows, in one query; missing ones are left out. */
  readMany(ids: readonly string[]): Promise<readonly Row[]>;
  /** The newest versions of these rows and of all rows of these groups, in one query. */
  versionsOf(ids: readonly string[], groupIds: readonly string[]): Promise<readonly RowVersion[]>;
}

interface RowVersion extends Versioned {
  readonly groupId: string;
}

type Scope = 'row' | 'group';

interface WatchRequest<Row> {
  readonly scope: Scope;
  /** The row's or the group's id, written as the database writes it. */
  readonly key: string;
  /** Reads the rows that the stream begins with, oldest first; a throw is the answer to the subscriber. */
  snapshot(): Promise<readonly Row[]>;
  /** Asked before each row is handed out: `false` leaves it out, a throw ends the stream with that error. */
  check(row: Row): Promise<boolean>;
}

/** The watched rows of one kind. */
interface WatchedRows<Row> {
  /**
   * Listens, then reads, then gives the stream: its rows first, then newer versions only. Rejects with what `snapshot`
   * throws, and leaves nothing behind then.
   */
  watch(request: WatchRequest<Row>): Promise<AsyncIterableIterator<Row, undefined>>;
  /** Listens, then gives what changes in a group from now on, without first states. */
  watchFromNow(request: Pick<WatchRequest<Row>, 'key' | 'check'>): Promise<AsyncIterableIterator<Row, undefined>>;
  /** Ends all streams without an error. */
  close(): void;
}

/** Builds the watch over one kind of row. */
export const createWatchedRows = <Row extends Versioned>(parts: {
  readonly kind: Kind<Row>;
  readonly pubsub: Pick<PubSub, 'subscribe'>;
  readonly comparer: Comparer;
  readonly log: Pick<PubSubLog, 'warn'>;
}): WatchedRows<Row> => {
  const { kind, pubsub, comparer, log } = parts;
  const channels: Record<Scope, Map<string, Channel<Row>>> = { row: new Map(), group: new Map() };
  let closed = false;

  const open = (scope: Scope, key: string): Channel<Row> => {
    const release = comparer.hold();
    const channel = new Channel<Row>({
      topic: scope === 'row' ? kind.topicOfRow(key) : kind.topicOfGroup(key),
      pubsub,
      log,
      decode: kind.decode,
      onLate: comparer.soon,
      onClosed: () => {
        channels[scope].delete(key);
        release();
      },
    });
    channels[scope].set(key, channel);
    return channel;
  };

  /** Two queries at most: which versions are news, and those rows. */
  const compareThese = async (ids: readonly string[], groupIds: readonly string[]): Promise<void> => {
    if (ids.length + groupIds.length === 0) return;
    const behind = new Map<string, Channel<Row>[]>();
    for (const { id, groupId, version } of await kind.versionsOf(ids, groupIds)) {
      const covering = [channels.row.get(id), channels.group.get(groupId)].filter((channel) => channel !== undefined);
      const late = covering.filter((channel) => channel.isNews(id, version));
      if (late.length > 0) behind.set(id, late);
    }
    if (behind.size === 0) return;
    for (const row of await kind.readMany([...behind.keys()]))
      for (const channel of behind.get(row.id) ?? []) channel.offer(row);
  };
  comparer.add(() => compareThese(readKeys(channels.row), readKeys(channels.group)));

  return {
    async watch({ scope, key, snapshot, check }) {
      if (closed) throw new Error('Live status is closed.');
      const channel = channels[scope].get(key) ?? open(scope, key);
      const stream = channel.join(check);
      try {
        await channel.ready;
        const rows = await snapshot();
        stream.start(rows);
        for (const row of rows) channel.offer(row);
        return stream;
      } catch (error) {
        stream.end();
        throw error;
      }
    },
    async watchFromNow({ key, check }) {
      if (closed) throw new Error('Live status is closed.');
      // What was before is no news. What comes between this and the listening shows at the next comparison.
      const before = await kind.versionsOf([], [key]);
      const channel = channels.group.get(key) ?? open('group', key);
      if (channel.isEmpty) for (const { id, version } of before) channel.know(id, version);
      const stream = channel.join(check);
      try {
        await channel.ready;
        stream.start([]);
        return stream;
      } catch (error) {
        stream.end();
        throw error;
      }
    },
    close() {
      closed = true;
      for (const channel of [...channels.row.values(), ...channels.group.values()]) channel.end();
    },
  };
};

const readKeys = <Row extends Versioned>(channels: ReadonlyMap<string, Channel<Row>>): string[] =>
  [...channels].filter(([, channel]) => !channel.isEmpty).map(([key]) => key);
