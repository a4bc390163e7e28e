import { type TraceLink, traced, traceHere } from '../core/trace.js';
import { FlowFailedError } from '../flows/flows.js';
import { TurnError } from '../flows/turns.js';
import { type Database, isDatabaseError, type Tx } from '../storage/database.js';
import type { BatchFailure, BatchMetrics } from './batch-metrics.js';
import { noteRest } from './batch-rest.js';
import type { Delivery } from './delivery.js';
import type { Inbox } from './inbox.js';
import type { AppliedTogether, Rider, Together } from './together.js';

/** When new events share a transaction: `auto`, while several are under way; `always`, also a single one; `off`, never. */
export const BATCH_MODES = ['auto', 'always', 'off'] as const;
export type BatchMode = (typeof BATCH_MODES)[number];

/** Applies new events, alone or several in one transaction. */
export interface EventBatches {
  /**
   * Resolves once the event is applied, or `alone` has done so; each event keeps its own all-or-nothing, for a batch that fails
   * is rolled back and leaves nothing. Rejects with what went wrong with this event.
   *
   * @param alone applies the event in a transaction of its own; `isStored` says that a batch put it into the inbox as RECEIVED
   */
  apply(delivery: Delivery, together: Together, alone: (isStored: boolean) => Promise<void>): Promise<void>;
}

interface Parts {
  readonly database: Database;
  readonly inbox: Pick<Inbox, 'insertAll' | 'leave'>;
  readonly mode: BatchMode;
  readonly metrics: BatchMetrics;
  readonly log: { warn(detail: object, message: string): void };
}

const MOST = 32;
/** While fewer are under way each goes alone: nothing is as quick. */
const ALONE_BELOW = 3;
/** After so many failures in a row events go alone for a while: a flow that can't share would make each of them run twice. */
const FAILURES = 4;
const REST_MS = 60_000;
/** Right after a batch, the next one waits a moment for as many events again: their senders have just had their answers. */
const GATHER_MS = 2;
const SOON_MS = 5;
/** So many batches may wait for their COMMIT at once. */
const COMMITTING = 3;
/** So long a batch waits for a lock before it gives way. */
const LOCK_MS = 50;

const LIMIT_LOCKS = {
  name: 'batch_limit',
  text: `select pg_catalog.current_setting('statement_timeout') as "statement", pg_catalog.current_setting('lock_timeout') as "lock",
    pg_catalog.set_config('lock_timeout', '${LOCK_MS}', true)`,
};

interface Limits {
  readonly statement: string;
  readonly lock: string;
}

/** Deferred triggers, which run at COMMIT, have their usual time. */
const restore = ({ statement, lock }: Limits) => ({
  name: 'batch_limit_end',
  text: `select pg_catalog.set_config('statement_timeout', $1, true), pg_catalog.set_config('lock_timeout', $2, true)`,
  values: [statement, lock],
});

const reasonOf = (error: unknown): BatchFailure => {
  if (error instanceof TurnError) return error.reason;
  return error instanceof FlowFailedError ? 'flow' : 'database';
};

/** PostgreSQL's codes for query_canceled and lock_not_available: alone there is more time. */
const isLimit = (error: unknown): boolean => isDatabaseError(error, '57014') || isDatabaseError(error, '55P03');

/** A flow threw by itself: it would alone as well. */
const isOwnFailure = (error: unknown): boolean =>
  error instanceof FlowFailedError && !(error.cause instanceof TurnError) && !isLimit(error.cause);

type Outcome = 'applied' | 'left' | 'failed' | 'quiet';

interface Waiting {
  readonly rider: Rider;
  readonly delivery: Delivery;
  /** Where its trace stands, if one is made. */
  readonly from: TraceLink | undefined;
  settle(outcome: Outcome): void;
  /** The event itself has failed. */
  reject(error: unknown): void;
}

/** The first of those that wait, of each key one, and none of a key that is `busy`. */
const takeFrom = (waiting: Waiting[], most: number, busy: ReadonlySet<string>): Waiting[] => {
  const keys = new Set<string>();
  const isNext = (key: string): boolean => keys.size < most && !keys.has(key) && !busy.has(key);
  const batch = waiting.filter(({ rider: { key } }) => isNext(key) && keys.add(key));
  waiting.splice(0, waiting.length, ...waiting.filter((one) => !batch.includes(one)));
  return batch;
};

/** What one transaction does: the events' rows, what they are about, the flows. */
const work = async (
  { inbox, together, tx }: Pick<Parts, 'inbox'> & { readonly together: Together; readonly tx: Tx },
  batch: readonly Waiting[],
): Promise<AppliedTogether> => {
  // All of it travels in one packet; in the order of ids, so that two batches never wait for each other in a ring.
  const deliveries = batch.map(({ delivery }) => delivery).sort((a, b) => (a.event.id < b.event.id ? -1 : 1));
  const riders = batch.map(({ rider }) => rider);
  const [[limits], fresh, apply] = await Promise.all([
    tx.query<Limits>(LIMIT_LOCKS),
    inbox.insertAll(tx, deliveries),
    together.prepare(tx, riders),
  ]);
  const applied = await apply((id) => fresh.has(id));
  if (applied.left.length > 0) inbox.leave(tx, applied.left);
  if (limits) tx.send(restore(limits));
  return applied;
};

