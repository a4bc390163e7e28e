import { CRASH_POINTS, type CrashPoint, wordsOf } from './crash-points.js';
import { TOLD_TYPES } from './outside-invariants.js';
import type { Account } from './people.js';
import type { Random } from './random.js';
import { connectStripe, PATIENT_MS, Refused, type World } from './world.js';

/** What the actors know of each other's doings. */
export interface Scene {
  readonly orders: {
    readonly id: string;
    readonly account: Account;
    readonly amount: number;
    readonly currency: string;
    isClosed: boolean;
  }[];
  readonly payments: {
    readonly id: string;
    readonly orderId: string;
    readonly intentId: string;
    readonly amount: number;
  }[];
  readonly recurring: { readonly id: string; readonly orderId: string; readonly account: Account }[];
  readonly priceId: string;
  /** Costs twice as much. */
  readonly dearPriceId: string;
  /** Is for a year, at ten times as much. */
  readonly yearPriceId: string;
}

/** One thing that somebody does; gives how it ended, in a few words. */
export interface Action {
  readonly name: string;
  /** How often it is chosen, beside the others. */
  readonly weight: number;
  /** Only a server in this process can die at a named point. */
  readonly needsPoints?: true;
  run(world: World, scene: Scene, random: Random): Promise<string>;
}

const WEEK = 7 * 86_400;
const MONTH = 32 * 86_400;
const NOTHING = 'nothing to do';
const MORE_THAN_HALF = 0.6;

/** Cards that customers have, the good ones more often. */
const CARDS = [
  'pm_card_visa',
  'pm_card_visa',
  'pm_card_visa',
  'pm_card_visa_chargeDeclined',
  'pm_card_visa_chargeDeclinedInsufficientFunds',
  'pm_card_authenticationRequired',
  'pm_card_pendingRefund',
  'pm_card_refundFail',
  'pm_usBankAccount_success',
] as const;

/** An answer of Stripe's that says no is an end like any other. */
export const codeOf = (error: unknown): string =>
  error instanceof Refused ? error.code : String(Reflect.get(Object(error), 'code') ?? (error as Error).message);

const PAY = `mutation ($input: PayInput!) { pay(input: $input) { payment { id amount stripePaymentIntentId } } }`;
interface PayAnswer {
  readonly payment: { readonly id: string; readonly amount: number; readonly stripePaymentIntentId: string | null };
}

const pay = async (world: World, scene: Scene, order: Scene['orders'][number]): Promise<string> => {
  const { id: orderId, amount, currency } = order;
  const { payment } = await world.ask<PayAnswer>(order.account, PAY, { input: { orderId, amount, currency } });
  if (payment.stripePaymentIntentId && !scene.payments.some(({ id }) => id === payment.id))
    scene.payments.push({ id: payment.id, orderId, intentId: payment.stripePaymentIntentId, amount: payment.amount });
  return `payment ${payment.id}`;
};

export const insertOrder = async (
  { sql }: Pick<World, 'sql'>,
  account: Account,
  amount: number,
  currency: string,
): Promise<string> => {
  const { rows } = await sql.query<{ id: string }>(
    `with o as (insert into public.shop_order (account_id, amount, currency) values ($1, $2, $3) returning id)
      insert into public.placed_order select id from o returning id::text`,
    [account, amount, currency],
  );
  return rows[0]?.id ?? '';
};

const openOrders = ({ orders }: Scene) => orders.filter(({ isClosed }) => !isClosed);

/** Somebody places an order, and someone watches it from then on. */
export const placeOrder: Action = {
  name: 'place an order',
  weight: 3,
  async run(world, scene, random) {
    const account = random.pick(['ann', 'ben'] as const);
    const currency = random.pick(['USD', 'JPY', 'KWD']);
    const amount = random.between(100, 900) * 100;
    const id = await insertOrder(world, account, amount, currency);
    scene.orders.push({ id, account, amount, currency, isClosed: false });
    world.watcher.follow(id);
    return `order ${id}: ${amount} ${currency}`;
  },
};

const payOnce: Action = {
  name: 'pay',
  weight: 6,
  async run(world, scene, random) {
    const orders = openOrders(scene);
    if (orders.length === 0) return NOTHING;
    return pay(world, scene, random.pick(orders));
  },
};

const payTwice: Action = {
  name: 'pay twice at once',
  weight: 2,
  async run(world, scene, random) {
    const orders = openOrders(scene);
    if (orders.length === 0) return NOTHING;
    const order = random.pick(orders);
    const ends = await Promise.all([1, 2].map(() => pay(world, scene, order).catch(codeOf)));
    return ends.join(' and ');
  },
};

