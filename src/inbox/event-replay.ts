import { BadUserInputError, NotFoundError } from '../core/errors.js';
import { writeAudit } from '../storage/audit.js';
import type { Database } from '../storage/database.js';
import type { EventReads, InboxEvent } from './event-reads.js';
import type { EventProcessor } from './process-event.js';

/** The inbox as an operator sees and uses it. */
export interface Events extends Omit<EventReads, 'idsOf'> {
  /**
   * Takes a stored event through the path again and gives it as it is afterwards, with the error where it failed. One
   * that was processed changes nothing and runs no flow, save those with `duplicates: 'deliver'`. Twice is harmless. The audit keeps who asked.
   *
   * @throws NotFoundError, BadUserInputError when its payload is older than is kept
   */
  replay(id: string, actor: string): Promise<InboxEvent>;
}

/** Builds the operator's view of the inbox. */
export const createEvents = ({
  database,
  reads,
  processor,
}: {
  database: Database;
  reads: EventReads;
  processor: Pick<EventProcessor, 'replay'>;
}): Events => ({
  find: (id) => reads.find(id),
  list: (filter) => reads.list(filter),

  async replay(id, actor) {
    const event = await reads.find(id);
    if (!event) throw new NotFoundError('event', id);
    const { payload, attempts } = event;
    if (payload === null)
      throw new BadUserInputError(
        `The payload of ${id} is older than is kept, so it can't be replayed; "tollgate reconcile" asks Stripe instead.`,
      );
    await database.query(writeAudit(actor, 'EVENT_REPLAYED', { eventId: id }));
    const failure = await processor.replay({ id, payload, attempts });
    const after = (await reads.find(id)) ?? event;
    return failure ? { ...after, lastError: after.lastError ?? failure.message } : after;
  },
});
