import type { Database } from '../storage/database.js';

/** Forgets what customers' data old events carry. */
export interface PayloadKeeping {
  /** Drops payloads older than are kept and gives how many; ids and outcomes stay, so a late duplicate is still known. */
  forgetOld(): Promise<number>;
}

const AT_ONCE = 1_000;

/** Builds it; `keepDays` 0 keeps payloads for ever. An event that still waits keeps its payload. */
export const createPayloadKeeping = (database: Database, keepDays: number): PayloadKeeping => ({
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
});
