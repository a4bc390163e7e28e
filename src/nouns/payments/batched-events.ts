import type Stripe from 'stripe';
import { quarantineReason } from '../../core/states.js';
import { type FlowLog, type Flows, type PaymentCallbackData, runFlow } from '../../flows/flows.js';
import { countingFailure, owe } from '../../flows/owed.js';
import { createFlowTurns, type FlowRun, type FlowTurns } from '../../flows/turns.js';
import type { Rider, Together } from '../../inbox/together.js';
import type { Orders } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import { NotAnAnswerError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import { hidesReason, type PaymentSnapshot, paymentSnapshot } from '../../stripe/translate.js';
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
import { lockFree, type NewVersion, writeNewVersions } from './rows.js';

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
const stepOf = ({ marks }: Parts, { event, snapshot }: IntentRider, payment: Payment): Step | undefined => {
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

/** Of an order the first alone. */
const stepsOf = (parts: Parts, riders: readonly IntentRider[], rows: readonly Payment[]): Step[] => {
  const byIntent = new Map(rows.map((row) => [row.stripePaymentIntentId, row]));
  const moved = new Set<string>();
  return riders.flatMap((rider) => {
    const payment = byIntent.get(rider.key);
    const step = payment && !moved.has(payment.orderId) && stepOf(parts, rider, payment);
    if (!step) return [];
    moved.add(step.payment.orderId);
    return step;
  });
};

const write = async ({ orders }: Parts, tx: Tx, steps: readonly Step[]): Promise<Written[]> => {
  if (steps.length === 0) return [];
  const moves = steps.map((step) => ({ payment: step.payment, write: versionOf(step.payment, step) }));
  const versions = await writeNewVersions(tx, moves, await orders.amountSql());
  return steps.map((step, at) => ({ ...step, ...(versions[at] as NewVersion) }));
};

const dataOf = ({ changed, payment: previous, cause, paid, covered }: Written): PaymentCallbackData =>
  callbackDataOf(changed, { cause, duplicate: false, previous, paid, covered });

/** Runs the callbacks of what was written, one turn each; those that something keeps from running are owed. */
const runCallbacks = async (
  { flows, log, flowTurns }: Parts & { readonly flowTurns: FlowTurns },
  tx: Tx,
  written: readonly Written[],
): Promise<void> => {
  const { effects, paymentCallback } = flows;
  const moved = written.filter(({ changed, payment }) => changed.status !== payment.status);
  for (const one of moved)
    if (one.obstacle !== null)
      owe(tx, flowSubjectOf(one.changed, one.cause), { data: dataOf(one), obstacle: one.obstacle });
  const running = moved.filter(({ obstacle }) => obstacle === null);
  const [first, ...others] = running;
  if (!first) return;
  const turns = running.map(
    (one): FlowRun =>
      (turn, jobs) =>
        runFlow(PAYMENT_FLOW, paymentCallback, dataOf(one), { tx: turn, log, effects, jobs }),
  );
  const run = () => flowTurns.run(tx, turns);
  // Of several, each failure is counted when its event goes alone.
  await (others.length > 0 ? run() : countingFailure(flowSubjectOf(first.changed, first.cause), run));
};

const readRider = (event: Stripe.Event): IntentRider | undefined => {
  try {
    const snapshot = paymentSnapshot(event.data.object as Stripe.PaymentIntent, event.created);
    return hidesReason(snapshot) ? undefined : { event, snapshot, key: snapshot.intentId };
  } catch (error) {
    if (error instanceof NotAnAnswerError) return undefined;
    throw error;
  }
};

/** Builds how events of payment intents are applied together. */
export const createBatchedPaymentIntents = (parts: Parts): Together<IntentRider> => {
  const { orders, publish } = parts;
  const flowTurns = createFlowTurns();

  return {
    read: readRider,

    async prepare(tx, riders) {
      const intentIds = riders.map(({ key }) => key);
      const rows = await tx.query<Payment>(lockFree(intentIds, await orders.lockFreeSql()));
      return async (isNew) => {
        const fresh = riders.filter(({ event }) => isNew(event.id));
        const written = await write(parts, tx, stepsOf(parts, fresh, rows));
        await runCallbacks({ ...parts, flowTurns }, tx, written);
        const applied = new Set(written.map(({ cause }) => cause.eventId));
        return {
          left: fresh.map(({ event }) => event.id).filter((id) => !applied.has(id)),
          publish() {
            for (const { changed } of written) publish(changed);
          },
        };
      };
    },
  };
};
