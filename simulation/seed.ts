import { chooseAction, type Ending, endStory, openScene, perform, placeOrder } from './actions.js';
import { alterSubscription } from './alterations.js';
import { type BugName, bugOf } from './bugs.js';
import { judge, type Verdict } from './invariants.js';
import type { Lab } from './lab.js';
import { createRandom, type Random } from './random.js';
import { comeToRest } from './rest.js';
import { secondAct } from './second-act.js';
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
  /** Looks at the world before it is closed. */
  readonly inspect?: (world: World) => Promise<void>;
}

const STEPS = { least: 8, most: 18 };
const AT_ONCE = 4;
/** With a bug seeded some things never come to rest. */
const BUG_REST_MS = 4_000;

const play = async (world: World, random: Random, ending: Omit<Ending, 'random'>): Promise<void> => {
  const scene = await openScene(world);
  world.setTrouble(true);
  for (let n = 0; n < 2; n += 1) await perform(placeOrder, world, scene, random.fork());
  const steps = random.between(STEPS.least, STEPS.most);
  for (let step = 0; step < steps; step += 1) {
    const together = random.chance(0.4) ? random.between(2, AT_ONCE) : 1;
    const chosen = Array.from({ length: together }, () => [chooseAction(random), random.fork()] as const);
    await Promise.all(chosen.map(([action, fork]) => perform(action, world, scene, fork)));
  }
  await endStory(world, scene, { random: random.fork(), ...ending });
};

/** Plays one seed to its end in a world of its own, and compares both sides. */
export const simulateSeed = async (lab: Lab, seed: number, { bug, inspect }: SeedOptions = {}): Promise<SeedResult> => {
  const random = createRandom(seed);
  const world = await openWorld(lab, random.fork(), { bug });
  try {
    const plays = bug === undefined ? 'all' : bugOf(bug).plays;
    await play(world, random.fork(), {
      last: plays === 'all' || plays === 'alterations' ? [alterSubscription] : [],
      after: plays === 'all' || plays === 'methods' ? [secondAct] : [],
    });
    await comeToRest(world, bug === undefined ? undefined : BUG_REST_MS);
    const verdict = await judge(world);
    await inspect?.(world);
    return { seed, ...verdict, history: world.history.lines(), counts: world.history.counts() };
  } finally {
    await world.close();
  }
};
