import { type Action, codeOf, type Scene } from './actions.js';
import { type Altered, begin } from './alterations.js';
import { type Books, type Comparison, compare, type Invariant } from './books.js';
import { spoil } from './methods.js';
import type { World } from './world.js';

const CHANGE = `mutation ($input: ChangeRecurringPaymentInput!) {
  changeRecurringPayment(input: $input) { recurringPayment { id } } }`;

interface Plan {
  readonly priceId: string;
  readonly quantity: number;
  readonly at: 'NOW' | 'PERIOD_END';
  /** What a period costs then. */
  readonly amount: number;
}

const plansOf = ({ priceId, dearPriceId, yearPriceId }: Scene) =>
  ({
    'a dearer price': { priceId: dearPriceId, quantity: 1, at: 'NOW', amount: 20_000 },
    'twice as much': { priceId, quantity: 2, at: 'NOW', amount: 20_000 },
    'another rhythm': { priceId: yearPriceId, quantity: 1, at: 'NOW', amount: 100_000 },
    'a dearer price later': { priceId: dearPriceId, quantity: 1, at: 'PERIOD_END', amount: 20_000 },
  }) as const satisfies Readonly<Record<string, Plan>>;

const wordsOf = ({ priceId, quantity }: Pick<Plan, 'priceId' | 'quantity'>): string => `${quantity} of ${priceId}`;

/** The order is brought to the new terms for as long as the change takes, as an app does. */
const change = async (world: World, { id, orderId }: Altered, plan: Plan): Promise<string> => {
  const { priceId, quantity, at, amount } = plan;
  const isNow = at === 'NOW';
  if (isNow) await world.sql.query('update public.shop_order set amount = $2 where id = $1', [orderId, amount]);
  const input = { recurringPaymentId: id, priceId, quantity, at, ...(isNow && { proration: 'ALWAYS_INVOICE' }) };
  const end = await world.ask('admin', CHANGE, { input }).then(() => 'done', codeOf);
  if (isNow) await world.sql.query('update public.shop_order set amount = 10000 where id = $1', [orderId]);
  return end;
};

/** Pays what the change charged with another card. */
const payChange = async ({ sql, stripe }: World, { id }: Altered): Promise<void> => {
  const { rows } = await sql.query<{ id: string }>(
    'select stripe_subscription_id as id from tollgate.recurring_payment where id = $1',
    [id],
  );
  const { latest_invoice: invoice, customer } = await stripe.subscriptions.retrieve(rows[0]?.id ?? '');
  const good = await stripe.paymentMethods.attach('pm_card_visa', { customer: String(customer) });
  await stripe.invoices.pay(String(invoice), { payment_method: good.id });
};

/** One goes to another plan, now or later; sometimes its card is declined, and what that charged is paid otherwise, or never. */
export const changePlan: Action = {
  name: 'go to another plan',
  weight: 0,
  async run(world, scene, random) {
    const [words, plan] = random.pick(Object.entries(plansOf(scene)) as [string, Plan][]);
    const isDeclined = plan.at === 'NOW' && random.chance(0.4);
    const isPaid = random.chance(0.5);
    const altered = await begin(world, scene);
    if (isDeclined) await spoil(world, altered.id);
    const end = await change(world, altered, plan);
    const paid = isDeclined && isPaid ? await payChange(world, altered).then(() => 'paid', codeOf) : 'left';
    const stands = !isDeclined || paid === 'paid';
    const terms = wordsOf(stands ? plan : { priceId: scene.priceId, quantity: 1 });
    world.wallet.planChanges.push({ recurringId: altered.id, terms, end });
    return `recurring payment ${altered.id} to ${words}: ${end}${isDeclined ? `, declined, ${paid}` : ''}`;
  },
};

/** A change that was answered as done is what Stripe has, and one that nobody paid is not. */
const checkPlans = async ({ sql, wallet }: World, { subscriptions }: Books): Promise<Comparison> => {
  const { rows } = await sql.query<{ id: string; stripeId: string }>(
    'select id::text, stripe_subscription_id as "stripeId" from tollgate.recurring_payment',
  );
  const done = wallet.planChanges.filter(({ end }) => end === 'done');
  return compare(done, ({ recurringId, terms }) => {
    const row = rows.find(({ id }) => id === recurringId);
    const [item] = subscriptions.find(({ id }) => id === row?.stripeId)?.items.data ?? [];
    const present = item ? wordsOf({ priceId: item.price.id, quantity: item.quantity ?? 1 }) : 'nothing';
    return present === terms
      ? []
      : [`the plan of recurring payment ${recurringId} is ${present}; by what was answered and paid it is ${terms}`];
  });
};

/** What is promised of other plans, by what a run's table calls it. */
export const PLAN_INVARIANTS = {
  'a change of plan that was answered stands once it is paid': checkPlans,
} as const satisfies Readonly<Record<string, Invariant>>;
