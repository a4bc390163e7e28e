import type Stripe from 'stripe';
import type { Queryable, Tx } from '../storage/database.js';
import type { Answer } from '../stripe/answer.js';
import type { EventEnd } from './inbox.js';
import type { Together } from './together.js';

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

/** An event, and who brought it: `stripe`, or `operator` for a replay. */
export interface Told {
  readonly event: Stripe.Event;
  readonly actor: string;
}

/**
 * One kind of Stripe object: how its events are applied. A payload of another API version has other shapes: of it nothing but
 * ids, the type and the metadata is read (see `hints.ts`), and Stripe is asked.
 */
export interface EventHandler {
  /** Refuses an event that isn't this installation's by its metadata, before anything is read; undefined lets it pass. */
  ignore(event: Stripe.Event): string | undefined;
  /** Why an event is ignored that leads to no row of ours. */
  readonly unmatched: string;
  /** Whether the event leads to a row of ours, by an id or our mark: for a hint, before Stripe is asked about it. */
  isKnown(on: Queryable, event: Stripe.Event): Promise<boolean>;
  /**
   * Locks what the event is about, and gives what applies it; both inside the transaction. Given `fetched`, that is
   * applied instead of the payload.
   *
   * @throws NotAnAnswerError when the payload has not the documented shape: it is a hint then
   */
  prepare(tx: Tx, told: Told, fetched: Fetched | undefined): Promise<() => Promise<Applied>>;
  /** How new events are applied together; without it each goes alone. */
  readonly together?: Together | undefined;
  /** Whether a flow wants to see an event again that has been processed before. */
  readonly deliversDuplicates: boolean;
  /** Asks Stripe for the object's present state; never inside a transaction. */
  fetch(event: Stripe.Event): Promise<Answer<{ object: string }>>;
}
