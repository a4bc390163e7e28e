import { OrderUnreadableError } from '../../core/errors.js';
import { PAYMENT_NEXT, QUARANTINE_NEXT } from '../../core/states.js';
import { type FlowLog, type Flows, runFlow } from '../../flows/flows.js';
import { countingFailure, owe } from '../../flows/owed.js';
import { type Orders, unreadableOr } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import type { PaymentFacts } from '../../stripe/translate.js';
import {
  asItIs,
  type Callback,
  type Cause,
  callbackDataOf,
  flowSubjectOf,
  judge,
  type Move,
  mayLeaveOthers,
  PAYMENT_FLOW,
  signalFor,
  updateOf,
  versionOf,
} from './decide.js';
import { learns } from './details.js';
import { takeIn } from './money-policy.js';
import type { PaidSums, Payment } from './row.js';
import {
  lockById,
  lockByReference,
  lockIntent,
  markOthers,
  type NewVersion,
  type PaymentReference,
  type PaymentUpdate,
  reviveEvents,
  sumPaid,
  writeNewVersions,
  writeSeen,
} from './rows.js';

/** What a snapshot did. `asked`: only Stripe's present state can tell, nothing was written. */
export type Outcome =
  | { readonly kind: 'changed'; readonly payment: Payment }
  | { readonly kind: 'kept'; readonly payment: Payment }
  | { readonly kind: 'asked'; readonly payment: Payment };

/** A snapshot and who brought it. */
export interface SeenPayment {
  readonly snapshot: PaymentFacts;
  readonly cause: Cause;
}

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
  apply(tx: Tx, payment: Payment, seen: SeenPayment): Promise<Outcome>;
  /** Makes a locked, quarantined payment SUCCESSFUL with what was received, its callback included: somebody decided so. */
  accept(tx: Tx, payment: Payment, decided: { actor: string; note: string }): Promise<Payment>;
  /** Ends a locked payment that Stripe refused to make, so that the order is free for another attempt. */
  refuse(tx: Tx, payment: Payment, refusal: { code: string; actor: string }): Promise<Payment>;
}

/** Whether the payment's order is locked. */
interface Held {
  readonly held: boolean | null;
}

interface Parts {
  readonly orders: Orders;
  readonly flows: Flows;
  readonly log: FlowLog;
}

/** The parts in one transaction. */
interface Writing extends Parts {
  readonly tx: Tx;
}

const runCallback = async ({ tx, flows, log }: Writing, payment: Payment, callback: Callback): Promise<void> => {
  const data = callbackDataOf(payment, callback);
  await runFlow(PAYMENT_FLOW, flows.paymentCallback, data, { tx, log, effects: flows.effects });
};

/** Writes a version: the row with its entry in the timeline, then the callback when the status moved. */
const write = async (writing: Writing, payment: Payment, move: Move): Promise<Payment> => {
  const { update, cause } = move;
  const { tx, orders } = writing;
  const amountOf = await orders.amountSql();
  // A page's intent is made when the customer confirms: its events, and its refunds', may have come before its id was known.
  if (payment.mode === 'CHECKOUT' && payment.stripePaymentIntentId === null && update.intentId !== null) {
    tx.send(lockIntent(update.intentId));
    tx.send(reviveEvents(update.intentId));
  }
  if (mayLeaveOthers(payment, update)) tx.send(markOthers(payment));
  const [version] = await writeNewVersions(tx, [{ payment, write: versionOf(payment, move) }], amountOf);
  const { changed, paid, covered, obstacle } = version as NewVersion;
  if (changed.status === payment.status) return changed;
  const callback = { cause, duplicate: false, previous: payment, paid, covered };
  const subject = flowSubjectOf(changed, cause);
  if (obstacle !== null) owe(tx, subject, { data: callbackDataOf(changed, callback), obstacle });
  else await countingFailure(subject, () => runCallback(writing, changed, callback));
  return changed;
};

/** The status stays. A row that learns its intent's id, or more of its charge or invoice, gets a version all the same: clients see it. */
const keep = async (writing: Writing, payment: Payment, { snapshot, cause }: SeenPayment): Promise<Outcome> => {
  const { tx, flows } = writing;
  const isNews = cause.current && learns(payment, snapshot);
  if (isNews || (payment.stripePaymentIntentId === null && snapshot.intentId !== null)) {
    const { intentId, chargeId, charge, invoice, at } = snapshot;
    const update = { ...asItIs(payment), intentId, chargeId, charge, invoice, at };
    return { kind: 'changed', payment: await write(writing, payment, { update, cause }) };
  }
  tx.send(writeSeen(payment.id, snapshot.at));
  if (flows.paymentCallback.duplicates === 'deliver' && cause.eventId !== undefined) {
    const [sum] = await tx.query<PaidSums>(sumPaid(payment));
    const { paid, covered } = sum ?? { paid: 0, covered: 0 };
    await runCallback(writing, payment, { cause, duplicate: true, previous: payment, paid, covered });
  }
  return { kind: 'kept', payment };
};

const lockReferred = async (orders: Orders, tx: Tx, reference: PaymentReference): Promise<Payment | undefined> => {
  const what = `The order of ${reference.intentId}`;
  const statement = lockByReference(reference, await orders.lockSql());
  const [row] = await tx.query<Payment & Held>(statement).catch((error: unknown) => {
    throw unreadableOr(error, what);
  });
  if (!row) return undefined;
  const { held, ...payment } = row;
  if (held !== true) throw new OrderUnreadableError(what);
  return payment;
};

/** Not Stripe's word but somebody's call moves it. */
const callOf = (actor: string): Cause => ({ actor, body: { source: 'API', object: {} }, current: true });

/** What ends a payment that Stripe refused to make. */
const refusalOf = ({ id, status }: Payment, failureCode: string): PaymentUpdate => ({
  id,
  status: PAYMENT_NEXT[status].cancel,
  amountReceived: 0,
  settledElsewhere: null,
  intentId: null,
  failureCode,
  failureMessage: 'Stripe refused the request.',
  chargeId: null,
  at: 0,
});

/** Builds the transitions over the order table and the developer's flows. */
export const createPaymentTransitions = (parts: Parts): PaymentTransitions => ({
  lockByReference: (tx, reference) => lockReferred(parts.orders, tx, reference),

  async lockById(tx, { id, orderId }) {
    await parts.orders.hold(tx, orderId);
    const [payment] = await tx.query<Payment>(lockById(id));
    if (!payment) throw new Error(`Payment ${id} is gone, although rows are never deleted.`);
    return payment;
  },

  async apply(tx, payment, seen) {
    const { snapshot, cause } = seen;
    const read = { snapshot, signal: signalFor(payment, snapshot) };
    const verdict = judge(payment, read, cause);
    if (verdict === 'ask') return { kind: 'asked', payment };
    if (verdict === 'keep') return keep({ ...parts, tx }, payment, seen);
    const intake = await takeIn(tx, payment, { ...read, update: updateOf(payment, read) });
    return { kind: 'changed', payment: await write({ ...parts, tx }, payment, { ...intake, cause }) };
  },

  accept(tx, payment, { actor, note }) {
    const update = { ...asItIs(payment), status: QUARANTINE_NEXT.ACCEPT };
    return write({ ...parts, tx }, payment, { update, note, cause: callOf(actor) });
  },

  refuse(tx, payment, { code, actor }) {
    return write({ ...parts, tx }, payment, { update: refusalOf(payment, code), cause: callOf(actor) });
  },
});
