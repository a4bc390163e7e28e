import type Stripe from 'stripe';
import { quarantineReason } from '../../core/states.js';
import { type FlowLog, type Flows, runFlow } from '../../flows/flows.js';
import { owe } from '../../flows/owed.js';
import type { Applied } from '../../inbox/handler.js';
import { processed } from '../../inbox/hints.js';
import { createTogether, type Matched, type Rider, type Shared, type Together } from '../../inbox/together.js';
import type { Orders } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import type { Marks } from '../../stripe/marks.js';
import { hidesReason, type PaymentSnapshot, paymentSnapshot } from '../../stripe/translate.js';
import { lockFreeByIntent } from './by-intent-events.js';
import {
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
import { referenceOf } from './events.js';
import type { Payment } from './row.js';
import { type NewVersion, writeNewVersions } from './rows.js';

interface IntentRider extends Rider {
  readonly snapshot: PaymentSnapshot;
}

/** One event that moves one payment. */
interface Step extends Move {
  readonly payment: Payment;
}

interface Written extends Step, NewVersion {}

interface Parts {
  readonly orders: Orders;
  readonly flows: Flows;
  readonly marks: Marks;
  readonly publish: (payment: Payment) => void;
  readonly log: FlowLog;
}

/** Undefined for anything but a new version, and its flow, of a payment that was asked for by itself. */
const stepOf = (
  { marks }: Parts,
  { rider: { event, snapshot }, row: payment }: Matched<IntentRider, Payment>,
): Step | undefined => {
  const { paymentId } = referenceOf(snapshot, marks);
  if (paymentId !== null && paymentId !== payment.id) return undefined;
  if (payment.recurringPaymentId !== null || payment.stripeInvoiceId !== null) return undefined;
  const read = { snapshot, signal: signalFor(payment, snapshot) };
  const body = { source: 'EVENT' as const, event, object: event.data.object };
  const cause: Cause = { actor: 'stripe', eventId: event.id, body, current: false };
  if (judge(payment, read, cause) !== 'apply') return undefined;
  // The policy for such money is asked alone.
  if (quarantineReason(payment.status, read.signal) !== undefined) return undefined;
  const update = updateOf(payment, read);
  return mayLeaveOthers(payment, update) ? undefined : { payment, update, cause };
};

const write = async ({ orders }: Parts, tx: Tx, steps: readonly Step[]): Promise<Written[]> => {
  if (steps.length === 0) return [];
  const moves = steps.map((step) => ({ payment: step.payment, write: versionOf(step.payment, step) }));
  const versions = await writeNewVersions(tx, moves, await orders.amountSql());
  return steps.map((step, at) => ({ ...step, ...(versions[at] as NewVersion) }));
};

/** The callback where the status moved; what something keeps from running is owed. */
const addCallback = ({ flows, log }: Parts, { tx, turns }: Shared, written: Written): void => {
  const { changed, payment: previous, cause, paid, covered, obstacle } = written;
  if (changed.status === previous.status) return;
  const { effects, paymentCallback } = flows;
  const data = callbackDataOf(changed, { cause, duplicate: false, previous, paid, covered });
  const subject = flowSubjectOf(changed, cause);
  if (obstacle !== null) owe(tx, subject, { data, obstacle });
  else
    turns.push({
      subject,
      run: (turn, jobs) => runFlow(PAYMENT_FLOW, paymentCallback, data, { tx: turn, log, effects, jobs }),
    });
};

const readRider = (event: Stripe.Event): IntentRider | undefined => {
  const snapshot = paymentSnapshot(event.data.object as Stripe.PaymentIntent, event.created);
  return hidesReason(snapshot) ? undefined : { event, snapshot, key: snapshot.intentId };
};

/** Builds how events of payment intents are applied together: one statement writes the new versions of all. */
export const createBatchedPaymentIntents = (parts: Parts): Together<IntentRider> =>
  createTogether({
    read: readRider,
    lockFree: (tx, intentIds) => lockFreeByIntent(tx, intentIds, parts.orders),

    async applyAll(shared, matched: readonly Matched<IntentRider, Payment>[]) {
      const steps = matched.map((one) => stepOf(parts, one));
      const written = await write(
        parts,
        shared.tx,
        steps.filter((step) => step !== undefined),
      );
      for (const one of written) addCallback(parts, shared, one);
      const changed = new Map(written.map((one) => [one.payment.id, one.changed]));
      return steps.map((step): Applied => {
        const row = step && changed.get(step.payment.id);
        return row ? processed(() => parts.publish(row)) : { kind: 'ask', version: undefined };
      });
    },
  });
