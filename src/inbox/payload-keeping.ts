import type { Database } from '../storage/database.js';
import { readDelivery } from './delivery.js';

/** Forgets what customers' data old events carry, and the secrets that earlier releases stored. */
export interface PayloadKeeping {
  /** Drops payloads older than are kept and gives how many; ids and outcomes stay, so a late duplicate is still known. */
  forgetOld(): Promise<number>;
  /**
   * Takes secrets out of payloads that a release without redaction stored, and gives how many were rewritten; it goes on where it
   * was interrupted. Servers of that release may still run, so it looks again at what came last for some days; then never more.
   */
  redactStored(): Promise<number>;
}

const AT_ONCE = 1_000;
const REDACTED_AT_ONCE = 200;
/** As long servers of both releases may run side by side. */
const SIDE_BY_SIDE = `interval '3 days'`;

interface StoredEvent {
  readonly id: string;
  readonly payload: string;
  /** Microseconds count: as text. */
  readonly receivedAt: string;
}

const READ_PROGRESS = `select (value ->> 'through')::timestamptz::text as "through",
    (value ->> 'finishedAt')::timestamptz < now() - ${SIDE_BY_SIDE} as "isOver"
  from tollgate.setting where key = 'payload_redaction'`;

const WRITE_PROGRESS = `insert into tollgate.setting as s (key, value)
  values ('payload_redaction', jsonb_build_object('through', $1::timestamptz, 'finishedAt', case when $2 then now() end))
  on conflict (key) do update set value = jsonb_build_object('through', $1::timestamptz,
    'finishedAt', coalesce(s.value ->> 'finishedAt', excluded.value ->> 'finishedAt'))`;

/** Builds it; `keepDays` 0 keeps payloads for ever. An event that still waits keeps its payload. */
export const createPayloadKeeping = (database: Database, keepDays: number): PayloadKeeping => {
  const readAfter = (receivedAt: string, id: string): Promise<StoredEvent[]> =>
    database.query<StoredEvent>({
      text: `select id, payload, received_at::text as "receivedAt" from tollgate.stripe_event
        where payload is not null and (received_at, id) > ($1::timestamptz, $2) order by received_at, id limit $3`,
      values: [receivedAt, id, REDACTED_AT_ONCE],
    });

  const rewrite = async (events: readonly StoredEvent[]): Promise<number> => {
    const clean = events.flatMap(({ id, payload }) => {
      const read = readDelivery(payload);
      return 'fault' in read || read.payload === payload ? [] : [{ id, payload: read.payload }];
    });
    if (clean.length === 0) return 0;
    await database.query({
      text: `update tollgate.stripe_event e set payload = c.payload from unnest($1::text[], $2::text[]) c (id, payload)
        where e.id = c.id and e.payload is not null`,
      values: [clean.map(({ id }) => id), clean.map(({ payload }) => payload)],
    });
    return clean.length;
  };

  return {
    async forgetOld() {
      let count = 0;
      for (let dropped = AT_ONCE; keepDays > 0 && dropped === AT_ONCE; count += dropped) {
        const rows = await database.query({
          text: `update tollgate.stripe_event set payload = null where id in (
              select id from tollgate.stripe_event where payload is not null and status not in ('RECEIVED', 'FAILED')
                and received_at < now() - $1 * interval '1 day' limit $2 for update skip locked) returning 1 as "one"`,
          values: [keepDays, AT_ONCE],
        });
        dropped = rows.length;
      }
      return count;
    },

    async redactStored() {
      const [progress] = await database.query<{ through: string; isOver: boolean | null }>({ text: READ_PROGRESS });
      if (progress?.isOver) return 0;
      let count = 0;
      let at = { receivedAt: progress?.through ?? '-infinity', id: '' };
      for (let isDone = false; !isDone; ) {
        const events = await readAfter(at.receivedAt, at.id);
        count += await rewrite(events);
        at = events.at(-1) ?? at;
        isDone = events.length < REDACTED_AT_ONCE;
        await database.query({ text: WRITE_PROGRESS, values: [at.receivedAt, isDone] });
      }
      return count;
    },
  };
};
