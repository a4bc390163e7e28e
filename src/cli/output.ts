/** How a command prints its results: data on stdout, everything else on stderr. */
export interface Output {
  /** Prints the answer: as JSON where `--json` was given, otherwise in words. */
  data(value: unknown, words: string): void;
  /** Tells how far a long work is. */
  progress(text: string): void;
}

/** Where `--json` is given. */
export interface JsonOption {
  readonly json?: boolean;
}

/** Builds the output of one command. */
export const createOutput = ({ json = false }: JsonOption): Output => ({
  data: (value, words) => process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${words}\n`),
  progress: (text) => process.stderr.write(`${text}\n`),
});

/** A command that was used in a way that can't work; the message says how it is used. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
