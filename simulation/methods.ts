import { type Action, codeOf, insertOrder, letPass, type Scene } from './actions.js';
import { begin } from './alterations.js';
import { type Account, PEOPLE } from './people.js';
import type { Random } from './random.js';
import type { KeptMethod } from './wallet.js';
import { Refused, type World } from './world.js';

/** Cards that people keep, the good ones more often. */
const KEPT = [
  'pm_card_visa',
  'pm_card_visa',
  'pm_card_mastercard',
  'pm_card_chargeCustomerFail',
  'pm_card_authenticationRequired',
  'pm_card_authenticationRequiredSetupForOffSession',
] as const;
const GOOD: ReadonlySet<string> = new Set(['pm_card_visa', 'pm_card_mastercard']);
const RETURN_URL = 'https://shop.example/return';
const NOTHING = 'nothing to do';
const MONTH = 32 * 86_400;
const USD = 'USD';

const PAY = `mutation ($input: PayInput!) {
  pay(input: $input) { payment { id status } } }`;
const SAVE = 'mutation ($input: SavePaymentMethodInput!) { savePaymentMethod(input: $input) { clientSecret } }';
const LIST = 'query { savedPaymentMethods { id } }';
const REMOVE = 'mutation ($id: ID!) { removePaymentMethod(input: { id: $id }) { paymentMethods { id } } }';
const SET_DEFAULT = `mutation ($input: SetDefaultPaymentMethodInput!) {
  setDefaultPaymentMethod(input: $input) { paymentMethods { id } } }`;
const INITIATE = `mutation ($input: InitiateRecurringPaymentInput!) {
  initiateRecurringPayment(input: $input) { recurringPayment { id } } }`;

type Order = Scene['orders'][number];

/** An order of the account, which is watched. */
export const orderOf = async (world: World, scene: Scene, account: Account, random: Random): Promise<Order> => {
  const amount = random.between(100, 900) * 100;
  const order = {
    id: await insertOrder(world, account, amount, USD),
    account,
    amount,
    currency: USD,
    isClosed: false,
  };
  scene.orders.push(order);
  world.watcher.follow(order.id);
  return order;
};

/** Whatever was answered: what has begun can be confirmed, refunded and disputed by the others from now on. */
export const hearOf = async (world: World, scene: Scene, { id: orderId }: Order): Promise<string | undefined> => {
  const { rows } = await world.sql.query<{ id: string; amount: number; intentId: string }>(
    `select id::text, amount::int, stripe_payment_intent_id as "intentId" from tollgate.payment
      where order_id = $1 and stripe_payment_intent_id is not null order by payment.id`,
    [orderId],
  );
  for (const payment of rows)
    if (!scene.payments.some(({ id }) => id === payment.id)) scene.payments.push({ ...payment, orderId });
  return rows.at(-1)?.intentId;
};

/** What Stripe.js does with a client secret; gives what was kept, undefined where the bank said no. */
const authenticate = async (
  world: World,
  path: string,
  { next, outcome }: { readonly next: string; readonly outcome: string },
): Promise<boolean> => {
  if (next !== 'requires_action') return next === 'succeeded';
  await world.control(`/${path}/authenticate`, { outcome });
  return outcome === 'complete';
};

const keepCard = async (
  world: World,
  account: Account,
  { card, outcome = 'complete' }: { readonly card: string; readonly outcome?: string },
): Promise<string> => {
  const { clientSecret } = await world.ask<{ clientSecret: string | null }>(account, SAVE, { input: {} });
  const setup = clientSecret?.split('_secret_')[0];
  if (setup === undefined) return NOTHING;
  const { status, payment_method: method } = await world.stripe.setupIntents.confirm(setup, {
    payment_method: card,
    return_url: RETURN_URL,
  });
  if (!(await authenticate(world, `setup_intents/${setup}`, { next: status, outcome }))) return `${card} ${outcome}`;
  world.wallet.methods.push({ id: String(method), account, card, isRemoved: false });
  return `${account} keeps ${String(method)} (${card})`;
};

const keepOf = (people: readonly Account[]): Action => ({
  name: 'keep a card',
  weight: 4,
  async run(world, _scene, random) {
    const account = random.pick(people);
    const card = random.pick(KEPT);
    return keepCard(world, account, { card, outcome: random.pick(['complete', 'complete', 'fail']) });
  },
});

