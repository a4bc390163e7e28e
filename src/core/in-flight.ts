/** Does a work once at a time for each key, within this process: who comes meanwhile gets what is under way. */
export type InFlight<T> = (key: string, work: () => Promise<T>) => Promise<T>;

/** Builds it, with nothing under way. */
export const createInFlight = <T>(): InFlight<T> => {
  const running = new Map<string, Promise<T>>();
  return (key, work) => {
    const present = running.get(key);
    if (present) return present;
    const started = work().finally(() => running.delete(key));
    running.set(key, started);
    return started;
  };
};
