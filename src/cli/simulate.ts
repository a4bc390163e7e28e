import { type Command, InvalidArgumentError, Option } from 'commander';
import { BUGS, type BugName } from '../../simulation/bugs.js';
import type { OrderHistory } from '../../simulation/histories.js';
import type { SeedResult } from '../../simulation/seed.js';
import type { SimulationRequest } from '../../simulation/simulation.js';
import { createOutput, type JsonOption } from './output.js';
import { toTable } from './table.js';

interface SimulateOptions extends JsonOption {
  readonly seeds?: number;
  readonly seed?: number;
  readonly atOnce: number;
  readonly bug?: BugName;
}

interface CrashOptions extends JsonOption {
  readonly rounds?: number;
  readonly round?: number;
  readonly atOnce: number;
}

const parseCount = (text: string): number => {
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
};

const storyOf = ({ seed, violations, history }: SeedResult, again: string): string =>
  [
    `Seed ${seed} broke ${violations.length} promise(s):`,
    ...violations.map((violation) => `  ${violation}`),
    'What happened:',
    ...history.map((line) => `  ${line}`),
    `Play it alone: npx tollgate ${again} ${seed}`,
  ].join('\n');

const verdictOf = (failed: readonly SeedResult[], idle: readonly string[]): string => {
  if (failed.length > 0) return `broken with ${failed.map(({ seed }) => seed).join(', ')}.`;
  if (idle.length > 0) return `nothing was proved: ${idle.join('; ')}.`;
  return 'every promise was kept.';
};

const tell = async (request: Omit<SimulationRequest, 'ended'>, again: string, options: JsonOption): Promise<void> => {
  const { simulate } = await import('../../simulation/simulation.js');
  const output = createOutput(options);
  const startedAt = performance.now();
  const seconds = (): string => ((performance.now() - startedAt) / 1_000).toFixed(1);
  // What a server that was cut off leaves alone is part of the game.
  process.on('unhandledRejection', () => undefined);
  const interruption = new AbortController();
  const interrupt = (): void => {
    output.progress('Stopping: what has begun is played to its end, which takes some seconds.');
    interruption.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const { played, failed, counts, compared, unreached, idle } = await simulate({
    ...request,
    signal: interruption.signal,
    ended(result, done) {
      if (result.violations.length > 0) output.progress(storyOf(result, again));
      if (done % 10 === 0) output.progress(`${done} played in ${seconds()} s`);
    },
  });
  const broken = failed.map(({ seed, violations }) => ({ seed, violations }));
  const verdict = verdictOf(failed, idle);
  output.data(
    { played, seconds: Number(seconds()), broken, counts, compared, unreached, idle },
    [
      toTable([
        ['WHAT WAS COMPARED', 'OBJECTS'],
        ...Object.entries(compared).map(([promise, count]) => [promise, String(count)]),
      ]),
      toTable([['WHAT HAPPENED', 'TIMES'], ...Object.entries(counts).map(([what, times]) => [what, String(times)])]),
      ...(unreached.length > 0 ? [`No server died ${unreached.join('; ')}.`] : []),
      `${played} played in ${seconds()} s: ${verdict}`,
    ].join('\n'),
  );
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  if (failed.length + idle.length > 0 || interruption.signal.aborted) process.exitCode = 1;
};

/** From the first one on so many; one that is named is played alone unless more are asked for. */
const range = (first: number | undefined, count: number | undefined, usual: number) => ({
  firstSeed: first ?? 1,
  seeds: count ?? (first === undefined ? usual : 1),
});

const runSimulation = ({ seeds, seed, atOnce, bug, ...options }: SimulateOptions): Promise<void> =>
  tell({ ...range(seed, seeds, 20), atOnce, bug }, 'simulate --seed', options);

const runCrashes = async ({ rounds, round, atOnce, ...options }: CrashOptions): Promise<void> => {
  const { crashRound } = await import('../../simulation/crash.js');
  const request = { ...range(round, rounds, 10), atOnce, play: crashRound };
  await tell(request, 'crash --round', options);
};

interface HistoriesOptions extends JsonOption {
  readonly count?: number;
  readonly seed?: number;
  readonly atOnce: number;
  readonly bug?: BugName;
}

const toldHistory = ({ seed, operations }: OrderHistory): string =>
  [`Seed ${seed}: no order of these calls explains their answers.`, ...operations.map(toLine)].join('\n');

const toLine = ({ input, output, calledAt, answeredAt }: OrderHistory['operations'][number]): string =>
  `  ${calledAt.toFixed(0)}–${Number.isFinite(answeredAt) ? answeredAt.toFixed(0) : '…'} ms: ${JSON.stringify(input)} → ${JSON.stringify(output) ?? 'no answer'}`;

const runHistories = async ({ count, seed, atOnce, bug, ...options }: HistoriesOptions): Promise<void> => {
  const [{ openLab }, { playHistories }] = await Promise.all([
    import('../../simulation/lab.js'),
    import('../../simulation/histories.js'),
  ]);
  const output = createOutput(options);
  const startedAt = performance.now();
  const { firstSeed, seeds } = range(seed, count, 500);
  const lab = await openLab();
  const calls = new Map<string, number>();
  const wrong = await playHistories(lab, {
    ...{ firstSeed, count: seeds, atOnce, bug },
    ended(history, done) {
      for (const { input, output: answer } of history.operations) {
        const what = answer === undefined ? 'without an answer' : 'code' in answer ? 'refused' : 'answered';
        calls.set(`${input.does} ${what}`, (calls.get(`${input.does} ${what}`) ?? 0) + 1);
      }
      if (!history.isLinearizable) output.progress(toldHistory(history));
      if (done % 50 === 0) output.progress(`${done} played`);
    },
  }).finally(() => lab.close());
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(1));
  const rows = [...calls].sort(([a], [b]) => (a < b ? -1 : 1));
  const verdict = wrong.length === 0 ? 'each is linearizable.' : `${wrong.length} are not.`;
  output.data(
    { played: seeds, seconds, wrong: wrong.map((history) => history.seed), calls: Object.fromEntries(rows) },
    [
      toTable([['CALLS', 'TIMES'], ...rows.map(([what, times]) => [what, String(times)])]),
      `${seeds} histories of four clients on one order each, in ${seconds} s: ${verdict}`,
    ].join('\n'),
  );
  if (wrong.length > 0) process.exitCode = 1;
};

