import type { Outbox } from '../outbox/outbox.js';
import type { EventFollower } from './event-follower.js';
import type { Inbox } from './inbox.js';
import type { PayloadKeeping } from './payload-keeping.js';
import type { EventProcessor } from './process-event.js';
import type { Reconciler } from './reconciler.js';

/** Something to look for again and again. */
export interface Job {
  /** In words, for the log. */
  readonly name: string;
  run(): Promise<unknown>;
}

/** Work that goes on by itself; every process runs it, and they share it through the database. */
export interface Jobs {
  /** Ends the work that is under way and starts no more. */
  stop(): Promise<void>;
}

interface Parts {
  readonly inbox: Inbox;
  readonly processor: EventProcessor;
  readonly outbox: Outbox;
  /** What the nouns do by themselves. */
  readonly jobs: readonly Job[];
  readonly reconciler: Pick<Reconciler, 'reconcileIfDue' | 'stop'>;
  /** Asks for new events so often, in milliseconds; 0: never. */
  readonly follower: EventFollower;
  readonly followEveryMs: number;
  readonly payloads: PayloadKeeping;
  /** Hears of flows and effects that held up a process, here or elsewhere. */
  readonly countFrozen: () => Promise<void>;
  /** Looks after the webhook endpoint at Stripe. */
  readonly endpointCare: () => Promise<void>;
  /** How often, in milliseconds; a minute unless told. */
  readonly careEveryMs?: number;
  /** How long those that look for work rest between two looks, in milliseconds; a second unless told. */
  readonly everyMs?: number;
  readonly log: { warn(detail: object, message: string): void };
}

const EVERY_MS = 1_000;
const CARE_EVERY_MS = 60_000;
const RECONCILE_LOOK_MS = 30_000;
const FORGET_EVERY_MS = 3_600_000;
const EVENTS_AT_ONCE = 8;

/** Runs the work again and again, `everyMs` after it ended; a failure is logged and doesn't end it. */
const repeat = (
  name: string,
  work: () => Promise<unknown>,
  log: Parts['log'],
  everyMs: number,
): (() => Promise<void>) => {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const round = async (): Promise<void> => {
    await work().catch((error: unknown) => log.warn({ err: error, job: name }, 'a job failed, it runs again'));
    if (!stopped) timer = setTimeout(begin, everyMs);
  };
  const begin = (): void => {
    running = round();
  };
  begin();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
};

/** Starts the jobs: publish what was left unpublished, try failed events again, reconcile, and what the nouns do. */
export const startJobs = (parts: Parts): Jobs => {
  const { inbox, processor, outbox, reconciler, payloads, countFrozen, endpointCare, log } = parts;
  const { follower, followEveryMs, everyMs = EVERY_MS, careEveryMs = CARE_EVERY_MS } = parts;
  const retried = new Set<Promise<void>>();
  /** Doesn't wait for those that it takes up: one that waits for a lock keeps no other from its turn. */
  const retry = async (): Promise<void> => {
    for (const event of await inbox.claimDue(EVENTS_AT_ONCE - retried.size)) {
      const work: Promise<void> = processor.retry(event).finally(() => retried.delete(work));
      retried.add(work);
    }
  };
  const stops = [
    repeat('publish', () => outbox.sweep(), log, everyMs),
    repeat('webhook endpoint', endpointCare, log, careEveryMs),
    ...parts.jobs.map(({ name, run }) => repeat(name, run, log, everyMs)),
    repeat('reconciliation', () => reconciler.reconcileIfDue(), log, RECONCILE_LOOK_MS),
    ...(followEveryMs > 0 ? [repeat('events', () => follower.look(), log, followEveryMs)] : []),
    repeat('old payloads', () => payloads.forgetOld(), log, FORGET_EVERY_MS),
    repeat('stored secrets', () => payloads.redactStored(), log, FORGET_EVERY_MS),
    repeat('frozen flows', countFrozen, log, everyMs),
    repeat('retry', retry, log, everyMs),
  ];
  return {
    async stop() {
      reconciler.stop();
      follower.stop();
      await Promise.all(stops.map((stop) => stop()));
      await Promise.all(retried);
    },
  };
};