const confirm: Action = {
  name: 'confirm with a card',
  weight: 10,
  async run(world, scene, random) {
    const card = random.pick(CARDS);
    const outcome = random.pick(['complete', 'complete', 'fail']);
    if (scene.payments.length === 0) return NOTHING;
    const { intentId } = random.pick(scene.payments);
    const intent = await world.stripe.paymentIntents.confirm(intentId, {
      payment_method: card,
      return_url: 'https://shop.example/return',
    });
    if (intent.status !== 'requires_action') return `${intentId} ${intent.status}`;
    await world.control(`/payment_intents/${intentId}/authenticate`, { outcome });
    return `${intentId} authentication: ${outcome}`;
  },
};

const cancelPayment: Action = {
  name: 'cancel a payment',
  weight: 1,
  async run(world, scene, random) {
    if (scene.payments.length === 0) return NOTHING;
    const { id, orderId } = random.pick(scene.payments);
    const account = scene.orders.find((order) => order.id === orderId)?.account ?? 'admin';
    const { payment } = await world.ask<{ payment: { status: string } }>(
      account,
      'mutation ($input: CancelPaymentInput!) { cancelPayment(input: $input) { payment { status } } }',
      { input: { id } },
    );
    return `payment ${id} ${payment.status}`;
  },
};

const REFUND = 'mutation ($input: RefundInput!) { refund(input: $input) { refund { id status } } }';

/** A refund of part of a payment, of all, or of more than is left; the order takes no more payments then. */
const refundOf = async (world: World, scene: Scene, random: Random, times: number): Promise<string> => {
  const shares = Array.from({ length: times }, () => random.pick([0.2, 0.4, 0.6, 1]));
  if (scene.payments.length === 0) return NOTHING;
  const { id: paymentId, orderId, amount } = random.pick(scene.payments);
  const order = scene.orders.find(({ id }) => id === orderId);
  if (order) order.isClosed = true;
  const ends = await Promise.all(
    shares.map(async (share) => {
      const refundAmount = Math.max(10, Math.floor((amount * share) / 100) * 100);
      const ended = await world
        .ask<{ refund: { id: string; status: string } }>('admin', REFUND, { input: { paymentId, refundAmount } })
        .then(({ refund }) => `refund ${refund.id} ${refund.status}`, codeOf);
      return `${refundAmount} of payment ${paymentId}: ${ended}`;
    }),
  );
  return ends.join(', ');
};

export const refund: Action = { name: 'refund', weight: 5, run: (...scene) => refundOf(...scene, 1) };
const refundAtOnce: Action = {
  name: 'refund three times at once',
  weight: 2,
  run: (...scene) => refundOf(...scene, 3),
};

const dashboardRefund: Action = {
  name: "refund in Stripe's dashboard",
  weight: 2,
  async run(world, scene, random) {
    const share = random.pick([0.2, 0.5]);
    if (scene.payments.length === 0) return NOTHING;
    const { intentId, orderId, amount } = random.pick(scene.payments);
    const order = scene.orders.find(({ id }) => id === orderId);
    if (order) order.isClosed = true;
    const made = await world.stripe.refunds.create({
      payment_intent: intentId,
      amount: Math.max(10, Math.floor((amount * share) / 100) * 100),
    });
    return `${made.id} of ${intentId} ${made.status}`;
  },
};

const dispute: Action = {
  name: 'dispute',
  weight: 1,
  async run(world, scene, random) {
    if (scene.payments.length === 0) return NOTHING;
    const { intentId } = random.pick(scene.payments);
    await world.control('/disputes', { payment_intent: intentId });
    return intentId;
  },
};

export const INITIATE = `mutation ($input: InitiateRecurringPaymentInput!) {
  initiateRecurringPayment(input: $input) { recurringPayment { id } clientSecret } }`;

const subscribe: Action = {
  name: 'subscribe',
  weight: 3,
  async run(world, scene, random) {
    const card = random.pick(['pm_card_visa', 'pm_card_visa', 'pm_card_chargeCustomerFail']);
    const account = random.pick(['ann', 'ben'] as const);
    const orderId = await insertOrder(world, account, 10_000, 'USD');
    world.watcher.follow(orderId);
    const { recurringPayment, clientSecret } = await world.ask<{
      recurringPayment: { id: string };
      clientSecret: string | null;
    }>(account, INITIATE, { input: { orderId, priceId: scene.priceId } });
    scene.recurring.push({ id: recurringPayment.id, orderId, account });
    const intentId = clientSecret?.split('_secret_')[0];
    if (intentId === undefined) return `recurring payment ${recurringPayment.id}, nothing to confirm`;
    const confirmed = await world.stripe.paymentIntents
      .confirm(intentId, { payment_method: card, return_url: 'https://shop.example/return' })
      .then(({ status }) => status, codeOf);
    return `recurring payment ${recurringPayment.id}, first invoice ${confirmed}`;
  },
};

