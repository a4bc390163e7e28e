import {
  AmountInvalidError,
  AmountMismatchError,
  BadUserInputError,
  CurrencyMismatchError,
  OrderAlreadyPaidError,
} from '../../core/errors.js';
import { assertChargeable, findCurrency, formatMoney, type MinorUnits } from '../../core/money.js';
import type { Order } from '../../orders/orders.js';
import type { Queryable } from '../../storage/database.js';
import type { PaidSums } from './row.js';
import { findReceived, sumReceived } from './rows.js';

/** Which payments of an order count: those of these keys. */
export interface Scope {
  readonly livemode: boolean;
  /** Stripe's id of the account. */
  readonly account: string;
}

/** What is about to be collected. */
export interface Charge {
  readonly amount: MinorUnits;
  /** Upper case. */
  readonly currency: string;
}

/** What a client asks for; what is left out is the order's own. */
export type AskedCharge = Partial<Charge>;

/** What an order has in one currency. */
interface Has extends PaidSums {
  readonly currency: string;
}

/** Compares the currency with the order's, and with that of money which the order has received and kept. */
const assertCurrency = (order: Order, currency: string, has: readonly Has[]): void => {
  if (order.currency !== undefined && order.currency !== currency)
    throw new CurrencyMismatchError(`Order ${order.id} is in ${order.currency ?? 'no currency'}, not in ${currency}.`);
  for (const { currency: other, paid } of has)
    if (other !== currency && paid > 0)
      throw new CurrencyMismatchError(
        `Order ${order.id} has received ${formatMoney(paid, other)}: refund that before it is paid in ${currency}.`,
      );
};

/**
 * What an order costs.
 *
 * @throws AmountMismatchError where it has no amount, AmountInvalidError where its amount has more digits than its currency
 */
const priceOf = ({ id, amount, currency }: Order): MinorUnits => {
  if (amount === null || amount === undefined) throw new AmountMismatchError(`Order ${id} has no amount yet.`);
  if (/^-?\d+$/.test(amount)) return Number(amount);
  throw new AmountInvalidError(
    `Order ${id} has an amount that can't be charged: ${amount} of the smallest unit of ${currency ?? 'its currency'}. Correct the order: its amount has more digits than the currency.`,
  );
};

const readHas = (on: Queryable, order: Order, { livemode, account }: Scope): Promise<Has[]> =>
  on.query<Has>(sumReceived({ orderId: order.id, livemode, stripeAccount: account }));

/**
 * What is still to be collected for an order: its amount, less what was received for it, net of confirmed refunds, and less what
 * was settled for it without Stripe's money. Undefined where no amount column is bound. The one rule of what may be paid; exact while the order's lock is held.
 *
 * @throws CurrencyMismatchError where the order, or money that it has, is in another currency; AmountMismatchError where it has no amount
 */
const readDue = async (
  on: Queryable,
  order: Order,
  { currency, scope }: { readonly currency: string; readonly scope: Scope },
): Promise<MinorUnits | undefined> => {
  const has = await readHas(on, order, scope);
  assertCurrency(order, currency, has);
  if (order.amount === undefined) return undefined;
  return priceOf(order) - (has.find((other) => other.currency === currency)?.covered ?? 0);
};

/** What a client may leave out where the order says it. @throws BadUserInputError where no column is bound */
const currencyOf = (order: Order, { currency }: AskedCharge): string => {
  const found = currency ?? order.currency;
  if (found === undefined)
    throw new BadUserInputError('currency must be given: the order table has no currency column bound.');
  if (found === null) throw new CurrencyMismatchError(`Order ${order.id} has no currency yet.`);
  return findCurrency(found).code;
};

const assertAmountBound = (order: Order): void => {
  if (order.amount === undefined)
    throw new BadUserInputError('amount must be given: the order table has no amount column bound.');
};

/**
 * What a request comes to: what it names must be what is due, what it leaves out is what is due. Exact while the order's lock is held.
 *
 * @throws BadUserInputError where neither the request nor the order says it, AmountInvalidError, and as `assertDue`
 */
export const chargeOf = async (
  on: Queryable,
  order: Order,
  { scope, ...asked }: AskedCharge & { readonly scope: Scope },
): Promise<Charge> => {
  const currency = currencyOf(order, asked);
  if (asked.amount === undefined) assertAmountBound(order);
  const amount = asked.amount ?? (await readDue(on, order, { currency, scope })) ?? 0;
  const charge = { amount, currency };
  if (asked.amount === undefined && amount <= 0) throw new OrderAlreadyPaidError(order.id);
  assertChargeable(amount, findCurrency(currency));
  await assertDue(on, order, { ...charge, scope });
  return charge;
};

/**
 * What can be refused before the keys are asked whose rows count: another currency, no amount yet, more than the order costs, or
 * less of an order that has received nothing.
 *
 * @throws CurrencyMismatchError, AmountMismatchError
 */
export const assertPayable = async (on: Queryable, order: Order, charge: AskedCharge): Promise<void> => {
  const { amount } = charge;
  const currency = currencyOf(order, charge);
  assertCurrency(order, currency, []);
  const price = order.amount === undefined ? undefined : priceOf(order);
  if (amount === undefined) {
    assertAmountBound(order);
    return;
  }
  if (price === undefined || amount === price) return;
  if (amount < price && (await on.query(findReceived(order.id))).length > 0) return;
  throw new AmountMismatchError(`Order ${order.id} costs ${formatMoney(price, currency)} (${price}), not ${amount}.`);
};

/**
 * Refuses a charge that isn't exactly what is due.
 *
 * @throws OrderAlreadyPaidError, AmountMismatchError with what is due, CurrencyMismatchError
 */
export const assertDue = async (
  on: Queryable,
  order: Order,
  { amount, currency, scope }: Charge & { readonly scope: Scope },
): Promise<void> => {
  const due = await readDue(on, order, { currency, scope });
  if (due === undefined || due === amount) return;
  if (due <= 0) throw new OrderAlreadyPaidError(order.id);
  const cost = `Order ${order.id} costs ${formatMoney(Number(order.amount), currency)} (${order.amount})`;
  const left = String(due) === order.amount ? '' : `, of which ${formatMoney(due, currency)} (${due}) is due`;
  throw new AmountMismatchError(`${cost}${left}, not ${amount}.`, due);
};

/**
 * Refuses terms that aren't the order's own, where its amount or currency column is bound: whatever it has received.
 *
 * @throws AmountMismatchError, CurrencyMismatchError
 */
export const assertCost = (order: Order, { amount, currency }: Charge): void => {
  assertCurrency(order, currency, []);
  if (order.amount === undefined || priceOf(order) === amount) return;
  throw new AmountMismatchError(
    `Order ${order.id} costs ${formatMoney(Number(order.amount), currency)} (${order.amount}), not ${amount}: bring the order to the new terms first.`,
  );
};
