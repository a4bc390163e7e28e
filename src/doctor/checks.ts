import { wordsOf } from '../core/errors.js';
import type { Finding, ProblemCode } from '../installation/problems.js';

/** What one check came to: findings, or in a few words why all is well; `warning` is what would be better, and no problem. */
export type CheckOutcome =
  | { readonly ok: string; readonly warning?: Finding }
  | { readonly findings: readonly [Finding, ...Finding[]] };

/** One question about the installation. */
export interface Check {
  /** What is checked, for a line of the doctor's list. */
  readonly title: string;
  /** What is asked, and whom, so that the answer can be judged. */
  readonly asks: string;
  /** The code of what it finds when it can't be answered at all. */
  readonly code: ProblemCode;
  /** `outside`: asks Stripe or the network; `scan`: reads whole tables; `local`: cheap enough to be asked at any time. */
  readonly reach: 'local' | 'scan' | 'outside';
  run(): Promise<CheckOutcome>;
}

/** All is well. */
export const ok = (words: string): CheckOutcome => ({ ok: words });

/** Nothing is broken, but something deserves a look. */
export const warned = (words: string, warning: Finding): CheckOutcome => ({ ok: words, warning });

/** One thing is to be mended. */
export const found = (finding: Finding): CheckOutcome => ({ findings: [finding] });

/** What was found, or why all is well where nothing was. */
export const foundAny = (findings: readonly Finding[], words: string): CheckOutcome => {
  const [first, ...rest] = findings;
  return first ? { findings: [first, ...rest] } : ok(words);
};

/** Runs the check; one that fails to run is a problem itself. */
export const runCheck = async (check: Check): Promise<CheckOutcome> => {
  try {
    return await check.run();
  } catch (error) {
    return found({
      code: check.code,
      message: `"${check.title}" could not be checked: ${wordsOf(error)}`,
      remedy: 'Mend what the message says and run the doctor again.',
    });
  }
};