const keepWithPayment: Action = {
  name: 'pay and keep the card',
  weight: 3,
  async run(world, scene, random) {
    const account = random.pick(PEOPLE);
    const card = random.pick(KEPT);
    const outcome = random.pick(['complete', 'complete', 'fail']);
    const order = await orderOf(world, scene, account, random);
    const input = { orderId: order.id, amount: order.amount, currency: USD, savePaymentMethod: true };
    await world.ask(account, PAY, { input }).catch(codeOf);
    const intentId = await hearOf(world, scene, order);
    if (intentId === undefined) return `order ${order.id}: nothing to confirm`;
    const { status, payment_method: method } = await world.stripe.paymentIntents.confirm(intentId, {
      payment_method: card,
      return_url: RETURN_URL,
    });
    if (!(await authenticate(world, `payment_intents/${intentId}`, { next: status, outcome }))) return `${card} no`;
    world.wallet.methods.push({ id: String(method), account, card, isRemoved: false });
    return `${account} pays order ${order.id} and keeps ${String(method)} (${card})`;
  },
};

const list: Action = {
  name: 'look at the saved methods',
  weight: 2,
  async run(world, _scene, random) {
    const account = random.pick(PEOPLE);
    const methods = await world.ask<readonly { id: string }[]>(account, LIST, {});
    return `${account} has ${methods.length}`;
  },
};

/** One that is kept, by this account where one is given; the last one rather than another. */
const pickKept = ({ wallet }: World, random: Random, account?: Account): KeptMethod | undefined => {
  const kept = wallet.methods.filter((one) => !one.isRemoved && (account === undefined || one.account === account));
  const isLast = random.chance(0.5);
  if (kept.length === 0) return undefined;
  return isLast ? kept.at(-1) : random.pick(kept);
};

const setForCustomer: Action = {
  name: 'set the default method',
  weight: 2,
  async run(world, _scene, random) {
    const method = pickKept(world, random);
    const times = random.between(1, 2);
    if (!method) return NOTHING;
    const { id, account } = method;
    const ends = await Promise.all(
      Array.from({ length: times }, () =>
        world.ask(account, SET_DEFAULT, { input: { id } }).then(() => 'done', codeOf),
      ),
    );
    return `${id} of ${account}: ${ends.join(' and ')}`;
  },
};

const removeMethod = async (world: World, method: KeptMethod): Promise<string> => {
  const { id, account } = method;
  await world.ask(account, REMOVE, { id });
  method.isRemoved = true;
  const charges = new Set<string>();
  for await (const charge of world.stripe.charges.list({ limit: 100 }))
    if (charge.payment_method === id) charges.add(charge.id);
  world.wallet.removals.push({ methodId: id, charges });
  return `${id} of ${account}`;
};

const remove: Action = {
  name: 'remove a saved method',
  weight: 2,
  async run(world, _scene, random) {
    const method = pickKept(world, random);
    return method ? removeMethod(world, method) : NOTHING;
  },
};

/** Whose method somebody pays with. */
type Whose = 'own' | "another's" | 'removed';

const pickToPay = (
  world: World,
  random: Random,
  whose: Whose,
): { method: KeptMethod; account: Account } | undefined => {
  const possible = world.wallet.methods.filter(({ isRemoved }) => isRemoved === (whose === 'removed'));
  if (possible.length === 0) return undefined;
  const method = random.pick(possible);
  const other = PEOPLE.find((one) => one !== method.account) ?? 'ann';
  return { method, account: whose === "another's" ? other : method.account };
};

/** Mostly one's own; sometimes one that was removed, or another's. */
const payWith = (choices: readonly Whose[]): Action => ({
  name: 'pay with a saved method',
  weight: 6,
  async run(world, scene, random) {
    const picked = pickToPay(world, random, random.pick(choices));
    const isAway = random.chance(0.3);
    const outcome = random.pick(['complete', 'complete', 'fail']);
    const times = random.pick([1, 1, 2]);
    if (!picked) return NOTHING;
    const { method, account } = picked;
    const order = await orderOf(world, scene, account, random);
    const request = { orderId: order.id, amount: order.amount, currency: USD, paymentMethodId: method.id };
    const input = isAway ? { ...request, offSession: true } : request;
    const ends = await Promise.all(
      Array.from({ length: times }, () =>
        world
          .ask<{ payment: { status: string } }>(isAway ? 'admin' : account, PAY, { input })
          .then(({ payment }) => payment.status, codeOf),
      ),
    );
    if (account !== method.account)
      for (const end of ends)
        world.wallet.trespasses.push({
          orderId: order.id,
          methodId: method.id,
          end: end === 'SUCCESSFUL' || end === 'REQUIRES_ACTION' ? 'taken' : end,
        });
    const intentId = await hearOf(world, scene, order);
    if (intentId !== undefined && ends.includes('REQUIRES_ACTION'))
      await world.control(`/payment_intents/${intentId}/authenticate`, { outcome });
    return `${account}, order ${order.id} with ${method.id} of ${method.account}${isAway ? ', away' : ''}: ${ends.join(' and ')}`;
  },
});
const payWithSaved = payWith(['own', 'own', 'own', "another's", 'removed']);

