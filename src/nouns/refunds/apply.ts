import { judgeRefund, REFUND_NEXT, type RefundStatus } from '../../core/states.js';
import { unixSeconds } from '../../core/unix-time.js';
import { type FlowLog, type Flows, type RefundCallbackData, runFlow } from '../../flows/flows.js';
import { type FlowEnd, type FlowSubject, type FlowTurn, runOrOwe } from '../../flows/owed.js';
import type { Orders } from '../../orders/orders.js';
import { joinNotes, writeChange } from '../../outbox/change-log.js';
import type { Tx } from '../../storage/database.js';
import { NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import type { RefundSnapshot } from '../../stripe/refund-snapshot.js';
import type { PaymentTransitions } from '../payments/apply.js';
import type { Cause } from '../payments/decide.js';
import { type PaidSums, type Payment, receivedIn } from '../payments/row.js';
import { markExcess, markOthers, sumPaid } from '../payments/rows.js';
import { inOrder, isEnded, noteOf, overshoots, rowOf } from './decide.js';
import type { Refund } from './row.js';
import {
  insertRefund,
  lockRefundsOf,
  type NewRefund,
  type RefundUpdate,
  writeRefundId,
  writeRefundSeen,
  writeRefundSums,
  writeRefundVersion,
} from './rows.js';

/** A payment and all its refunds, locked, with what was changed of them in this transaction. */
export interface HeldRefunds {
  readonly payment: Payment;
  readonly refunds: readonly Refund[];
  /** New versions, to be announced after the commit. */
  readonly changed: { readonly payment: Payment | undefined; readonly refunds: readonly Refund[] };
}

/** What snapshots did. `asked`: only Stripe's present state can tell; the transaction must be rolled back. */
export type RefundOutcome =
  | { readonly kind: 'applied'; readonly held: HeldRefunds }
  | { readonly kind: 'asked'; readonly held: HeldRefunds };

/** The only code that moves a refund: webhooks, answers to our own calls, and the search for unknown outcomes come here. */
export interface RefundTransitions {
  /** Locks the order, the payment and its refunds, in this order. */
  lock(tx: Tx, payment: Pick<Payment, 'id' | 'orderId'>): Promise<HeldRefunds>;
  /** Locks the refunds of a payment that is locked with its order. */
  hold(tx: Tx, payment: Payment): Promise<HeldRefunds>;
  /** Inserts our own PENDING refund, the last of `refunds` then: its amount is reserved from now on. */
  reserve(tx: Tx, held: HeldRefunds, reservation: Reservation): Promise<HeldRefunds>;
  /**
   * Applies what Stripe says of refunds of this payment, oldest first, those unknown here included; those that ended badly
   * come before the others, so that the sums never exceed what was received. For each that ended: the row, the payment's sums, the refund callback.
   * Twice the same snapshots change nothing the second time.
   */
  apply(tx: Tx, held: HeldRefunds, seen: SeenRefunds): Promise<RefundOutcome>;
  /** Ends a refund that Stripe refused to make, and frees what it had reserved. */
  refuse(tx: Tx, held: HeldRefunds, refusal: { refund: Refund; code: string; actor: string }): Promise<HeldRefunds>;
}

/** A refund to reserve; the amount in minor units. */
export interface Reservation extends Pick<NewRefund, 'amount' | 'reason' | 'stripeReason'> {
  readonly actor: string;
}

/** Who brought it. */
export interface RefundCause extends Omit<Cause, 'body'> {
  readonly source: RefundCallbackData['body']['source'];
  readonly event?: object;
  /** The refund that the event itself is about: only of it may the event be a duplicate. */
  readonly subject?: string;
  /** The ids of all refunds that Stripe has of the payment, where it was asked for the whole list. */
  readonly listed?: ReadonlySet<string>;
}

/** What Stripe says of refunds, and who brought it. */
export interface SeenRefunds {
  readonly snapshots: readonly RefundSnapshot[];
  readonly cause: RefundCause;
  /** Where the flows wait for their turn; without it they run at once. */
  readonly turns?: FlowTurn[] | undefined;
}

const FLOW = 'refund-callback';

type ByPayment = 'paymentId' | 'livemode' | 'stripeAccount';

/** A version number of the payment and its refunds together: any change of any of them raises it. */
export const versionOf = ({ payment, refunds }: Pick<HeldRefunds, 'payment' | 'refunds'>): number =>
  refunds.reduce((sum, { version }) => sum + version, payment.version);

interface Step {
  readonly actor: string;
  readonly eventId?: string | undefined;
  readonly mayRepeat?: boolean;
  readonly body: RefundCallbackData['body'];
}

interface Parts {
  readonly payments: PaymentTransitions;
  readonly orders: Pick<Orders, 'amountSql'>;
  readonly flows: Flows;
  readonly marks: Marks;
  readonly log: FlowLog;
}

/** The parts in one transaction. */
interface Writing extends Parts {
  readonly tx: Tx;
  readonly turns?: FlowTurn[] | undefined;
}

/** A refund's row, as it was and as it was written. */
interface Written {
  readonly before: Refund | undefined;
  readonly after: Refund;
}

/** Whose flow the refund callback of a new version is. */
const subjectOf = (refund: Refund, { orderId }: Payment, eventId: string | undefined): FlowSubject => ({
  flow: FLOW,
  orderId,
  nodeType: 'REFUND',
  nodeId: refund.id,
  countedAs: refund.stripeRefundId ?? refund.id,
  version: refund.version,
  toStatus: refund.status,
  eventId,
});

const hold = async (tx: Tx, payment: Payment): Promise<HeldRefunds> => ({
  payment,
  refunds: await tx.query<Refund>(lockRefundsOf(payment.id)),
  changed: { payment: undefined, refunds: [] },
});

/** Undefined where the refund hasn't ended, for the flow is told of its end, and for a duplicate. */
const runCallback = async (
  { tx, flows, log, turns }: Writing,
  { payment, refund, previousStatus }: { payment: Payment; refund: Refund; previousStatus: RefundStatus | null },
  { step: { body, eventId }, duplicate }: { readonly step: Step; readonly duplicate: boolean },
): Promise<FlowEnd | undefined> => {
  if (!isEnded(refund.status)) return undefined;
  const [sum] = await tx.query<PaidSums>(sumPaid(payment));
  const data = {
    orderId: payment.orderId,
    status: refund.status,
    callbackProcessed: duplicate,
    refund,
    payment,
    orderPaidAmount: sum?.paid ?? 0,
    orderCoveredAmount: sum?.covered ?? 0,
    previousStatus,
    body,
  };
  const { effects, refundCallback } = flows;
  const subject = subjectOf(refund, payment, eventId);
  if (!duplicate) return runOrOwe(subject, refundCallback, { data, tx, log, effects, turns });
  await runFlow(FLOW, refundCallback, data, { tx, log, effects });
  return undefined;
};

/** The lines in the timelines of the refund, and of its payment where that was counted anew. */
const writeTimelines = (
  tx: Tx,
  { before, after, counted }: Written & { readonly counted: Payment | undefined },
  entry: { readonly actor: string; readonly eventId: string | undefined } & Partial<FlowEnd>,
): void => {
  tx.send(
    writeChange({
      ...entry,
      nodeType: 'REFUND',
      nodeId: after.id,
      version: after.version,
      fromStatus: before?.status ?? null,
      toStatus: after.status,
    }),
  );
  if (!counted) return;
  tx.send(
    writeChange({
      ...entry,
      nodeType: 'PAYMENT',
      nodeId: counted.id,
      version: counted.version,
      fromStatus: counted.status,
      toStatus: counted.status,
      note: joinNotes(noteOf(after, counted), entry.note),
    }),
  );
};

/** After a refund's row was written: the payment's sums, the callback where it ended, both timelines. */
const follow = async (
  writing: Writing,
  held: HeldRefunds,
  { before, after, step }: Written & { readonly step: Step },
): Promise<HeldRefunds> => {
  const { tx, orders } = writing;
  const [counted] = await tx.query<Payment>(writeRefundSums(after.paymentId));
  const payment = counted ?? held.payment;
  const previousStatus = before?.status ?? null;
  // What had gone back is there again: the order may be covered, or more than that.
  if (previousStatus === 'REFUNDED' && after.status !== 'REFUNDED') {
    tx.send(markOthers(payment));
    tx.send(markExcess(payment, await orders.amountSql()));
  }
  const { actor, eventId } = step;
  const told = { payment, refund: after, previousStatus };
  const ran =
    previousStatus === after.status ? undefined : await runCallback(writing, told, { step, duplicate: false });
  writeTimelines(tx, { before, after, counted }, { actor, eventId, ...ran });
  const refunds = [...held.refunds.filter(({ id }) => id !== after.id), after];
  const changedRefunds = [...held.changed.refunds.filter(({ id }) => id !== after.id), after];
  return { payment, refunds, changed: { payment: counted ?? held.changed.payment, refunds: changedRefunds } };
};

const insert = async (
  writing: Writing,
  held: HeldRefunds,
  { row, step }: { readonly row: Omit<NewRefund, ByPayment>; readonly step: Step },
): Promise<HeldRefunds> => {
  const { id: paymentId, livemode, stripeAccount } = held.payment;
  const [after] = await writing.tx.query<Refund>(insertRefund({ ...row, paymentId, livemode, stripeAccount }));
  if (!after) throw new Error('The new refund was not returned.');
  return follow(writing, held, { before: undefined, after, step });
};

interface Move {
  readonly before: Refund;
  readonly update: Omit<RefundUpdate, 'id'>;
  readonly step: Step;
}

const move = async (writing: Writing, held: HeldRefunds, { before, update, step }: Move): Promise<HeldRefunds> => {
  const [after] = await writing.tx.query<Refund>(writeRefundVersion({ id: before.id, ...update }));
  if (!after) throw new Error(`Refund ${before.id} is gone, although rows are never deleted.`);
  return follow(writing, held, { before, after, step });
};

/** The status stays. A row that learns its Stripe id gets a version all the same: clients see the id. */
const keep = async (
  writing: Writing,
  held: HeldRefunds,
  { refund, snapshot, step }: { readonly refund: Refund; readonly snapshot: RefundSnapshot; readonly step: Step },
): Promise<HeldRefunds> => {
  const { tx, flows } = writing;
  const { refundId: stripeRefundId, at } = snapshot;
  const { status, failureReason } = refund;
  if (refund.stripeRefundId === null) {
    const update = { status, failureReason, stripeRefundId, at };
    return move(writing, held, { before: refund, update, step });
  }
  tx.send(writeRefundSeen(refund.id, at));
  if (flows.refundCallback.duplicates === 'deliver' && step.mayRepeat) {
    const told = { payment: held.payment, refund, previousStatus: status };
    await runCallback(writing, told, { step, duplicate: true });
  }
  return held;
};

/** An id that Stripe's whole list doesn't hold was never that refund's: the row takes the one that carries its mark. */
const correct = (
  tx: Tx,
  { id, amount, currency, stripeRefundId }: Refund,
  { snapshot, listed }: { readonly snapshot: RefundSnapshot; readonly listed: RefundCause['listed'] },
): void => {
  if (amount !== snapshot.amount || currency !== snapshot.currency)
    throw new NotAnAnswerError(`refund ${id} of ${snapshot.amount} ${snapshot.currency}`);
  if (stripeRefundId === null || !listed || listed.has(stripeRefundId))
    throw new NotOursError(`the refund ${snapshot.refundId} in place of ${stripeRefundId}`);
  tx.send(writeRefundId(id, snapshot.refundId));
};

const stepOf = ({ refundId, object }: RefundSnapshot, cause: RefundCause): Step => {
  const { actor, eventId, source, event, subject } = cause;
  return { actor, eventId, mayRepeat: subject === refundId, body: { source, ...(event && { event }), object } };
};

/** Undefined: the snapshot can't decide. */
const applyOne = async (
  writing: Writing,
  held: HeldRefunds,
  { snapshot, cause }: { readonly snapshot: RefundSnapshot; readonly cause: RefundCause },
): Promise<HeldRefunds | undefined> => {
  const { tx, marks } = writing;
  const { current, listed } = cause;
  const step = stepOf(snapshot, cause);
  const { row, contradicts } = rowOf(held.refunds, snapshot, marks.rowOf(snapshot.owner));
  if (contradicts && !current) return undefined;
  if (row && contradicts) correct(tx, row, { snapshot, listed });
  if (!current && overshoots(held, row, snapshot)) return undefined;
  const { refundId: stripeRefundId, failureReason, amount, currency, reason, stripeReason, signal, at } = snapshot;
  if (!row) {
    const status = REFUND_NEXT.PENDING[signal];
    const made = { amount, currency, status, reason, stripeReason, failureReason, stripeRefundId, at };
    return insert(writing, held, { row: made, step });
  }
  const status = REFUND_NEXT[row.status][signal];
  const verdict = current ? 'apply' : judgeRefund(row.status, signal, at, unixSeconds(row.seenAt));
  if (verdict === 'ask') return undefined;
  // An id that was corrected is a version too: clients see it.
  if (status === row.status && !contradicts) return keep(writing, held, { refund: row, snapshot, step });
  return move(writing, held, { before: row, update: { status, stripeRefundId, failureReason, at }, step });
};

/** Builds the transitions over the payments' and the developer's flows. */
export const createRefundTransitions = (parts: Parts): RefundTransitions => ({
  hold,

  lock: async (tx, payment) => hold(tx, await parts.payments.lockById(tx, payment)),

  reserve(tx, held, { amount, reason, stripeReason, actor }) {
    const currency = receivedIn(held.payment);
    const unknown = { status: 'PENDING', failureReason: null, stripeRefundId: null, at: 0 };
    const step = { actor, body: { source: 'API' as const, object: {} } };
    return insert({ ...parts, tx }, held, { row: { amount, currency, reason, stripeReason, ...unknown }, step });
  },

  async apply(tx, held, { snapshots, cause, turns }) {
    let now = held;
    for (const snapshot of inOrder(snapshots)) {
      const next = await applyOne({ ...parts, tx, turns }, now, { snapshot, cause });
      if (!next) return { kind: 'asked', held };
      now = next;
    }
    return { kind: 'applied', held: now };
  },

  refuse(tx, held, { refund, code, actor }) {
    const update = { status: REFUND_NEXT[refund.status].fail, stripeRefundId: null, failureReason: code, at: 0 };
    const step = { actor, body: { source: 'API' as const, object: {} } };
    return move({ ...parts, tx }, held, { before: refund, update, step });
  },
});
