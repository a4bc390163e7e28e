/**
 * The condition that a time has come by the database's clock. Nothing waits for longer than `longest` (an interval's text), so a time
 * beyond was written while that clock was ahead, and is due.
 */
export const isDue = (time: string, longest: string): string =>
  `(${time} <= now() or ${time} > now() + interval '${longest}')`;

/** The condition that a time is longer ago than `length` (SQL of an interval), or that it is further in the future than clocks differ. */
export const isLongAgo = (time: string, length: string): string =>
  `(now() - ${time} > ${length} or ${time} > now() + interval '5 minutes')`;
