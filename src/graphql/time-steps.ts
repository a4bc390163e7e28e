import { BadUserInputError } from '../core/errors.js';
import type { TimeSteps } from '../core/time-steps.js';

/** Steps of a span when it isn't told. */
export const DEFAULT_STEPS = 24;
const MOST_STEPS = 400;

/** Reads the arguments of sums over time; throws BAD_USER_INPUT for a span that is none, or too many steps. */
export const timeSteps = (args: { from: unknown; to: unknown; steps?: number | null | undefined }): TimeSteps => {
  const [from, to] = [new Date(args.from as Date), new Date(args.to as Date)];
  const steps = args.steps ?? DEFAULT_STEPS;
  if (!(from < to)) throw new BadUserInputError('"to" must be later than "from".');
  if (steps < 1 || steps > MOST_STEPS)
    throw new BadUserInputError(`"steps" must be 1 to ${MOST_STEPS}; it is ${steps}.`);
  return { from, to, steps };
};
