import type { Clock } from './clock.js';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly quiet: boolean;
  readonly run: () => void;
}

/** Runs things when the sandbox's clock reaches their time, be it by real time or by an advance. */
export interface Scheduler {
  /** `quiet` things wait, during an advance, until the API has been quiet for 250 ms. Gives a function that cancels. */
  at(atMs: number, run: () => void, options?: { quiet?: boolean }): () => void;
  /**
   * Moves the clock forward; what falls due happens one instant after the other, each followed by `afterInstant`.
   * Two advances at once run one after the other.
   */
  advance(seconds: number): Promise<void>;
  clear(): void;
}

export interface SchedulerParts {
  readonly clock: Clock;
  /** Resolves when the deliveries of the instant have been answered. */
  readonly afterInstant: () => Promise<void>;
  /** Resolves when no API request has come for 250 ms. */
  readonly apiQuiet: () => Promise<void>;
  readonly onOffset: (offsetMs: number) => void;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** An empty scheduler; its timer doesn't keep the process alive. */
export const createScheduler = ({ clock, afterInstant, apiQuiet, onOffset }: SchedulerParts): Scheduler => {
  const due: Due[] = [];
  let order = 0;
  let timer: NodeJS.Timeout | undefined;
  let advancing = false;
  let queue: Promise<void> = Promise.resolve();

  const arm = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const next = due[0];
    if (!next || advancing) return;
    timer = setTimeout(fire, Math.min(Math.max(0, next.atMs - clock.nowMs()), LONGEST_TIMER_MS));
    timer.unref();
  };

  const fire = (): void => {
    while (due[0] && due[0].atMs <= clock.nowMs() && !advancing) due.shift()?.run();
    arm();
  };

  const moveTo = (offsetMs: number): void => {
    if (offsetMs <= clock.offsetMs()) return;
    clock.setOffsetMs(offsetMs);
    onOffset(offsetMs);
  };

  const runInstant = async (first: Due): Promise<void> => {
    if (first.quiet) {
      await afterInstant();
      await apiQuiet();
      if (due[0] !== first) return;
    }
    moveTo(first.atMs - clock.realMs());
    while (due[0] && due[0].atMs <= first.atMs && due[0].quiet === first.quiet) due.shift()?.run();
    await afterInstant();
  };

  const runAdvance = async (seconds: number): Promise<void> => {
    const target = clock.offsetMs() + seconds * 1_000;
    advancing = true;
    try {
      for (;;) {
        const first = due[0];
        if (!first || first.atMs > clock.realMs() + target) break;
        await runInstant(first);
      }
      moveTo(target);
      await afterInstant();
    } finally {
      advancing = false;
      arm();
    }
  };

  return {
    at: (atMs, run, { quiet = false } = {}) => {
      const entry: Due = { atMs, order: ++order, quiet, run };
      let at = due.length;
      while (at > 0 && (due[at - 1]?.atMs ?? 0) > atMs) at--;
      due.splice(at, 0, entry);
      if (at === 0) arm();
      return () => {
        const found = due.indexOf(entry);
        if (found >= 0) due.splice(found, 1);
      };
    },
    advance: (seconds) => {
      const advanced = queue.then(() => runAdvance(seconds));
      queue = advanced.catch(() => undefined);
      return advanced;
    },
    clear: () => {
      due.length = 0;
      arm();
    },
  };
};
