import type Stripe from 'stripe';
import type { Tx } from '../storage/database.js';
import type { Answer } from '../stripe/answer.js';
import type { EventEnd } from './inbox.js';

/** Stripe's present object, and the version that our row had when it was asked for. */
export interface Fetched {
  readonly answer: Answer<{ object: string }>;
  /** Our row's version before the read; undefined when the row wasn't known then. */
  readonly version: number | undefined;
}

/** What applying an event came to. `ask`: Stripe's present state must be fetched first; nothing was written. */
export type Applied =
  | { readonly kind: 'ended'; readonly end: EventEnd; readonly publish: () => void }
  | { readonly kind: 'ask'; readonly version: number | undefined };

/** One kind of Stripe object: how its events are applied. */
export interface EventHandler {
  /** Refuses an event that isn't this installation's before anything is locked; undefined lets it pass. */
  ignore(event: Stripe.Event): string | undefined;
  /**
   * Locks what the event is about, and gives what applies it; both inside the transaction. Given `fetched`, that is
   * applied instead of the payload. `actor`: who brought it, for the timeline: `stripe`, or `operator` for a replay.
   */
  prepare(tx: Tx, event: Stripe.Event, actor: string): Promise<(fetched: Fetched | undefined) => Promise<Applied>>;
  /** Whether a flow wants to see an event again that has been processed before. */
  readonly deliversDuplicates: boolean;
  /** Asks Stripe for the object's present state; never inside a transaction. */
  fetch(event: Stripe.Event): Promise<Answer<{ object: string }>>;
}
