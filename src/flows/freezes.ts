import type { Database } from '../storage/database.js';
import { isLongAgo } from '../storage/due.js';

/** After so many freezes nothing runs for this subject until an operator says so. */
export const FREEZES_UNTIL_REFUSED = 2;

/** It held up a process twice; the message says what to do. */
class FrozenTwiceError extends Error {
  constructor(what: string, place: string | null) {
    super(
      `${what} held up the server ${FREEZES_UNTIL_REFUSED} times${place === null ? '' : `, at ${place}`}, and waits for an operator: ` +
        'mend it, start the server again, then run "npx tollgate flows retry".',
    );
    this.name = 'FrozenTwiceError';
  }
}

/** What waits for an operator. */
export interface RefusedRun {
  readonly sort: 'flow' | 'effect';
  readonly name: string;
  /** The order's id, or the effect's idempotency key. */
  readonly subject: string;
  readonly freezes: number;
  readonly place: string | null;
  readonly eventIds: readonly string[];
  readonly since: Date;
}

/** Which flows and effects may not run, as far as this process has heard: so that no run asks the database. */
export interface FlowFreezes {
  /** @throws FrozenTwiceError when it may not */
  assertMayRun(sort: 'flow' | 'effect', name: string, subject: string): void;
  /** Hears what other processes and operators wrote. */
  refresh(): Promise<void>;
}

const REFUSED = `select sort, name, subject, count(*) as "freezes", max(at) as "since",
    (array_agg(place order by at desc))[1] as "place",
    array_remove(array_agg(distinct event_id), null) as "eventIds"
  from tollgate.flow_freeze group by sort, name, subject having count(*) >= ${FREEZES_UNTIL_REFUSED}`;

/** All that waits for an operator, the oldest first. */
export const listRefused = (database: Database): Promise<RefusedRun[]> =>
  database.query<RefusedRun>({ text: `${REFUSED} order by "since"` });

/**
 * Lets what was refused run again, of one order or effect or all, and takes up the events that waited for it. Gives what it
 * was. Twice is harmless.
 */
export const releaseRefused = (database: Database, subject: string | undefined): Promise<RefusedRun[]> =>
  database.transaction(async (tx) => {
    const refused = await tx.query<RefusedRun>({
      text: `select * from (${REFUSED}) r where $1::text is null or subject = $1`,
      values: [subject ?? null],
    });
    await tx.query({
      text: `delete from tollgate.flow_freeze where $1::text is null or subject = $1`,
      values: [subject ?? null],
    });
    await tx.query({
      text: `update tollgate.stripe_event set status = 'FAILED', next_attempt_at = now()
        where id = any($1) and status in ('FAILED', 'DEAD')`,
      values: [refused.flatMap(({ eventIds }) => eventIds)],
    });
    // An owed flow was refused as well. It begins anew: a server that hears of this a moment later refuses it once more, and soon asks again.
    await tx.query({
      text: `update tollgate.owed_flow set tries = 0, next_try_at = now()
        where order_id = any($1) and status = 'OWED' and next_try_at is not null`,
      values: [refused.flatMap(({ sort, subject }) => (sort === 'flow' ? [subject] : []))],
    });
    return refused;
  });

const keyOf = (sort: string, name: string, subject: string): string => JSON.stringify([sort, name, subject]);

/** Builds the memory of this process; before the first refresh all may run. */
export const createFlowFreezes = (database: Database): FlowFreezes => {
  let refused: ReadonlyMap<string, RefusedRun> = new Map();
  return {
    assertMayRun(sort, name, subject) {
      const run = refused.size === 0 ? undefined : refused.get(keyOf(sort, name, subject));
      if (!run) return;
      const what = sort === 'flow' ? `${name} for order ${subject}` : `The effect ${name} with the key ${subject}`;
      throw new FrozenTwiceError(what, run.place);
    },
    async refresh() {
      // What came alone and not again was an accident of that day.
      await database.query({
        text: `delete from tollgate.flow_freeze f where f.counted_at is not null and ${isLongAgo('f.at', "interval '1 day'")} and not exists (
          select from tollgate.flow_freeze other where (other.sort, other.name, other.subject) = (f.sort, f.name, f.subject)
            and other.id <> f.id)`,
      });
      const rows = await listRefused(database);
      refused = new Map(rows.map((run) => [keyOf(run.sort, run.name, run.subject), run]));
    },
  };
};
