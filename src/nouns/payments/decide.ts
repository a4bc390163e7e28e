import {
  hasArrived,
  isOpen,
  isPaid,
  judgeSnapshot,
  PAYMENT_NEXT,
  type PaymentSignal,
  type Verdict,
} from '../../core/states.js';
import { unixSeconds } from '../../core/unix-time.js';
import type { FlowBody, PaymentCallbackData } from '../../flows/flows.js';
import type { FlowSubject } from '../../flows/owed.js';
import type { PaymentFacts } from '../../stripe/translate.js';
import { isSettledOutOfBand } from '../refunds/refundable.js';
import type { Intake } from './money-policy.js';
import type { PaidSums, Payment } from './row.js';
import type { PaymentUpdate, VersionWrite } from './rows.js';

/** Who brought a snapshot and how far it can be trusted. */
export interface Cause {
  /** `account:<id>`, `stripe`, `operator` or `job`: for the timeline. */
  readonly actor: string;
  readonly eventId?: string;
  readonly body: FlowBody;
  /** True when Stripe was asked for it: it is the present state, not one of the past. */
  readonly current: boolean;
}

/** The flow of payments, by its file's name. */
export const PAYMENT_FLOW = 'payment-callback';

/** What Stripe says of a payment, and what that means for it. */
export interface Read {
  readonly snapshot: PaymentFacts;
  readonly signal: PaymentSignal;
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

/**
 * A charge that was made stays its intent's latest until the next one: an open intent without it is one of before.
 * Source: Stripe API reference, "The PaymentIntent object" (latest_charge).
 */
const isOfBefore = (payment: Payment, { snapshot, signal }: Read): boolean =>
  signal === 'await' &&
  payment.stripeChargeId !== null &&
  snapshot.chargeId === null &&
  snapshot.intentId === payment.stripePaymentIntentId;

/** Who caused a move: an event of what somebody asked for tells of them, however fast it came. */
const actorOf = ({ askedFor, askedBy }: Payment, status: string, { actor }: Cause): string =>
  actor === 'stripe' && askedFor === status && askedBy !== null ? askedBy : actor;

/** What a snapshot may do: a move, nothing new, or a question to Stripe. */
export const judge = (payment: Payment, read: Read, { current }: Pick<Cause, 'current'>): Verdict => {
  const { snapshot, signal } = read;
  if (isLeftToInvoice(payment, snapshot, signal)) return 'keep';
  if (signal === 'fail' && payment.status === 'FAILED' && isSameFailure(payment, snapshot)) return 'keep';
  if (!current) return judgeSnapshot(payment.status, signal, snapshot.at, unixSeconds(payment.seenAt));
  if (isOfBefore(payment, read)) return 'keep';
  const isRepeat = PAYMENT_NEXT[payment.status][signal] === payment.status && signal !== 'fail';
  return isRepeat ||
    (signal === 'fail' && payment.status !== 'FAILED' && PAYMENT_NEXT[payment.status].fail === payment.status)
    ? 'keep'
    : 'apply';
};

/** What a snapshot that moves the payment writes. */
export const updateOf = (payment: Payment, { snapshot, signal }: Read): PaymentUpdate => {
  const status = PAYMENT_NEXT[payment.status][signal];
  const { intentId, failureCode, failureMessage, chargeId, at } = snapshot;
  const amountReceived = hasArrived({ status }) ? snapshot.amountReceived : payment.amountReceived;
  const { settledElsewhere = payment.amountSettledElsewhere, charge, invoice } = snapshot;
  const { id } = payment;
  const facts = { intentId, failureCode, failureMessage, chargeId, charge, invoice, at };
  return { id, status, amountReceived, settledElsewhere, ...facts };
};

/** What a version writes that leaves everything as it is. */
export const asItIs = ({
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

/** A version to write, and why. */
export interface Move extends Intake {
  readonly cause: Cause;
}

/** Whose flow the payment callback of a new version is. */
export const flowSubjectOf = ({ id, orderId, version, status }: Payment, { eventId }: Cause): FlowSubject => ({
  flow: PAYMENT_FLOW,
  orderId,
  nodeType: 'PAYMENT',
  nodeId: id,
  version,
  toStatus: status,
  eventId,
});

/** The update with its entry in the timeline; the flow is in it where the status moves. */
export const versionOf = (payment: Payment, { update, note, cause }: Move): VersionWrite => ({
  update,
  entry: {
    fromStatus: payment.status,
    actor: actorOf(payment, update.status, cause),
    eventId: cause.eventId,
    flow: update.status === payment.status ? undefined : PAYMENT_FLOW,
    note,
  },
});

/** Why the payment callback runs, with what was received for the order by now. */
export interface Callback extends PaidSums {
  readonly cause: Cause;
  readonly duplicate: boolean;
  readonly previous: Payment;
}

/** What the payment callback is told of a payment as it is now. */
export const callbackDataOf = (
  payment: Payment,
  { cause, duplicate, previous, paid, covered }: Callback,
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
