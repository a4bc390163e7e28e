import type Stripe from 'stripe';
import { BadUserInputError, CurrencyMismatchError, PriceUnsupportedError } from '../../core/errors.js';
import type { TermsRequest } from '../../stripe/subscription-change-calls.js';
import { assertPriceId, assertQuantity, type RecurringPrice } from './prices.js';
import type { RecurringPayment } from './row.js';

/** What becomes of the difference of a period that has begun. */
export const PRORATIONS = ['CREATE_PRORATIONS', 'ALWAYS_INVOICE', 'NONE'] as const;
export type Proration = (typeof PRORATIONS)[number];
export const CHANGE_TIMES = ['NOW', 'PERIOD_END'] as const;

/** What a client asks for with `changeRecurringPayment`: what is left out stays as it is. */
export interface ChangeRequest {
  readonly recurringPaymentId: string;
  readonly priceId?: string;
  readonly quantity?: number;
  readonly at: (typeof CHANGE_TIMES)[number];
  readonly proration: Proration;
  readonly idempotencyKey?: string;
}

/** What it is to come to. */
export interface Terms {
  readonly priceId: string;
  readonly quantity: number;
}

export const PRORATION_BEHAVIORS = {
  CREATE_PRORATIONS: 'create_prorations',
  ALWAYS_INVOICE: 'always_invoice',
  NONE: 'none',
} as const satisfies Record<Proration, TermsRequest['proration']>;

/** The terms that are asked for: what is left out is the row's. */
export const termsOf = ({ priceId, quantity }: Partial<Terms>, row: RecurringPayment): Terms => ({
  priceId: priceId ?? row.priceId,
  quantity: quantity ?? row.quantity,
});

export const isSame = (a: Terms, b: Terms): boolean => a.priceId === b.priceId && a.quantity === b.quantity;

/** Whether nothing was changed, and nothing else waits. */
export const isSameState = (a: RecurringPayment, b: RecurringPayment): boolean =>
  isSame(a, b) &&
  a.pendingPriceId === b.pendingPriceId &&
  a.pendingQuantity === b.pendingQuantity &&
  a.pendingAt?.getTime() === b.pendingAt?.getTime();

/** The one item of a subscription. @throws PriceUnsupportedError where it has several */
export const itemOf = ({ items }: Stripe.Subscription, { priceId }: Terms): Stripe.SubscriptionItem => {
  const [item] = items.data;
  if (items.data.length === 1 && item) return item;
  throw new PriceUnsupportedError(priceId, 'the subscription has several prices: change it in the dashboard');
};

/** @throws BadUserInputError */
export const checkRequest = ({ priceId, quantity }: ChangeRequest): void => {
  if (priceId === undefined && quantity === undefined)
    throw new BadUserInputError('Give priceId, quantity, or both: what it is to come to.');
  if (quantity !== undefined) assertQuantity(quantity);
  if (priceId !== undefined) assertPriceId(priceId);
};

/** @throws CurrencyMismatchError: a subscription keeps its currency */
export const assertCurrencyOf = (row: RecurringPayment, price: RecurringPrice): void => {
  if (price.currency === row.currency) return;
  throw new CurrencyMismatchError(
    `Recurring payment ${row.id} is in ${row.currency}, and price ${price.id} in ${price.currency}: Stripe can't change that.`,
  );
};