/** Adds the commands that prove the promises under random trouble. */
export const addSimulateCommands = (program: Command): void => {
  program
    .command('simulate')
    .description('play random users, operators, faults of Stripe and crashes, and compare both sides at the end')
    .option('--seeds <number>', 'how many seeds (default: 20)', parseCount)
    .option('--seed <number>', 'the first one (default: 1); alone, unless --seeds says how many', parseCount)
    .option('--at-once <number>', 'worlds that are played at the same time', parseCount, 4)
    .addOption(new Option('--bug <name>', 'seed a bug of the product, to see it caught').choices(Object.keys(BUGS)))
    .option('--json', 'print the report as JSON')
    .action(runSimulation);
  program
    .command('crash')
    .description('kill real servers under load at random moments, and compare both sides at the end')
    .option('--rounds <number>', 'how many rounds (default: 10)', parseCount)
    .option('--round <number>', 'the first one (default: 1); alone, unless --rounds says how many', parseCount)
    .option('--at-once <number>', 'rounds that are played at the same time', parseCount, 2)
    .option('--json', 'print the report as JSON')
    .action(runCrashes);
  program
    .command('histories')
    .description(
      'let many clients pay, capture, refund and cancel at once, and look for an order that explains all answers',
    )
    .option('--count <number>', 'how many histories (default: 500)', parseCount)
    .option('--seed <number>', 'the first one (default: 1); alone, unless --count says how many', parseCount)
    .option('--at-once <number>', 'histories that are played at the same time', parseCount, 4)
    .addOption(new Option('--bug <name>', 'seed a bug of the product, to see it caught').choices(Object.keys(BUGS)))
    .option('--json', 'print the report as JSON')
    .action(runHistories);
};
