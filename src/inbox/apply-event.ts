import type Stripe from 'stripe';
import type { Slots } from '../core/slots.js';
import { traced } from '../core/trace.js';
import type { StripeConnection } from '../installation/stripe-connection.js';
import type { Database, Tx } from '../storage/database.js';
import { NotAnAnswerError } from '../stripe/answer.js';
import { STRIPE_API_VERSION } from '../stripe/client.js';
import type { Delivery } from './delivery.js';
import type { EventBatches } from './event-batches.js';
import type { Applied, EventHandler, Fetched } from './handler.js';
import { subjectOf } from './hints.js';
import type { EventEnd, Inbox } from './inbox.js';

/** What applying an event needs. */
export interface ApplyingParts {
  readonly database: Database;
  readonly inbox: Inbox;
  readonly connection: StripeConnection;
  /** What applies an event, by its type. */
  readonly handlers: ReadonlyMap<string, EventHandler>;
  readonly batches: EventBatches;
  /** How many events may be in a transaction at once. */
  readonly slotsOf: (arrival: Arrival) => Slots;
}

/** An event and how it came. */
export interface Arrival extends Delivery {
  /** `new`: not known to be stored. `left`: by a batch, just now. `retried`: a job's turn. `replayed`: an operator asked for it. */
  readonly kind: 'new' | 'left' | 'retried' | 'replayed';
  /** True where the object must be fetched whatever the payload says. */
  readonly isHint?: boolean;
}

/** Nothing was left to do. */
const DONE: Applied = { kind: 'ended', end: { status: 'PROCESSED' }, publish: () => undefined };

/** How often Stripe is read while our row keeps moving; then the event waits for a job. */
const FETCHES = 3;
/** An event that waits longer for its turn is stored for a job, so that Stripe gets its answer. */
const PATIENCE_MS = 2_000;

/** Rolls the transaction back: the payload can't decide. */
class AskStripe extends Error {
  constructor(readonly version: number | undefined) {
    super('Stripe must be asked for its present state.');
  }
}

/** Why the event changes nothing of ours; the handler where it may. */
const route = async (
  { handlers, connection }: ApplyingParts,
  event: Stripe.Event,
): Promise<{ handler: EventHandler } | { reason: string }> => {
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
const claim = (
  { inbox, tx }: { readonly inbox: Inbox; readonly tx: Tx },
  { event, payload, kind }: Arrival,
  end: EventEnd,
): Promise<boolean> =>
  kind === 'new'
    ? inbox.insert(tx, { event, payload }, end)
    : inbox.lock(tx, event.id, kind === 'replayed' ? 'ignored' : undefined);

const store = async ({ database, inbox }: ApplyingParts, arrival: Arrival, reason: string): Promise<void> => {
  const end = { status: 'IGNORED' as const, reason };
  await database.transaction(async (tx) => {
    if ((await claim({ inbox, tx }, arrival, end)) && arrival.kind !== 'new') inbox.finish(tx, arrival.event.id, end);
  });
};

/** A flow that asked for duplicates sees a processed event again; one that is still to be retried is left to its job. */
const deliverAgain = async (
  { inbox, tx }: { readonly inbox: Inbox; readonly tx: Tx },
  event: Stripe.Event,
  apply: () => Promise<Applied>,
): Promise<Applied> => {
  if (!(await inbox.isProcessed(tx, event.id))) return DONE;
  const applied = await apply();
  return applied.kind === 'ask' ? DONE : applied;
};

/** An event on its way to the noun that it is about. */
interface Routed {
  readonly arrival: Arrival;
  readonly handler: EventHandler;
}

/** What one transaction does: the event's row, our row, the flow. Everything or nothing. */
const applyIn = async (
  { inbox, tx }: { readonly inbox: Inbox; readonly tx: Tx },
  { arrival, handler }: Routed,
  fetched: Fetched | undefined,
): Promise<Applied> => {
  const { event, kind } = arrival;
  // Both travel in one round trip; a known event is left alone.
  const [mine, apply] = await Promise.all([
    claim({ inbox, tx }, arrival, { status: 'PROCESSED' }),
    handler.prepare(tx, { event, actor: kind === 'replayed' ? 'operator' : 'stripe' }, fetched),
  ]);
  if (!mine) return handler.deliversDuplicates && kind !== 'retried' ? deliverAgain({ inbox, tx }, event, apply) : DONE;
  const applied = await apply();
  if (applied.kind === 'ask') throw new AskStripe(applied.version);
  if (kind !== 'new' || applied.end.status === 'IGNORED') inbox.finish(tx, event.id, applied.end);
  return applied;
};

const applyOnce = (
  { database, inbox, slotsOf }: ApplyingParts,
  routed: Routed,
  fetched: Fetched | undefined,
): Promise<Applied> => {
  const { arrival } = routed;
  const about = subjectOf(arrival.event);
  return slotsOf(arrival)
    .run(
      () => traced('apply', {}, () => database.transaction((tx) => applyIn({ inbox, tx }, routed, fetched), about)),
      { patienceMs: PATIENCE_MS, about },
    )
    .catch((error: unknown): Applied => {
      if (error instanceof AskStripe) return { kind: 'ask', version: error.version };
      throw error;
    });
};

/** A payload of another API version has other shapes: it is a hint only. */
const isHintOnly = ({ event, isHint }: Arrival): boolean => event.api_version !== STRIPE_API_VERSION || isHint === true;

const applyAlone = async (parts: ApplyingParts, { arrival, handler }: Routed): Promise<void> => {
  const { event } = arrival;
  let isHint = isHintOnly(arrival);
  let fetched: Fetched | undefined;
  for (let fetches = 0; fetches <= FETCHES; fetches += 1) {
    if (isHint && !fetched) {
      // What only hints at our row is asked about, unless it leads to none of ours.
      if (!(await handler.isKnown(parts.database, event))) return store(parts, arrival, handler.unmatched);
      fetched = { answer: await handler.fetch(event), version: undefined };
    }
    try {
      const applied = await applyOnce(parts, { arrival, handler }, fetched);
      if (applied.kind === 'ended') return applied.publish();
      fetched = { answer: await handler.fetch(event), version: applied.version };
    } catch (error) {
      if (fetched || !(error instanceof NotAnAnswerError)) throw error;
      isHint = true; // a payload of an unknown shape
    }
  }
  throw new Error('The row kept moving while Stripe was read.');
};

/** What a batch left: the row is this process's for a lease, which ends at once where the event can't be applied now. */
const applyLeft = async (parts: ApplyingParts, routed: Routed): Promise<void> => {
  try {
    await applyAlone(parts, { ...routed, arrival: { ...routed.arrival, kind: 'left' } });
  } catch (error) {
    await parts.inbox.postpone(routed.arrival.event.id, 0).catch(() => undefined); // the lease ends by itself
    throw error;
  }
};

/** Applies an event: routes it, and gives it to a batch or to a transaction of its own; then what changed is told. */
export const applyEvent = async (parts: ApplyingParts, arrival: Arrival): Promise<void> => {
  const routed = await route(parts, arrival.event);
  if ('reason' in routed) return store(parts, arrival, routed.reason);
  const { handler } = routed;
  if (isHintOnly(arrival) || arrival.kind !== 'new' || !handler.together)
    return applyAlone(parts, { arrival, handler });
  return parts.batches.apply(arrival, handler.together, (isStored) =>
    isStored ? applyLeft(parts, { arrival, handler }) : applyAlone(parts, { arrival, handler }),
  );
};
