import { ACTIONS, type Action, perform, type Scene } from './actions.js';
import type { BugName } from './bugs.js';
import { findStuck, findViolations, type Violation } from './invariants.js';
import type { Lab } from './lab.js';
import { createRandom, type Random } from './random.js';
import { openWorld, type World } from './world.js';

/** How one seed ended. */
export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
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
const REST_MS = 25_000;
/** With a bug seeded some things never come to rest. */
const BUG_REST_MS = 4_000;
const LOOK_MS = 40;
/** Rows are asked about once they are minutes old. */
const OLD_ENOUGH_SECONDS = 600;
const MONTH_AGO_MS = 29 * 86_400_000;

const choose = (random: Random): Action => {
  const total = ACTIONS.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.next() * total;
  for (const action of ACTIONS) {
    left -= action.weight;
    if (left < 0) return action;
  }
  throw new Error('There is nothing that may happen.');
};

const openScene = async ({ stripe }: World): Promise<Scene> => {
  const product = await stripe.products.create({ name: 'Tea of the month' });
  const price = await stripe.prices.create({
    product: product.id,
    currency: 'usd',
    unit_amount: 10_000,
    recurring: { interval: 'month' },
  });
  return { orders: [], payments: [], recurring: [], priceId: price.id };
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The hard times are over: nothing fails any more, and everything that waits gets its turn. */
const comeToRest = async (world: World, restMs: number): Promise<void> => {
  world.setTrouble(false);
  await world.control('/faults');
  (await world.server()).arm(undefined);
  await world.sandbox.settled();
  await world.age(OLD_ENOUGH_SECONDS);
  const { operations } = await world.server();
  const since = new Date(Date.now() - MONTH_AGO_MS);
  const { missing } = await operations.reconciler.reconcile({ since, everyRow: true });
  world.history.note(`reconciled at the end: ${missing.length} events were missing`);
  const deadline = Date.now() + restMs;
  while (Date.now() < deadline) {
    if ((await findStuck(world)).length === 0) break;
    await pause(LOOK_MS);
  }
  await world.sandbox.settled();
  await operations.reconciler.reconcile({ since, everyRow: true });
  // What was published last is on its way to the subscriber.
  const arrival = Date.now() + 2_000;
  while (Date.now() < arrival) {
    if ((await findViolations(world)).length === 0) return;
    await pause(LOOK_MS * 5);
  }
};

const play = async (world: World, random: Random): Promise<void> => {
  const scene = await openScene(world);
  world.setTrouble(true);
  const first = ACTIONS.find(({ name }) => name === 'place an order');
  if (first) for (let n = 0; n < 2; n += 1) await perform(first, world, scene, random.fork());
  const steps = random.between(STEPS.least, STEPS.most);
  for (let step = 0; step < steps; step += 1) {
    const together = random.chance(0.4) ? random.between(2, AT_ONCE) : 1;
    const chosen = Array.from({ length: together }, () => [choose(random), random.fork()] as const);
    await Promise.all(chosen.map(([action, fork]) => perform(action, world, scene, fork)));
  }
};

/** Plays one seed to its end in a world of its own, and compares both sides. */
export const simulateSeed = async (lab: Lab, seed: number, { bug, inspect }: SeedOptions = {}): Promise<SeedResult> => {
  const random = createRandom(seed);
  const world = await openWorld(lab, random.fork(), bug);
  try {
    await play(world, random.fork());
    await comeToRest(world, bug === undefined ? REST_MS : BUG_REST_MS);
    const violations = await findViolations(world);
    await inspect?.(world);
    return { seed, violations, history: world.history.lines(), counts: world.history.counts() };
  } finally {
    await world.close();
  }
};