/** How many events a batch may hold: fewer after each that failed, and none for a while after several in a row. */
const createSize = ({ database, metrics, log }: Pick<Parts, 'database' | 'metrics' | 'log'>) => {
  let most = MOST;
  let failuresInRow = 0;
  let restsUntil = 0;
  return {
    most: () => most,
    rests: () => performance.now() < restsUntil,
    grow(): void {
      most = Math.min(MOST, most + 1);
      failuresInRow = 0;
    },
    shrink(error: unknown): void {
      const reason = reasonOf(error);
      metrics.failed(reason);
      // The next ones let flows run one by one: nothing is wrong.
      if (reason === 'interleaved') return;
      most = Math.max(1, most >> 1);
      failuresInRow += 1;
      if (failuresInRow < FAILURES) return;
      restsUntil = performance.now() + REST_MS;
      noteRest(database, reason).catch((unnoted: unknown) =>
        log.warn({ err: unnoted }, 'that batches fail was not noted'),
      );
      log.warn(
        { err: error, reason, seconds: REST_MS / 1_000 },
        'events go alone for a while, which is slower: batch after batch failed; see "Batches" in docs/flows.md',
      );
    },
  };
};

/** What batches of all kinds that are not yet committed hold, and when each of them has ended. */
interface UnderWay {
  readonly busy: Set<string>;
  readonly batches: Set<Promise<void>>;
}

/** The batches of one kind of event, one after the other: each begins when the one before waits for nothing but its COMMIT. */
const createLane = (
  together: Together,
  { busy, batches }: UnderWay,
  { database, inbox, mode, metrics, log }: Parts,
) => {
  const size = createSize({ database, metrics, log });
  const waiting: Waiting[] = [];
  const committing = new Set<Promise<void>>();
  /** How many events its batches hold that are not yet committed. */
  let held = 0;
  let isRunning = false;
  let alone = 0;
  let last = { size: 0, endedAt: Number.NEGATIVE_INFINITY };

  const applyBatch = async (batch: readonly Waiting[], worked: () => void): Promise<void> => {
    try {
      const links = batch.flatMap(({ from }) => from ?? []);
      const left = await traced('apply together', { links }, async (span) => {
        const applied = await database.transaction((tx) => work({ inbox, together, tx }, batch).finally(worked));
        span.set({ 'tollgate.batch.size': batch.length - applied.left.length });
        applied.publish();
        return applied.left;
      });
      size.grow();
      metrics.applied(batch.length - left.length);
      for (const one of batch) one.settle(left.includes(one.rider.event.id) ? 'left' : 'applied');
    } catch (error) {
      const [first] = batch;
      if (batch.length === 1 && isOwnFailure(error)) return first?.reject(error);
      size.shrink(error);
      for (const one of batch) one.settle('failed');
    }
  };

  /** What comes in the same turn, and what came while the last one ran, rides together. */
  const gather = async (): Promise<void> => {
    const now = performance.now();
    const expected = now - last.endedAt < SOON_MS ? Math.min(last.size, size.most()) : 0;
    do await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length < expected && performance.now() - now < GATHER_MS);
  };

  /** Resolves when the batch waits for nothing but its COMMIT, or has ended. */
  const begin = (batch: readonly Waiting[]): Promise<void> =>
    new Promise((worked) => {
      for (const { rider } of batch) busy.add(rider.key);
      held += batch.length;
      const ended = applyBatch(batch, worked).finally(() => {
        for (const { rider } of batch) busy.delete(rider.key);
        held -= batch.length;
        last = { size: batch.length, endedAt: performance.now() };
        committing.delete(ended);
        batches.delete(ended);
        worked();
      });
      committing.add(ended);
      batches.add(ended);
    });

  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      await gather();
      if (mode === 'auto' && waiting.length + alone + held < ALONE_BELOW) {
        for (const one of waiting.splice(0)) one.settle('quiet');
        break;
      }
      const batch = takeFrom(waiting, size.most(), busy);
      if (batch.length > 0) await begin(batch);
      // What is about the same objects as a batch of another kind waits for that one.
      if (batch.length === 0) await Promise.race(batches);
      else if (committing.size >= COMMITTING) await Promise.race(committing);
    }
    isRunning = false;
  };

  return {
    /** Batches failed one after the other: events go alone for a while. */
    rests: size.rests,
    async goAlone(work: () => Promise<void>): Promise<void> {
      alone += 1;
      try {
        await work();
      } finally {
        alone -= 1;
      }
    },
    join: (rider: Rider, delivery: Delivery) =>
      new Promise<Outcome>((settle, reject) => {
        waiting.push({ rider, delivery, from: traceHere(), settle, reject });
        if (!isRunning) void run();
      }),
  };
};

/** Builds the batches; each kind of event has its own. */
export const createEventBatches = (parts: Parts): EventBatches => {
  const lanes = new Map<Together, ReturnType<typeof createLane>>();
  const underWay: UnderWay = { busy: new Set(), batches: new Set() };
  const laneOf = (together: Together) => {
    const lane = lanes.get(together) ?? createLane(together, underWay, parts);
    lanes.set(together, lane);
    return lane;
  };
  return {
    async apply(delivery, together, alone) {
      if (parts.mode === 'off') return alone(false);
      const lane = laneOf(together);
      const rider = together.read(delivery.event);
      const outcome = !rider ? 'unfit' : lane.rests() ? 'rest' : await lane.join(rider, delivery);
      if (outcome === 'applied') return;
      parts.metrics.alone(outcome);
      await lane.goAlone(() => alone(outcome === 'left'));
    },
  };
};
