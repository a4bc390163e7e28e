import type { Caller } from '../../core/caller.js';
import {
  BadUserInputError,
  DomainError,
  OrderNotFoundError,
  PaymentInProgressError,
  RecurringAlreadyExistsError,
} from '../../core/errors.js';
import { formatMoney } from '../../core/money.js';
import { isOpen, type PaymentStatus } from '../../core/states.js';
import type { AskApp } from '../../flows/payment-request.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import { assertUsable, type Order, type Orders } from '../../orders/orders.js';
import { writeChange } from '../../outbox/change-log.js';
import type { Database, Tx } from '../../storage/database.js';
import { type IdempotentRequest, recall, remember } from '../../storage/idempotent-request.js';
import { assertMethodOf, type OwnedMethod } from '../customers/methods.js';
import { LIVE_RECURRING, type RecurringPayment } from '../recurring/row.js';
import { RECURRING_COLUMNS } from '../recurring/rows.js';
import { assertDue, assertPayable, type Charge, chargeOf, type Scope } from './due.js';
import { carries } from './handed-on.js';
import type { PayRequest } from './pay.js';
import { OPEN_PAYMENT, type Payment } from './row.js';
import { lockById, PAYMENT_COLUMNS } from './rows.js';

/** Everything a reservation depends on; the request is checked and its currency in upper case. */
export interface Reservation {
  /** What it leaves out of amount and currency is what is due. */
  readonly request: PayRequest;
  readonly caller: Caller;
  readonly access: Pick<StripeAccess, 'livemode' | 'account'>;
  readonly actor: string;
  /** Whose the saved method is that the request names; undefined where it names none, or one that is nobody's. */
  readonly method: OwnedMethod | undefined;
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
  /** @throws OrderNotFoundError, OrderAlreadyPaidError, AmountMismatchError, CurrencyMismatchError, PaymentInProgressError, RecurringAlreadyExistsError, DeclinedByAppError */
  reserve(tx: Tx, reservation: Reservation): Promise<Reserved>;
  /**
   * Why an open one-off attempt no longer fits its order: the amount, currency or owner changed, or the order is covered meanwhile;
   * undefined while it fits. Writes nothing.
   */
  review(tx: Tx, payment: Payment): Promise<DomainError | undefined>;
  /** The same for a client that goes on with it: where it fits, the app is asked again. @throws DeclinedByAppError */
  resume(tx: Tx, payment: Payment): Promise<DomainError | undefined>;
}

