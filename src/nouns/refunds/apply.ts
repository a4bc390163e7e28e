import { formatMoney } from '../../core/money.js';
import { holdsReservation, judgeRefund, REFUND_NEXT, type RefundStatus } from '../../core/states.js';
import { unixSeconds } from '../../core/unix-time.js';
import { type FlowLog, type Flows, type RefundCallbackData, runFlow } from '../../flows/flows.js';
import type { Orders } from '../../orders/orders.js';
import { writeChange } from '../../outbox/change-log.js';
import type { Tx } from '../../storage/database.js';
import { NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import type { RefundSnapshot } from '../../stripe/refund-snapshot.js';
import type { PaymentTransitions } from '../payments/apply.js';
import type { Cause } from '../payments/decide.js';
import { type PaidSums, type Payment, receivedIn } from '../payments/row.js';
import { markExcess, markOthers, sumPaid } from '../payments/rows.js';
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
  apply(tx: Tx, held: HeldRefunds, snapshots: readonly RefundSnapshot[], cause: RefundCause): Promise<RefundOutcome>;
  /** Ends a refund that Stripe refused to make, and frees what it had reserved. */
  refuse(tx: Tx, held: HeldRefunds, refund: Refund, refusal: { code: string; actor: string }): Promise<HeldRefunds>;
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

const FLOW = 'refund-callback';

type ByPayment = 'paymentId' | 'livemode' | 'stripeAccount';

type Ended = RefundCallbackData['status'];
const isEnded = (status: RefundStatus): status is Ended => !holdsReservation(status);

/** A version number of the payment and its refunds together: any change of any of them raises it. */
export const versionOf = ({ payment, refunds }: Pick<HeldRefunds, 'payment' | 'refunds'>): number =>
  refunds.reduce((sum, { version }) => sum + version, payment.version);

/**
 * Whose row it is: the one that the refund's mark of this installation names, else the one that knows its id. `contradicts`: the
 * row knows another amount, currency or id, so that one of the two is wrong.
 */
const rowOf = (refunds: readonly Refund[], snapshot: RefundSnapshot, markedId: string | null) => {
  const { refundId, amount, currency } = snapshot;
  const marked = refunds.find(({ id }) => id === markedId);
  const row = marked ?? refunds.find(({ stripeRefundId }) => stripeRefundId === refundId);
  const contradicts =
    row !== undefined &&
    (row.amount !== amount || row.currency !== currency || (row.stripeRefundId ?? refundId) !== refundId);
  return { row, contradicts };
};

const endsBadly = ({ signal }: RefundSnapshot): boolean => signal === 'fail' || signal === 'cancel';

/** Failures first, else as they were given. */
const inOrder = (snapshots: readonly RefundSnapshot[]): RefundSnapshot[] =>
  [...snapshots].sort((a, b) => Number(endsBadly(b)) - Number(endsBadly(a)));

/** What the payment's timeline says of it. */
const noteOf = (refund: Refund, payment: Payment): string => {
  const taken = payment.amountRefunded + payment.amountRefundPending;
  const surplus =
    taken > payment.amountReceived
      ? `; refunds take ${formatMoney(taken, payment.currency)} of ${formatMoney(payment.amountReceived, payment.currency)}`
      : '';
  return `refund ${refund.id} of ${formatMoney(refund.amount, refund.currency)} is ${refund.status}${surplus}`;
};

interface Step {
  readonly actor: string;
  readonly eventId?: string | undefined;
  readonly mayRepeat?: boolean;
  readonly body: RefundCallbackData['body'];
}

/** Builds the transitions over the payments' and the developer's flows. */
export const createRefundTransitions = ({
  payments,
  orders,
  flows,
  marks,
  log,
}: {
  payments: PaymentTransitions;
  orders: Pick<Orders, 'amountSql'>;
  flows: Flows;
  marks: Marks;
  log: FlowLog;
}): RefundTransitions => {
  const hold = async (tx: Tx, payment: Payment): Promise<HeldRefunds> => ({
    payment,
    refunds: await tx.query<Refund>(lockRefundsOf(payment.id)),
    changed: { payment: undefined, refunds: [] },
  });

  const runCallback = async (
    tx: Tx,
    { payment, refund, previousStatus }: { payment: Payment; refund: Refund; previousStatus: RefundStatus | null },
    { body, duplicate }: { body: RefundCallbackData['body']; duplicate: boolean },
  ): Promise<boolean> => {
    if (!isEnded(refund.status)) return false;
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
    await runFlow(FLOW, flows.refundCallback, data, { tx, log, effects: flows.effects });
    return true;
  };

  /** After a refund's row was written: the payment's sums, the callback where it ended, both timelines. */
  const follow = async (tx: Tx, held: HeldRefunds, before: Refund | undefined, after: Refund, step: Step) => {
    const [counted] = await tx.query<Payment>(writeRefundSums(after.paymentId));
    const payment = counted ?? held.payment;
    const previousStatus = before?.status ?? null;
    // What had gone back is there again: the order may be covered, or more than that.
    if (previousStatus === 'REFUNDED' && after.status !== 'REFUNDED') {
      tx.send(markOthers(payment));
      tx.send(markExcess(payment, await orders.amountSql()));
    }
    const ran =
      previousStatus !== after.status &&
      (await runCallback(tx, { payment, refund: after, previousStatus }, { body: step.body, duplicate: false }));
    const { actor, eventId } = step;
    const entry = { actor, eventId, flow: ran ? FLOW : undefined };
    tx.send(
      writeChange({
        ...entry,
        nodeType: 'REFUND',
        nodeId: after.id,
        version: after.version,
        fromStatus: previousStatus,
        toStatus: after.status,
      }),
    );
    if (counted)
      tx.send(
        writeChange({
          ...entry,
          nodeType: 'PAYMENT',
          nodeId: payment.id,
          version: payment.version,
          fromStatus: payment.status,
          toStatus: payment.status,
          note: noteOf(after, payment),
        }),
      );
    return {
      payment,
      refunds: [...held.refunds.filter(({ id }) => id !== after.id), after],
      changed: {
        payment: counted ?? held.changed.payment,
        refunds: [...held.changed.refunds.filter(({ id }) => id !== after.id), after],
      },
    };
  };

  const insert = async (tx: Tx, held: HeldRefunds, row: Omit<NewRefund, ByPayment>, step: Step) => {
    const { id: paymentId, livemode, stripeAccount } = held.payment;
    const [refund] = await tx.query<Refund>(insertRefund({ ...row, paymentId, livemode, stripeAccount }));
    if (!refund) throw new Error('The new refund was not returned.');
    return follow(tx, held, undefined, refund, step);
  };

  const move = async (tx: Tx, held: HeldRefunds, refund: Refund, update: Omit<RefundUpdate, 'id'>, step: Step) => {
    const [changed] = await tx.query<Refund>(writeRefundVersion({ id: refund.id, ...update }));
    if (!changed) throw new Error(`Refund ${refund.id} is gone, although rows are never deleted.`);
    return follow(tx, held, refund, changed, step);
  };

  /** A fact that would give back more than was received contradicts what we know: another refund has failed meanwhile. */
  const overshoots = ({ payment, refunds }: HeldRefunds, row: Refund | undefined, snapshot: RefundSnapshot): boolean =>
    snapshot.signal === 'succeed' &&
    refunds
      .filter(({ id, status }) => status === 'REFUNDED' && id !== row?.id)
      .reduce((sum, { amount }) => sum + amount, snapshot.amount) > payment.amountReceived;

  /** The status stays. A row that learns its Stripe id gets a version all the same: clients see the id. */
  const keep = async (tx: Tx, held: HeldRefunds, refund: Refund, snapshot: RefundSnapshot, step: Step) => {
    if (refund.stripeRefundId === null) {
      const { status, failureReason } = refund;
      return move(
        tx,
        held,
        refund,
        { status, failureReason, stripeRefundId: snapshot.refundId, at: snapshot.at },
        step,
      );
    }
    tx.send(writeRefundSeen(refund.id, snapshot.at));
    if (flows.refundCallback.duplicates === 'deliver' && step.mayRepeat)
      await runCallback(
        tx,
        { payment: held.payment, refund, previousStatus: refund.status },
        { body: step.body, duplicate: true },
      );
    return held;
  };

  /** An id that Stripe's whole list doesn't hold was never that refund's: the row takes the one that carries its mark. */
  const correct = async (tx: Tx, row: Refund, snapshot: RefundSnapshot, listed: RefundCause['listed']) => {
    const { amount, currency, stripeRefundId } = row;
    if (amount !== snapshot.amount || currency !== snapshot.currency)
      throw new NotAnAnswerError(`refund ${row.id} of ${snapshot.amount} ${snapshot.currency}`);
    if (stripeRefundId === null || !listed || listed.has(stripeRefundId))
      throw new NotOursError(`the refund ${snapshot.refundId} in place of ${stripeRefundId}`);
    const [corrected] = await tx.query<Refund>(writeRefundId(row.id, snapshot.refundId));
    return corrected ?? row;
  };

  /** Undefined: the snapshot can't decide. */
  const applyOne = async (
    tx: Tx,
    held: HeldRefunds,
    snapshot: RefundSnapshot,
    cause: RefundCause,
  ): Promise<HeldRefunds | undefined> => {
    const { actor, eventId, current, source, event } = cause;
    const mayRepeat = cause.subject === snapshot.refundId;
    const step: Step = {
      actor,
      eventId,
      mayRepeat,
      body: { source, ...(event && { event }), object: snapshot.object },
    };
    const { row: known, contradicts } = rowOf(held.refunds, snapshot, marks.rowOf(snapshot.owner));
    if (contradicts && !current) return undefined;
    const row = known && contradicts ? await correct(tx, known, snapshot, cause.listed) : known;
    if (!current && overshoots(held, row, snapshot)) return undefined;
    const { refundId: stripeRefundId, failureReason, amount, currency, reason, stripeReason, signal, at } = snapshot;
    if (!row) {
      const status = REFUND_NEXT.PENDING[signal];
      const made = { amount, currency, status, reason, stripeReason, failureReason, stripeRefundId, at };
      return insert(tx, held, made, step);
    }
    const status = REFUND_NEXT[row.status][signal];
    const verdict = current ? 'apply' : judgeRefund(row.status, signal, at, unixSeconds(row.seenAt));
    if (verdict === 'ask') return undefined;
    if (status === row.status) return keep(tx, held, row, snapshot, step);
    return move(tx, held, row, { status, stripeRefundId, failureReason, at }, step);
  };

  return {
    hold,

    lock: async (tx, payment) => hold(tx, await payments.lockById(tx, payment)),

    reserve(tx, held, { amount, reason, stripeReason, actor }) {
      const currency = receivedIn(held.payment);
      const unknown = { status: 'PENDING', failureReason: null, stripeRefundId: null, at: 0 };
      const body = { source: 'API' as const, object: {} };
      return insert(tx, held, { amount, currency, reason, stripeReason, ...unknown }, { actor, body });
    },

    async apply(tx, held, snapshots, cause) {
      let now = held;
      for (const snapshot of inOrder(snapshots)) {
        const next = await applyOne(tx, now, snapshot, cause);
        if (!next) return { kind: 'asked', held };
        now = next;
      }
      return { kind: 'applied', held: now };
    },

    refuse: (tx, held, refund, { code, actor }) =>
      move(
        tx,
        held,
        refund,
        { status: REFUND_NEXT[refund.status].fail, stripeRefundId: null, failureReason: code, at: 0 },
        { actor, body: { source: 'API', object: {} } },
      ),
  };
};
