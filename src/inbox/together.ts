import type Stripe from 'stripe';
import type { Tx } from '../storage/database.js';

/** An event that can be applied with others. */
export interface Rider {
  readonly event: Stripe.Event;
  /** What no two events of a batch share, such as the object's id. */
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
 * another transaction holds is left, and so is what needs more than the payload, or more than a new version and a flow.
 */
export interface Together<R extends Rider = Rider> {
  /** The event, read; undefined where it must go alone. */
  read(event: Stripe.Event): R | undefined;
  /** Locks what the events are about, and gives what applies those that are new; both inside the transaction. */
  prepare(tx: Tx, riders: readonly R[]): Promise<(isNew: (eventId: string) => boolean) => Promise<AppliedTogether>>;
}