/** Locks the order's open payment, a one-off before an invoice's; the order's lock must be held. */
export const findOpen = async (tx: Tx, orderId: string, access: Scope): Promise<Payment | undefined> =>
  (
    await tx.query<Payment>({
      name: 'payment_find_open',
      text: `select ${PAYMENT_COLUMNS} from tollgate.payment p
        where order_id = $1 and livemode = $2 and stripe_account = $3 and ${OPEN_PAYMENT}
        order by shares_order, id for update`,
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

/** A reservation whose charge is known. */
interface Charged extends Reservation {
  readonly charge: Charge;
}

const insert = async (
  tx: Tx,
  order: Order,
  { request, charge, caller, access, actor, forCustomers }: Charged & Pick<Parts, 'forCustomers'>,
): Promise<Payment> => {
  const accountId = order.owner ?? caller.accountId;
  const { savePaymentMethod: savesMethod = false, paymentMethodId: methodId = null } = request;
  if (savesMethod && accountId === null)
    throw new BadUserInputError('A method is saved for an account: sign in, or leave savePaymentMethod out.');
  const [payment] = await tx.query<Payment>({
    name: 'payment_insert',
    text: `insert into tollgate.payment as p (order_id, account_id, amount, currency, mode, capture_method, description,
        success_url, cancel_url, livemode, stripe_account, metadata, receipt_email, statement_descriptor_suffix, locale,
        for_customer, saves_method, saved_method_id, off_session, attempted_at, stripe_customer_id)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, now(),
        case when $16 then (select c.stripe_customer_id from tollgate.stripe_customer c
          where c.account_id = $2 and c.livemode = $10 and c.stripe_account = $11) end)
      returning ${PAYMENT_COLUMNS}`,
    values: [
      order.id,
      accountId,
      charge.amount,
      charge.currency,
      request.mode,
      request.captureMethod,
      request.description ?? null,
      request.successUrl ?? null,
      request.cancelUrl ?? null,
      access.livemode,
      access.account,
      JSON.stringify(request.metadata ?? {}),
      request.receiptEmail ?? null,
      request.statementDescriptorSuffix ?? null,
      request.locale ?? null,
      accountId !== null && (forCustomers || savesMethod || methodId !== null),
      savesMethod,
      methodId,
      request.offSession ?? false,
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

/** Refuses what the order's open invoice collects already. */
export const assertNotInvoiced = (open: Payment): void => {
  if (open.stripeInvoiceId !== null)
    throw new PaymentInProgressError(
      `Payment ${open.id}, a charge of recurring payment ${open.recurringPaymentId ?? ''}, is open for order ${open.orderId}: continue that one.`,
      open.id,
    );
};

/** Whether an attempt keeps the method, or is confirmed with a saved one, as a request asks. */
const paysAs = (open: Payment, { savePaymentMethod, paymentMethodId, offSession }: PayRequest): boolean =>
  open.savesMethod === (savePaymentMethod ?? false) &&
  open.savedMethodId === (paymentMethodId ?? null) &&
  open.offSession === (offSession ?? false);

/** A request with a key of its own tries a saved method again; without one, the attempt that failed answers it. */
const isTriedAgain = (open: Payment, { idempotencyKey }: PayRequest): boolean =>
  open.status === 'FAILED' && open.savedMethodId !== null && idempotencyKey !== undefined;

const isSameCharge = (open: Payment, { amount, currency }: Charge): boolean =>
  open.amount === amount && open.currency === currency;

/** Whether the open attempt serves the request; one that Stripe is processing is past its form. */
const serves = (open: Payment, { request, charge }: Pick<Charged, 'request' | 'charge'>): boolean =>
  isSameCharge(open, charge) &&
  (open.status === 'PROCESSING' ||
    (open.mode === request.mode &&
      open.captureMethod === request.captureMethod &&
      carries(open, request) &&
      paysAs(open, request) &&
      !isTriedAgain(open, request)));

/** What to do with the order's open attempt: it serves, or must be cancelled first. */
const judgeOpen = (open: Payment, order: Order, { request, charge, caller }: Charged): 'open' | 'differs' => {
  assertNotInvoiced(open);
  const isOthers = open.accountId !== (order.owner ?? caller.accountId);
  // Where orders have owners the order has changed hands: the attempt of who had it can't serve any more.
  if (isOthers && order.owner === undefined && !caller.permissions.has('PAYMENT_READ_ANY'))
    throw new PaymentInProgressError(`Someone else is paying for order ${order.id}; try again later.`);
  const isServed = serves(open, { request, charge }) && !(isOthers && order.owner !== undefined);
  if (!isServed && open.status === 'PROCESSING')
    throw new PaymentInProgressError(
      `Payment ${open.id} of ${formatMoney(open.amount, open.currency)} is being processed and can't be replaced; wait for its end.`,
      isOthers ? undefined : open.id,
    );
  return isServed ? 'open' : 'differs';
};

/** In these the customer still has something to confirm, so that the app may still say no. */
const MAY_BE_DECLINED: ReadonlySet<PaymentStatus> = new Set(['PENDING', 'REQUIRES_ACTION', 'FAILED']);

interface Parts {
  readonly database: Database;
  readonly orders: Orders;
  readonly askApp: AskApp;
  /** Whether a payment of an account is made for its customer. */
  readonly forCustomers: boolean;
}

/** Builds the decisions over the bound order table. */
export const createPaymentReservations = ({ database, orders, askApp, forCustomers }: Parts): PaymentReservations => ({
  async check(request, caller) {
    const order = assertUsable(await orders.find(request.orderId), request.orderId, caller);
    await assertPayable(database, order, request);
  },

  async reserve(tx, reservation) {
    const { request, caller, access, idempotency } = reservation;
    const order = assertUsable(await orders.lock(tx, request.orderId), request.orderId, caller);
    const earlier = reservation.again ? undefined : await recall(tx, idempotency);
    if (earlier !== undefined) {
      const [payment] = await tx.query<Payment>(lockById(earlier));
      if (payment) return { kind: 'repeated', payment };
    }
    const { method } = reservation;
    assertMethodOf(order.owner ?? caller.accountId, { id: request.paymentMethodId, caller, method });
    // What the order has travels in one packet; a refused charge is told before what else is in the way.
    const [charge, live, open] = await Promise.all([
      chargeOf(tx, order, { ...request, scope: access }),
      findLive(tx, order.id, access),
      findOpen(tx, order.id, access),
    ]);
    if (live) throw new RecurringAlreadyExistsError(order.id);
    const { mode } = request;
    const asked = { ...charge, orderId: order.id, accountId: order.owner ?? caller.accountId, mode };
    if (!open || MAY_BE_DECLINED.has(open.status)) await askApp(tx, asked);
    if (open) {
      const kind = judgeOpen(open, order, { ...reservation, charge });
      if (kind === 'open') await remember(tx, idempotency, open.id);
      return { kind, payment: open };
    }
    const payment = await insert(tx, order, { ...reservation, charge, forCustomers });
    await remember(tx, idempotency, payment.id);
    return { kind: 'made', payment };
  },

  async review(tx, payment) {
    const order = await orders.hold(tx, payment.orderId);
    const [row] = await tx.query<Payment>(lockById(payment.id));
    if (!row || !isOpen(row) || row.stripeInvoiceId !== null) return undefined;
    if (order.owner !== undefined && order.owner !== row.accountId) return new OrderNotFoundError(order.id);
    try {
      await assertDue(tx, order, { ...row, scope: { livemode: row.livemode, account: row.stripeAccount } });
      return undefined;
    } catch (error) {
      if (error instanceof DomainError) return error;
      throw error;
    }
  },

  async resume(tx, payment) {
    const misfit = await this.review(tx, payment);
    if (misfit) return misfit;
    const [row] = await tx.query<Payment>(lockById(payment.id));
    if (!row || !MAY_BE_DECLINED.has(row.status)) return undefined;
    const { orderId, amount, currency, accountId, mode } = row;
    await askApp(tx, { orderId, amount, currency, accountId, mode });
    return undefined;
  },
});
