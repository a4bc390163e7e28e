import {
  ACTIONS,
  type Action,
  chooseAction,
  LATE_MONEY,
  passMonth,
  payAndDispute,
  payAndRefundAtOnce,
  perform,
  placeOrder,
  type Scene,
} from './actions.js';
import { alterSubscription } from './alterations.js';
import { beginLowered } from './lowered-charges.js';
import { CERTAIN_METHOD_ACTIONS } from './methods.js';
import { changePlan } from './plan-changes.js';
import type { Random } from './random.js';
import { ROTATION } from './rotation.js';
import { secondAct } from './second-act.js';
import type { World } from './world.js';
import { troubleReads, WRONG_ANSWERS } from './wrong-answers.js';

const STEPS = { least: 8, most: 18 };
const AT_ONCE = 4;
const POSSIBLE = [...ACTIONS, troubleReads];

/** A part of a story. */
type Act = (world: World, scene: Scene, random: Random) => Promise<void>;

const oneByOne =
  (actions: readonly Action[]): Act =>
  async (world, scene, random) => {
    for (const action of actions) await perform(action, world, scene, random.fork());
  };

/** People, operators, banks and Stripe do what comes to their minds, some of it at once. */
const days: Act = async (world, scene, random) => {
  for (let n = 0; n < 2; n += 1) await perform(placeOrder, world, scene, random.fork());
  const steps = random.between(STEPS.least, STEPS.most);
  for (let step = 0; step < steps; step += 1) {
    const together = random.chance(0.4) ? random.between(2, AT_ONCE) : 1;
    const chosen = Array.from({ length: together }, () => [chooseAction(random, POSSIBLE), random.fork()] as const);
    await Promise.all(chosen.map(([action, fork]) => perform(action, world, scene, fork)));
  }
};

/** Each story has its next month, in which a later charge is lowered and another plan begins: by chance alone hardly one would. */
const month = oneByOne([beginLowered, changePlan, passMonth]);

/** From here on two servers run; people keep methods, and put right with them what failed. */
const methods: Act = async (world, scene, random) => {
  world.openBeside();
  await oneByOne(CERTAIN_METHOD_ACTIONS)(world, scene, random);
};

/** The acts in the order in which they are played. A bug that shows in one of them is looked for there alone. */
export const ACTS = {
  days,
  month,
  subscription: oneByOne([alterSubscription]),
  'late money': oneByOne(LATE_MONEY),
  dispute: oneByOne([payAndDispute]),
  'refunds at once': oneByOne([payAndRefundAtOnce]),
  'wrong answers': oneByOne(WRONG_ANSWERS),
  methods,
  'second act': oneByOne([secondAct]),
  rotation: oneByOne(ROTATION),
} as const satisfies Readonly<Record<string, Act>>;

export type ActName = keyof typeof ACTS;

/** A whole story. */
export const ALL_ACTS = Object.keys(ACTS) as readonly ActName[];
