import {
  type Action,
  chooseAction,
  crashAt,
  killNow,
  letPass,
  perform,
  reconcile,
  refund,
  troubleAnswersTo,
  troubleDeliveries,
} from './actions.js';
import { LATER_CRASH_POINTS } from './crash-points.js';
import { METHOD_ACTIONS } from './methods.js';
import { PAGE_AND_CAPTURE_ACTIONS } from './pages-and-captures.js';
import { ROTATION_ACTIONS } from './rotation.js';
import { troubleReads } from './wrong-answers.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const STEPS = { least: 5, most: 9 };
const AT_ONCE = 3;

/** Never so short that it passes in the middle of what people ask for. */
const passLonger: Action = {
  name: 'time passes',
  weight: 1,
  run: (world, _scene, random) => letPass(world, random.pick([HOUR, 25 * HOUR, 7 * DAY, 32 * DAY])),
};

/** The answers on which the paths of saved methods depend. */
const CALLS = [
  '/v1/setup_intents',
  '/v1/customers',
  '/v1/customers/*',
  '/v1/payment_methods/*',
  '/v1/payment_intents',
  '/v1/payment_intents/*',
  '/v1/subscriptions/*',
  '/v1/invoices/*',
  '/v1/checkout/sessions',
  '/v1/checkout/sessions/*',
] as const;

const POSSIBLE: readonly Action[] = [
  ...METHOD_ACTIONS,
  ...PAGE_AND_CAPTURE_ACTIONS,
  ...ROTATION_ACTIONS,
  refund,
  reconcile,
  passLonger,
  troubleDeliveries,
  troubleAnswersTo(CALLS),
  troubleReads,
  crashAt(LATER_CRASH_POINTS),
  killNow,
];

/** With two servers people keep methods, pay with them, on pages and with money that is held, and put right what failed, while things go wrong. */
export const secondAct: Action = {
  name: 'the second act',
  weight: 0,
  async run(world, scene, random) {
    for (const action of PAGE_AND_CAPTURE_ACTIONS) await perform(action, world, scene, random.fork());
    const steps = random.between(STEPS.least, STEPS.most);
    for (let step = 0; step < steps; step += 1) {
      const together = random.chance(0.5) ? random.between(2, AT_ONCE) : 1;
      const chosen = Array.from({ length: together }, () => [chooseAction(random, POSSIBLE), random.fork()] as const);
      await Promise.all(chosen.map(([action, fork]) => perform(action, world, scene, fork)));
    }
    return `${steps} steps`;
  },
};
