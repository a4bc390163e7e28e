import type Stripe from 'stripe';
import { ANSWER_INVARIANTS } from './answer-invariants.js';
import {
  type Books,
  type Comparison,
  compare,
  type Invariant,
  paymentStatusOf,
  readBooks,
  subscriptionIdOf,
  type Violation,
} from './books.js';
import { LOWERING_INVARIANTS } from './lowered-charges.js';
import { METHOD_INVARIANTS } from './method-invariants.js';
import { OUTSIDE_INVARIANTS } from './outside-invariants.js';
import { PLAN_INVARIANTS } from './plan-changes.js';
import { ROTATION_INVARIANTS } from './rotation.js';
import type { World } from './world.js';

const REFUND_STATUS: Readonly<Record<string, string>> = {
  pending: 'PENDING',
  requires_action: 'REQUIRES_ACTION',
  succeeded: 'REFUNDED',
  failed: 'FAILED',
  canceled: 'CANCELED',
};

const subscriptionStatusOf = ({ status }: Stripe.Subscription): string => status.toUpperCase();

/** Each payment's status and money are those of its intent. */
const checkPayments = (_: World, { payments, intents }: Books): Comparison =>
  compare(
    payments.filter(({ intentId }) => intentId !== null),
    (row) => {
      const intent = intents.get(row.intentId ?? '');
      if (!intent) return [`payment ${row.id} has a payment intent that Stripe doesn't know`];
      // An invoice's payment may end with its invoice, before its intent does.
      const expected = paymentStatusOf(intent);
      const isVoided = row.invoiceId !== null && row.status === 'CANCELED';
      const violations: Violation[] = [];
      const isSetAside = row.setAside !== null && row.status === 'QUARANTINED' && expected === 'SUCCESSFUL';
      if (row.status !== expected && !isVoided && !isSetAside)
        violations.push(`payment ${row.id} is ${row.status}; Stripe's intent is ${intent.status}, so ${expected}`);
      if ((row.status === 'SUCCESSFUL' || isSetAside) && row.received !== intent.amount_received)
        violations.push(`payment ${row.id} received ${row.received}; Stripe says ${intent.amount_received}`);
      return violations;
    },
  );

/** Stripe has no money of ours that no payment knows of. */
const checkMoney = (_: World, { payments, intents, installation }: Books): Comparison => {
  const known = new Set(payments.map(({ intentId }) => intentId));
  const ours = [...intents.values()].filter(({ metadata }) => metadata['tollgate_installation'] === installation);
  return compare(ours, ({ id, status }) =>
    status === 'succeeded' && !known.has(id) ? [`${id} of ours has money and no payment`] : [],
  );
};

/** Each of Stripe's refunds has its row, in its state. */
const checkRefunds = (_: World, { payments, refunds, stripeRefunds }: Books): Comparison => {
  const rows = new Map(refunds.map((row) => [row.stripeId, row]));
  const byIntent = new Map(payments.map((row) => [row.intentId, row]));
  const ours = [...stripeRefunds.values()].filter((refund) => byIntent.has(String(refund.payment_intent)));
  return compare(ours, (refund) => {
    const row = rows.get(refund.id);
    const expected = REFUND_STATUS[refund.status ?? ''];
    if (!row) return [`${refund.id} of payment ${byIntent.get(String(refund.payment_intent))?.id} has no refund here`];
    if (row.status === expected && row.amount === refund.amount) return [];
    return [`refund ${row.id} is ${row.amount} ${row.status}; Stripe says ${refund.amount} ${refund.status}`];
  });
};

/** Nobody waits for a refund that Stripe doesn't have. */
const checkUnknownRefunds = (_: World, { refunds }: Books): Comparison =>
  compare(refunds, (row) =>
    row.stripeId === null && row.status !== 'FAILED' && row.status !== 'CANCELED'
      ? [`refund ${row.id} is ${row.status}, and nobody knows what became of it`]
      : [],
  );

