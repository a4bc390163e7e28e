import { z } from 'zod';
import type { RecurringStatus } from '../core/states.js';
import { type Owner, ownerOf } from './metadata.js';
import { parse, shapes } from './shape.js';
import { idOf } from './translate.js';

/** Terms that begin with a schedule's next phase. */
export interface PendingTerms {
  readonly priceId: string;
  readonly quantity: number;
  readonly at: Date;
}

/** A subscription in our words, as it was at `at`. */
export interface SubscriptionSnapshot {
  readonly subscriptionId: string;
  readonly customerId: string | null;
  /** Undefined for a status that Stripe added later: it moves nothing. */
  readonly status: RecurringStatus | undefined;
  /** Null while it has no single price: an operator made it so. */
  readonly priceId: string | null;
  readonly quantity: number;
  /** Minor units of a period; null where the price has no plain one. */
  readonly amount: number | null;
  /** Upper case. */
  readonly currency: string;
  /** Whichever way the end was scheduled. */
  readonly cancelAtPeriodEnd: boolean;
  readonly cancelAt: Date | null;
  readonly canceledAt: Date | null;
  readonly endedAt: Date | null;
  readonly collectionPaused: boolean;
  readonly currentPeriodEnd: Date | null;
  /** What it comes to from its period's end on; null where nothing is scheduled, undefined where that wasn't told. */
  readonly pending: PendingTerms | null | undefined;
  readonly livemode: boolean;
  /** Our mark, if it carries one of any installation. */
  readonly owner: Owner | undefined;
  /** Stripe's time of this state, unix seconds. */
  readonly at: number;
}

const STATUSES: Readonly<Record<string, RecurringStatus>> = {
  incomplete: 'INCOMPLETE',
  incomplete_expired: 'INCOMPLETE_EXPIRED',
  trialing: 'TRIALING',
  active: 'ACTIVE',
  past_due: 'PAST_DUE',
  unpaid: 'UNPAID',
  paused: 'PAUSED',
  canceled: 'CANCELED',
};

const { id, amount, currency, metadata, reference, text, time } = shapes;

const PRICE = z.object({ id, unit_amount: amount.nullish() });

const ITEM = z.object({ price: PRICE, quantity: z.int32().min(0).nullish(), current_period_end: time.nullish() });
type Item = z.infer<typeof ITEM>;

const PHASE = z.object({
  start_date: time,
  items: z.array(z.object({ price: z.union([id, z.looseObject({ id })]), quantity: z.int32().min(0).nullish() })),
});

const SCHEDULE = z.looseObject({
  id,
  current_phase: z.object({ end_date: time }).nullish(),
  phases: z.array(PHASE),
});

const SUBSCRIPTION = z.object({
  id,
  customer: reference,
  status: z.string(),
  items: z.object({ data: z.array(ITEM) }),
  currency,
  cancel_at_period_end: z.boolean(),
  cancel_at: time.nullish(),
  canceled_at: time.nullish(),
  ended_at: time.nullish(),
  pause_collection: z.looseObject({}).nullish(),
  schedule: z.union([id, SCHEDULE]).nullish(),
  livemode: z.boolean(),
  metadata,
});

const INVOICE = z.looseObject({
  id,
  status: text,
  confirmation_secret: z.object({ client_secret: text }).nullish(),
});

const SECRETS = z.object({
  latest_invoice: z.union([z.string(), INVOICE]).nullish(),
  pending_setup_intent: z.union([z.string(), z.looseObject({ client_secret: text })]).nullish(),
});

const dateOf = (seconds: number | null | undefined): Date | null =>
  seconds === null || seconds === undefined ? null : new Date(seconds * 1000);

/** What a price costs for a quantity, in minor units; null where it has no plain unit amount. */
const amountOf = (item: Item | undefined): number | null => {
  const unit = item?.price.unit_amount ?? null;
  const whole = unit === null ? null : unit * (item?.quantity ?? 1);
  return Number.isSafeInteger(whole) ? whole : null;
};

/** The next phase, where it is of one price: what else a schedule holds is the operator's. */
const pendingOf = (schedule: z.infer<typeof SUBSCRIPTION>['schedule']): PendingTerms | null | undefined => {
  if (typeof schedule === 'string') return undefined;
  const end = schedule?.current_phase?.end_date;
  const next = schedule?.phases.find(({ start_date: start }) => start === end);
  const [item, ...others] = next?.items ?? [];
  if (!next || !item || others.length > 0) return null;
  const priceId = typeof item.price === 'string' ? item.price : item.price.id;
  return { priceId, quantity: Math.max(1, item.quantity ?? 1), at: new Date(next.start_date * 1000) };
};

/**
 * Translates a subscription. Source: Stripe docs, "The Subscription object" and "How subscriptions work".
 *
 * @throws StripeCallError when it is none
 */
export const subscriptionSnapshot = (object: unknown, at: number): SubscriptionSnapshot => {
  const subscription = parse(SUBSCRIPTION, 'subscription', object);
  const items = subscription.items.data;
  const single = items.length === 1 ? items[0] : undefined;
  const periodEnd = dateOf(items[0]?.current_period_end);
  return {
    subscriptionId: subscription.id,
    customerId: idOf(subscription.customer),
    status: STATUSES[subscription.status],
    priceId: single?.price.id ?? null,
    quantity: single?.quantity ?? 1,
    amount: amountOf(single),
    currency: subscription.currency.toUpperCase(),
    cancelAtPeriodEnd: subscription.cancel_at_period_end || typeof subscription.cancel_at === 'number',
    cancelAt: dateOf(subscription.cancel_at) ?? (subscription.cancel_at_period_end ? periodEnd : null),
    canceledAt: dateOf(subscription.canceled_at),
    endedAt: dateOf(subscription.ended_at),
    collectionPaused: (subscription.pause_collection ?? null) !== null,
    currentPeriodEnd: periodEnd,
    pending: pendingOf(subscription.schedule),
    livemode: subscription.livemode,
    owner: ownerOf(subscription.metadata, 'recurring'),
    at,
  };
};

/**
 * What the browser confirms next: the latest invoice's payment, or the setup of a trial; undefined when nothing waits.
 *
 * @throws StripeCallError when it is no subscription
 */
export const secretOf = (
  subscription: unknown,
): { readonly clientSecret: string; readonly clientSecretType: 'PAYMENT' | 'SETUP' } | undefined => {
  const { latest_invoice: invoice, pending_setup_intent: setup } = parse(SECRETS, 'subscription', subscription);
  const isOpen = typeof invoice === 'object' && invoice?.status === 'open';
  const payment = isOpen ? invoice.confirmation_secret?.client_secret : undefined;
  if (payment) return { clientSecret: payment, clientSecretType: 'PAYMENT' };
  const secret = typeof setup === 'object' ? setup?.client_secret : undefined;
  return secret ? { clientSecret: secret, clientSecretType: 'SETUP' } : undefined;
};

/**
 * The subscription's latest invoice, where it came with it.
 *
 * @throws StripeCallError when it is no subscription
 */
export const invoiceOf = (subscription: unknown): object | undefined => {
  const { latest_invoice: invoice } = parse(SECRETS, 'subscription', subscription);
  return typeof invoice === 'object' && invoice !== null ? invoice : undefined;
};
