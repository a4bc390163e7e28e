import type Stripe from 'stripe';
import { UnavailableError } from '../core/errors.js';
import { createSlots, NoSlotError } from '../core/slots.js';
import type { StripeConnection } from '../installation/stripe-connection.js';
import type { Database, Tx } from '../storage/database.js';
import { NotAnAnswerError } from '../stripe/answer.js';
import { STRIPE_API_VERSION } from '../stripe/client.js';
import { type Delivery, deliveryOf } from './delivery.js';
import type { EventBatches } from './event-batches.js';
import type { Applied, EventHandler, Fetched } from './handler.js';
import { subjectOf } from './hints.js';
import type { DueEvent, EventEnd, Inbox } from './inbox.js';

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

interface Parts {
  readonly database: Database;
  readonly inbox: Inbox;
  readonly connection: StripeConnection;
  /** What applies an event, by its type. */
  readonly handlers: ReadonlyMap<string, EventHandler>;
  readonly batches: EventBatches;
  readonly log: { warn(detail: object, message: string): void };
}

/** Nothing was left to do. */
const DONE: Applied = { kind: 'ended', end: { status: 'PROCESSED' }, publish: () => undefined };

/** More than this at once wait in the inbox for a job. */
const MOST_IN_FLIGHT = 200;
/** How often Stripe is read while our row keeps moving; then the event waits for a job. */
const FETCHES = 3;
/**
 * Events that may be in a transaction at once, those that come and those that come again: together well below the pool, so
 * that flows which hang, or a row that is locked for long, leave connections to everything else.
 */
const FRESH_AT_ONCE = 8;
const RETRIED_AT_ONCE = 4;
/** Of one payment intent or subscription, so many at once: they wait for the same locks. */
const ABOUT_ONE = 2;
/** An event that waits longer for its turn is stored for a job, so that Stripe gets its answer. */
const PATIENCE_MS = 2_000;
/** When a job takes up again what had to wait: by then others had their turn. */
const BUSY_SECONDS = 3;

/** An event and how it came. */
interface Arrival extends Delivery {
  /** `new`: not known to be stored. `left`: by a batch, just now. `retried`: a job's turn. `replayed`: an operator asked for it. */
  readonly kind: 'new' | 'left' | 'retried' | 'replayed';
  /** True where the object must be fetched whatever the payload says. */
  readonly isHint?: boolean;
}