const cancelRecurring: Action = {
  name: 'cancel a subscription',
  weight: 1,
  async run(world, scene, random) {
    const at = random.pick(['NOW', 'PERIOD_END']);
    if (scene.recurring.length === 0) return NOTHING;
    const { id, account } = random.pick(scene.recurring);
    await world.ask(
      account,
      'mutation ($input: CancelRecurringPaymentInput!) { cancelRecurringPayment(input: $input) { recurringPayment { id } } }',
      { input: { recurringPaymentId: id, at } },
    );
    return `recurring payment ${id} ${at}`;
  },
};

const resumeRecurring: Action = {
  name: 'resume a subscription',
  weight: 1,
  async run(world, scene, random) {
    if (scene.recurring.length === 0) return NOTHING;
    const { id, account } = random.pick(scene.recurring);
    await world.ask(
      account,
      'mutation ($input: ResumeRecurringPaymentInput!) { resumeRecurringPayment(input: $input) { recurringPayment { id } } }',
      { input: { recurringPaymentId: id } },
    );
    return `recurring payment ${id}`;
  },
};

const replay: Action = {
  name: 'replay an event',
  weight: 1,
  async run(world, _scene, random) {
    const place = random.next();
    const { rows } = await world.sql.query<{ id: string }>('select id from tollgate.stripe_event order by received_at');
    const id = rows[Math.floor(place * rows.length)]?.id;
    if (id === undefined) return NOTHING;
    await world.ask(
      'admin',
      'mutation ($input: ReplayEventInput!) { replayEvent(input: $input) { event { status } } }',
      {
        input: { id },
      },
    );
    return id;
  },
};

export const reconcile: Action = {
  name: 'reconcile',
  weight: 1,
  async run(world) {
    const { operations } = await world.server();
    const { missing } = await operations.reconciler.reconcile({ everyRow: true });
    return `${missing.length} events were missing`;
  },
};

const resendOlder: Action = {
  name: 'deliver in an older API version',
  weight: 1,
  async run(world, _scene, random) {
    const { data } = await world.stripe.events.list({ limit: 20 });
    if (data.length === 0) return NOTHING;
    const { id, type } = random.pick(data);
    await world.control(`/events/${id}/resend`, { apiVersion: '2020-08-27' });
    return type;
  },
};

/** Another installation on the same account, whose rows have the same ids as ours. */
const foreigner: Action = {
  name: "another installation's payment",
  weight: 1,
  async run(world, scene, random) {
    if (scene.payments.length === 0) return NOTHING;
    const { id, orderId, amount } = random.pick(scene.payments);
    const order = scene.orders.find((one) => one.id === orderId);
    const intent = await world.stripe.paymentIntents.create({
      amount,
      currency: (order?.currency ?? 'USD').toLowerCase(),
      payment_method: 'pm_card_visa',
      confirm: true,
      return_url: 'https://other.example/return',
      metadata: { tollgate_installation: 'another', tollgate_payment: id, tollgate_order: orderId },
    });
    return intent.id;
  },
};

/** Stripe keeps events for 30 days, so the promise is for those who look in between: weekly, here. */
export const letPass = async (world: World, seconds: number): Promise<string> => {
  for (let left = seconds; left > 0; left -= WEEK) {
    if (seconds >= WEEK) await (await world.server()).operations.reconciler.reconcile();
    await world.advance(Math.min(left, WEEK));
  }
  return `${seconds} s`;
};

const passTime: Action = {
  name: 'time passes',
  weight: 4,
  run: (world, _scene, random) => letPass(world, random.pick([60, 3_600, 25 * 3_600, WEEK, MONTH, MONTH])),
};

export const passMonth: Action = {
  name: 'a month passes at the end',
  weight: 0,
  run: (world) => letPass(world, MONTH),
};

