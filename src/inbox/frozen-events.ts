import type Stripe from 'stripe';
import { FREEZES_UNTIL_REFUSED } from '../flows/freezes.js';
import type { Database } from '../storage/database.js';
import type { Inbox } from './inbox.js';

/** A freeze whose event has yet to count it. */
interface Uncounted {
  readonly event: string;
  readonly place: string | null;
  readonly name: string;
  /** All freezes of this event, this one too. */
  readonly freezes: number;
}

/**
 * Counts the attempts of events that ended with their process: the first is tried again, the second is the last. Gives nothing
 * that runs twice: a freeze is counted once, by one process.
 */
export const countFrozenEvents = (database: Database, inbox: Inbox): Promise<void> =>
  database.transaction(async (tx) => {
    const frozen = await tx.query<Uncounted>({
      text: `with taken as (
          update tollgate.flow_freeze set counted_at = now() where id in (
            select id from tollgate.flow_freeze where counted_at is null order by id for update skip locked)
          returning id, event_id, event, place, name)
        select distinct on (t.event_id) t.event, t.place, t.name,
          (select count(*) from tollgate.flow_freeze f where f.event_id = t.event_id) as "freezes"
        from taken t where t.event is not null order by t.event_id, t.id desc`,
    });
    for (const { event: payload, place, name, freezes } of frozen) {
      const at = place === null ? '' : `, at ${place}`;
      inbox.countFrozen(
        tx,
        { event: JSON.parse(payload) as Stripe.Event, payload },
        {
          error: `The flow ${name} held up the server until it was ended${at}.`,
          isLast: freezes >= FREEZES_UNTIL_REFUSED,
        },
      );
    }
  });
