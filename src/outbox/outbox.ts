import type { Database } from '../storage/database.js';
import { publishRow } from './publisher.js';
import type { PubSub } from './pubsub.js';
import type { Stream, Versioned } from './stream.js';

/** Reads rows in their newest version; missing ones are left out. */
type ReadMany<Row extends Versioned = Versioned> = (ids: readonly string[]) => Promise<readonly Row[]>;

/** Tells every process of committed versions, and remembers that it did. */
export interface Outbox {
  /**
   * Adds a kind of row and gives the function that announces its committed rows: it publishes and marks the change as
   * published. A failure leaves the change unpublished, and any process publishes it within seconds.
   */
  add<Row extends Versioned>(stream: Stream<Row>, readMany: ReadMany<Row>): (row: Row) => void;
  /** Has `follow` told of each announced row of a kind: for what another kind of row must tell because of it. */
  follow<Row extends Versioned>(stream: Stream<Row>, follow: (row: Row) => void): void;
  /** The kinds that were added, with how their rows are read. */
  readonly kinds: ReadonlyMap<string, { readonly stream: Stream; readonly readMany: ReadMany }>;
  /** Publishes what has waited longer than a moment, from this or a dead process; gives how many rows. */
  sweep(): Promise<number>;
  /** Resolves when all that was handed in is published and marked, or has failed. */
  flush(): Promise<void>;
}

/** What the outbox is made of. */
export interface OutboxParts {
  readonly database: Database;
  readonly pubsub: Pick<PubSub, 'publish'>;
  readonly log: { warn(detail: object, message: string): void };
  /** Hears of every committed row that is announced. */
  readonly heard?: ((stream: Stream, row: Versioned) => void) | undefined;
  /** False: what is announced stays unpublished, for a server to publish within seconds; a command may reach no client. */
  readonly publishes?: boolean;
}

/** Marks of a moment travel together: one statement for all. */
const MARK_AFTER_MS = 100;
const SWEEP_ROWS = 500;

/** Builds the outbox over the change log; it holds no kind yet. */
export const createOutbox = ({ database, pubsub, log, heard, publishes = true }: OutboxParts): Outbox => {
  const kinds = new Map<string, { readonly stream: Stream; readonly readMany: ReadMany }>();
  const followers = new Map<string, ((row: Versioned) => void)[]>();
  const published: { nodeType: string; id: string; version: number }[] = [];
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

  const publish = async (stream: Stream, row: Versioned): Promise<void> => {
    const { nodeType } = stream;
    const { id, version } = row;
    try {
      await publishRow(pubsub, stream, row);
      published.push({ nodeType, id, version });
      marking ??= mark();
      await marking;
    } catch (error) {
      log.warn({ err: error, nodeType, id, version }, 'a change was not published, it will be soon');
    }
  };

  const announce = (stream: Stream, row: Versioned): Promise<void> => {
    const work = publish(stream, row).finally(() => publishing.delete(work));
    publishing.add(work);
    return work;
  };

  return {
    kinds,

    add(stream, readMany) {
      // The kinds stand in one list; each reads and publishes its own rows alone.
      const kind = { stream: stream as unknown as Stream, readMany };
      kinds.set(stream.nodeType, kind);
      return (row) => {
        heard?.(kind.stream, row);
        if (publishes) void announce(kind.stream, row);
        for (const follow of followers.get(stream.nodeType) ?? []) follow(row);
      };
    },

    follow(stream, follow) {
      followers.set(stream.nodeType, [...(followers.get(stream.nodeType) ?? []), follow as (row: Versioned) => void]);
    },

    async sweep() {
      const waiting = await database.query<{ nodeType: string; id: string }>({
        text: `select distinct node_type as "nodeType", node_id::text as "id" from (
            select node_type, node_id from tollgate.change
            where published_at is null and (at < now() - interval '1 second' or at > now() + interval '1 minute')
            order by at limit $1) w`,
        values: [SWEEP_ROWS],
      });
      let count = 0;
      for (const [nodeType, { stream, readMany }] of kinds) {
        const ids = waiting.filter((change) => change.nodeType === nodeType).map(({ id }) => id);
        const rows = ids.length === 0 ? [] : await readMany(ids);
        await Promise.all(rows.map((row) => announce(stream, row)));
        count += rows.length;
      }
      return count;
    },

    async flush() {
      await Promise.allSettled(publishing);
    },
  };
};
