import { BadUserInputError } from './errors.js';

const REASON_LENGTH = 500;

/** Who asks for something, and why; the reason as it was given. */
export interface AskedBy {
  readonly actor: string;
  readonly reason?: string | null | undefined;
}

/** What a person gave as the reason of a deed, as it is kept: without space around it; undefined where nothing was said. */
export const readReason = (reason: string | null | undefined): string | undefined => {
  const said = reason?.trim();
  if (said === undefined || said === '') return undefined;
  if (said.length > REASON_LENGTH) throw new BadUserInputError(`A reason has at most ${REASON_LENGTH} characters.`);
  return said;
};