/** An order that is paid now; gives its payment. */
export const payNewOrder = async (world: World, scene: Scene): Promise<Scene['payments'][number]> => {
  const order = {
    id: await insertOrder(world, 'ann', 10_000, 'USD'),
    account: 'ann' as const,
    amount: 10_000,
    currency: 'USD',
  };
  scene.orders.push({ ...order, isClosed: true });
  world.watcher.follow(order.id);
  await pay(world, scene, { ...order, isClosed: true });
  const payment = scene.payments.find(({ orderId }) => orderId === order.id);
  if (!payment) throw new Refused('nothing to pay');
  return payment;
};

/** Some decide, several at once, and some leave it. */
const decideQuarantined = async (world: World, paymentId: string, random: Random): Promise<string> => {
  await world.sandbox.settled();
  const deciders = Array.from({ length: random.between(0, 3) }, () => random.pick(['ACCEPT', 'REFUND'] as const));
  const ends = await Promise.all(
    deciders.map((decision) =>
      world
        .ask(
          'admin',
          'mutation ($input: DecideQuarantinedInput!) { decideQuarantined(input: $input) { payment { id } } }',
          {
            input: { paymentId, decision },
          },
        )
        .then(() => decision, codeOf),
    ),
  );
  return `payment ${paymentId}: ${ends.join(', ') || 'nobody decides'}`;
};

const payLate: Action = {
  name: 'money comes after a cancel',
  weight: 0,
  async run(world, scene, random) {
    const { id, intentId } = await payNewOrder(world, scene);
    await world.ask('ann', 'mutation ($id: ID!) { cancelPayment(input: { id: $id }) { payment { id } } }', { id });
    await world.control(`/payment_intents/${intentId}/succeed_late`, {});
    return decideQuarantined(world, id, random);
  },
};

const payAnotherAmount: Action = {
  name: 'another amount is paid',
  weight: 0,
  async run(world, scene, random) {
    const { id, intentId } = await payNewOrder(world, scene);
    await world.stripe.paymentIntents.update(intentId, { amount: random.pick([9_000, 11_000]) });
    await world.stripe.paymentIntents.confirm(intentId, {
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example/return',
    });
    return decideQuarantined(world, id, random);
  },
};

const oweFlow: Action = {
  name: 'a flow is owed',
  weight: 0,
  async run(world, scene) {
    const { id, intentId, orderId } = await payNewOrder(world, scene);
    await world.ask('admin', 'mutation ($id: ID!) { oweNextFlow(input: { orderId: $id }) { events } }', {
      id: orderId,
    });
    await world.stripe.paymentIntents.confirm(intentId, {
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example/return',
    });
    return `payment ${id}`;
  },
};

/** A payment of its own: whose is disputed at random has often no money yet. */
export const payAndDispute: Action = {
  name: 'pay and dispute',
  weight: 0,
  async run(world, scene) {
    const { id, intentId } = await payNewOrder(world, scene);
    await world.stripe.paymentIntents.confirm(intentId, {
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example/return',
    });
    await world.control('/disputes', { payment_intent: intentId });
    return `payment ${id}`;
  },
};

/** What Stripe tells is told twice while three ask for more than half of a payment back, each before the others have an answer. */
export const payAndRefundAtOnce: Action = {
  name: 'pay, told twice, and refund three times at once',
  weight: 0,
  async run(world, scene) {
    const { id: paymentId, intentId, amount } = await payNewOrder(world, scene);
    await world.control('/faults', { kind: 'duplicate', times: 8, match: { eventType: '*' } });
    await world.stripe.paymentIntents.confirm(intentId, {
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example/return',
    });
    await world.sandbox.settled();
    const input = { paymentId, refundAmount: amount * MORE_THAN_HALF };
    const ends = await Promise.all(
      [1, 2, 3].map(() => world.ask('admin', REFUND, { input }).then(() => 'done', codeOf)),
    );
    return `payment ${paymentId}: ${ends.join(', ')}`;
  },
};

/** Money that is set aside, and a flow that is owed. */
export const LATE_MONEY: readonly Action[] = [payLate, payAnotherAmount, oweFlow];

const DELIVERY_FAULTS = ['duplicate', 'reorder', 'delay', 'drop', 'same-second', 'status', 'timeout'] as const;

export const troubleDeliveries: Action = {
  name: "Stripe's deliveries go wrong",
  weight: 5,
  async run(world, _scene, random) {
    const kind = random.pick(DELIVERY_FAULTS);
    const times = random.between(1, 4);
    const delay = kind === 'delay' ? { delayMs: random.between(10, 150) } : {};
    await world.control('/faults', { kind, times, match: { eventType: '*' }, ...delay });
    world.history.count(`fault ${kind} of a delivery`);
    return `${kind}, ${times} times`;
  },
};

