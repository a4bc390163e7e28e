import type { Database } from '../storage/database.js';
import type { NodeType } from './change.js';

/** A row that has versions. */
interface Versioned {
  readonly id: string;
  readonly version: number;
  readonly status: string;
}

/** How one kind of row is told to every process. */
export interface OutboxKind<Row extends Versioned = Versioned> {
  publish(row: Row): Promise<void>;
  /** The rows in their newest version. */
  readMany(ids: readonly string[]): Promise<Row[]>;
}

/** Tells every process of committed versions, and remembers that it did. */
export interface Outbox {
  /**
   * Gives the function that announces committed rows of one kind: it publishes and marks the change as published. A
   * failure leaves the change unpublished, and any process publishes it within seconds.
   */
  announcerOf<Row extends Versioned>(nodeType: NodeType, kind: OutboxKind<Row>): (row: Row) => void;
  /** Publishes what has waited longer than a moment, from this or a dead process; gives how many rows. */
  sweep(): Promise<number>;
  /** Resolves when all that was handed in is published and marked, or has failed. */
  flush(): Promise<void>;
}

/** What the outbox is made of. */
export interface OutboxParts {
  readonly database: Database;
  readonly log: { warn(detail: object, message: string): void };
  /** Hears of every committed row that is announced. */
  readonly heard?: ((nodeType: NodeType, row: Versioned) => void) | undefined;
  /** False: what is announced stays unpublished, for a server to publish within seconds; a command may reach no client. */
  readonly publishes?: boolean;
}

/** Marks of a moment travel together: one statement for all. */
const MARK_AFTER_MS = 100;
const SWEEP_ROWS = 500;

/** Builds the outbox over the change log; kinds are added with `announcerOf`. */
export const createOutbox = ({ database, log, heard, publishes = true }: OutboxParts): Outbox => {
  const kinds = new Map<NodeType, (ids: readonly string[]) => Promise<number>>();
  const published: { nodeType: NodeType; id: string; version: number }[] = [];
  const publishing = new Set<Promise<void>>();
  let marking: Promise<void> | undefined;

  /**
   * Older versions need no message of their own once a newer one was heard. It doesn't wait for the disk: a mark that a
   * crash takes back is a message sent twice, which does no harm.
   */
  const mark = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, MARK_AFTER_MS));
    marking = undefined;
    const marks = published.splice(0);
    await database.query({
      name: 'change_mark_published',
      text: `with relaxed as materialized (select set_config('synchronous_commit', 'off', true))
        update tollgate.change c set published_at = now()
        from relaxed, unnest($1::text[], $2::bigint[], $3::integer[]) as m (node_type, id, version)
        where c.node_type = m.node_type and c.node_id = m.id and c.version <= m.version and c.published_at is null`,
      values: [marks.map((m) => m.nodeType), marks.map((m) => m.id), marks.map((m) => m.version)],
    });
  };

  const publish = async <Row extends Versioned>(nodeType: NodeType, kind: OutboxKind<Row>, row: Row): Promise<void> => {
    const { id, version } = row;
    try {
      await kind.publish(row);
      published.push({ nodeType, id, version });
      marking ??= mark();
      await marking;
    } catch (error) {
      log.warn({ err: error, nodeType, id, version }, 'a change was not published, it will be soon');
    }
  };

  return {
    announcerOf(nodeType, kind) {
      const announce = (row: Parameters<typeof kind.publish>[0]): Promise<void> => {
        const work = publish(nodeType, kind, row).finally(() => publishing.delete(work));
        publishing.add(work);
        return work;
      };
      kinds.set(nodeType, async (ids) => {
        const rows = await kind.readMany(ids);
        await Promise.all(rows.map(announce));
        return rows.length;
      });
      return (row) => {
        heard?.(nodeType, row);
        if (publishes) void announce(row);
      };
    },

    async sweep() {
      const waiting = await database.query<{ nodeType: NodeType; id: string }>({
        text: `select distinct node_type as "nodeType", node_id::text as "id" from (
            select node_type, node_id from tollgate.change
            where published_at is null and (at < now() - interval '1 second' or at > now() + interval '1 minute')
            order by at limit $1) w`,
        values: [SWEEP_ROWS],
      });
      let count = 0;
      for (const [nodeType, announceAgain] of kinds) {
        const ids = waiting.filter((change) => change.nodeType === nodeType).map(({ id }) => id);
        if (ids.length > 0) count += await announceAgain(ids);
      }
      return count;
    },

    async flush() {
      await Promise.allSettled(publishing);
    },
  };
};
