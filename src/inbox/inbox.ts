import type Stripe from 'stripe';
import { BACKOFF, type Backoff, waitSeconds } from '../core/backoff.js';
import type { EventStatus } from '../core/states.js';
import type { Database, Tx } from '../storage/database.js';
import { isDue } from '../storage/due.js';
import type { Delivery } from './delivery.js';

/** How an event ended. */
export interface EventEnd {
  readonly status: Extract<EventStatus, 'PROCESSED' | 'IGNORED'>;
  /** Why it was ignored, in words. */
  readonly reason?: string;
}

/** An event that a job took up, with the body that was verified when it came. */
export interface DueEvent {
  readonly id: string;
  readonly payload: string;
  readonly attempts: number;
}

/** Every verified event, exactly once by its id, and how it ended. */
export interface Inbox {
  /** Inserts the event as ended inside the transaction that applies it; false when the event is known already. */
  insert(tx: Tx, delivery: Delivery, end: EventEnd): Promise<boolean>;
  /** The same for several, as processed: gives the ids of those that were not known. */
  insertAll(tx: Tx, deliveries: readonly Delivery[]): Promise<ReadonlySet<string>>;
  /** Leaves events that `insertAll` inserted as RECEIVED to this process; a job takes them up if it dies. */
  leave(tx: Tx, eventIds: readonly string[]): void;
  /** Locks a stored event that still waits, or that was ignored where `ignored` counts too; false when it has ended meanwhile. */
  lock(tx: Tx, eventId: string, ignored?: 'ignored'): Promise<boolean>;
  /** Whether the stored event was applied. */
  isProcessed(tx: Tx, eventId: string): Promise<boolean>;
  /** Writes the end of an event that `insert` or `lock` holds. */
  finish(tx: Tx, eventId: string, end: EventEnd): void;
  /** Stores the event for a job to take up at once. */
  receive(event: Stripe.Event, payload: string): Promise<void>;
  /** Stores the failure, in a transaction of its own; after the last attempt the event is DEAD, and stays so when replayed. */
  recordFailure(event: Stripe.Event, payload: string, error: unknown): Promise<void>;
  /** Counts an attempt that ended with its process, inside the transaction; after the last one the event is DEAD. */
  countFrozen(tx: Tx, delivery: Delivery, frozen: { readonly error: string; readonly isLast: boolean }): void;
  /** Leaves an event that was taken up to a later turn, without counting this one: what it needs is busy. */
  postpone(eventId: string, seconds: number): Promise<void>;
  /**
   * Takes up to `limit` events that are due, of each object the first before any second, and the least tried first: many about
   * one keep no other waiting. Each comes back by itself if this process dies with it.
   */
  claimDue(limit: number): Promise<DueEvent[]>;
}

/** How often, and how far apart, an event is tried. */
export interface InboxLimits extends Backoff {
  /** After so many failed attempts it is DEAD. */
  readonly maximumAttempts: number;
  /** A process that took an event up has so long before another one takes it. */
  readonly leaseSeconds: number;
}

/** Fifteen attempts within four to five hours. */
const INBOX_LIMITS: InboxLimits = { ...BACKOFF, maximumAttempts: 15, leaseSeconds: 60 };

const ERROR_LENGTH = 1_000;
/** Stands in no JSON text: inside of strings control characters are escaped. Source: RFC 8259, section 7. */
const NO_JSON = '\u001f';
/** Asked again of a row that another process took meanwhile. No wait is an hour and a half long. */
const DUE = `status in ('RECEIVED', 'FAILED') and payload is not null and ${isDue('next_attempt_at', '90 minutes')}`;

/** What belongs to a payment intent, and may come before we know whose that is. */
const BY_INTENT: ReadonlySet<string> = new Set(['charge', 'refund', 'dispute']);

/** What no column can hold is no id of Stripe's. */
const ID = /^[^\p{Cc}\p{Cs}]{1,255}$/u;

/** What an event that matched nothing is found again by. */
const objectIdOf = (event: Stripe.Event): string | null => {
  const { object, id, payment_intent: intent } = event.data.object as unknown as Record<string, unknown>;
  const key = BY_INTENT.has(String(object)) && typeof intent === 'string' ? intent : id;
  return typeof key === 'string' && ID.test(key) ? key : null;
};

const recordFailure = async (
  database: Database,
  { event, payload }: Delivery,
  { error, limits }: { readonly error: unknown; readonly limits: InboxLimits },
): Promise<void> => {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, ERROR_LENGTH);
  const [row] = await database.query<{ attempts: number; status: EventStatus }>({
    text: `insert into tollgate.stripe_event as e (id, type, object_id, status, payload, last_error, next_attempt_at)
      values ($1, $2, $3, 'FAILED', $4, $5, now())
      on conflict (id) do update set attempts = e.attempts + 1, last_error = $5,
          status = case e.status when 'DEAD' then 'DEAD' else 'FAILED' end
        where e.status in ('RECEIVED', 'FAILED', 'DEAD') returning attempts, status`,
    values: [event.id, event.type, objectIdOf(event), payload, message],
  });
  if (row?.status !== 'FAILED') return;
  const dead = row.attempts >= limits.maximumAttempts;
  await database.query({
    text: `update tollgate.stripe_event set status = $2, next_attempt_at = now() + $3 * interval '1 second'
      where id = $1 and status = 'FAILED'`,
    values: [event.id, dead ? 'DEAD' : 'FAILED', dead ? null : waitSeconds(row.attempts, limits)],
  });
};

