import { formatMoney } from '../../core/money.js';
import { type DisputeCallbackData, type FlowLog, type Flows, runFlow } from '../../flows/flows.js';
import { writeChange } from '../../outbox/change-log.js';
import type { Tx } from '../../storage/database.js';
import { NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { PaymentTransitions } from '../payments/apply.js';
import type { Cause } from '../payments/decide.js';
import type { Payment } from '../payments/row.js';
import { sumPaid } from '../payments/rows.js';
import type { Dispute } from './row.js';
import { insertDispute, lockDisputesOf, writeDisputeSeen, writeDisputeSums, writeDisputeVersion } from './rows.js';
import type { DisputeSnapshot } from './snapshot.js';
import { judgeDispute } from './states.js';

/** A payment and all its disputes, locked, with what was changed of them in this transaction. */
export interface HeldDisputes {
  readonly payment: Payment;
  readonly disputes: readonly Dispute[];
  /** New versions, to be announced after the commit. */
  readonly changed: { readonly payment: Payment | undefined; readonly dispute: Dispute | undefined };
}

/** What a snapshot did. `asked`: only Stripe's present state can tell, nothing was written. */
export interface DisputeOutcome {
  readonly kind: 'applied' | 'asked';
  readonly held: HeldDisputes;
}

/** The only code that moves a dispute: webhooks and reconciliation come here. */
export interface DisputeTransitions {
  /** Locks the order, the payment and its disputes, in this order. */
  lock(tx: Tx, payment: Pick<Payment, 'id' | 'orderId'>): Promise<HeldDisputes>;
  /** Locks the disputes of a payment that is locked with its order. */
  hold(tx: Tx, payment: Payment): Promise<HeldDisputes>;
  /**
   * Applies what Stripe says of one dispute of this payment, also of one that is unknown here: its row, what the payment's
   * disputes have taken, the dispute callback where the status moved, both timelines. Twice the same snapshot changes nothing the
   * second time.
   */
  apply(tx: Tx, held: HeldDisputes, snapshot: DisputeSnapshot, cause: Cause): Promise<DisputeOutcome>;
}

const FLOW = 'dispute-callback';

/** A version number of the payment and its disputes together: any change of any of them raises it. */
export const versionOf = ({ payment, disputes }: Pick<HeldDisputes, 'payment' | 'disputes'>): number =>
  disputes.reduce((sum, { version }) => sum + version, payment.version);

const seconds = (date: Date | null): number | null => (date === null ? null : Math.floor(date.getTime() / 1000));

/** Refuses a dispute that isn't the payment's. */
const assertDisputeOf = ({ stripePaymentIntentId, livemode }: Payment, snapshot: DisputeSnapshot): void => {
  const { disputeId, intentId } = snapshot;
  if (intentId !== null && intentId !== stripePaymentIntentId)
    throw new NotOursError(`the dispute ${disputeId} of ${intentId}`);
  if (snapshot.livemode !== livemode) throw new NotAnAnswerError(`the dispute ${disputeId} of the other mode`);
};

const isSame = (dispute: Dispute, snapshot: DisputeSnapshot): boolean =>
  dispute.status === snapshot.status &&
  dispute.amount === snapshot.amount &&
  dispute.reason === snapshot.reason &&
  dispute.isRefundable === snapshot.isRefundable &&
  seconds(dispute.evidenceDueBy) === snapshot.evidenceDueBy;

/** What the payment's timeline says of it. */
const noteOf = ({ id, amount, currency, status, reason }: Dispute): string =>
  `dispute ${id} of ${formatMoney(amount, currency)} (${reason}) is ${status}`;

/** Builds the transitions over the payments' and the developer's flows. */
export const createDisputeTransitions = ({
  payments,
  flows,
  log,
}: {
  payments: PaymentTransitions;
  flows: Flows;
  log: FlowLog;
}): DisputeTransitions => {
  const hold = async (tx: Tx, payment: Payment): Promise<HeldDisputes> => ({
    payment,
    disputes: await tx.query<Dispute>(lockDisputesOf(payment.id)),
    changed: { payment: undefined, dispute: undefined },
  });

  const runCallback = async (
    tx: Tx,
    { payment, dispute, previousStatus }: Pick<DisputeCallbackData, 'payment' | 'dispute' | 'previousStatus'>,
    { body, duplicate }: { body: DisputeCallbackData['body']; duplicate: boolean },
  ): Promise<void> => {
    const [sum] = await tx.query<{ paid: number; covered: number }>(sumPaid(payment));
    const data = {
      orderId: payment.orderId,
      status: dispute.status,
      callbackProcessed: duplicate,
      dispute,
      payment,
      orderPaidAmount: sum?.paid ?? 0,
      orderCoveredAmount: sum?.covered ?? 0,
      previousStatus,
      body,
    };
    await runFlow(FLOW, flows.disputeCallback, data, { tx, log, effects: flows.effects });
  };

  /** After the row was written: what was taken of the payment, the callback where the status moved, both timelines. */
  const follow = async (tx: Tx, held: HeldDisputes, before: Dispute | undefined, dispute: Dispute, cause: Cause) => {
    const previousStatus = before?.status ?? null;
    const moved = previousStatus !== dispute.status;
    const isTold = moved || before?.amount !== dispute.amount;
    const [told] = isTold ? await tx.query<Payment>(writeDisputeSums(dispute.paymentId)) : [];
    const payment = told ?? held.payment;
    if (moved) await runCallback(tx, { payment, dispute, previousStatus }, { body: cause.body, duplicate: false });
    const entry = { actor: cause.actor, eventId: cause.eventId, flow: moved ? FLOW : undefined };
    const { id: nodeId, version, status: toStatus } = dispute;
    tx.send(writeChange({ ...entry, nodeType: 'DISPUTE', nodeId, version, fromStatus: previousStatus, toStatus }));
    if (told)
      tx.send(
        writeChange({
          ...entry,
          nodeType: 'PAYMENT',
          nodeId: payment.id,
          version: payment.version,
          fromStatus: payment.status,
          toStatus: payment.status,
          note: noteOf(dispute),
        }),
      );
    return {
      payment,
      disputes: [...held.disputes.filter(({ id }) => id !== dispute.id), dispute],
      changed: { payment: told ?? held.changed.payment, dispute },
    };
  };

  const insert = async (tx: Tx, held: HeldDisputes, snapshot: DisputeSnapshot, cause: Cause) => {
    const { id: paymentId, livemode, stripeAccount } = held.payment;
    const stripeDisputeId = snapshot.disputeId;
    const [made] = await tx.query<Dispute>(
      insertDispute({ ...snapshot, paymentId, stripeDisputeId, livemode, stripeAccount }),
    );
    if (!made) throw new Error('The new dispute was not returned.');
    return follow(tx, held, undefined, made, cause);
  };

  const move = async (tx: Tx, held: HeldDisputes, dispute: Dispute, snapshot: DisputeSnapshot, cause: Cause) => {
    const [changed] = await tx.query<Dispute>(writeDisputeVersion(dispute.id, snapshot));
    if (!changed) throw new Error(`Dispute ${dispute.id} is gone, although rows are never deleted.`);
    return follow(tx, held, dispute, changed, cause);
  };

  /** Nothing that shows changes; a flow that asked for duplicates sees the event again. */
  const keep = async (tx: Tx, held: HeldDisputes, dispute: Dispute, snapshot: DisputeSnapshot, cause: Cause) => {
    tx.send(writeDisputeSeen(dispute.id, snapshot.at));
    if (flows.disputeCallback.duplicates === 'deliver' && cause.eventId !== undefined)
      await runCallback(
        tx,
        { payment: held.payment, dispute, previousStatus: dispute.status },
        { body: cause.body, duplicate: true },
      );
    return held;
  };

  return {
    hold,

    lock: async (tx, payment) => hold(tx, await payments.lockById(tx, payment)),

    async apply(tx, held, snapshot, cause) {
      assertDisputeOf(held.payment, snapshot);
      const row = held.disputes.find(({ stripeDisputeId }) => stripeDisputeId === snapshot.disputeId);
      if (!row) return { kind: 'applied', held: await insert(tx, held, snapshot, cause) };
      if (row.currency !== snapshot.currency) throw new NotAnAnswerError(`a dispute in ${snapshot.currency}`);
      if (isSame(row, snapshot)) return { kind: 'applied', held: await keep(tx, held, row, snapshot, cause) };
      const seenAt = seconds(row.seenAt) ?? 0;
      const verdict = cause.current ? 'apply' : judgeDispute(row.status, snapshot.status, snapshot.at, seenAt);
      if (verdict === 'ask') return { kind: 'asked', held };
      const after = verdict === 'keep' ? keep : move;
      return { kind: 'applied', held: await after(tx, held, row, snapshot, cause) };
    },
  };
};
