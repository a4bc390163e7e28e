import type { PubSub, PubSubLog } from '../outbox/pubsub.js';

/** Decides when watched rows are compared with the database: after a gap, and every few seconds while any is watched. */
export interface Comparer {
  /** From now on this is what comparing means, besides what was added before. */
  add(compare: () => Promise<void>): void;
  /** One more topic is watched; the first starts the interval. The answer takes it back, once. */
  hold(): () => void;
  /** Compares now, or again after a running comparison; several wishes are one. */
  soon(): void;
  /** Ends the interval and waits for a running comparison. */
  close(): Promise<void>;
}

/** Builds the comparer. A comparison that fails is logged and comes again with the next interval. */
export const createComparer = (parts: {
  readonly pubsub: Pick<PubSub, 'onGap'>;
  readonly log: Pick<PubSubLog, 'warn'>;
  readonly everyMs: number;
}): Comparer => {
  const comparisons: (() => Promise<void>)[] = [];
  let held = 0;
  let interval: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;

  const run = async (): Promise<void> => {
    do {
      again = false;
      for (const result of await Promise.allSettled(comparisons.map((compare) => compare())))
        if (result.status === 'rejected')
          parts.log.warn({ err: result.reason }, 'the watched rows could not be compared with the database');
    } while (again);
    running = undefined;
  };
  const soon = (): void => {
    again = true;
    if (held > 0) running ??= run();
  };
  const stopListening = parts.pubsub.onGap(soon);

  return {
    add: (compare) => void comparisons.push(compare),
    hold() {
      held += 1;
      interval ??= setInterval(() => {
        running ??= run();
      }, parts.everyMs).unref();
      let released = false;
      return () => {
        if (released) return;
        released = true;
        held -= 1;
        if (held > 0) return;
        clearInterval(interval);
        interval = undefined;
      };
    },
    soon,
    async close() {
      stopListening();
      clearInterval(interval);
      again = false;
      await running;
    },
  };
};
