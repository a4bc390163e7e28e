import type { Scope } from '../scope.js';
import type { Pricing } from './invoice-row.js';
import { pricingOf } from './new-invoice.js';
import { type NewInvoiceItem, newInvoiceItem } from './new-invoice-item.js';
import { productName } from './new-price.js';
import { periodOf, type Subscription, type SubscriptionItem } from './subscription-row.js';

/** One line of a proration: a credit (below 0) or a charge for the rest of the period. */
export interface Proration {
  readonly amount: number;
  readonly description: string;
  readonly period: { start: number; end: number };
  readonly pricing: Pricing;
  readonly quantity: number;
  readonly item: string;
}

const isSame = (a: SubscriptionItem, b: SubscriptionItem): boolean =>
  a.id === b.id && a.price.id === b.price.id && a.quantity === b.quantity;

/**
 * Credits the unused rest of the old items and charges the rest of the new ones (Stripe: "Prorations"). Items that begin a period of
 * their own are billed whole: only the old ones are credited. Changes nothing.
 */
export const prorationsOf = (
  scope: Scope,
  subscription: Subscription,
  after: readonly SubscriptionItem[],
): Proration[] => {
  const { start, end } = periodOf(subscription);
  const before = subscription.items.data;
  const now = scope.now();
  const share = (end - now) / (end - start);
  const lineOf = (item: SubscriptionItem, sign: 1 | -1): Proration => ({
    amount: sign * Math.round((item.price.unit_amount ?? 0) * item.quantity * share) + 0,
    description: `${sign < 0 ? 'Unused time on' : 'Remaining time on'} ${item.quantity === 1 ? '' : `${item.quantity} × `}${productName(scope, item.price)}`,
    period: { start: now, end },
    pricing: pricingOf(item.price),
    quantity: item.quantity,
    item: item.id,
  });
  const beginsAnew = after[0]?.current_period_end !== end;
  return [
    ...before.filter((item) => !after.some((other) => isSame(item, other))).map((item) => lineOf(item, -1)),
    ...(beginsAnew ? [] : after.filter((item) => !before.some((other) => isSame(item, other)))).map((item) =>
      lineOf(item, 1),
    ),
  ];
};

/** A proration as an invoice item. */
export const prorationItem = (subscription: Subscription, { item, ...line }: Proration): NewInvoiceItem => ({
  ...line,
  customer: subscription.customer,
  currency: subscription.currency,
  discountable: false,
  proration: true,
  subscription: subscription.id,
  subscriptionItem: item,
});

/** Has the prorations wait for the subscription's next invoice. */
export const addProrations = (scope: Scope, subscription: Subscription, prorations: readonly Proration[]): void => {
  for (const proration of prorations) newInvoiceItem(scope, prorationItem(subscription, proration));
};
