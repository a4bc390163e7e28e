import { setTimeout as wait } from 'node:timers/promises';
import { type Action, codeOf, INITIATE, insertOrder, letPass, type Scene } from './actions.js';
import type { Random } from './random.js';
import type { World } from './world.js';

const MONTH = 32 * 86_400;
const LOOKS = 30;
const LOOK_AGAIN_MS = 50;

/** A recurring payment that goes on, and its first order. */
export interface Altered {
  readonly id: string;
  readonly orderId: string;
}

const alter = (world: World, operation: string, input: object): Promise<string> => {
  const type = `${operation[0]?.toUpperCase()}${operation.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${operation}(input: $input) { recurringPayment { id } } }`;
  return world.ask('admin', query, { input }).then(() => 'done', codeOf);
};

/** One of ann's that goes on, of its own order. */
export const begin = async (world: World, scene: Scene): Promise<Altered> => {
  const orderId = await insertOrder(world, 'ann', 10_000, 'USD');
  world.watcher.follow(orderId);
  const { recurringPayment, clientSecret } = await world.ask<{
    recurringPayment: { id: string };
    clientSecret: string | null;
  }>('ann', INITIATE, { input: { orderId, priceId: scene.priceId } });
  const { id } = recurringPayment;
  await world.stripe.paymentIntents.confirm(clientSecret?.split('_secret_')[0] ?? '', {
    payment_method: 'pm_card_visa',
    return_url: 'https://shop.example/return',
  });
  for (let look = 0; look < LOOKS; look += 1) {
    // Not before its order is paid: the flow that says so would measure by terms that came later.
    const { rows } = await world.sql.query(
      `select 1 from tollgate.recurring_payment r join public.shop_order o on o.id::text = r.order_id::text
        where r.id = $1 and r.status = 'ACTIVE' and o.status = 'paid'`,
      [id],
    );
    if (rows.length > 0) break;
    await wait(LOOK_AGAIN_MS);
  }
  return { id, orderId };
};

/** The app brings its order to the new terms for as long as the change takes: what it has received pays the old ones. */
const changeNow = async (world: World, scene: Scene, { id, orderId }: Altered, random: Random): Promise<string> => {
  const proration = random.pick(['ALWAYS_INVOICE', 'ALWAYS_INVOICE', 'NONE', 'CREATE_PRORATIONS']);
  const input = { recurringPaymentId: id, priceId: scene.dearPriceId, proration };
  await world.sql.query('update public.shop_order set amount = 20000 where id = $1', [orderId]);
  const ends = await Promise.all([1, 2].map(() => alter(world, 'changeRecurringPayment', input)));
  await world.sql.query('update public.shop_order set amount = 10000 where id = $1', [orderId]);
  return `${proration} ${ends.join(' and ')}`;
};

type Step = (world: World, scene: Scene, altered: Altered, random: Random) => Promise<string>;

const later: Step = async (world, scene, { id }, random) => {
  const priceId = random.pick([scene.priceId, scene.dearPriceId, scene.dearPriceId]);
  const input = { recurringPaymentId: id, priceId, quantity: random.between(1, 2), at: 'PERIOD_END' };
  return `at the period's end ${await alter(world, 'changeRecurringPayment', input)}`;
};
const pause: Step = async (world, _, { id }, random) => {
  const invoices = random.pick(['VOID', 'KEEP_AS_DRAFT', 'MARK_UNCOLLECTIBLE']);
  return `pause ${await alter(world, 'pauseRecurringPayment', { recurringPaymentId: id, invoices })}`;
};
const unpause: Step = async (world, _, { id }) =>
  `unpause ${await alter(world, 'unpauseRecurringPayment', { recurringPaymentId: id })}`;
const endAndResume: Step = async (world, _, { id }) => {
  const ended = await alter(world, 'cancelRecurringPayment', { recurringPaymentId: id, at: 'PERIOD_END' });
  return `end ${ended}, resume ${await alter(world, 'resumeRecurringPayment', { recurringPaymentId: id })}`;
};

/** Somebody changes, pauses and ends a subscription, and takes it back, in any order; a month may pass. */
export const alterSubscription: Action = {
  name: 'change and pause a subscription',
  weight: 0,
  async run(world, scene, random) {
    const altered = await begin(world, scene);
    const ends: string[] = [];
    for (let step = 0; step < 3; step += 1)
      ends.push(
        await random.pick<Step>([changeNow, later, later, pause, unpause, endAndResume])(world, scene, altered, random),
      );
    if (random.chance(0.5)) ends.push(await letPass(world, MONTH));
    return `recurring payment ${altered.id}: ${ends.join('; ')}`;
  },
};
