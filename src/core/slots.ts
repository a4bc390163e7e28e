/** No slot became free in time; nothing was begun. */
export class NoSlotError extends Error {
  constructor(waitedMs: number) {
    super(`Too much is under way: nothing became free within ${waitedMs} ms.`);
    this.name = 'NoSlotError';
  }
}

/** How long a work may wait for its slot, and whose turn it takes. */
export interface Turn {
  readonly patienceMs: number;
  /** What the work is about: only so many about the same run at once, and those about others go first then. Left out: nothing else is. */
  readonly about?: string | undefined;
}

/** Lets a bounded number of works run at once; the others wait their turn. */
export interface Slots {
  /**
   * Runs the work once a slot is free: those about one thing in the order of asking, and one of each thing in turn, so that many
   * about one never keep others waiting.
   *
   * @throws NoSlotError when it could not begin within its patience
   */
  run<T>(work: () => Promise<T>, turn: Turn): Promise<T>;
}

/** The works about one thing. */
interface Lane {
  running: number;
  readonly waiting: Set<() => void>;
}

/** Makes so many slots, and at most `perLane` of them for one thing. */
export const createSlots = (limit: number, perLane = limit): Slots => {
  let free = limit;
  /** Those with work; whose turn it was stands last. */
  const lanes = new Map<unknown, Lane>();

  const laneOf = (about: unknown): Lane => {
    const lane = lanes.get(about) ?? { running: 0, waiting: new Set() };
    lanes.set(about, lane);
    return lane;
  };
  const leave = (about: unknown, lane: Lane): void => {
    if (lane.running === 0 && lane.waiting.size === 0) lanes.delete(about);
  };
  /** Lets the next ones begin, as long as slots are free. */
  const serve = (): void => {
    for (const [about, lane] of lanes) {
      if (free === 0) return;
      const [begin] = lane.waiting;
      if (!begin || lane.running >= perLane) continue;
      lanes.delete(about);
      lanes.set(about, lane); // looked at again in this loop, after the others
      begin();
    }
  };

  const take = (about: unknown, patienceMs: number): Promise<void> | undefined => {
    const lane = laneOf(about);
    if (free > 0 && lane.running < perLane) {
      free -= 1;
      lane.running += 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        lane.waiting.delete(begin);
        free -= 1;
        lane.running += 1;
        resolve();
      };
      const timer = setTimeout(() => {
        lane.waiting.delete(begin);
        leave(about, lane);
        reject(new NoSlotError(patienceMs));
      }, patienceMs);
      lane.waiting.add(begin);
    });
  };
  const give = (about: unknown): void => {
    const lane = laneOf(about);
    lane.running -= 1;
    free += 1;
    leave(about, lane);
    serve();
  };

  return {
    async run(work, { patienceMs, about = Symbol('alone') }) {
      await take(about, patienceMs);
      try {
        return await work();
      } finally {
        give(about);
      }
    },
  };
};
