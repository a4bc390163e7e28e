/** The longest delay that setTimeout keeps; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Calls back once at that time, however far off, without keeping the process alive; the answer cancels. */
export const callAt = (at: Date, callback: () => void): (() => void) => {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const leftMs = at.getTime() - Date.now();
    timer = setTimeout(leftMs > MAX_DELAY_MS ? arm : callback, Math.min(Math.max(leftMs, 0), MAX_DELAY_MS)).unref();
  };
  arm();
  return () => clearTimeout(timer);
};