const subscribeWithSaved: Action = {
  name: 'subscribe with a saved method',
  weight: 1,
  async run(world, scene, random) {
    const method = pickKept(world, random);
    if (!method) return NOTHING;
    const { id: paymentMethodId, account } = method;
    const orderId = await insertOrder(world, account, 10_000, USD);
    world.watcher.follow(orderId);
    const { recurringPayment } = await world.ask<{ recurringPayment: { id: string } }>(account, INITIATE, {
      input: { orderId, priceId: scene.priceId, paymentMethodId },
    });
    scene.recurring.push({ id: recurringPayment.id, orderId, account });
    return `recurring payment ${recurringPayment.id} of ${account} with ${paymentMethodId}`;
  },
};

/** Later charges of a subscription go to a card that is declined, as its owner would choose in Stripe's portal. */
export const spoil = async ({ sql, stripe }: World, recurringId: string): Promise<void> => {
  const { rows } = await sql.query<{ id: string | null }>(
    'select stripe_subscription_id as id from tollgate.recurring_payment where id = $1',
    [recurringId],
  );
  const id = rows[0]?.id;
  if (!id) throw new Refused('no subscription');
  const { customer } = await stripe.subscriptions.retrieve(id);
  const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: String(customer) });
  await stripe.subscriptions.update(id, { default_payment_method: bad.id });
};

/** Some set one of their methods for a failed renewal, at once as often as they are impatient. */
const putRight = async (
  world: World,
  { recurringId, account }: { readonly recurringId: string; readonly account: Account },
  random: Random,
): Promise<string> => {
  const times = random.between(1, 3);
  const method = pickKept(world, random, account);
  if (!method) return 'nothing to put it right with';
  const { rows } = await world.sql.query<{ id: string }>(
    `select id::text from tollgate.payment
      where recurring_payment_id = $1 and stripe_invoice_id is not null and status = 'FAILED'`,
    [recurringId],
  );
  const input = { id: method.id, recurringPaymentId: recurringId };
  const ends = await Promise.all(
    Array.from({ length: times }, () => world.ask(account, SET_DEFAULT, { input }).then(() => 'done', codeOf)),
  );
  world.wallet.rightings.push({
    recurringId,
    methodId: method.id,
    isGood: GOOD.has(method.card),
    paymentIds: rows.map(({ id }) => id),
    ends,
  });
  return `${rows.length} of recurring payment ${recurringId} with ${method.id} (${method.card}): ${ends.join(' and ')}`;
};

const failAndPutRight: Action = {
  name: 'a renewal fails, and is put right',
  weight: 2,
  async run(world, scene, random) {
    const { id: recurringId } = await begin(world, scene);
    await spoil(world, recurringId);
    await letPass(world, MONTH);
    await world.sandbox.settled();
    const failed = { recurringId, account: 'ann' as const };
    const first = random.chance(0.5) ? await putRight(world, failed, random) : 'nobody minds';
    const kept = await keepCard(world, 'ann', { card: 'pm_card_visa' }).catch(codeOf);
    return `${first}; ${kept}; ${await putRight(world, failed, random)}`;
  },
};

const setForRecurring: Action = {
  name: 'set the method of a subscription',
  weight: 2,
  async run(world, scene, random) {
    if (scene.recurring.length === 0) return NOTHING;
    const { id: recurringId, account } = random.pick(scene.recurring);
    return putRight(world, { recurringId, account }, random);
  },
};

/** What people do with the methods that they keep. */
export const METHOD_ACTIONS: readonly Action[] = [
  keepOf(PEOPLE),
  keepWithPayment,
  list,
  setForCustomer,
  remove,
  payWithSaved,
  subscribeWithSaved,
  failAndPutRight,
  setForRecurring,
];

/** A card is removed, and its owner pays with it all the same. */
const payWithRemoved: Action = {
  name: 'pay with a method that was removed',
  weight: 0,
  async run(world, scene, random) {
    await keepCard(world, 'ben', { card: 'pm_card_visa' });
    const method = world.wallet.methods.at(-1);
    if (!method) return NOTHING;
    await removeMethod(world, method);
    return payWith(['removed']).run(world, scene, random);
  },
};

/** By chance alone hardly anyone would have a card, or a renewal that failed. */
export const CERTAIN_METHOD_ACTIONS: readonly Action[] = [
  keepOf(['ann']),
  keepOf(['ben']),
  failAndPutRight,
  payWith(["another's"]),
  payWithRemoved,
];
