import { AsyncLocalStorage } from 'node:async_hooks';

/** The call that a request belongs to: its signal aborts everything in flight for it, retries included. */
export interface CallSignals {
  /** Runs the request, which then finds the signal of its call. */
  during<T>(signal: AbortSignal, request: () => Promise<T>): Promise<T>;
  /** The signal of the call that asks. */
  current(): AbortSignal | undefined;
}

/** Follows calls through their promises; only while there is one, since following makes every promise of the process slower. */
export const createCallSignals = (): CallSignals => {
  const storage = new AsyncLocalStorage<AbortSignal>();
  let running = 0;
  return {
    async during(signal, request) {
      running += 1;
      try {
        return await storage.run(signal, request);
      } finally {
        running -= 1;
        if (running === 0) storage.disable();
      }
    },
    current: () => storage.getStore(),
  };
};
