/** A span of time in steps of equal length, for sums over it. */
export interface TimeSteps {
  /** Included. */
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
  readonly steps: number;
}

/** When a step, counted from 0, begins. */
export const stepStart = ({ from, to, steps }: TimeSteps, step: number): Date =>
  new Date(from.getTime() + ((to.getTime() - from.getTime()) * step) / steps);
