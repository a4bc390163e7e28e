import { AmountMismatchError, CurrencyMismatchError, OrderAlreadyPaidError } from '../../core/errors.js';
import { formatMoney, type MinorUnits } from '../../core/money.js';
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
  if (order.amount === null) throw new AmountMismatchError(`Order ${order.id} has no amount yet.`);
  return Number(order.amount) - (has.find((other) => other.currency === currency)?.covered ?? 0);
};

/**
 * What can be refused before the keys are asked whose rows count: another currency, no amount yet, more than the order costs, or
 * less of an order that has received nothing.
 *
 * @throws CurrencyMismatchError, AmountMismatchError
 */
export const assertPayable = async (on: Queryable, order: Order, charge: Charge): Promise<void> => {
  const { amount, currency } = charge;
  assertCurrency(order, currency, []);
  if (order.amount === null) throw new AmountMismatchError(`Order ${order.id} has no amount yet.`);
  if (order.amount === undefined || amount === Number(order.amount)) return;
  if (amount < Number(order.amount) && (await on.query(findReceived(order.id))).length > 0) return;
  throw new AmountMismatchError(
    `Order ${order.id} costs ${formatMoney(Number(order.amount), currency)} (${order.amount}), not ${amount}.`,
  );
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
