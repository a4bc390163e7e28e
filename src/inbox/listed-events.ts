import type Stripe from 'stripe';
import type { Database } from '../storage/database.js';
import { MOST_EVENT_TYPES } from '../stripe/event-calls.js';

/** Items in groups of this size at the most. */
export const chunksOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

/** Types of events in as many lists as Stripe must be asked for. */
export const listsOf = (eventTypes: readonly string[]): string[][] => chunksOf(eventTypes, MOST_EVENT_TYPES);

/** Those of the events that were never stored. */
export const unknownAmong = async (database: Database, events: readonly Stripe.Event[]): Promise<Stripe.Event[]> => {
  const known = await database.query<{ id: string }>({
    text: 'select id from tollgate.stripe_event where id = any($1::text[])',
    values: [events.map(({ id }) => id)],
  });
  const ids = new Set(known.map(({ id }) => id));
  return events.filter(({ id }) => !ids.has(id));
};
