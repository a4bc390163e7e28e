/** No slot became free in time; nothing was begun. */
export class NoSlotError extends Error {
  constructor(waitedMs: number) {
    super(`Too much is under way: nothing became free within ${waitedMs} ms.`);
    this.name = 'NoSlotError';
  }
}

/** Lets a bounded number of works run at once; the others wait their turn. */
export interface Slots {
  /**
   * Runs the work once a slot is free, in the order of asking.
   *
   * @throws NoSlotError when none became free within `patienceMs`
   */
  run<T>(work: () => Promise<T>, patienceMs: number): Promise<T>;
}

/** Makes so many slots. */
export const createSlots = (limit: number): Slots => {
  let free = limit;
  const waiting = new Set<() => void>();

  const take = (patienceMs: number): Promise<void> | undefined => {
    if (free > 0) {
      free -= 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        waiting.delete(begin);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(begin);
        reject(new NoSlotError(patienceMs));
      }, patienceMs);
      waiting.add(begin);
    });
  };

  /** A slot goes to who waits longest, or back. */
  const give = (): void => {
    const [next] = waiting;
    if (next) next();
    else free += 1;
  };

  return {
    async run(work, patienceMs) {
      await take(patienceMs);
      try {
        return await work();
      } finally {
        give();
      }
    },
  };
};