/** What a payment shows as refunded is what Stripe gave back, and never more than was received. */
const checkSums = (_: World, { payments, intents, stripeRefunds }: Books): Comparison =>
  compare(
    payments.filter(({ intentId }) => intentId !== null),
    (payment) => {
      const mine = [...stripeRefunds.values()].filter((refund) => refund.payment_intent === payment.intentId);
      const refunded = mine.filter(({ status }) => status === 'succeeded').reduce((sum, { amount }) => sum + amount, 0);
      const received = intents.get(payment.intentId ?? '')?.amount_received ?? 0;
      return [
        ...(payment.refunded === refunded
          ? []
          : [`payment ${payment.id} shows ${payment.refunded} refunded; Stripe gave back ${refunded}`]),
        ...(refunded > received ? [`payment ${payment.id}: more was given back than received`] : []),
      ];
    },
  );

/** Each of Stripe's disputes of our payments has its row, in its state. */
const checkDisputes = (_: World, { payments, disputes, stripeDisputes }: Books): Comparison => {
  const rows = new Map(disputes.map((row) => [row.stripeId, row]));
  const ours = new Set(payments.map(({ intentId }) => intentId));
  const known = [...stripeDisputes.values()].filter((dispute) => ours.has(String(dispute.payment_intent)));
  return compare(known, (dispute) => {
    const row = rows.get(dispute.id);
    const expected = dispute.status.toUpperCase();
    if (!row) return [`${dispute.id} of ${String(dispute.payment_intent)} has no dispute here`];
    if (row.status === expected && row.amount === dispute.amount) return [];
    return [`dispute ${row.id} is ${row.amount} ${row.status}; Stripe says ${dispute.amount} ${expected}`];
  });
};

const TAKING: ReadonlySet<string> = new Set(['needs_response', 'under_review', 'lost']);

/** What a payment shows as disputed is what its disputes hold or took. */
const checkDisputedSums = (_: World, { payments, stripeDisputes }: Books): Comparison =>
  compare(
    payments.filter(({ intentId }) => intentId !== null),
    ({ id, intentId, disputed }) => {
      const mine = [...stripeDisputes.values()].filter((dispute) => dispute.payment_intent === intentId);
      const taken = mine.filter(({ status }) => TAKING.has(status)).reduce((sum, { amount }) => sum + amount, 0);
      return disputed === taken ? [] : [`payment ${id} shows ${disputed} disputed; its disputes took ${taken}`];
    },
  );

/** Our own calls alone never ask for more than is left, where nobody refunds beside us. */
const checkOvershoot = (_: World, { stripeRefunds, requests }: Books): Comparison => {
  const dashboards = new Set(
    [...stripeRefunds.values()]
      .filter(({ metadata }) => metadata?.['tollgate_refund'] === undefined)
      .map(({ payment_intent: intent }) => String(intent)),
  );
  const asked = requests.filter(({ method, path }) => method === 'POST' && path === '/v1/refunds');
  return compare(asked, (request) => {
    const words = JSON.stringify(request);
    const isOurs = words.includes('tollgate_refund');
    const isTooMuch = /charge_already_refunded|greater than/.test(JSON.stringify(request.answer) ?? '');
    const intent = /pi_[A-Za-z0-9]+/.exec(words)?.[0] ?? '';
    return isOurs && isTooMuch && !dashboards.has(intent)
      ? [`a refund of ${intent} was asked for beyond what was left`]
      : [];
  });
};

/** Each order's status is what its money says. */
const checkOrders = async ({ sql }: World, { payments, stripeRefunds, intents }: Books): Promise<Comparison> => {
  const { rows } = await sql.query<{ id: string; amount: number; status: string }>(
    'select id::text, amount::int, status from public.shop_order order by id',
  );
  return compare(rows, ({ id, amount, status }) => {
    const mine = payments.filter(({ orderId, status: state }) => orderId === id && state === 'SUCCESSFUL');
    const received = mine.reduce((sum, row) => sum + (intents.get(row.intentId ?? '')?.amount_received ?? 0), 0);
    const given = [...stripeRefunds.values()]
      .filter(
        (refund) => refund.status === 'succeeded' && mine.some(({ intentId }) => intentId === refund.payment_intent),
      )
      .reduce((sum, refund) => sum + refund.amount, 0);
    const net = received - given;
    const expected =
      received < amount ? 'pending' : net >= amount ? 'paid' : net === 0 ? 'refunded' : 'partially_refunded';
    return status === expected
      ? []
      : [`order ${id} is ${status}; by Stripe's books it is ${expected} (${net} of ${amount})`];
  });
};

