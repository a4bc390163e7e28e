/** How work that failed comes back. */
export interface Backoff {
  /** Before the second attempt, in seconds; it doubles from there. */
  readonly firstWaitSeconds: number;
  readonly longestWaitSeconds: number;
}

/** From a second to an hour. */
export const BACKOFF: Backoff = { firstWaitSeconds: 1, longestWaitSeconds: 3_600 };

/** The wait grows no more beyond this doubling, so that the power stays a number. */
const MOST_DOUBLINGS = 30;

/** Seconds until the attempt after `attempts`: doubling, a quarter more or less so that failures don't return as a crowd. */
export const waitSeconds = (attempts: number, { firstWaitSeconds, longestWaitSeconds }: Backoff = BACKOFF): number =>
  Math.min(longestWaitSeconds, firstWaitSeconds * 2 ** Math.min(MOST_DOUBLINGS, Math.max(0, attempts - 1))) *
  (0.75 + Math.random() / 2);
