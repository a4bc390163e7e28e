import type { Action } from './actions.js';
import { begin } from './alterations.js';
import { type Books, type Comparison, compare, type Invariant, subscriptionIdOf } from './books.js';
import type { World } from './world.js';

const LOWERED = [0, 2_500, 6_000] as const;
/** Who never hears of a draft can't lower it in time. */
const UNHEARD = { kind: 'drop', times: 3, match: { eventType: 'invoice.created' } } as const;

/** A subscription whose later charges the flow lowers; sometimes its draft is not heard of until it is an invoice. */
export const beginLowered: Action = {
  name: 'subscribe with lowered charges',
  weight: 0,
  async run(world, scene, random) {
    const amount = random.pick(LOWERED);
    const isUnheard = random.chance(0.4);
    const { id } = await begin(world, scene);
    await world.sql.query('insert into public.lowered_charge (recurring_id, amount) values ($1, $2)', [id, amount]);
    if (isUnheard) await world.control('/faults', UNHEARD);
    return `recurring payment ${id}: ${amount}${isUnheard ? ', unheard' : ''}`;
  },
};

interface Lowered {
  readonly subscription: string;
  readonly amount: number;
}

/** Of each paid later invoice that was to be lowered no more was kept than that, or operators are told why. */
const checkLowered = async ({ sql }: World, { invoices, payments, stripeRefunds }: Books): Promise<Comparison> => {
  const { rows } = await sql.query<Lowered>(
    `select r.stripe_subscription_id as subscription, l.amount from public.lowered_charge l
      join tollgate.recurring_payment r on r.id::text = l.recurring_id`,
  );
  const wishes = new Map(rows.map(({ subscription, amount }) => [subscription, amount]));
  const { rows: told } = await sql.query<{ id: string }>(
    'select stripe_invoice_id as id from tollgate.renewal where problem is not null',
  );
  const problems = new Set(told.map(({ id }) => id));
  const later = invoices.filter(
    (invoice) =>
      wishes.has(subscriptionIdOf(invoice)) &&
      invoice.billing_reason === 'subscription_cycle' &&
      invoice.status === 'paid' &&
      !problems.has(invoice.id ?? ''),
  );
  return compare(later, (invoice) => {
    const wanted = wishes.get(subscriptionIdOf(invoice)) ?? 0;
    const intent = payments.find(({ invoiceId }) => invoiceId === invoice.id)?.intentId;
    const back = [...stripeRefunds.values()]
      .filter((refund) => refund.status === 'succeeded' && intent !== null && refund.payment_intent === intent)
      .reduce((sum, { amount }) => sum + amount, 0);
    const kept = invoice.amount_paid - back;
    return kept === wanted ? [] : [`of invoice ${invoice.id} ${kept} was kept; it was to be lowered to ${wanted}`];
  });
};

/** What is promised of lowered charges, by what a run's table calls it. */
export const LOWERING_INVARIANTS = {
  'a lowered charge is what was charged': checkLowered,
} as const satisfies Readonly<Record<string, Invariant>>;
