import type { Caller } from '../../core/caller.js';
import {
  CurrencyMismatchError,
  PaymentInProgressError,
  RecurringAlreadyExistsError,
  UnauthenticatedError,
} from '../../core/errors.js';
import type { AskApp } from '../../flows/payment-request.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import { assertUsable, type Order, type Orders } from '../../orders/orders.js';
import { writeChange } from '../../outbox/change-log.js';
import type { Tx } from '../../storage/database.js';
import { type IdempotentRequest, recall, remember } from '../../storage/idempotent-request.js';
import { assertMethodOf, type OwnedMethod } from '../customers/methods.js';
import { assertDue } from '../payments/due.js';
import { assertNotInvoiced, findLive, findOpen } from '../payments/reserve.js';
import { periodAmount, type RecurringPrice } from './prices.js';
import type { InitiateRequest } from './recurring.js';
import type { RecurringPayment } from './row.js';
import {
  type CustomerScope,
  findOtherCurrency,
  findTrial,
  lockAccount,
  lockRecurring,
  RECURRING_COLUMNS,
} from './rows.js';

/** Everything that a reservation depends on; the request is checked. */
export interface RecurringReservation {
  readonly request: InitiateRequest;
  readonly caller: Caller;
  readonly access: Pick<StripeAccess, 'livemode' | 'account'>;
  readonly actor: string;
  /** Whose the saved method is that the request names. */
  readonly method: OwnedMethod | undefined;
  readonly idempotency: IdempotentRequest | undefined;
  /** Stripe's price; undefined before it was read. */
  readonly price: RecurringPrice | undefined;
  /** True when this call itself found its first reservation ended at Stripe: the key is bound anew. */
  readonly again: boolean;
}

/**
 * What the order's lock decided. `made`: a new row. `live`: the order's living one serves. `repeated`: the key was used
 * before for this row. `price`: a new row is needed and the price must be read first; nothing was written. `differs`: one
 * that has not begun, for another mode, must end first; nothing was written.
 */
export type RecurringReserved =
  | { readonly kind: 'made' | 'live' | 'repeated' | 'differs'; readonly recurringPayment: RecurringPayment }
  | { readonly kind: 'price' };

/** Decides under the order's lock, which `pay` takes too, which recurring payment a request is about: one that lives per order. */
export interface RecurringReservations {
  /** The refusals that need no lock: a wrong request needs no Stripe. */
  check(request: InitiateRequest, caller: Caller): Promise<void>;
  /**
   * @throws RecurringAlreadyExistsError for another price or quantity, PaymentInProgressError while a one-off payment is
   * open, OrderAlreadyPaidError, AmountMismatchError, CurrencyMismatchError, OrderNotFoundError, DeclinedByAppError
   */
  reserve(tx: Tx, reservation: RecurringReservation): Promise<RecurringReserved>;
}

/** The account whose customer is charged: the order's owner, else the caller. */
const accountOf = (order: Order, caller: Caller): string => {
  const account = order.owner ?? caller.accountId;
  if (account === null) throw new UnauthenticatedError('A recurring payment belongs to an account: send a token.');
  return account;
};

/**
 * Stripe has one currency per customer, and an account has one customer.
 *
 * @throws CurrencyMismatchError while another recurring payment of the account lives in another currency
 */
const assertOneCurrency = async (
  tx: Tx,
  { accountId, currency }: { readonly accountId: string; readonly currency: string },
  { livemode, account }: RecurringReservation['access'],
): Promise<void> => {
  const scope = { accountId, livemode, stripeAccount: account };
  await tx.query(lockAccount(scope));
  const [other] = await tx.query<{ id: string; currency: string }>(findOtherCurrency(scope, currency));
  if (other)
    throw new CurrencyMismatchError(
      `The account's recurring payment ${other.id} is in ${other.currency}, and Stripe has one currency per customer: end that one first, or choose a price in ${other.currency}.`,
    );
};

/** Whether one that has not begun begins as a request asks; what it leaves out may have been begun with a saved method. */
const beginsAs = (live: RecurringPayment, { mode, paymentMethodId }: InitiateRequest): boolean =>
  live.mode === mode && (paymentMethodId === undefined || live.savedMethodId === paymentMethodId);

/** The trial that a new one begins with: the price's, once per account where the operator wants it so. The account's lock is held. */
const trialOf = async (
  tx: Tx,
  { id, trialDays }: RecurringPrice,
  scope: CustomerScope & { readonly isOnce: boolean },
): Promise<number> => {
  if (trialDays === 0 || !scope.isOnce) return trialDays;
  return (await tx.query(findTrial(scope, id))).length === 0 ? trialDays : 0;
};