export const createInbox = (database: Database, limits: InboxLimits = INBOX_LIMITS): Inbox => ({
  async insert(tx, { event, payload }, end) {
    const rows = await tx.query({
      name: 'event_insert',
      text: `insert into tollgate.stripe_event (id, type, object_id, status, reason, payload, processed_at)
        values ($1, $2, $3, $4, $5, $6, now()) on conflict (id) do nothing returning 1 as "one"`,
      values: [event.id, event.type, objectIdOf(event), end.status, end.reason ?? null, payload],
    });
    return rows.length > 0;
  },

  async insertAll(tx, deliveries) {
    const rows = await tx.query<{ id: string }>({
      name: 'event_insert_all',
      text: `insert into tollgate.stripe_event (id, type, object_id, status, payload, processed_at)
        select e.id, e.type, e.object_id, 'PROCESSED', e.payload, now()
        from unnest($1::text[], $2::text[], $3::text[], string_to_array($4, $5)) as e (id, type, object_id, payload)
        on conflict (id) do nothing returning id`,
      values: [
        deliveries.map(({ event }) => event.id),
        deliveries.map(({ event }) => event.type),
        deliveries.map(({ event }) => objectIdOf(event)),
        // A list in PostgreSQL's own form would have each of the many quotes escaped, and read again.
        deliveries.map(({ payload }) => payload).join(NO_JSON),
        NO_JSON,
      ],
    });
    return new Set(rows.map(({ id }) => id));
  },

  leave(tx, eventIds) {
    tx.send({
      name: 'event_leave',
      text: `update tollgate.stripe_event set status = 'RECEIVED', attempts = 0, processed_at = null,
        next_attempt_at = now() + $2 * interval '1 second' where id = any($1::text[])`,
      values: [eventIds, limits.leaseSeconds],
    });
  },

  async lock(tx, eventId, ignored) {
    const rows = await tx.query({
      text: `select 1 as "one" from tollgate.stripe_event
        where id = $1 and (status in ('RECEIVED', 'FAILED', 'DEAD') or (status = 'IGNORED' and $2)) for update`,
      values: [eventId, ignored !== undefined],
    });
    return rows.length > 0;
  },

  async isProcessed(tx, eventId) {
    const rows = await tx.query({
      text: `select 1 as "one" from tollgate.stripe_event where id = $1 and status = 'PROCESSED'`,
      values: [eventId],
    });
    return rows.length > 0;
  },

  finish(tx, eventId, end) {
    tx.send({
      name: 'event_finish',
      text: `update tollgate.stripe_event set status = $2, reason = $3, processed_at = now(), next_attempt_at = null,
          last_error = null where id = $1`,
      values: [eventId, end.status, end.reason ?? null],
    });
  },

  async receive(event, payload) {
    await database.query({
      text: `insert into tollgate.stripe_event (id, type, object_id, status, attempts, payload, next_attempt_at)
        values ($1, $2, $3, 'RECEIVED', 0, $4, now()) on conflict (id) do nothing`,
      values: [event.id, event.type, objectIdOf(event), payload],
    });
  },

  recordFailure: (event, payload, error) => recordFailure(database, { event, payload }, { error, limits }),

  countFrozen(tx, { event, payload }, { error, isLast }) {
    tx.send({
      text: `insert into tollgate.stripe_event as e (id, type, object_id, status, payload, last_error, next_attempt_at)
        values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second')
        on conflict (id) do update set attempts = e.attempts + 1, last_error = $6, next_attempt_at = excluded.next_attempt_at,
            status = case when e.attempts + 1 >= $8 then 'DEAD' else $4 end
          where e.status in ('RECEIVED', 'FAILED', 'DEAD')`,
      values: [
        event.id,
        event.type,
        objectIdOf(event),
        isLast ? 'DEAD' : 'FAILED',
        payload,
        error.slice(0, ERROR_LENGTH),
        isLast ? null : waitSeconds(1, limits),
        limits.maximumAttempts,
      ],
    });
  },

  async postpone(eventId, seconds) {
    await database.query({
      text: `update tollgate.stripe_event set next_attempt_at = now() + $2 * interval '1 second'
        where id = $1 and status in ('RECEIVED', 'FAILED')`,
      values: [eventId, seconds],
    });
  },

  claimDue: (limit) =>
    database.query<DueEvent>({
      text: `update tollgate.stripe_event set next_attempt_at = now() + $2 * interval '1 second'
        where id in (
          select id from tollgate.stripe_event where ${DUE} and id in (
            select id from tollgate.stripe_event where ${DUE}
            order by row_number() over (partition by coalesce(object_id, id) order by attempts, received_at), attempts, received_at
            limit $1)
          for update skip locked)
        returning id, payload, attempts`,
      values: [limit, limits.leaseSeconds],
    }),
});
