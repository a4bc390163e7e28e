import type { BugName } from './bugs.js';
import { CRASH_POINTS, crashWords, LATER_CRASH_POINTS, wordsOf } from './crash-points.js';
import { type Lab, openLab } from './lab.js';
import { type SeedOptions, type SeedResult, simulateSeed } from './seed.js';

/** What is simulated, and how much of it at once. */
export interface SimulationRequest {
  readonly firstSeed: number;
  readonly seeds: number;
  /** Worlds that are played at the same time. */
  readonly atOnce: number;
  readonly bug?: BugName | undefined;
  /** How a seed is played: simulated unless told. */
  readonly play?: (lab: Lab, seed: number, options: SeedOptions) => Promise<SeedResult>;
  /** Hears of each seed that ended. */
  readonly ended?: (result: SeedResult, done: number) => void;
  /** Once aborted no further seed is begun; those under way are played to their end. */
  readonly signal?: AbortSignal;
}

/** How all of it ended. */
export interface SimulationReport {
  readonly played: number;
  readonly failed: readonly SeedResult[];
  /** What happened how often, over all seeds. */
  readonly counts: Readonly<Record<string, number>>;
  /** How many objects each promise compared, over all seeds. */
  readonly compared: Readonly<Record<string, number>>;
  /** Crash points at which no server died; none where no server can die at a named one, and where a bug is looked for. */
  readonly unreached: readonly string[];
  /** Promises that compared nothing, and crash points that were not reached, in a run so long that they should have: they prove nothing. */
  readonly idle: readonly string[];
}

/** In so many seeds each promise has something to compare. */
const LONG = 100;
/** A seed arms about one of the points: in so many each was armed often. */
const LONG_FOR_POINTS = 1_000;

const POINTS = [...new Set([...CRASH_POINTS, ...LATER_CRASH_POINTS].map(wordsOf))];

/** The points at which nobody died, by what was counted. */
export const unreachedPoints = (counts: ReadonlyMap<string, number>): readonly string[] =>
  POINTS.filter((words) => (counts.get(crashWords(words)) ?? 0) === 0);

/** What proved nothing in a run of so many seeds. */
export const idleIn = (
  played: number,
  compared: ReadonlyMap<string, number>,
  unreached: readonly string[],
): readonly string[] => [
  ...(played < LONG
    ? []
    : [...compared].flatMap(([name, count]) => (count === 0 ? [`${name} compared no object`] : []))),
  ...(played < LONG_FOR_POINTS ? [] : unreached.map((words) => `no server died ${words}`)),
];

/** A world that could not be played to its end proves nothing, and ends no other. */
const unplayed = (seed: number, error: unknown): SeedResult => ({
  ...{ seed, history: [], broken: new Set(), compared: new Map(), counts: new Map() },
  violations: [`the world was not played to its end: ${error instanceof Error ? error.message : String(error)}`],
});

const add = (sums: Map<string, number>, more: ReadonlyMap<string, number>): void => {
  for (const [name, count] of more) sums.set(name, (sums.get(name) ?? 0) + count);
};

/** Plays the seeds one after the other, some at once, each in a world of its own. */
export const simulate = async (request: SimulationRequest): Promise<SimulationReport> => {
  const { firstSeed, seeds, atOnce, bug, ended, signal, play = simulateSeed } = request;
  const failed: SeedResult[] = [];
  const counts = new Map<string, number>();
  const compared = new Map<string, number>();
  let next = firstSeed;
  let played = 0;
  const lab = await openLab();
  const playOn = async (): Promise<void> => {
    while (next < firstSeed + seeds && !signal?.aborted) {
      const seed = next;
      next += 1;
      const result = await play(lab, seed, { bug }).catch((error: unknown) => unplayed(seed, error));
      played += 1;
      if (result.violations.length > 0) failed.push(result);
      add(counts, result.counts);
      add(compared, result.compared);
      ended?.(result, played);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, seeds) }, playOn));
  } finally {
    await lab.close();
  }
  const unreached = play === simulateSeed && bug === undefined ? unreachedPoints(counts) : [];
  return {
    played,
    failed,
    counts: Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    compared: Object.fromEntries(compared),
    unreached,
    idle: idleIn(played, compared, unreached),
  };
};