const insert = async (
  tx: Tx,
  order: Order,
  { reservation, price, trialDays }: { reservation: RecurringReservation; price: RecurringPrice; trialDays: number },
): Promise<RecurringPayment> => {
  const { request, caller, access, actor } = reservation;
  const [row] = await tx.query<RecurringPayment>({
    name: 'recurring_insert',
    text: `insert into tollgate.recurring_payment as r (order_id, account_id, price_id, quantity, mode, initial_amount,
        currency, livemode, stripe_account, success_url, cancel_url, saved_method_id, trial_days, trial_price_id, attempted_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, now()) returning ${RECURRING_COLUMNS}`,
    values: [
      order.id,
      accountOf(order, caller),
      price.id,
      request.quantity,
      request.mode,
      periodAmount(price, request.quantity),
      price.currency,
      access.livemode,
      access.account,
      request.successUrl ?? null,
      request.cancelUrl ?? null,
      request.paymentMethodId ?? null,
      trialDays,
      trialDays > 0 ? price.id : null,
    ],
  });
  if (!row) throw new Error('The new recurring payment was not returned.');
  tx.send(
    writeChange({
      nodeType: 'RECURRING_PAYMENT',
      nodeId: row.id,
      version: row.version,
      fromStatus: null,
      toStatus: row.status,
      actor,
    }),
  );
  return row;
};

/** Builds the decisions over the bound order table. */
export const createRecurringReservations = ({
  orders,
  askApp,
  trialsOnce,
}: {
  readonly orders: Orders;
  readonly askApp: AskApp;
  /** Whether an account gets the trial of a price once. */
  readonly trialsOnce: boolean;
}): RecurringReservations => ({
  async check({ orderId }, caller) {
    accountOf(assertUsable(await orders.find(orderId), orderId, caller, 'RECURRING_READ_ANY'), caller);
  },

  async reserve(tx, reservation) {
    const { request, caller, access, idempotency, price } = reservation;
    const locked = await orders.lock(tx, request.orderId);
    const order = assertUsable(locked, request.orderId, caller, 'RECURRING_READ_ANY');
    const earlier = reservation.again ? undefined : await recall(tx, idempotency);
    if (earlier !== undefined) {
      const [row] = await tx.query<RecurringPayment>(lockRecurring(earlier));
      if (row) return { kind: 'repeated', recurringPayment: row };
    }
    const { method } = reservation;
    assertMethodOf(accountOf(order, caller), { id: request.paymentMethodId, caller, method });
    const live = await findLive(tx, order.id, access);
    if (live) {
      const isTheirs = live.accountId === accountOf(order, caller) || caller.permissions.has('RECURRING_READ_ANY');
      if (!isTheirs || live.priceId !== request.priceId || live.quantity !== request.quantity)
        throw new RecurringAlreadyExistsError(order.id);
      if (live.status === 'INCOMPLETE' && !beginsAs(live, request)) return { kind: 'differs', recurringPayment: live };
      if (live.status === 'INCOMPLETE') {
        const { initialAmount: amount, currency, accountId, mode } = live;
        await askApp(tx, { orderId: order.id, amount, currency, accountId, mode });
      }
      await remember(tx, idempotency, live.id);
      return { kind: 'live', recurringPayment: live };
    }
    if (!price) return { kind: 'price' };
    const charge = { amount: periodAmount(price, request.quantity), currency: price.currency };
    await assertDue(tx, order, { ...charge, scope: access });
    const open = await findOpen(tx, order.id, access);
    if (open) {
      assertNotInvoiced(open);
      throw new PaymentInProgressError(
        `A one-off payment for order ${order.id} is open; finish or cancel it first.`,
        open.id,
      );
    }
    const accountId = accountOf(order, caller);
    await assertOneCurrency(tx, { accountId, currency: price.currency }, access);
    await askApp(tx, { ...charge, orderId: order.id, accountId, mode: request.mode });
    const scope = { accountId, livemode: access.livemode, stripeAccount: access.account };
    const trialDays = await trialOf(tx, price, { ...scope, isOnce: trialsOnce });
    const recurringPayment = await insert(tx, order, { reservation, price, trialDays });
    await remember(tx, idempotency, recurringPayment.id);
    return { kind: 'made', recurringPayment };
  },
});
