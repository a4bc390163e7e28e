import type Stripe from 'stripe';
import type { RecurringStatus } from '../core/states.js';
import { type Owner, ownerOf } from './metadata.js';

/** A subscription in our words, as it was at `at`. */
export interface SubscriptionSnapshot {
  readonly subscriptionId: string;
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

const dateOf = (seconds: number | null | undefined): Date | null =>
  seconds === null || seconds === undefined ? null : new Date(seconds * 1000);

/** What a price costs for a quantity, in minor units; null where it has no plain unit amount. */
const amountOf = (item: Stripe.SubscriptionItem | undefined): number | null =>
  item === undefined || item.price.unit_amount === null ? null : item.price.unit_amount * (item.quantity ?? 1);

/** Translates a subscription. Source: Stripe docs, "The Subscription object" and "How subscriptions work". */
export const subscriptionSnapshot = (subscription: Stripe.Subscription, at: number): SubscriptionSnapshot => {
  const items = subscription.items.data;
  const single = items.length === 1 ? items[0] : undefined;
  const periodEnd = dateOf(items[0]?.current_period_end);
  return {
    subscriptionId: subscription.id,
    status: STATUSES[subscription.status],
    priceId: single?.price.id ?? null,
    quantity: single?.quantity ?? 1,
    amount: amountOf(single),
    currency: subscription.currency.toUpperCase(),
    cancelAtPeriodEnd: subscription.cancel_at_period_end || subscription.cancel_at !== null,
    cancelAt: dateOf(subscription.cancel_at) ?? (subscription.cancel_at_period_end ? periodEnd : null),
    canceledAt: dateOf(subscription.canceled_at),
    endedAt: dateOf(subscription.ended_at),
    collectionPaused: subscription.pause_collection !== null,
    currentPeriodEnd: periodEnd,
    livemode: subscription.livemode,
    owner: ownerOf(subscription.metadata, 'recurring'),
    at,
  };
};

/** What the browser confirms next: the latest invoice's payment, or the setup of a trial; undefined when nothing waits. */
export const secretOf = (
  subscription: Stripe.Subscription,
): { readonly clientSecret: string; readonly clientSecretType: 'PAYMENT' | 'SETUP' } | undefined => {
  const invoice = invoiceOf(subscription);
  const payment = invoice?.status === 'open' ? invoice.confirmation_secret?.client_secret : undefined;
  if (payment) return { clientSecret: payment, clientSecretType: 'PAYMENT' };
  const setup = subscription.pending_setup_intent;
  if (setup === null || typeof setup === 'string' || setup.client_secret === null) return undefined;
  return { clientSecret: setup.client_secret, clientSecretType: 'SETUP' };
};

/** The subscription's latest invoice, where it came with it. */
export const invoiceOf = (subscription: Stripe.Subscription): Stripe.Invoice | undefined => {
  const { latest_invoice: invoice } = subscription;
  return invoice === null || typeof invoice === 'string' ? undefined : invoice;
};
