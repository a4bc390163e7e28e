import { OrderUnreadableError } from '../../core/errors.js';
import {
  hasArrived,
  isOpen,
  isPaid,
  judgeSnapshot,
  PAYMENT_NEXT,
  type PaymentSignal,
  QUARANTINE_NEXT,
  type Verdict,
} from '../../core/states.js';
import { unixSeconds } from '../../core/unix-time.js';
import { type FlowBody, type FlowLog, type Flows, type PaymentCallbackData, runFlow } from '../../flows/flows.js';
import { type Orders, unreadableOr } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import type { PaymentFacts } from '../../stripe/translate.js';
import { isSettledOutOfBand } from '../refunds/refundable.js';
import { type Intake, takeIn } from './money-policy.js';
import type { PaidSums, Payment } from './row.js';
import {
  lockById,
  lockByReference,
  lockIntent,
  markOthers,
  type PaymentReference,
  type PaymentUpdate,
  reviveEvents,
  sumPaid,
  type VersionWrite,
  writeSeen,
  writeVersions,
} from './rows.js';

/** Who brought a snapshot and how far it can be trusted. */
export interface Cause {
  /** `account:<id>`, `stripe`, `operator` or `job`: for the timeline. */
  readonly actor: string;
  readonly eventId?: string;
  readonly body: FlowBody;
  /** True when Stripe was asked for it: it is the present state, not one of the past. */
  readonly current: boolean;
}

/** What a snapshot did. `asked`: only Stripe's present state can tell, nothing was written. */
export type Outcome =
  | { readonly kind: 'changed'; readonly payment: Payment }
  | { readonly kind: 'kept'; readonly payment: Payment }
  | { readonly kind: 'asked'; readonly payment: Payment };

/** The only code that moves a payment's status: webhooks, answers to our own calls, and reconciliation all come here. */
export interface PaymentTransitions {
  /** Locks the order, then the payment that a Stripe object refers to; undefined when none of ours does. @throws OrderUnreadableError */
  lockByReference(tx: Tx, reference: PaymentReference): Promise<Payment | undefined>;
  /** Locks the order of the payment, then the payment. */
  lockById(tx: Tx, payment: Pick<Payment, 'id' | 'orderId'>): Promise<Payment>;
  /**
   * Applies a snapshot to a locked payment: writes the version, runs the payment callback when the status moved, and
   * logs the change, all in the transaction. Twice the same snapshot changes nothing the second time.
   */
  apply(tx: Tx, payment: Payment, snapshot: PaymentFacts, cause: Cause): Promise<Outcome>;
  /** Makes a locked, quarantined payment SUCCESSFUL with what was received, its callback included: somebody decided so. */
  accept(tx: Tx, payment: Payment, decided: { actor: string; note: string }): Promise<Payment>;
  /** Ends a locked payment that Stripe refused to make, so that the order is free for another attempt. */
  refuse(tx: Tx, payment: Payment, refusal: { code: string; actor: string }): Promise<Payment>;
}

/** The flow of payments, by its file's name. */
export const PAYMENT_FLOW = 'payment-callback';

/** Whether the payment's order is locked. */
interface Held {
  readonly held: boolean | null;
}

/** Money that isn't what was asked for is a mismatch; a manual capture may bring less, and an invoice that was settled otherwise. */
export const signalFor = (payment: Payment, snapshot: PaymentFacts): PaymentSignal => {
  if (snapshot.signal !== 'succeed') return snapshot.signal;
  const whole = snapshot.amount === payment.amount && snapshot.currency === payment.currency;
  const received =
    snapshot.amountReceived === payment.amount ||
    ((payment.captureMethod === 'MANUAL' || snapshot.isInvoice === true) && snapshot.amountReceived <= payment.amount);
  return whole && received ? 'succeed' : 'mismatch';
};

/** An invoice whose intent was canceled or collects another amount may still be paid otherwise: its own events tell. */
const isLeftToInvoice = (payment: Payment, snapshot: PaymentFacts, signal: PaymentSignal): boolean =>
  payment.stripeInvoiceId !== null && snapshot.isInvoice !== true && (signal === 'cancel' || signal === 'mismatch');

