/** A span of time in steps, for sums over it. */
export interface TimeSteps {
  /** Included. */
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
  /** So many of equal length, or the calendar months of UTC. */
  readonly steps: number | 'MONTHS';
}

/** When a step, counted from 0, begins; the first month too begins with its first day. */
export const stepStart = ({ from, to, steps }: TimeSteps, step: number): Date =>
  steps === 'MONTHS'
    ? new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + step))
    : new Date(from.getTime() + ((to.getTime() - from.getTime()) * step) / steps);