/** Each flow ran once for each version that says so, also where it was owed then and ran later, and money came in once per payment. */
const checkFlows = async ({ sql }: World): Promise<Comparison> => {
  const ran = await sql.query<{ count: number }>('select count(*)::int as count from public.flow_run');
  const { rows } = await sql.query<{ what: string }>(`
    with runs as (select flow, row_id, version, count(*) as n from public.flow_run group by 1, 2, 3),
    due as (select flow, node_id::text as row_id, version from tollgate.change where (node_type, flow) in
      (('PAYMENT', 'payment-callback'), ('REFUND', 'refund-callback'), ('DISPUTE', 'dispute-callback'), ('RECURRING_PAYMENT', 'recurring-payment-callback'))
      and note is distinct from 'the flow that was owed ran')
    select format('%s ran %s times for version %s of %s', runs.flow, runs.n, runs.version, runs.row_id) as what
      from runs where n > 1
    union all
    select format('%s ran for version %s of %s, which was not committed', flow, version, row_id)
      from runs where not exists (select 1 from due where (due.flow, due.row_id, due.version) = (runs.flow, runs.row_id, runs.version))
    union all
    select format('%s did not run for version %s of %s', flow, version, row_id)
      from due where not exists (select 1 from runs where (due.flow, due.row_id, due.version) = (runs.flow, runs.row_id, runs.version))
    union all
    select format('payment %s became SUCCESSFUL %s times', row_id, count(*)) from public.flow_run
      where flow = 'payment-callback' and status = 'SUCCESSFUL' group by row_id having count(*) > 1`);
  return { compared: ran.rows[0]?.count ?? 0, violations: rows.map(({ what }) => what) };
};

/** Money that was set aside counts once somebody took it, goes back whole once somebody said so, and otherwise waits. */
const checkSetAside = async ({ sql }: World, { payments }: Books): Promise<Comparison> => {
  const { rows } = await sql.query<{ id: string; decision: string }>(
    `select detail->>'paymentId' as id, detail->>'decision' as decision from tollgate.audit where action = 'QUARANTINE_DECIDED'`,
  );
  return compare(
    payments.filter(({ setAside }) => setAside !== null),
    ({ id, status, received, refunded }) => {
      const decisions = rows.filter((row) => row.id === id).map(({ decision }) => decision);
      if (decisions.length > 1) return [`payment ${id} was decided ${decisions.length} times: ${decisions.join(', ')}`];
      const [decision = 'nothing'] = decisions;
      const isCounted = status === 'SUCCESSFUL';
      if (isCounted !== (decision === 'ACCEPT')) return [`payment ${id} is ${status} although ${decision} was decided`];
      return decision === 'REFUND' && refunded !== received
        ? [`payment ${id} was to go back, and ${refunded} of ${received} did`]
        : [];
    },
  );
};

/** Each paid invoice of a subscription of ours has one payment, and each later one an order of its own. */
const checkRenewals = async (
  _: World,
  { payments, invoices, subscriptions, installation }: Books,
): Promise<Comparison> => {
  const ours = new Set(
    subscriptions.filter(({ metadata }) => metadata['tollgate_installation'] === installation).map(({ id }) => id),
  );
  const paid = invoices.filter(
    (invoice) => ours.has(subscriptionIdOf(invoice)) && invoice.status === 'paid' && invoice.amount_paid > 0,
  );
  return compare(paid, ({ id }) => {
    const made = payments.filter(({ invoiceId }) => invoiceId === id);
    return made.length === 1 ? [] : [`invoice ${id} is paid and has ${made.length} payments`];
  });
};

