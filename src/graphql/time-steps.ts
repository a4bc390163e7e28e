import { BadUserInputError } from '../core/errors.js';
import type { TimeSteps } from '../core/time-steps.js';

/** Steps of a span when it isn't told. */
export const DEFAULT_STEPS = 24;
const MOST_STEPS = 400;

const MONTH_MS = 28 * 86_400_000;

interface Asked {
  readonly from: unknown;
  readonly to: unknown;
  readonly steps?: number | null | undefined;
  readonly months?: boolean | null | undefined;
}

/** Reads the arguments of sums over time; throws BAD_USER_INPUT for a span that is none, or too many steps. */
export const timeSteps = (args: Asked): TimeSteps => {
  const [from, to] = [new Date(args.from as Date), new Date(args.to as Date)];
  const steps = args.steps ?? DEFAULT_STEPS;
  if (!(from < to)) throw new BadUserInputError('"to" must be later than "from".');
  if (args.months) {
    if (to.getTime() - from.getTime() > MOST_STEPS * MONTH_MS)
      throw new BadUserInputError(`The span must have at most ${MOST_STEPS} months.`);
    return { from, to, steps: 'MONTHS' };
  }
  if (steps < 1 || steps > MOST_STEPS)
    throw new BadUserInputError(`"steps" must be 1 to ${MOST_STEPS}; it is ${steps}.`);
  return { from, to, steps };
};
