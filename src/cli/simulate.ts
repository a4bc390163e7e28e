import { type Command, InvalidArgumentError, Option } from 'commander';
import { BUGS, type BugName } from '../simulation/bugs.js';
import type { SeedResult } from '../simulation/simulate.js';
import { createOutput, type JsonOption } from './output.js';
import { toTable } from './table.js';

interface SimulateOptions extends JsonOption {
  readonly seeds: number;
  readonly seed?: number;
  readonly atOnce: number;
  readonly bug?: BugName;
}

const parseCount = (text: string): number => {
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
};

const storyOf = ({ seed, violations, history }: SeedResult): string =>
  [
    `Seed ${seed} broke ${violations.length} promise(s):`,
    ...violations.map((violation) => `  ${violation}`),
    'What happened:',
    ...history.map((line) => `  ${line}`),
    `Play it alone: npx tollgate simulate --seed ${seed}`,
  ].join('\n');

const runSimulation = async (options: SimulateOptions): Promise<void> => {
  const { simulate } = await import('../simulation/simulation.js');
  const output = createOutput(options);
  const { seed, bug, atOnce } = options;
  const startedAt = performance.now();
  const seconds = (): string => ((performance.now() - startedAt) / 1_000).toFixed(1);
  // What a server that was cut off leaves alone is part of the game.
  process.on('unhandledRejection', () => undefined);
  const report = await simulate({
    firstSeed: seed ?? 1,
    seeds: seed === undefined ? options.seeds : 1,
    atOnce,
    bug,
    ended(result, done) {
      if (result.violations.length > 0) output.progress(storyOf(result));
      if (done % 10 === 0) output.progress(`${done} seeds in ${seconds()} s`);
    },
  });
  const { played, failed, counts } = report;
  const broken = failed.map((result) => result.seed);
  output.data(
    {
      played,
      broken,
      seconds: Number(seconds()),
      counts,
      failed: failed.map(({ seed: n, violations }) => ({ seed: n, violations })),
    },
    [
      toTable([['WHAT HAPPENED', 'TIMES'], ...Object.entries(counts).map(([what, times]) => [what, String(times)])]),
      `${played} seeds in ${seconds()} s: ${failed.length === 0 ? 'every promise was kept.' : `broken with ${broken.join(', ')}.`}`,
    ].join('\n'),
  );
  if (failed.length > 0) process.exitCode = 1;
};

/** Adds the command that proves the promises under random trouble. */
export const addSimulateCommand = (program: Command): void => {
  program
    .command('simulate')
    .description('play random users, operators, faults of Stripe and crashes, and compare both sides at the end')
    .option('--seeds <number>', 'how many seeds, from 1 on', parseCount, 20)
    .option('--seed <number>', 'this one alone', parseCount)
    .option('--at-once <number>', 'worlds that are played at the same time', parseCount, 4)
    .addOption(new Option('--bug <name>', 'seed a bug of the product, to see it caught').choices(Object.keys(BUGS)))
    .option('--json', 'print the report as JSON')
    .action(runSimulation);
};