/** An order that a renewal made is that of one invoice. Compared are later invoices alone: a first one has the order of its person. */
const checkMadeOrders = async ({ sql }: World, { payments, invoices }: Books): Promise<Comparison> => {
  const changes = new Set(
    invoices.filter((invoice) => invoice.billing_reason === 'subscription_update').map(({ id }) => id ?? ''),
  );
  const own = payments.filter(({ invoiceId }) => invoiceId !== null && !changes.has(invoiceId));
  const orders = own.map(({ orderId }) => orderId);
  const { rows: begun } = await sql.query<{ orderId: string }>(
    'select order_id::text as "orderId" from tollgate.recurring_payment',
  );
  const first = new Set(begun.map(({ orderId }) => orderId));
  const { rows } = await sql.query<{ id: string }>(`select id::text from public.shop_order o
    where not exists (select 1 from tollgate.payment p where p.order_id = o.id)
      and o.id not in (select id from public.placed_order)`);
  const later = new Set(
    invoices.filter((invoice) => invoice.billing_reason === 'subscription_cycle').map(({ id }) => id ?? ''),
  );
  return {
    compared: payments.filter(({ invoiceId }) => later.has(invoiceId ?? '')).length,
    violations: [
      ...(new Set(orders).size === orders.length ? [] : ['two invoices share one order']),
      ...payments
        .filter(({ invoiceId, orderId }) => changes.has(invoiceId ?? '') && !first.has(orderId))
        .map(({ id, orderId }) => `payment ${id} of a change made the order ${orderId}`),
      ...rows.map(({ id }) => `order ${id} was made for no invoice`),
    ],
  };
};

interface RecurringRow {
  readonly id: string;
  readonly status: string;
  readonly stripeId: string;
  readonly terms: string;
  readonly pending: string;
}

const termsOf = ({ items, pause_collection: pause }: Stripe.Subscription): string => {
  const [item] = items.data;
  const quantity = item?.quantity ?? 1;
  return `${quantity} of ${item?.price.id} at ${(item?.price.unit_amount ?? 0) * quantity}${pause ? ', paused' : ''}`;
};

const pendingOf = ({ schedule }: Stripe.Subscription): string => {
  if (schedule === null || typeof schedule === 'string') return 'nothing';
  const [item] =
    schedule.phases.find(({ start_date: start }) => start === schedule.current_phase?.end_date)?.items ?? [];
  return item ? `${item.quantity} of ${String(item.price)}` : 'nothing';
};

/** Each subscription of ours has a recurring payment, in its state and of its terms, with what waits. */
const checkSubscriptions = async ({ sql }: World, { subscriptions, installation }: Books): Promise<Comparison> => {
  const { rows } = await sql.query<RecurringRow>(`select id::text, status, stripe_subscription_id as "stripeId",
      format('%s of %s at %s%s', quantity, price_id, coalesce(agreed_amount, initial_amount),
        case when collection_paused then ', paused' else '' end) as terms,
      case when cancel_at_period_end or pending_at is null then 'nothing'
        else format('%s of %s', pending_quantity, pending_price_id) end as pending
    from tollgate.recurring_payment where stripe_subscription_id is not null`);
  const ours = subscriptions.filter(({ metadata }) => metadata['tollgate_installation'] === installation);
  return compare(ours, (subscription) => {
    const row = rows.find(({ stripeId }) => stripeId === subscription.id);
    if (!row) return [`subscription ${subscription.id} has no recurring payment`];
    const expected = subscriptionStatusOf(subscription);
    if (row.status !== expected) return [`recurring payment ${row.id} is ${row.status}; Stripe says ${expected}`];
    if (subscription.ended_at !== null) return [];
    const [terms, pending] = [termsOf(subscription), pendingOf(subscription)];
    return [
      ...(row.terms === terms ? [] : [`recurring payment ${row.id} is ${row.terms}; Stripe says ${terms}`]),
      ...(row.pending === pending
        ? []
        : [`of recurring payment ${row.id} waits ${row.pending}; Stripe says ${pending}`]),
    ];
  });
};

/** What was shown was committed before, and the newest is shown. */
const checkWatcher = async ({ sql, watcher }: World, { payments }: Books): Promise<Comparison> => {
  const { rows } = await sql.query<{ id: string; version: number; at: Date }>(
    `select node_id::text as id, version, at from tollgate.change where node_type = 'PAYMENT'`,
  );
  const committed = new Map(rows.map(({ id, version, at }) => [`${id}/${version}`, at]));
  const early = watcher.all().flatMap(({ id, version, status, at }) => {
    const since = committed.get(`${id}/${version}`);
    return since && since.getTime() <= at.getTime() + 1
      ? []
      : [`payment ${id} was shown ${status} in version ${version} before it was committed`];
  });
  const newest = payments.flatMap(({ id, version, orderId }) => {
    const seen = watcher.newest().get(id);
    return seen && seen.version < version
      ? [`the subscriber of order ${orderId} ended with version ${seen.version} of payment ${id}; there is ${version}`]
      : [];
  });
  return { compared: watcher.all().length, violations: [...watcher.faults, ...early, ...newest] };
};

