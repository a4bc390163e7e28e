/** The sandbox's time: real time plus what was advanced (Stripe: "Test clocks", here one clock for everything). */
export interface Clock {
  /** Milliseconds since the epoch on the sandbox's clock. */
  nowMs(): number;
  /** Whole seconds since the epoch on the sandbox's clock: what `created` carries. */
  now(): number;
  /** Real milliseconds: what signatures carry. */
  realMs(): number;
  offsetMs(): number;
  /** Moves the offset; it never goes back except by a reset to 0. */
  setOffsetMs(offsetMs: number): void;
}

/** A clock over real time, with an offset that starts at 0. */
export const createClock = (realMs: () => number): Clock => {
  let offset = 0;
  const nowMs = (): number => realMs() + offset;
  return {
    nowMs,
    now: () => Math.floor(nowMs() / 1_000),
    realMs,
    offsetMs: () => offset,
    setOffsetMs: (offsetMs) => {
      offset = offsetMs;
    },
  };
};