/** Builds the processor. */
export const createEventProcessor = ({
  database,
  inbox,
  connection,
  handlers,
  batches,
  log,
}: Parts): EventProcessor => {
  const running = new Set<Promise<unknown>>();
  const fresh = createSlots(FRESH_AT_ONCE, ABOUT_ONE);
  const retried = createSlots(RETRIED_AT_ONCE, ABOUT_ONE);
  const slotsOf = ({ kind }: Arrival) => (kind === 'retried' ? retried : fresh);

  /** Why the event changes nothing of ours; undefined when it may. */
  const route = async (event: Stripe.Event): Promise<{ handler: EventHandler } | { reason: string }> => {
    const handler = handlers.get(event.type);
    if (!handler) return { reason: `Events of the type ${event.type} are not used.` };
    const livemode = await connection.livemode();
    if (livemode !== undefined && livemode !== event.livemode)
      return {
        reason: `It is a ${event.livemode ? 'live' : 'test'} event, the keys are ${livemode ? 'live' : 'test'} keys.`,
      };
    const reason = handler.ignore(event);
    return reason === undefined ? { handler } : { reason };
  };

  /** Holds the event's row for this transaction; false when there is nothing left to do for it. */
  const claim = (tx: Tx, { event, payload, kind }: Arrival, end: EventEnd): Promise<boolean> =>
    kind === 'new'
      ? inbox.insert(tx, event, payload, end)
      : inbox.lock(tx, event.id, kind === 'replayed' ? 'ignored' : undefined);

  const store = async (delivery: Arrival, reason: string): Promise<void> => {
    const end = { status: 'IGNORED' as const, reason };
    await database.transaction(async (tx) => {
      if ((await claim(tx, delivery, end)) && delivery.kind !== 'new') inbox.finish(tx, delivery.event.id, end);
    });
  };

  /** A flow that asked for duplicates sees a processed event again; one that is still to be retried is left to its job. */
  const deliverAgain = async (tx: Tx, event: Stripe.Event, apply: () => Promise<Applied>): Promise<Applied> => {
    if (!(await inbox.isProcessed(tx, event.id))) return DONE;
    const applied = await apply();
    return applied.kind === 'ask' ? DONE : applied;
  };

  /** One transaction: the event's row, our row, the flow. Everything or nothing. */
  const applyOnce = (delivery: Arrival, handler: EventHandler, fetched: Fetched | undefined): Promise<Applied> => {
    const { event, kind } = delivery;
    const about = subjectOf(event);
    const work = async (tx: Tx): Promise<Applied> => {
      // Both travel in one round trip; a known event is left alone.
      const [mine, apply] = await Promise.all([
        claim(tx, delivery, { status: 'PROCESSED' }),
        handler.prepare(tx, { event, actor: kind === 'replayed' ? 'operator' : 'stripe' }, fetched),
      ]);
      if (!mine) return handler.deliversDuplicates && kind !== 'retried' ? deliverAgain(tx, event, apply) : DONE;
      const applied = await apply();
      if (applied.kind === 'ask') throw new AskStripe(applied.version);
      if (kind !== 'new' || applied.end.status === 'IGNORED') inbox.finish(tx, event.id, applied.end);
      return applied;
    };
    return slotsOf(delivery)
      .run(() => database.transaction(work, about), { patienceMs: PATIENCE_MS, about })
      .catch((error: unknown): Applied => {
        if (error instanceof AskStripe) return { kind: 'ask', version: error.version };
        throw error;
      });
  };

  /** What only hints at our row is asked about, unless it leads to none of ours. */
  const ask = async (event: Stripe.Event, handler: EventHandler): Promise<Fetched | undefined> =>
    (await handler.isKnown(database, event)) ? { answer: await handler.fetch(event), version: undefined } : undefined;

  const apply = async (delivery: Arrival): Promise<void> => {
    const { event } = delivery;
    const routed = await route(event);
    if ('reason' in routed) return store(delivery, routed.reason);
    const { handler } = routed;
    const isHint = event.api_version !== STRIPE_API_VERSION || delivery.isHint === true;
    if (isHint || delivery.kind !== 'new' || !handler.together) return applyAlone(delivery, handler);
    return batches.apply(delivery, handler.together, (isStored) =>
      applyAlone(isStored ? { ...delivery, kind: 'left' } : delivery, handler),
    );
  };

  const applyAlone = async (delivery: Arrival, handler: EventHandler): Promise<void> => {
    const { event } = delivery;
    // A payload of another API version has other shapes: it is a hint only.
    let isHint = event.api_version !== STRIPE_API_VERSION || delivery.isHint === true;
    let fetched: Fetched | undefined;
    for (let fetches = 0; fetches <= FETCHES; fetches += 1) {
      if (isHint && !fetched) {
        fetched = await ask(event, handler);
        if (!fetched) return store(delivery, handler.unmatched);
      }
      try {
        const applied = await applyOnce(delivery, handler, fetched);
        if (applied.kind === 'ended') return applied.publish();
        fetched = { answer: await handler.fetch(event), version: applied.version };
      } catch (error) {
        if (fetched || !(error instanceof NotAnAnswerError)) throw error;
        isHint = true; // a payload of an unknown shape
      }
    }
    throw new Error('The row kept moving while Stripe was read.');
  };

  /** Gives what went wrong, once that is stored. */
  const applyOrRecord = async (delivery: Arrival): Promise<Error | undefined> => {
    const { event, payload, kind } = delivery;
    try {
      await apply(delivery);
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

  const track = async <T>(work: Promise<T>): Promise<T> => {
    running.add(work);
    try {
      return await work;
    } finally {
      running.delete(work);
    }
  };

  const stored = ({ payload }: DueEvent, kind: 'retried' | 'replayed'): Arrival => ({
    event: JSON.parse(payload) as Stripe.Event,
    payload,
    kind,
  });

  return {
    async receive({ event, payload }) {
      if (running.size >= MOST_IN_FLIGHT) await inbox.receive(event, payload);
      else await track(applyOrRecord({ event, payload, kind: 'new' }));
    },
    async retry(due) {
      await track(applyOrRecord(stored(due, 'retried')));
    },
    replay: (due) => track(applyOrRecord(stored(due, 'replayed'))),
    catchUp: (event) => track(applyOrRecord({ ...deliveryOf(event), kind: 'new', isHint: true })),
    async idle() {
      await Promise.allSettled(running);
    },
  };
};

/** Rolls the transaction back: the payload can't decide. */
class AskStripe extends Error {
  constructor(readonly version: number | undefined) {
    super('Stripe must be asked for its present state.');
  }
}
