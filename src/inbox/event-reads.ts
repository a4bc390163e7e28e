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
}

/** Reads of the inbox. */
export interface EventReads {
  /** The event, or null where there is none. */
  find(id: string): Promise<InboxEvent | null>;
  /** A page, newest first; `after` is an event's id. */
  list(filter: EventFilter & PageRequest): Promise<Page<InboxEvent>>;
  /** The ids of all that fit, as they came: for a replay of many. */
  idsOf(filter: EventFilter): Promise<string[]>;
}

const COLUMNS = `id, type, status, reason, attempts, last_error as "lastError", received_at as "receivedAt",
  processed_at as "processedAt", payload`;

const FITS = `($1::text is null or type = $1) and ($2::text is null or status = $2)
  and ($3::timestamptz is null or received_at >= $3)`;

const valuesOf = ({ type, status, since }: EventFilter): unknown[] => [type ?? null, status ?? null, since ?? null];

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
          and ($4::text is null
            or (received_at, id) < (select received_at, id from tollgate.stripe_event where id = $4))
        order by received_at desc, id desc limit $5`,
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
});
