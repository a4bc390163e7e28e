import type Stripe from 'stripe';
import { UnavailableError } from '../core/errors.js';
import { createSlots, NoSlotError } from '../core/slots.js';
import { traced } from '../core/trace.js';
import { type ApplyingParts, type Arrival, applyEvent } from './apply-event.js';
import { type Delivery, deliveryOf } from './delivery.js';
import type { DueEvent } from './inbox.js';

/** The path of a verified event: route, one transaction, publish. */
export interface EventProcessor {
  /** Resolves once the event is durable, whatever came of applying it; rejects when nothing could be stored. */
  receive(delivery: Delivery): Promise<void>;
  /** Applies a stored event again; never rejects for the event's own failure. */
  retry(due: DueEvent): Promise<void>;
  /**
   * Applies a stored event once more for an operator, an ignored one too. One that was processed changes nothing and runs
   * no flow, save those that want duplicates. Gives what went wrong; undefined when it was applied or ignored again.
   */
  replay(stored: DueEvent): Promise<Error | undefined>;
  /**
   * Stores and applies an event that no delivery brought; its object is fetched, for a listed event is a hint only. Known
   * ones change nothing. Gives what went wrong, which is recorded and tried again.
   */
  catchUp(event: Stripe.Event): Promise<Error | undefined>;
  /** Resolves when nothing is being applied. */
  idle(): Promise<void>;
}

interface Parts extends Omit<ApplyingParts, 'slotsOf'> {
  /** Hears what became of each event, `lagSeconds` after Stripe created it where it came for the first time. */
  readonly took?: (type: string, how: How, lagSeconds?: number) => void;
  readonly log: { warn(detail: object, message: string): void };
}

/** More than this at once wait in the inbox for a job. */
const MOST_IN_FLIGHT = 200;
/**
 * Events that may be in a transaction at once, those that come and those that come again: together well below the pool, so
 * that flows which hang, or a row that is locked for long, leave connections to everything else.
 */
const FRESH_AT_ONCE = 8;
const RETRIED_AT_ONCE = 4;
/** Of one payment intent or subscription, so many at once: they wait for the same locks. */
const ABOUT_ONE = 2;
/** When a job takes up again what had to wait: by then others had their turn. */
const BUSY_SECONDS = 3;

const stored = ({ payload }: DueEvent, kind: 'retried' | 'replayed'): Arrival => ({
  event: JSON.parse(payload) as Stripe.Event,
  payload,
  kind,
});

/** Gives what went wrong, once that is stored. */
const applyOrRecord = async (
  { log, ...parts }: ApplyingParts & Pick<Parts, 'log'>,
  arrival: Arrival,
): Promise<Error | undefined> => {
  const { inbox } = parts;
  const { event, payload, kind } = arrival;
  try {
    await applyEvent(parts, arrival);
    return undefined;
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    if (error instanceof NoSlotError || error instanceof UnavailableError) {
      // Nothing is wrong with the event: a job takes it, or takes it again.
      if (kind === 'new') await inbox.receive(event, payload);
      else await inbox.postpone(event.id, BUSY_SECONDS);
      return failure;
    }
    log.warn({ err: error, eventId: event.id, type: event.type }, 'event failed, it will be tried again');
    await inbox.recordFailure(event, payload, error);
    return failure;
  }
};

/** How an event came, and what became of it. */
interface How {
  readonly via: string;
  readonly outcome: string;
}

const howOf = ({ kind, isHint }: Arrival, failure: Error | undefined): How => {
  const isLater = failure instanceof NoSlotError || failure instanceof UnavailableError;
  return {
    via: kind === 'new' ? (isHint ? 'fetched' : 'delivery') : kind,
    outcome: failure ? (isLater ? 'postponed' : 'failed') : 'handled',
  };
};

export const createEventProcessor = (parts: Parts): EventProcessor => {
  const { inbox } = parts;
  const running = new Set<Promise<unknown>>();
  const fresh = createSlots(FRESH_AT_ONCE, ABOUT_ONE);
  const retried = createSlots(RETRIED_AT_ONCE, ABOUT_ONE);
  const applying = { ...parts, slotsOf: ({ kind }: Arrival) => (kind === 'retried' ? retried : fresh) };

  const tell = ({ event, kind }: Arrival, how: How, failure: Error | undefined): void => {
    const isFresh = !failure && (kind === 'new' || kind === 'retried');
    parts.took?.(
      parts.handlers.has(event.type) ? event.type : 'other',
      how,
      isFresh ? Date.now() / 1_000 - event.created : undefined,
    );
  };

  const process = (arrival: Arrival): Promise<Error | undefined> => {
    const { event } = arrival;
    const attributes = { 'tollgate.event.id': event.id, 'tollgate.event.type': event.type };
    return traced(`event ${event.type}`, { kind: 'CONSUMER', attributes }, async (span) => {
      const work = applyOrRecord(applying, arrival);
      running.add(work);
      try {
        const failure = await work;
        const how = howOf(arrival, failure);
        tell(arrival, how, failure);
        span.set({ 'tollgate.event.via': how.via, 'tollgate.event.outcome': how.outcome });
        return failure;
      } finally {
        running.delete(work);
      }
    });
  };

  return {
    async receive({ event, payload }) {
      if (running.size >= MOST_IN_FLIGHT) await inbox.receive(event, payload);
      else await process({ event, payload, kind: 'new' });
    },
    async retry(due) {
      await process(stored(due, 'retried'));
    },
    replay: (due) => process(stored(due, 'replayed')),
    catchUp: (event) => process({ ...deliveryOf(event), kind: 'new', isHint: true }),
    async idle() {
      await Promise.allSettled(running);
    },
  };
};
