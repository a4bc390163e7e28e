import type { Caller } from '../core/caller.js';
import {
  AmountMismatchError,
  CurrencyMismatchError,
  OrderAlreadyPaidError,
  PaymentInProgressError,
  RecurringAlreadyExistsError,
} from '../core/errors.js';
import { formatMoney } from '../core/money.js';
import type { Tx } from '../storage/database.js';
import { OPEN_ATTEMPT, type Payment } from '../storage/payment.js';
import { LIVE_RECURRING, type RecurringPayment } from '../storage/recurring-payment.js';
import { writeChange } from './change-log.js';
import { type IdempotentRequest, recall, remember } from './idempotency.js';
import { assertUsable, type Order, type Orders } from './orders.js';
import { lockById, PAYMENT_COLUMNS, sumPaid } from './payment-rows.js';
import type { PayRequest } from './payments.js';
import { RECURRING_COLUMNS } from './recurring-rows.js';
import type { StripeAccess } from './stripe-connection.js';

/** Everything a reservation depends on; the request is checked and its currency in upper case. */
export interface Reservation {
  readonly request: PayRequest;
  readonly caller: Caller;
  readonly access: Pick<StripeAccess, 'livemode' | 'account'>;
  readonly actor: string;
  readonly idempotency: IdempotentRequest | undefined;
  /** True when this call itself found its first reservation void (cancelled at Stripe): the key is bound anew. */
  readonly again: boolean;
}

/**
 * What the order's lock decided. `made`: a new row. `open`: the order's open attempt serves. `differs`: an open attempt
 * for something else must be cancelled first, nothing was written. `repeated`: the key was used before for this row.
 */
export interface Reserved {
  readonly kind: 'made' | 'open' | 'differs' | 'repeated';
  readonly payment: Payment;
}

/** Decides under the order's lock which payment row a `pay` is about: one open attempt per order, whoever asks at once. */
export interface PaymentReservations {
  /** The same refusals as `reserve`, without the lock: a wrong request needs no Stripe. */
  check(request: PayRequest, caller: Caller): Promise<void>;
  reserve(tx: Tx, reservation: Reservation): Promise<Reserved>;
}

/** What is about to be collected. */
interface Charge {
  readonly amount: number;
  readonly currency: string;
}

/** Compares with the order, where its columns are bound; throws CURRENCY_MISMATCH or AMOUNT_MISMATCH. */
export const assertMatches = (order: Order, request: Charge): void => {
  if (order.currency !== undefined && order.currency !== request.currency)
    throw new CurrencyMismatchError(
      `Order ${order.id} is in ${order.currency ?? 'no currency'}, not in ${request.currency}.`,
    );
  if (order.amount !== undefined && order.amount !== String(request.amount))
    throw new AmountMismatchError(
      order.amount === null
        ? `Order ${order.id} has no amount yet.`
        : `Order ${order.id} costs ${formatMoney(Number(order.amount), request.currency)} (${order.amount}), not ${request.amount}.`,
    );
};

type Scope = Reservation['access'];

/** Locks the order's open one-off payment; the order's lock must be held. */
export const findOpen = async (tx: Tx, orderId: string, access: Scope): Promise<Payment | undefined> =>
  (
    await tx.query<Payment>({
      name: 'payment_find_open',
      text: `select ${PAYMENT_COLUMNS} from tollgate.payment p
        where order_id = $1 and livemode = $2 and stripe_account = $3 and (${OPEN_ATTEMPT}) for update`,
      values: [orderId, access.livemode, access.account],
    })
  )[0];

/** The order's recurring payment that lives, locked; the order's lock must be held. */
export const findLive = async (tx: Tx, orderId: string, access: Scope): Promise<RecurringPayment | undefined> =>
  (
    await tx.query<RecurringPayment>({
      name: 'recurring_find_live',
      text: `select ${RECURRING_COLUMNS} from tollgate.recurring_payment r
        where order_id = $1 and livemode = $2 and stripe_account = $3 and (${LIVE_RECURRING}) for update`,
      values: [orderId, access.livemode, access.account],
    })
  )[0];

const insert = async (tx: Tx, order: Order, { request, caller, access, actor }: Reservation): Promise<Payment> => {
  const [payment] = await tx.query<Payment>({
    name: 'payment_insert',
    text: `insert into tollgate.payment as p (order_id, account_id, amount, currency, mode, capture_method, description,
        success_url, cancel_url, livemode, stripe_account, attempted_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now()) returning ${PAYMENT_COLUMNS}`,
    values: [
      order.id,
      order.owner ?? caller.accountId,
      request.amount,
      request.currency,
      request.mode,
      request.captureMethod,
      request.description ?? null,
      request.successUrl ?? null,
      request.cancelUrl ?? null,
      access.livemode,
      access.account,
    ],
  });
  if (!payment) throw new Error('The new payment was not returned.');
  tx.send(
    writeChange({
      nodeType: 'PAYMENT',
      nodeId: payment.id,
      version: payment.version,
      fromStatus: null,
      toStatus: payment.status,
      actor,
    }),
  );
  return payment;
};

/** Throws ORDER_ALREADY_PAID when what was received covers the order's amount. */
export const assertUnpaid = async (tx: Tx, order: Order, currency: string, access: Scope): Promise<void> => {
  if (order.amount === undefined || order.amount === null) return;
  const scope = { orderId: order.id, currency, livemode: access.livemode };
  const [sum] = await tx.query<{ paid: number }>(sumPaid({ ...scope, stripeAccount: access.account }));
  if ((sum?.paid ?? 0) >= Number(order.amount)) throw new OrderAlreadyPaidError(order.id);
};

/** Whether the open attempt serves the request; one that Stripe is processing can't be replaced and serves any. */
const serves = (open: Payment, request: PayRequest): boolean =>
  open.status === 'PROCESSING' ||
  (open.amount === request.amount &&
    open.currency === request.currency &&
    open.mode === request.mode &&
    open.captureMethod === request.captureMethod);

/** Builds the decisions over the bound order table. */
export const createPaymentReservations = (orders: Orders): PaymentReservations => ({
  async check(request, caller) {
    assertMatches(assertUsable(await orders.find(request.orderId), request.orderId, caller), request);
  },

  async reserve(tx, reservation) {
    const { request, caller, idempotency } = reservation;
    const order = assertUsable(await orders.lock(tx, request.orderId), request.orderId, caller);
    const earlier = reservation.again ? undefined : await recall(tx, idempotency);
    if (earlier !== undefined) {
      const [payment] = await tx.query<Payment>(lockById(earlier));
      if (payment) return { kind: 'repeated', payment };
    }
    assertMatches(order, request);
    await assertUnpaid(tx, order, request.currency, reservation.access);
    if (await findLive(tx, order.id, reservation.access)) throw new RecurringAlreadyExistsError(order.id);
    const open = await findOpen(tx, order.id, reservation.access);
    if (open) {
      if (open.accountId !== (order.owner ?? caller.accountId) && !caller.permissions.has('PAYMENT_READ_ANY'))
        throw new PaymentInProgressError(`Someone else is paying for order ${order.id}; try again later.`);
      if (!serves(open, request)) return { kind: 'differs', payment: open };
      await remember(tx, idempotency, open.id);
      return { kind: 'open', payment: open };
    }
    const payment = await insert(tx, order, reservation);
    await remember(tx, idempotency, payment.id);
    return { kind: 'made', payment };
  },
});
