import type { Page, PageRequest } from '../core/page.js';
import type { Database } from '../storage/database.js';
import type { StripeEvent } from './stripe-event.js';

/** What an operator sees of an event in the inbox. */
export type InboxEvent = Omit<StripeEvent, 'objectId' | 'nextAttemptAt'>;

/** What a list of events may be narrowed to; all of it must hold. */
export interface EventFilter {
  readonly type?: string | undefined;
  readonly status?: InboxEvent['status'] | undefined;
  /** Received at or after it. */
  readonly since?: Date | undefined;
  /** Received before it. */
  readonly until?: Date | undefined;
}

/** How many events fit; counted no further than `MOST_COUNTED`. */
export interface EventCount {
  readonly count: number;
  /** There are more than were counted. */
  readonly isMore: boolean;
}

/** A count of more would read long for a number that nobody needs to the last digit. */
export const MOST_COUNTED = 100_000;

/** Reads of the inbox. */
export interface EventReads {
  /** The event, or null where there is none. */
  find(id: string): Promise<InboxEvent | null>;
  /** A page, newest first; `after` is an event's id. */
  list(filter: EventFilter & PageRequest): Promise<Page<InboxEvent>>;
  /** The ids of all that fit, as they came: for a replay of many. */
  idsOf(filter: EventFilter): Promise<string[]>;
  /** The ids of the first `first` that fit, as they came, after the event `after`. */
  nextIds(filter: EventFilter & PageRequest): Promise<string[]>;
  count(filter: EventFilter): Promise<EventCount>;
}

const COLUMNS = `id, type, status, reason, attempts, last_error as "lastError", received_at as "receivedAt",
  processed_at as "processedAt", payload`;

const FITS = `($1::text is null or type = $1) and ($2::text is null or status = $2)
  and ($3::timestamptz is null or received_at >= $3) and ($4::timestamptz is null or received_at < $4)`;

const valuesOf = ({ type, status, since, until }: EventFilter): unknown[] => [
  type ?? null,
  status ?? null,
  since ?? null,
  until ?? null,
];

export const createEventReads = (database: Database): EventReads => ({
  async find(id) {
    const [event] = await database.query<InboxEvent>({
      text: `select ${COLUMNS} from tollgate.stripe_event where id = $1`,
      values: [id],
    });
    return event ?? null;
  },

  async list(filter) {
    const rows = await database.query<InboxEvent>({
      text: `select ${COLUMNS} from tollgate.stripe_event where ${FITS}
          and ($5::text is null
            or (received_at, id) < (select received_at, id from tollgate.stripe_event where id = $5))
        order by received_at desc, id desc limit $6`,
      values: [...valuesOf(filter), filter.after ?? null, filter.first + 1],
    });
    return { rows: rows.slice(0, filter.first), hasNextPage: rows.length > filter.first };
  },

  async idsOf(filter) {
    const rows = await database.query<{ id: string }>({
      text: `select id from tollgate.stripe_event where ${FITS} order by received_at, id`,
      values: valuesOf(filter),
    });
    return rows.map(({ id }) => id);
  },

  async nextIds(filter) {
    const rows = await database.query<{ id: string }>({
      text: `select id from tollgate.stripe_event where ${FITS}
          and ($5::text is null or (received_at, id) > (select received_at, id from tollgate.stripe_event where id = $5))
        order by received_at, id limit $6`,
      values: [...valuesOf(filter), filter.after ?? null, filter.first],
    });
    return rows.map(({ id }) => id);
  },

  async count(filter) {
    const [row] = await database.query<{ count: number }>({
      text: `select count(*)::integer as "count" from (
          select from tollgate.stripe_event where ${FITS} limit $5) as found`,
      values: [...valuesOf(filter), MOST_COUNTED + 1],
    });
    const count = row?.count ?? 0;
    return { count: Math.min(count, MOST_COUNTED), isMore: count > MOST_COUNTED };
  },
});