/** What Stripe's answers may do: the fault, and its name in the table. */
const ANSWER_FAULTS = [
  ['429', { kind: 'status', status: 429 }],
  ['500 that was applied, and is replayed', { kind: 'status', status: 500, applied: true }],
  ['500 that was not applied', { kind: 'status', status: 500 }],
  ['timeout after applying', { kind: 'timeout', applied: true, times: 3 }],
  ['timeout before applying', { kind: 'timeout', times: 3 }],
  ['disconnect after applying', { kind: 'disconnect-after-apply' }],
  ['answer of another object', { kind: 'another' }],
  ['answer of an older state', { kind: 'older' }],
  ['late answer', { kind: 'delay', delayMs: 120, applied: true }],
] as const;
// The actors' own calls to Stripe must not take what is meant for the server.
const CALLS = ['/v1/payment_intents', '/v1/refunds', '/v1/subscriptions', '/v1/customers', '/v1/refunds'] as const;

/** Some answer to a call to one of these paths goes wrong. */
export const troubleAnswersTo = (paths: readonly string[]): Action => ({
  name: "Stripe's answers go wrong",
  weight: 4,
  async run(world, _scene, random) {
    const [name, fault] = random.pick(ANSWER_FAULTS);
    const path = random.pick(paths);
    await world.control('/faults', { ...fault, match: { method: 'POST', path } });
    world.history.count(`fault ${name}`);
    return `${name} at ${path}`;
  },
});

/** The server is to die at one of the points. */
export const crashAt = (points: readonly CrashPoint[]): Action => ({
  name: 'arm a crash',
  weight: 3,
  needsPoints: true,
  async run(world, _scene, random) {
    const point = random.pick(points);
    for (const life of await world.servers()) life.arm(point);
    return wordsOf(point);
  },
});

export const killNow: Action = {
  name: 'kill the server',
  weight: 1,
  async run(world, _scene, random) {
    const lives = await world.servers();
    random.pick(lives).kill();
    return 'at once';
  },
};

const restart: Action = {
  name: 'restart the server',
  weight: 1,
  async run(world) {
    await world.stopServer();
    await world.server();
    return 'stopped and started';
  },
};

/** Everything that may happen. */
export const ACTIONS: readonly Action[] = [
  placeOrder,
  payOnce,
  payTwice,
  confirm,
  cancelPayment,
  refund,
  refundAtOnce,
  dashboardRefund,
  dispute,
  subscribe,
  cancelRecurring,
  resumeRecurring,
  replay,
  reconcile,
  resendOlder,
  foreigner,
  passTime,
  troubleDeliveries,
  troubleAnswersTo(CALLS),
  crashAt(CRASH_POINTS),
  killNow,
  restart,
];

/** What happens next, the likely more often. */
export const chooseAction = (random: Random, possible: readonly Action[] = ACTIONS): Action => {
  const total = possible.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.next() * total;
  for (const action of possible) {
    left -= action.weight;
    if (left < 0) return action;
  }
  throw new Error('There is nothing that may happen.');
};

const TELL = `mutation ($input: OutgoingWebhookInput!) { createOutgoingWebhook(input: $input) { secret } }`;

/** Nothing has happened yet; there is a price to subscribe to, and another system that is told. */
export const openScene = async (world: World): Promise<Scene> => {
  const { sandbox, ear } = world;
  const stripe = connectStripe(sandbox.url, PATIENT_MS);
  const input = { url: ear.webhookUrl, eventTypes: TOLD_TYPES };
  ear.know((await world.ask<{ secret: string }>('admin', TELL, { input })).secret);
  const product = await stripe.products.create({ name: 'Tea of the month' });
  const priceOf = async (amount: number, interval: 'month' | 'year'): Promise<string> =>
    (
      await stripe.prices.create({
        product: product.id,
        currency: 'usd',
        unit_amount: amount,
        recurring: { interval },
      })
    ).id;
  const [priceId, dearPriceId, yearPriceId] = await Promise.all([
    priceOf(10_000, 'month'),
    priceOf(20_000, 'month'),
    priceOf(100_000, 'year'),
  ]);
  return { orders: [], payments: [], recurring: [], priceId, dearPriceId, yearPriceId };
};

/** Does it, and writes down how it ended; a refusal is an end like any other. */
export const perform = async (action: Action, world: World, scene: Scene, random: Random): Promise<void> => {
  world.history.count(action.name);
  const ended = await action.run(world, scene, random).catch(codeOf);
  world.history.note(`${action.name}: ${ended}`);
};
