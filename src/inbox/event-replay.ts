import { BadUserInputError, DomainError, NotFoundError, UnavailableError } from '../core/errors.js';
import { type AskedBy, readReason } from '../core/reason.js';
import { writeAudit } from '../storage/audit.js';
import type { Database } from '../storage/database.js';
import type { EventFilter, EventReads, InboxEvent } from './event-reads.js';
import type { EventProcessor } from './process-event.js';

/** Which events are replayed in one step. */
export interface ReplayStep {
  readonly filter: EventFilter;
  /** The last event of the step before; undefined for the first. */
  readonly after?: string | undefined;
  /** At most so many. */
  readonly first: number;
}

/** What became of a step. */
export interface ReplayedStep {
  readonly replayed: number;
  readonly failed: readonly { readonly id: string; readonly error: string }[];
  /** Where the next step goes on; null where nothing is left. */
  readonly next: string | null;
}

/** The inbox as an operator sees and uses it. */
export interface Events extends Pick<EventReads, 'find' | 'list' | 'count'> {
  /**
   * Takes a stored event through the path again and gives it as it is afterwards, with the error where it failed. One
   * that was processed changes nothing and runs no flow, save those with `duplicates: 'deliver'`. Twice is harmless. The audit keeps who asked.
   *
   * @throws NotFoundError, BadUserInputError when its payload is older than is kept
   */
  replay(id: string, by: AskedBy): Promise<InboxEvent>;
  /**
   * Replays events that fit, as they came, and says where to go on. A step that was cut off, or is taken twice, does no harm: each event is
   * replayed as by itself. The audit keeps each step once, with what was asked for.
   */
  replayStep(step: ReplayStep, by: AskedBy): Promise<ReplayedStep>;
}

/** A step ends then, so that its answer comes before anything on the way gives up on it. */
const STEP_MS = 10_000;

/** What is wrong with one event is told with it; anything else ends the step. */
const refusalOf = (failure: unknown): string => {
  if (!(failure instanceof DomainError) || failure instanceof UnavailableError) throw failure;
  return failure.message;
};

/** Builds the operator's view of the inbox. */
export const createEvents = ({
  database,
  reads,
  processor,
}: {
  database: Database;
  reads: EventReads;
  processor: Pick<EventProcessor, 'replay'>;
}): Events => {
  const findKept = async (id: string): Promise<InboxEvent & { readonly payload: string }> => {
    const event = await reads.find(id);
    if (!event) throw new NotFoundError('event', id);
    const { payload } = event;
    if (payload === null)
      throw new BadUserInputError(
        `The payload of ${id} is older than is kept, so it can't be replayed; "tollgate reconcile" asks Stripe instead.`,
      );
    return { ...event, payload };
  };

  const replayKept = async (event: InboxEvent & { readonly payload: string }): Promise<InboxEvent> => {
    const { id, payload, attempts } = event;
    const failure = await processor.replay({ id, payload, attempts });
    const after = (await reads.find(id)) ?? event;
    return failure ? { ...after, lastError: after.lastError ?? failure.message } : after;
  };

  return {
    find: (id) => reads.find(id),
    list: (filter) => reads.list(filter),
    count: (filter) => reads.count(filter),

    async replay(id, { actor, reason }) {
      const why = readReason(reason);
      const event = await findKept(id);
      await database.query(writeAudit(actor, 'EVENT_REPLAYED', { eventId: id, reason: why }));
      return replayKept(event);
    },

    async replayStep({ filter, after, first }, { actor, reason }) {
      const why = readReason(reason);
      // One more tells whether there is a next step.
      const found = await reads.nextIds({ ...filter, first: first + 1, ...(after !== undefined && { after }) });
      const ids = found.slice(0, first);
      if (ids.length === 0) return { replayed: 0, failed: [], next: null };
      const detail = { ...filter, count: ids.length, firstEventId: ids[0], lastEventId: ids.at(-1), reason: why };
      await database.query(writeAudit(actor, 'EVENTS_REPLAYED', detail));
      const failed: { id: string; error: string }[] = [];
      const endsAt = performance.now() + STEP_MS;
      let replayed = 0;
      for (const id of ids) {
        if (performance.now() > endsAt) break;
        const error = await findKept(id)
          .then(replayKept)
          .then(({ lastError }) => lastError, refusalOf);
        if (error !== null) failed.push({ id, error });
        replayed += 1;
      }
      return { replayed, failed, next: replayed < found.length ? (ids[replayed - 1] ?? null) : null };
    },
  };
};
