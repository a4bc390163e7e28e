import { traced } from '../core/trace.js';
import type { Database, Statement } from '../storage/database.js';
import { publishRow } from './publisher.js';
import type { PubSub } from './pubsub.js';
import type { Stream, Versioned } from './stream.js';

/** Reads rows in their newest version; missing ones are left out. */
type ReadMany<Row extends Versioned = Versioned> = (ids: readonly string[]) => Promise<readonly Row[]>;

/** Tells every process of committed versions. What is to be told stands in a table until it was (see the trigger `announce`). */
export interface Outbox {
  /**
   * Adds a kind of row and gives the function that announces its committed rows. A failure leaves them in the table, and any
   * process publishes them within seconds.
   */
  add<Row extends Versioned>(stream: Stream<Row>, readMany: ReadMany<Row>): (row: Row) => void;
  /** Has `follow` told of each announced row of a kind: for what another kind of row must tell because of it. */
  follow<Row extends Versioned>(stream: Stream<Row>, follow: (row: Row) => void): void;
  /** The kinds that were added, with how their rows are read. */
  readonly kinds: ReadonlyMap<string, { readonly stream: Stream; readonly readMany: ReadMany }>;
  /** Publishes what has been in the table for longer than a moment, from this or a dead process; gives how many of its entries. */
  sweep(): Promise<number>;
  /** Resolves when all that was handed in is published and gone from the table, or has failed. */
  flush(): Promise<void>;
}

/** What the outbox is made of. */
export interface OutboxParts {
  readonly database: Database;
  readonly pubsub: Pick<PubSub, 'publish'>;
  readonly log: { warn(detail: object, message: string): void };
  /** Hears of every committed row that is announced. */
  readonly heard?: ((stream: Stream, row: Versioned) => void) | undefined;
  /** Hears how long it took, in seconds, until every process was told of a row. */
  readonly published?: (seconds: number) => void;
  /** False: what is announced stays in the table, for a server to publish within seconds; a command may reach no client. */
  readonly publishes?: boolean;
}

/** What was published in a moment is forgotten together, in one statement. */
const FORGET_AFTER_MS = 100;
const SWEEP_ROWS = 500;

/** So many entries besides its own are looked at by the one that forgets: those of other processes in the same moment. */
const LATELY = 2_000;

/** What a process has published; what one statement changed is forgotten whole. */
interface Published {
  readonly nodeType: string;
  readonly id: string;
  readonly version: number;
}

/**
 * Older versions need no message of their own once a newer one was heard. It doesn't wait for the disk: what a crash brings
 * back is sent twice, which does no harm. Only what came lately is looked at: it costs the same however much is left behind.
 */
const forgetAll = (published: readonly Published[]): Statement => ({
  name: 'outbox_forget',
  text: `with relaxed as materialized (select set_config('synchronous_commit', 'off', true)),
    told as materialized (
      select node_type, node_id, max(version) as version
      from relaxed, unnest($1::text[], $2::bigint[], $3::integer[]) as m (node_type, node_id, version) group by 1, 2),
    gone as (
      select o.id from tollgate.outbox o cross join unnest(o.node_ids, o.versions) as c (node_id, version)
        left join told t on t.node_type = o.node_type and t.node_id = c.node_id and t.version >= c.version
      where o.id > (select coalesce(max(id), 0) - $4 from tollgate.outbox) group by o.id having bool_and(t.node_id is not null))
    delete from tollgate.outbox where id in (select id from gone)`,
  values: [
    published.map(({ nodeType }) => nodeType),
    published.map(({ id }) => id),
    published.map(({ version }) => version),
    published.length + LATELY,
  ],
});

/** Builds the outbox over the change log; it holds no kind yet. */
export const createOutbox = ({
  database,
  pubsub,
  log,
  heard,
  published: tookSeconds,
  publishes = true,
}: OutboxParts): Outbox => {
  const kinds = new Map<string, { readonly stream: Stream; readonly readMany: ReadMany }>();
  const followers = new Map<string, ((row: Versioned) => void)[]>();
  const published: Published[] = [];
  const publishing = new Set<Promise<void>>();
  let forgetting: Promise<void> | undefined;

  const forget = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, FORGET_AFTER_MS));
    forgetting = undefined;
    await database
      .query(forgetAll(published.splice(0)))
      .catch((error: unknown) =>
        log.warn({ err: error }, 'what was published stays in the table, and is sent once more'),
      );
  };

  /** Whether every process was told. */
  const publish = async (stream: Stream, row: Versioned): Promise<boolean> => {
    try {
      await traced(`publish ${stream.nodeType}`, { kind: 'PRODUCER' }, () => publishRow(pubsub, stream, row));
      return true;
    } catch (error) {
      const { id, version } = row;
      log.warn({ err: error, nodeType: stream.nodeType, id, version }, 'a change was not published, it will be soon');
      return false;
    }
  };

  const publishAndForget = async (stream: Stream, row: Versioned): Promise<void> => {
    const began = performance.now();
    if (!(await publish(stream, row))) return;
    tookSeconds?.((performance.now() - began) / 1_000);
    published.push({ nodeType: stream.nodeType, id: row.id, version: row.version });
    forgetting ??= forget();
    await forgetting;
  };

  const announce = (stream: Stream, row: Versioned): void => {
    const work = publishAndForget(stream, row).finally(() => publishing.delete(work));
    publishing.add(work);
  };

  /** Publishes the newest versions of the rows; gives the ids of those that could not be. */
  const republish = async (nodeType: string, ids: readonly string[]): Promise<Set<string>> => {
    const kind = kinds.get(nodeType);
    const rows = kind ? await kind.readMany([...new Set(ids)]) : [];
    const told = await Promise.all(
      rows.map(async (row) => ({ id: row.id, isTold: kind && (await publish(kind.stream, row)) })),
    );
    return new Set(told.filter(({ isTold }) => !isTold).map(({ id }) => id));
  };

  return {
    kinds,

    add(stream, readMany) {
      // The kinds stand in one list; each reads and publishes its own rows alone.
      const kind = { stream: stream as unknown as Stream, readMany };
      kinds.set(stream.nodeType, kind);
      return (row) => {
        heard?.(kind.stream, row);
        if (publishes) announce(kind.stream, row);
        for (const follow of followers.get(stream.nodeType) ?? []) follow(row);
      };
    },

    follow(stream, follow) {
      followers.set(stream.nodeType, [...(followers.get(stream.nodeType) ?? []), follow as (row: Versioned) => void]);
    },

    async sweep() {
      const waiting = await database.query<{ id: string; nodeType: string; nodeIds: string[] }>({
        text: `select id::text as "id", node_type as "nodeType", node_ids::text[] as "nodeIds" from tollgate.outbox
          where node_type = any($2::text[]) and (at < now() - interval '1 second' or at > now() + interval '1 minute')
          order by id limit $1`,
        values: [SWEEP_ROWS, [...kinds.keys()]],
      });
      let count = 0;
      for (const nodeType of kinds.keys()) {
        const left = waiting.filter((one) => one.nodeType === nodeType);
        if (left.length === 0) continue;
        const untold = await republish(
          nodeType,
          left.flatMap(({ nodeIds }) => nodeIds),
        );
        const told = left.filter(({ nodeIds }) => !nodeIds.some((id) => untold.has(id)));
        await database.query({
          text: 'delete from tollgate.outbox where id = any($1::bigint[])',
          values: [told.map(({ id }) => id)],
        });
        count += told.length;
      }
      return count;
    },

    async flush() {
      await Promise.allSettled(publishing);
    },
  };
};
