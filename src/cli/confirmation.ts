import { createInterface } from 'node:readline/promises';
import { UsageError } from './output.js';

/** Something that can't be taken back. */
interface Deed {
  /** What would be done, in lines. */
  readonly words: string;
  /** What is typed once more to do it. */
  readonly expected: string;
  /** What is asked first, to be answered with yes. */
  readonly doubt?: string | undefined;
}

const refuse = (): never => {
  throw new UsageError('Nothing was bound.');
};

/**
 * Shows what would be done and resolves once a person has agreed: on a terminal by typing the name once more, in a script by
 * `--yes`.
 *
 * @throws UsageError when nobody agreed
 */
export const confirmDeed = async ({ words, expected, doubt }: Deed, isAgreed: boolean): Promise<void> => {
  if (isAgreed) return;
  process.stderr.write(`${words}\n`);
  if (!process.stdin.isTTY)
    throw new UsageError(
      'Nothing was bound: it would be for good, and there is no terminal to ask on. Say --yes where this is right.',
    );
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if (doubt !== undefined && (await terminal.question(`${doubt} (yes/no) `)).trim().toLowerCase() !== 'yes') refuse();
    const answer = await terminal.question(`This is for good. Type ${expected} once more to bind it: `);
    if (answer.trim() !== expected) refuse();
  } finally {
    terminal.close();
  }
};
