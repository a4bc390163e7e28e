import { createSlots } from '../core/slots.js';

/** When work that takes long may begin, so that it keeps nobody from being answered. */
export interface Turns {
  /**
   * Resolves in a round of the event loop of its own, in the order of asking: others are answered between two works that never
   * wait, however many come at once.
   */
  next(): Promise<void>;
  /**
   * Runs the work when few others run, those of one client one after the other, and in its turn.
   *
   * @throws NoSlotError when it could not begin in time
   */
  run<T>(client: string, work: () => Promise<T>): Promise<T>;
}

/** How many run at once: their rows and answers are in memory together. */
const AT_ONCE = 8;
const AT_ONCE_PER_CLIENT = 4;
const PATIENCE_MS = 10_000;

/** Makes the turns of one process. */
export const createTurns = (): Turns => {
  const slots = createSlots(AT_ONCE, AT_ONCE_PER_CLIENT);
  const waiting: (() => void)[] = [];
  const serve = (): void => {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(serve);
  };
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) setImmediate(serve);
    });
  return {
    next,
    run: (client, work) =>
      slots.run(
        async () => {
          await next();
          return work();
        },
        { about: client, patienceMs: PATIENCE_MS },
      ),
  };
};
