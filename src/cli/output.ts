import { ConfigError } from '../config.js';
import { DomainError } from '../core/errors.js';

/** How a command tells what it found: data on stdout, everything else on stderr. */
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

/** What an error says on the last line: words with a remedy where we have them, never a stack or a secret. */
export const explain = (error: unknown): string => {
  if (error instanceof DomainError || error instanceof ConfigError) return error.message;
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map((inner) => explain(inner)).join('\n');
  return error instanceof Error ? error.message : String(error);
};

/** A command that was used in a way that can't work; the message says how it is used. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
