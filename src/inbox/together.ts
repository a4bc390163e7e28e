import type Stripe from 'stripe';
import type { FlowTurn } from '../flows/owed.js';
import { createFlowTurns } from '../flows/turns.js';
import type { Tx } from '../storage/database.js';
import { NotAnAnswerError } from '../stripe/answer.js';
import type { Applied } from './handler.js';

/** An event that can be applied with others. */
export interface Rider {
  readonly event: Stripe.Event;
  /** What no two events that are under way share, whatever their kind, such as the id of their payment intent. */
  readonly key: string;
}

/** What became of the events of a batch. */
export interface AppliedTogether {
  /** Ids of events for which nothing was written: each must be applied alone. */
  readonly left: readonly string[];
  /** Tells of what was written; after the commit. */
  publish(): void;
}

/**
 * How events of one kind are applied in one transaction, by the same rules as one alone. It never waits for a lock of rows: what
 * another transaction holds is left, and so is what needs more than the payload.
 */
export interface Together<R extends Rider = Rider> {
  /** The event, read; undefined where it must go alone. */
  read(event: Stripe.Event): R | undefined;
  /** Locks what the events are about, and gives what applies those that are new; both inside the transaction. */
  prepare(tx: Tx, riders: readonly R[]): Promise<(isNew: (eventId: string) => boolean) => Promise<AppliedTogether>>;
}

/** A transaction of several events; their flows run once all of them are written. */
export interface Shared {
  readonly tx: Tx;
  readonly turns: FlowTurn[];
}

/** An event, and the row that it is about, locked with its order. */
export interface Matched<R extends Rider, Row> {
  readonly rider: R;
  readonly row: Row;
}

/** One kind of event, whose rows are found by the riders' keys. */
export interface Kind<R extends Rider, Row extends { readonly orderId: string }> {
  /**
   * The event, read; undefined where it must go alone.
   *
   * @throws NotAnAnswerError when the payload has not the documented shape: it goes alone
   */
  read(event: Stripe.Event): R | undefined;
  /** Locks what is free of the rows of these keys, and gives them by their keys. */
  lockFree(tx: Tx, keys: readonly string[]): Promise<ReadonlyMap<string, Row>>;
  /**
   * Applies events of different orders, each by the recipe of one alone, and gives what each came to, in the order given. What
   * wasn't processed must have written nothing: it goes alone.
   */
  applyAll(shared: Shared, matched: readonly Matched<R, Row>[]): Promise<readonly Applied[]>;
}

/** Of an order the first alone: what the others would see has changed by then. */
const matchOf = <R extends Rider, Row extends { readonly orderId: string }>(
  riders: readonly R[],
  rows: ReadonlyMap<string, Row>,
): Matched<R, Row>[] => {
  const orders = new Set<string>();
  return riders.flatMap((rider) => {
    const row = rows.get(rider.key);
    if (!row || orders.has(row.orderId)) return [];
    orders.add(row.orderId);
    return { rider, row };
  });
};

/** Builds how the events of a kind share a transaction. */
export const createTogether = <R extends Rider, Row extends { readonly orderId: string }>({
  read,
  lockFree,
  applyAll,
}: Kind<R, Row>): Together<R> => {
  const flowTurns = createFlowTurns();
  return {
    read(event) {
      try {
        return read(event);
      } catch (error) {
        if (error instanceof NotAnAnswerError) return undefined;
        throw error;
      }
    },

    async prepare(tx, riders) {
      const rows = await lockFree(
        tx,
        riders.map(({ key }) => key),
      );
      return async (isNew) => {
        const fresh = riders.filter(({ event }) => isNew(event.id));
        const turns: FlowTurn[] = [];
        const matched = matchOf(fresh, rows);
        const ends = await applyAll({ tx, turns }, matched);
        await flowTurns.run(tx, turns);
        const done = new Map<string, () => void>();
        for (const [at, { rider }] of matched.entries()) {
          const applied = ends[at];
          if (applied?.kind === 'ended' && applied.end.status === 'PROCESSED')
            done.set(rider.event.id, applied.publish);
        }
        return {
          left: fresh.map(({ event }) => event.id).filter((id) => !done.has(id)),
          publish() {
            for (const publish of done.values()) publish();
          },
        };
      };
    },
  };
};