/** What still waits although nothing hinders it. */
export const findStuck = async ({ sql }: World): Promise<Violation[]> => {
  const { rows } = await sql.query<{ what: string }>(`
    select format('event %s (%s) is %s after %s attempts: %s', id, type, status, attempts, last_error) as what
      from tollgate.stripe_event where status in ('RECEIVED', 'FAILED', 'DEAD')
    union all
    select format('version %s of %s %s is unpublished', c.version, o.node_type, c.node_id)
      from tollgate.outbox o cross join unnest(o.node_ids, o.versions) as c (node_id, version)
    union all
    select format('%s of order %s is still owed: %s', flow, order_id, error) from tollgate.owed_flow where status = 'OWED'
    union all
    select format('what had waited of recurring payment %s is still to wait again', id)
      from tollgate.recurring_payment where restoring_by is not null
    union all
    select format('the charge of %s is still to be lowered', n.stripe_invoice_id) from tollgate.renewal n
      left join tollgate.payment p using (stripe_invoice_id)
      where n.due_at is not null and (n.problem is distinct from 'TOO_LATE' or p.status = 'SUCCESSFUL')
    union all
    select format('message %s (%s of %s) waits after %s attempts: %s', id, event_type, node_id, attempts, last_error)
      from tollgate.outgoing_delivery where status in ('WAITING', 'FAILED')
    union all
    select format('effect %s waits after %s attempts', id, attempts) from tollgate_jobs._private_jobs
    union all
    select format('refund %s waits for Stripe''s answer', id) from tollgate.refund where status = 'PENDING' and stripe_refund_id is null`);
  return rows.map(({ what }) => what);
};

/** Nothing waits for ever. */
const checkRest = async (world: World): Promise<Comparison> => {
  const { rows } = await world.sql.query<{ count: number }>('select count(*)::int as count from tollgate.stripe_event');
  return { compared: rows[0]?.count ?? 0, violations: await findStuck(world) };
};

/** Every promise, by what a run's table calls it. */
const INVARIANTS: Readonly<Record<string, Invariant>> = {
  "payments are as Stripe's intents": checkPayments,
  'all money of ours has its payment': checkMoney,
  "refunds are as Stripe's": checkRefunds,
  'no refund is left unknown': checkUnknownRefunds,
  'sums of refunds are what went back': checkSums,
  "disputes are as Stripe's": checkDisputes,
  'sums of disputes are what they took': checkDisputedSums,
  'no refund was asked for beyond what was left': checkOvershoot,
  'orders show what was received': checkOrders,
  'flows ran once per version': checkFlows,
  'money that was set aside is as was decided': checkSetAside,
  'each paid invoice has one payment': checkRenewals,
  'each later invoice has an order of its own': checkMadeOrders,
  "recurring payments are as Stripe's subscriptions": checkSubscriptions,
  'what was shown was committed, the newest last': checkWatcher,
  'nothing is stuck': checkRest,
  ...LOWERING_INVARIANTS,
  ...PLAN_INVARIANTS,
  ...METHOD_INVARIANTS,
  ...ANSWER_INVARIANTS,
  ...OUTSIDE_INVARIANTS,
  ...ROTATION_INVARIANTS,
};

/** What the promises are called. */
export const PROMISES: readonly string[] = Object.keys(INVARIANTS);

/** What a run came to. */
export interface Verdict {
  readonly violations: readonly Violation[];
  /** The promises that were broken. */
  readonly broken: ReadonlySet<string>;
  /** How many objects each promise compared. */
  readonly compared: ReadonlyMap<string, number>;
}

/**
 * Compares both sides once everything has come to rest.
 *
 * @throws Error when the installation is not known: nothing could be compared
 */
export const judge = async (world: World): Promise<Verdict> => {
  const books = await readBooks(world);
  const comparisons = await Promise.all(
    Object.entries(INVARIANTS).map(async ([name, check]) => [name, await check(world, books)] as const),
  );
  return {
    violations: comparisons.flatMap(([, { violations }]) => violations),
    broken: new Set(comparisons.flatMap(([name, { violations }]) => (violations.length > 0 ? [name] : []))),
    compared: new Map(comparisons.map(([name, { compared }]) => [name, compared])),
  };
};
