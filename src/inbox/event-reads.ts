import { isNodeId } from '../core/node-id.js';
import type { Page, PageOfBoth, PageRequest } from '../core/page.js';
import type { Database, Statement } from '../storage/database.js';
import {
  type Bind,
  type Condition,
  isEqual,
  isOfStatus,
  isWithin,
  type Listing,
  readPage,
} from '../storage/listing.js';
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
  /** The whole id of an event, of Stripe's object that it is about, or of one of our rows that it changed. */
  readonly search?: string | undefined;
}

/** How many events fit; counted no further than `MOST_COUNTED`. */
export interface EventCount {
  readonly count: number;
  /** There are more than were counted. */
  readonly isMore: boolean;
}

/** A count of more would read long for a number that nobody needs to the last digit. */
export const MOST_COUNTED = 100_000;

/** Where rows of a kind keep the ids of the objects at Stripe that events are about. */
export interface StripeIds {
  /** As the timeline calls the kind. */
  readonly nodeType: string;
  readonly table: string;
  readonly columns: readonly string[];
}

/** Reads of the inbox. */
export interface EventReads {
  /** The event, or null where there is none. */
  find(id: string): Promise<InboxEvent | null>;
  /** A page, newest first; `after` is an event's id. */
  list(filter: EventFilter & PageOfBoth): Promise<Page<InboxEvent>>;
  /** The ids of all that fit, as they came: for a replay of many. */
  idsOf(filter: EventFilter): Promise<string[]>;
  /** The ids of the first `first` that fit, as they came, after the event `after`. */
  nextIds(filter: EventFilter & PageRequest): Promise<string[]>;
  count(filter: EventFilter): Promise<EventCount>;
}

const LISTING: Listing = {
  table: 'tollgate.stripe_event',
  alias: 'e',
  columns: `e.id, e.type, e.status, e.reason, e.attempts, e.last_error as "lastError", e.received_at as "receivedAt",
    e.processed_at as "processedAt", e.payload`,
  time: 'received_at',
  id: 'text',
};

/** The rows that Stripe's id, or ours, is one of. */
const rowsOf = (kinds: readonly StripeIds[], given: string, ours: string | undefined): string =>
  kinds
    .flatMap(({ nodeType, table, columns }) => [
      ...(ours ? [`select '${nodeType}', ${ours}`] : []),
      ...columns.map((column) => `select '${nodeType}', id from ${table} where ${column} = ${given}`),
    ])
    .join(' union all ');

/** The event itself, those that changed one of our rows, and those that were not applied, by their object. */
const isSought =
  (search: string, kinds: readonly StripeIds[]): Condition =>
  (bind) => {
    const text = search.trim();
    const given = `${bind(text)}::text`;
    const ours = isNodeId(text) ? `${bind(text)}::bigint` : undefined;
    return `e.id in (select id from tollgate.stripe_event where id = ${given}
      union all select id from tollgate.stripe_event where object_id = ${given} and status <> 'PROCESSED'
      union all select c.event_id from (${rowsOf(kinds, given, ours)}) as n (kind, id)
        join tollgate.change c on c.node_type = n.kind and c.node_id = n.id where c.event_id is not null)`;
  };

/** A statement over the events for which the conditions hold. */
const overEvents = (conditions: readonly Condition[], text: (where: string, bind: Bind) => string): Statement => {
  const values: unknown[] = [];
  const bind: Bind = (value) => `$${values.push(value)}`;
  const where = ['true', ...conditions.map((condition) => condition(bind))].join(' and ');
  return { text: text(where, bind), values };
};

/** Builds the reads; `kinds` are the rows that events may have changed. */
export const createEventReads = (database: Database, kinds: readonly StripeIds[]): EventReads => {
  const conditionsOf = ({ type, status, since, until, search }: EventFilter): Condition[] => [
    ...isEqual('e.type', type),
    ...isOfStatus('e.status', status, 'PROCESSED'),
    ...isWithin('e.received_at', since, until),
    ...(search === undefined ? [] : [isSought(search, kinds)]),
  ];

  return {
    async find(id) {
      const [event] = await database.query<InboxEvent>({
        text: `select ${LISTING.columns} from tollgate.stripe_event e where e.id = $1`,
        values: [id],
      });
      return event ?? null;
    },

    list: (filter) => readPage<InboxEvent>(database, LISTING, conditionsOf(filter), filter),

    async idsOf(filter) {
      const rows = await database.query<{ id: string }>(
        overEvents(
          conditionsOf(filter),
          (where) => `select e.id from tollgate.stripe_event e where ${where} order by received_at, e.id`,
        ),
      );
      return rows.map(({ id }) => id);
    },

    async nextIds({ first, after, ...filter }) {
      const rows = await database.query<{ id: string }>(
        overEvents(conditionsOf(filter), (where, bind) => {
          const key = after === undefined ? undefined : `${bind(after)}::text`;
          const rest =
            key &&
            `and (e.received_at, e.id) > ((select received_at from tollgate.stripe_event where id = ${key}), ${key})`;
          return `select e.id from tollgate.stripe_event e where ${where} ${rest ?? ''}
          order by e.received_at, e.id limit ${bind(first)}`;
        }),
      );
      return rows.map(({ id }) => id);
    },

    async count(filter) {
      const [row] = await database.query<{ count: number }>(
        overEvents(
          conditionsOf(filter),
          (where, bind) => `select count(*)::integer as "count" from (
          select from tollgate.stripe_event e where ${where} limit ${bind(MOST_COUNTED + 1)}) as found`,
        ),
      );
      const count = row?.count ?? 0;
      return { count: Math.min(count, MOST_COUNTED), isMore: count > MOST_COUNTED };
    },
  };
};
