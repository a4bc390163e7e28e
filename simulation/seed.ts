import { openScene } from './actions.js';
import { ACTS, type ActName, ALL_ACTS } from './acts.js';
import { type BugName, bugOf } from './bugs.js';
import { judge, type Verdict } from './invariants.js';
import type { Lab } from './lab.js';
import { createRandom } from './random.js';
import { comeToRest } from './rest.js';
import { openWorld, type World } from './world.js';

/** How one seed ended. */
export interface SeedResult extends Verdict {
  readonly seed: number;
  readonly history: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
}

/** What may be different about a seed's run. */
export interface SeedOptions {
  readonly bug?: BugName | undefined;
  /** The acts that are played: where a bug is seeded, those in which it shows; all of them otherwise. */
  readonly acts?: readonly ActName[];
  /** Looks at the world before it is closed. */
  readonly inspect?: (world: World) => Promise<void>;
}

/** With a bug seeded some things never come to rest. */
const BUG_REST_MS = 4_000;

/** Plays one seed to its end in a world of its own, and compares both sides. */
export const simulateSeed = async (
  lab: Lab,
  seed: number,
  { bug, inspect, acts = bug === undefined ? ALL_ACTS : bugOf(bug).shows }: SeedOptions = {},
): Promise<SeedResult> => {
  const random = createRandom(seed);
  const world = await openWorld(lab, random.fork(), { bug });
  try {
    const scene = await openScene(world);
    world.setTrouble(true);
    for (const act of acts) await ACTS[act](world, scene, random.fork());
    await comeToRest(world, bug === undefined ? undefined : BUG_REST_MS);
    const verdict = await judge(world);
    await inspect?.(world);
    return { seed, ...verdict, history: world.history.lines(), counts: world.history.counts() };
  } finally {
    await world.close();
  }
};
