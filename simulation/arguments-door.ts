import { type Command, CommanderError } from 'commander';
import { UsageError } from '../src/cli/output.js';
import { createProgram } from '../src/cli/program.js';
import { ConfigError } from '../src/config.js';
import { DomainError } from '../src/core/errors.js';
import type { Door } from './fuzz.js';

/** What works on the database alone; of the others, which write files, start something or ask others, the words are only read. */
const ACTING = [
  ...['account', 'audit', 'effects', 'events', 'export', 'payment', 'plan', 'quarantine', 'reconcile', 'recurring'],
  ...['renewal', 'role', 'token'],
];

const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];

const prepare = (program: Command): Command => {
  for (const command of all(program))
    command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  for (const command of program.commands.filter((one) => !ACTING.includes(one.name())))
    for (const one of all(command)) one.action(() => undefined);
  return program;
};

/** Commands read the process's environment and print to it: both are lent to one that is tried. */
const withEnvironment = async (
  environment: Readonly<Record<string, string>>,
  work: () => Promise<unknown>,
): Promise<void> => {
  const { env, exitCode, stdout, stderr } = process;
  const writes = [stdout, stderr].map((stream) => [stream, stream.write] as const);
  for (const [stream] of writes) stream.write = () => true;
  process.env = { ...environment };
  try {
    await work();
  } finally {
    process.env = env;
    process.exitCode = exitCode;
    for (const [stream, write] of writes) stream.write = write;
  }
};

const isTold = (error: unknown): boolean =>
  [CommanderError, UsageError, ConfigError, DomainError].some((kind) => error instanceof kind);

/** A program is given bytes, which hold neither a NUL, at which words end, nor half of a surrogate pair. */
const wordsOf = (input: string): string[] => Buffer.from(input.replaceAll('\0', '')).toString().split('\n');

/** Each line is an argument. Wrong is what ends with anything but a word about how it is used, or about what stands against it. */
export const argumentsDoor = (
  environment: Readonly<Record<string, string>>,
  open: () => Promise<Command> = createProgram,
): Door => ({
  async attempt(input) {
    const program = prepare(await open());
    try {
      await withEnvironment(environment, () => program.parseAsync(wordsOf(input), { from: 'user' }));
      return undefined;
    } catch (error) {
      return isTold(error) ? undefined : String((error as Error).stack ?? error);
    }
  },
});
