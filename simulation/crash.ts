import { ACTIONS, chooseAction, openScene, perform, placeOrder } from './actions.js';
import { ACTS } from './acts.js';
import { judge } from './invariants.js';
import type { Lab } from './lab.js';
import { METHOD_ACTIONS } from './methods.js';
import { PAGE_AND_CAPTURE_ACTIONS } from './pages-and-captures.js';
import { startProcess } from './process-life.js';
import { createRandom } from './random.js';
import { comeToRest } from './rest.js';
import { ROTATION_ACTIONS } from './rotation.js';
import type { SeedOptions, SeedResult } from './seed.js';
import { openWorld } from './world.js';

/** All that people do, where no named point can be died at. */
const POSSIBLE = [...ACTIONS, ...METHOD_ACTIONS, ...PAGE_AND_CAPTURE_ACTIONS, ...ROTATION_ACTIONS].filter(
  ({ needsPoints }) => !needsPoints,
);
/** How each round ends. */
const ENDS = ['month', 'subscription', 'late money'] as const;
/** People who do things at the same time, one thing after the other each. */
const LANES = 6;
const LOAD_MS = 5_000;
const KILL_AFTER_MS = { least: 100, most: 1_200 };

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * One round: a real process under load, killed with SIGKILL at random moments and started anew, then the same comparison
 * as a simulated seed's. What people do follows from the seed; when it is killed is up to the clock.
 */
export const crashRound = async (lab: Lab, seed: number, { inspect }: SeedOptions = {}): Promise<SeedResult> => {
  const random = createRandom(seed);
  const world = await openWorld(lab, random.fork(), { startLife: startProcess });
  try {
    const scene = await openScene(world);
    for (let n = 0; n < LANES; n += 1) await perform(placeOrder, world, scene, random.fork());
    await world.server();
    const until = Date.now() + LOAD_MS;
    const act = async (): Promise<void> => {
      const own = random.fork();
      while (Date.now() < until) await perform(chooseAction(own, POSSIBLE), world, scene, own);
    };
    const killer = async (): Promise<void> => {
      const own = random.fork();
      while (Date.now() < until) {
        const life = await world.server();
        await pause(own.between(KILL_AFTER_MS.least, KILL_AFTER_MS.most));
        life.kill();
      }
    };
    await Promise.all([killer(), ...Array.from({ length: LANES }, act)]);
    for (const act of ENDS) await ACTS[act](world, scene, random.fork());
    await comeToRest(world);
    const verdict = await judge(world);
    await inspect?.(world);
    return { seed, ...verdict, history: world.history.lines(), counts: world.history.counts() };
  } finally {
    await world.close();
  }
};
