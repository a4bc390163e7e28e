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

const NODE_TYPES = ['PAYMENT', 'REFUND', 'DISPUTE', 'RECURRING_PAYMENT'] as const;

const LISTING: Listing = {
  table: 'tollgate.stripe_event',
  alias: 'e',
  columns: `e.id, e.type, e.status, e.reason, e.attempts, e.last_error as "lastError", e.received_at as "receivedAt",
    e.processed_at as "processedAt", e.payload`,
  time: 'received_at',
  id: 'text',
};

/** The rows that Stripe's id, or ours, is one of. */
const rowsOf = (given: string, ours: string | undefined): string => {
  const of = (kind: string, table: string, ...columns: string[]): string[] =>
    columns.map((column) => `select '${kind}', id from tollgate.${table} where ${column} = ${given}`);
  return [
    ...(ours ? NODE_TYPES.map((kind) => `select '${kind}', ${ours}`) : []),
    ...of('PAYMENT', 'payment', 'stripe_payment_intent_id', 'stripe_charge_id', 'stripe_invoice_id'),
    ...of('PAYMENT', 'payment', 'stripe_checkout_session_id'),
    ...of('REFUND', 'refund', 'stripe_refund_id'),
    ...of('DISPUTE', 'dispute', 'stripe_dispute_id'),
    ...of('RECURRING_PAYMENT', 'recurring_payment', 'stripe_subscription_id', 'stripe_checkout_session_id'),
  ].join(' union all ');
};

/** The event itself, those that changed one of our rows, and those that were not applied, by their object. */
const isSought =
  (search: string): Condition =>
  (bind) => {
    const text = search.trim();
    const given = `${bind(text)}::text`;
    const ours = isNodeId(text) ? `${bind(text)}::bigint` : undefined;
    return `e.id in (select id from tollgate.stripe_event where id = ${given}
      union all select id from tollgate.stripe_event where object_id = ${given} and status <> 'PROCESSED'
      union all select c.event_id from (${rowsOf(given, ours)}) as n (kind, id)
        join tollgate.change c on c.node_type = n.kind and c.node_id = n.id where c.event_id is not null)`;
  };

const conditionsOf = ({ type, status, since, until, search }: EventFilter): Condition[] => [
  ...isEqual('e.type', type),
  ...isOfStatus('e.status', status, 'PROCESSED'),
  ...isWithin('e.received_at', since, until),
  ...(search === undefined ? [] : [isSought(search)]),
];

/** A statement over the events that fit. */
const overEvents = (filter: EventFilter, text: (where: string, bind: Bind) => string): Statement => {
  const values: unknown[] = [];
  const bind: Bind = (value) => `$${values.push(value)}`;
  const where = ['true', ...conditionsOf(filter).map((condition) => condition(bind))].join(' and ');
  return { text: text(where, bind), values };
};

export const createEventReads = (database: Database): EventReads => ({
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
        filter,
        (where) => `select e.id from tollgate.stripe_event e where ${where} order by received_at, e.id`,
      ),
    );
    return rows.map(({ id }) => id);
  },

  async nextIds({ first, after, ...filter }) {
    const rows = await database.query<{ id: string }>(
      overEvents(filter, (where, bind) => {
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
        filter,
        (where, bind) => `select count(*)::integer as "count" from (
          select from tollgate.stripe_event e where ${where} limit ${bind(MOST_COUNTED + 1)}) as found`,
      ),
    );
    const count = row?.count ?? 0;
    return { count: Math.min(count, MOST_COUNTED), isMore: count > MOST_COUNTED };
  },
});