/** The same charge failing for the same reason is a repeat; another charge is a second decline. */
const isSameFailure = (payment: Payment, snapshot: PaymentFacts): boolean =>
  payment.stripeChargeId === snapshot.chargeId && payment.failureCode === snapshot.failureCode;

/** Who caused a move: an event of what somebody asked for tells of them, however fast it came. */
const actorOf = ({ askedFor, askedBy }: Payment, status: string, { actor }: Cause): string =>
  actor === 'stripe' && askedFor === status && askedBy !== null ? askedBy : actor;

/** What a snapshot may do: a move, nothing new, or a question to Stripe. */
export const judge = (
  payment: Payment,
  snapshot: PaymentFacts,
  signal: PaymentSignal,
  cause: Pick<Cause, 'current'>,
): Verdict => {
  if (isLeftToInvoice(payment, snapshot, signal)) return 'keep';
  if (signal === 'fail' && payment.status === 'FAILED' && isSameFailure(payment, snapshot)) return 'keep';
  if (!cause.current) return judgeSnapshot(payment.status, signal, snapshot.at, unixSeconds(payment.seenAt));
  const isRepeat = PAYMENT_NEXT[payment.status][signal] === payment.status && signal !== 'fail';
  return isRepeat ||
    (signal === 'fail' && payment.status !== 'FAILED' && PAYMENT_NEXT[payment.status].fail === payment.status)
    ? 'keep'
    : 'apply';
};

/** What a snapshot that moves the payment writes. */
export const updateOf = (payment: Payment, snapshot: PaymentFacts, signal: PaymentSignal): PaymentUpdate => {
  const status = PAYMENT_NEXT[payment.status][signal];
  const { intentId, failureCode, failureMessage, chargeId, at } = snapshot;
  const amountReceived = hasArrived({ status }) ? snapshot.amountReceived : payment.amountReceived;
  const { settledElsewhere = payment.amountSettledElsewhere } = snapshot;
  const { id } = payment;
  return { id, status, amountReceived, settledElsewhere, intentId, failureCode, failureMessage, chargeId, at };
};

/** What a version writes that leaves everything as it is. */
const asItIs = ({
  amountSettledElsewhere,
  stripePaymentIntentId,
  stripeChargeId,
  ...payment
}: Payment): PaymentUpdate => {
  const { id, status, amountReceived, failureCode, failureMessage, seenAt } = payment;
  return {
    id,
    status,
    amountReceived,
    failureCode,
    failureMessage,
    settledElsewhere: amountSettledElsewhere,
    intentId: stripePaymentIntentId,
    chargeId: stripeChargeId,
    at: unixSeconds(seenAt),
  };
};

/** The update with its entry in the timeline; the flow is in it where the status moves. */
export const versionOf = (payment: Payment, update: PaymentUpdate, cause: Cause, note?: string): VersionWrite => ({
  update,
  entry: {
    fromStatus: payment.status,
    actor: actorOf(payment, update.status, cause),
    eventId: cause.eventId,
    flow: update.status === payment.status ? undefined : PAYMENT_FLOW,
    note,
  },
});

interface CallbackCause {
  readonly cause: Cause;
  readonly duplicate: boolean;
  readonly previous: Payment;
}

/** What the payment callback is told of a payment as it is now. */
export const callbackDataOf = (
  payment: Payment,
  { cause, duplicate, previous, paid, covered }: PaidSums & CallbackCause,
): PaymentCallbackData => ({
  orderId: payment.orderId,
  paymentStatus: payment.status,
  callbackProcessed: duplicate,
  payment,
  settledOutOfBand: isSettledOutOfBand(payment),
  orderPaidAmount: paid,
  orderCoveredAmount: covered,
  previousStatus: previous.status,
  body: cause.body,
});

/** Whether what else is open for the order may be needed no more: an attempt that was the open one had no other beside it. */
export const mayLeaveOthers = (payment: Payment, update: PaymentUpdate): boolean =>
  isPaid(update) && (!isOpen(payment) || payment.stripeInvoiceId !== null);

