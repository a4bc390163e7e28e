import { formatMoney } from '../../core/money.js';
import { unixSeconds } from '../../core/unix-time.js';
import { type DisputeCallbackData, type FlowLog, type Flows, runFlow } from '../../flows/flows.js';
import { type FlowEnd, type FlowSubject, type FlowTurn, runOrOwe } from '../../flows/owed.js';
import { joinNotes, writeChange } from '../../outbox/change-log.js';
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

/** New versions, to be announced after the commit. */
interface Changed {
  readonly payment: Payment | undefined;
  readonly dispute: Dispute | undefined;
}

/** A payment and all its disputes, locked, with what was changed of them in this transaction. */
export interface HeldDisputes {
  readonly payment: Payment;
  readonly disputes: readonly Dispute[];
  readonly changed: Changed;
}

/** What a snapshot did, with all that was changed in the transaction. `asked`: only Stripe's present state can tell, nothing was written. */
export type DisputeOutcome = { readonly kind: 'applied'; readonly changed: Changed } | { readonly kind: 'asked' };

/** What Stripe says of a dispute, and who brought it. */
export interface SeenDispute {
  readonly snapshot: DisputeSnapshot;
  readonly cause: Cause;
  /** Where the flow waits for its turn; without it it runs at once. */
  readonly turns?: FlowTurn[] | undefined;
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
  apply(tx: Tx, held: HeldDisputes, seen: SeenDispute): Promise<DisputeOutcome>;
}

const FLOW = 'dispute-callback';

/** A version number of the payment and its disputes together: any change of any of them raises it. */
export const versionOf = ({ payment, disputes }: Pick<HeldDisputes, 'payment' | 'disputes'>): number =>
  disputes.reduce((sum, { version }) => sum + version, payment.version);

const seconds = (date: Date | null): number | null => (date === null ? null : unixSeconds(date));

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

interface Parts {
  readonly payments: PaymentTransitions;
  readonly flows: Flows;
  readonly log: FlowLog;
}

/** The parts in one transaction. */
interface Writing extends Parts {
  readonly tx: Tx;
  readonly turns?: FlowTurn[] | undefined;
}

/** A dispute's row, as it was and as it was written. */
interface Written {
  readonly before: Dispute | undefined;
  readonly dispute: Dispute;
  readonly cause: Cause;
}

/** Whose flow the dispute callback of a new version is. */
const subjectOf = (dispute: Dispute, { orderId }: Payment, eventId: string | undefined): FlowSubject => ({
  flow: FLOW,
  orderId,
  nodeType: 'DISPUTE',
  nodeId: dispute.id,
  countedAs: dispute.stripeDisputeId,
  version: dispute.version,
  toStatus: dispute.status,
  eventId,
});

const hold = async (tx: Tx, payment: Payment): Promise<HeldDisputes> => ({
  payment,
  disputes: await tx.query<Dispute>(lockDisputesOf(payment.id)),
  changed: { payment: undefined, dispute: undefined },
});

const runCallback = async (
  { tx, flows, log, turns }: Writing,
  { payment, dispute, previousStatus }: Pick<DisputeCallbackData, 'payment' | 'dispute' | 'previousStatus'>,
  { cause: { body, eventId }, duplicate }: { readonly cause: Cause; readonly duplicate: boolean },
): Promise<FlowEnd | undefined> => {
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
  const { effects, disputeCallback } = flows;
  const subject = subjectOf(dispute, payment, eventId);
  if (!duplicate) return runOrOwe(subject, disputeCallback, { data, tx, log, effects, turns });
  await runFlow(FLOW, disputeCallback, data, { tx, log, effects });
  return undefined;
};

/** After the row was written: what was taken of the payment, the callback where the status moved, both timelines. */
const follow = async (writing: Writing, held: HeldDisputes, { before, dispute, cause }: Written): Promise<Changed> => {
  const { tx } = writing;
  const previousStatus = before?.status ?? null;
  const moved = previousStatus !== dispute.status;
  const isTold = moved || before?.amount !== dispute.amount;
  const [told] = isTold ? await tx.query<Payment>(writeDisputeSums(dispute.paymentId)) : [];
  const payment = told ?? held.payment;
  const callback = { payment, dispute, previousStatus };
  const ran = moved ? await runCallback(writing, callback, { cause, duplicate: false }) : undefined;
  const entry = { actor: cause.actor, eventId: cause.eventId, ...ran };
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
        note: joinNotes(noteOf(dispute), ran?.note),
      }),
    );
  return { payment: told ?? held.changed.payment, dispute };
};

const insert = async (writing: Writing, held: HeldDisputes, { snapshot, cause }: SeenDispute): Promise<Changed> => {
  const { id: paymentId, livemode, stripeAccount } = held.payment;
  const stripeDisputeId = snapshot.disputeId;
  const [dispute] = await writing.tx.query<Dispute>(
    insertDispute({ ...snapshot, paymentId, stripeDisputeId, livemode, stripeAccount }),
  );
  if (!dispute) throw new Error('The new dispute was not returned.');
  return follow(writing, held, { before: undefined, dispute, cause });
};

interface KnownDispute extends SeenDispute {
  readonly row: Dispute;
}

const move = async (writing: Writing, held: HeldDisputes, { row, snapshot, cause }: KnownDispute): Promise<Changed> => {
  const [dispute] = await writing.tx.query<Dispute>(writeDisputeVersion(row.id, snapshot));
  if (!dispute) throw new Error(`Dispute ${row.id} is gone, although rows are never deleted.`);
  return follow(writing, held, { before: row, dispute, cause });
};

/** Nothing that shows changes; a flow that asked for duplicates sees the event again. */
const keep = async (writing: Writing, held: HeldDisputes, { row, snapshot, cause }: KnownDispute): Promise<Changed> => {
  const { tx, flows } = writing;
  tx.send(writeDisputeSeen(row.id, snapshot.at));
  if (flows.disputeCallback.duplicates === 'deliver' && cause.eventId !== undefined) {
    const told = { payment: held.payment, dispute: row, previousStatus: row.status };
    await runCallback(writing, told, { cause, duplicate: true });
  }
  return held.changed;
};

/** Builds the transitions over the payments' and the developer's flows. */
export const createDisputeTransitions = (parts: Parts): DisputeTransitions => ({
  hold,

  lock: async (tx, payment) => hold(tx, await parts.payments.lockById(tx, payment)),

  async apply(tx, held, seen) {
    const { snapshot, cause } = seen;
    const writing = { ...parts, tx, turns: seen.turns };
    assertDisputeOf(held.payment, snapshot);
    const row = held.disputes.find(({ stripeDisputeId }) => stripeDisputeId === snapshot.disputeId);
    if (!row) return { kind: 'applied', changed: await insert(writing, held, seen) };
    if (row.currency !== snapshot.currency) throw new NotAnAnswerError(`a dispute in ${snapshot.currency}`);
    if (isSame(row, snapshot)) return { kind: 'applied', changed: await keep(writing, held, { row, ...seen }) };
    const verdict = cause.current ? 'apply' : judgeDispute(row.status, snapshot, unixSeconds(row.seenAt));
    if (verdict === 'ask') return { kind: 'asked' };
    const after = verdict === 'keep' ? keep : move;
    return { kind: 'applied', changed: await after(writing, held, { row, ...seen }) };
  },
});