/** Builds the transitions over the order table and the developer's flows. */
export const createPaymentTransitions = ({
  orders,
  flows,
  log,
}: {
  orders: Orders;
  flows: Flows;
  log: FlowLog;
}): PaymentTransitions => {
  const runCallback = async (
    tx: Tx,
    payment: Payment,
    { cause, duplicate, previous, paid, covered }: PaidSums & CallbackCause,
  ): Promise<void> => {
    const data = callbackDataOf(payment, { cause, duplicate, previous, paid, covered });
    await runFlow(PAYMENT_FLOW, flows.paymentCallback, data, { tx, log, effects: flows.effects });
  };

  /** Writes a version: the row with its entry in the timeline, then the callback when the status moved. */
  const move = async (tx: Tx, payment: Payment, { update, note }: Intake, cause: Cause): Promise<Payment> => {
    const amountOf = await orders.amountSql();
    // A page's intent is made when the customer confirms: its events, and its refunds', may have come before its id was known.
    if (payment.mode === 'CHECKOUT' && payment.stripePaymentIntentId === null && update.intentId !== null) {
      tx.send(lockIntent(update.intentId));
      tx.send(reviveEvents(update.intentId));
    }
    if (mayLeaveOthers(payment, update)) tx.send(markOthers(payment));
    const [row] = await tx.query<Payment & PaidSums>(
      writeVersions([versionOf(payment, update, cause, note)], amountOf),
    );
    if (!row) throw new Error(`Payment ${payment.id} is gone, although rows are never deleted.`);
    const { paid, covered, ...changed } = row;
    if (changed.status !== payment.status)
      await runCallback(tx, changed, { cause, duplicate: false, previous: payment, paid, covered });
    return changed;
  };

  /** The status stays. A row that learns its intent's id gets a version all the same: clients see the id. */
  const keep = async (tx: Tx, payment: Payment, snapshot: PaymentFacts, cause: Cause): Promise<Outcome> => {
    if (payment.stripePaymentIntentId === null && snapshot.intentId !== null) {
      const { intentId, chargeId, at } = snapshot;
      const update = { ...asItIs(payment), intentId, chargeId, at };
      return { kind: 'changed', payment: await move(tx, payment, { update }, cause) };
    }
    tx.send(writeSeen(payment.id, snapshot.at));
    if (flows.paymentCallback.duplicates === 'deliver' && cause.eventId !== undefined) {
      const [sum] = await tx.query<PaidSums>(sumPaid(payment));
      const { paid, covered } = sum ?? { paid: 0, covered: 0 };
      await runCallback(tx, payment, { cause, duplicate: true, previous: payment, paid, covered });
    }
    return { kind: 'kept', payment };
  };

  return {
    async lockByReference(tx, reference) {
      const what = `The order of ${reference.intentId}`;
      const statement = lockByReference(reference, await orders.lockSql());
      const [row] = await tx.query<Payment & Held>(statement).catch((error: unknown) => {
        throw unreadableOr(error, what);
      });
      if (!row) return undefined;
      const { held, ...payment } = row;
      if (held !== true) throw new OrderUnreadableError(what);
      return payment;
    },

    async lockById(tx, { id, orderId }) {
      await orders.hold(tx, orderId);
      const [payment] = await tx.query<Payment>(lockById(id));
      if (!payment) throw new Error(`Payment ${id} is gone, although rows are never deleted.`);
      return payment;
    },

    async apply(tx, payment, snapshot, cause) {
      const signal = signalFor(payment, snapshot);
      const verdict = judge(payment, snapshot, signal, cause);
      if (verdict === 'ask') return { kind: 'asked', payment };
      if (verdict === 'keep') return keep(tx, payment, snapshot, cause);
      const intake = await takeIn(tx, payment, { update: updateOf(payment, snapshot, signal), signal, snapshot });
      return { kind: 'changed', payment: await move(tx, payment, intake, cause) };
    },

    accept(tx, payment, { actor, note }) {
      const update = { ...asItIs(payment), status: QUARANTINE_NEXT.ACCEPT };
      return move(tx, payment, { update, note }, { actor, body: { source: 'API', object: {} }, current: true });
    },

    refuse(tx, payment, { code, actor }) {
      const update = {
        id: payment.id,
        status: PAYMENT_NEXT[payment.status].cancel,
        amountReceived: 0,
        settledElsewhere: null,
        intentId: null,
        failureCode: code,
        failureMessage: 'Stripe refused the request.',
        chargeId: null,
        at: 0,
      };
      return move(tx, payment, { update }, { actor, body: { source: 'API', object: {} }, current: true });
    },
  };
};
