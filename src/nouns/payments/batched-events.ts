import type Stripe from 'stripe';
import { type PaymentSignal, quarantineReason } from '../../core/states.js';
import { type FlowLog, type Flows, runFlow } from '../../flows/flows.js';
import { createFlowTurns } from '../../flows/turns.js';
import type { Rider, Together } from '../../inbox/together.js';
import type { Orders } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import { NotAnAnswerError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import { hidesReason, type PaymentSnapshot, paymentSnapshot } from '../../stripe/translate.js';
import {
  type Cause,
  callbackDataOf,
  judge,
  mayLeaveOthers,
  PAYMENT_FLOW,
  signalFor,
  updateOf,
  versionOf,
} from './apply.js';
import { referenceOf } from './events.js';
import type { PaidSums, Payment } from './row.js';
import { lockFree, type PaymentUpdate, writeVersions } from './rows.js';

interface IntentRider extends Rider {
  readonly snapshot: PaymentSnapshot;
}

/** One event that moves one payment. */
interface Move {
  readonly payment: Payment;
  readonly update: PaymentUpdate;
  readonly cause: Cause;
}

interface Written extends Move, PaidSums {
  readonly changed: Payment;
}

interface Parts {
  readonly orders: Orders;
  readonly flows: Flows;
  readonly marks: Marks;
  readonly publish: (payment: Payment) => void;
  readonly log: FlowLog;
}

/** Builds how events of payment intents are applied together. */
export const createBatchedPaymentIntents = ({ orders, flows, marks, publish, log }: Parts): Together<IntentRider> => {
  const turns = createFlowTurns();

  /** Undefined for anything but a new version, and its flow, of a payment that was asked for by itself. */
  const moveOf = ({ event, snapshot }: IntentRider, payment: Payment): Move | undefined => {
    const { paymentId } = referenceOf(snapshot, marks);
    if (paymentId !== null && paymentId !== payment.id) return undefined;
    if (payment.recurringPaymentId !== null || payment.stripeInvoiceId !== null) return undefined;
    const signal: PaymentSignal = signalFor(payment, snapshot);
    const body = { source: 'EVENT' as const, event, object: event.data.object };
    const cause: Cause = { actor: 'stripe', eventId: event.id, body, current: false };
    if (judge(payment, snapshot, signal, cause) !== 'apply') return undefined;
    // The policy for such money is asked alone.
    if (quarantineReason(payment.status, signal) !== undefined) return undefined;
    const update = updateOf(payment, snapshot, signal);
    return mayLeaveOthers(payment, update) ? undefined : { payment, update, cause };
  };

  /** Of an order the first alone. */
  const movesOf = (riders: readonly IntentRider[], rows: readonly Payment[]): Move[] => {
    const byIntent = new Map(rows.map((row) => [row.stripePaymentIntentId, row]));
    const moved = new Set<string>();
    return riders.flatMap((rider) => {
      const payment = byIntent.get(rider.key);
      const move = payment && !moved.has(payment.orderId) && moveOf(rider, payment);
      if (!move) return [];
      moved.add(move.payment.orderId);
      return move;
    });
  };

  const write = async (tx: Tx, moves: readonly Move[]): Promise<Written[]> => {
    const versions = moves.map(({ payment, update, cause }) => versionOf(payment, update, cause));
    const rows = await tx.query<Payment & PaidSums>(writeVersions(versions, await orders.amountSql()));
    const byId = new Map(rows.map((row) => [row.id, row]));
    return moves.map((move) => {
      const row = byId.get(move.payment.id);
      if (!row) throw new Error(`Payment ${move.payment.id} is gone, although rows are never deleted.`);
      const { paid, covered, ...changed } = row;
      return { ...move, changed, paid, covered };
    });
  };

  const runFlows = async (tx: Tx, written: readonly Written[]): Promise<void> => {
    const moved = written.filter(({ changed, payment }) => changed.status !== payment.status);
    if (moved.length === 0) return;
    const { effects, paymentCallback } = flows;
    await turns.run(
      tx,
      moved.map(({ changed, payment, cause, paid, covered }) => (turn, jobs) => {
        const data = callbackDataOf(changed, { cause, duplicate: false, previous: payment, paid, covered });
        return runFlow(PAYMENT_FLOW, paymentCallback, data, { tx: turn, log, effects, jobs });
      }),
    );
  };

  return {
    read(event) {
      try {
        const snapshot = paymentSnapshot(event.data.object as Stripe.PaymentIntent, event.created);
        return hidesReason(snapshot) ? undefined : { event, snapshot, key: snapshot.intentId };
      } catch (error) {
        if (error instanceof NotAnAnswerError) return undefined;
        throw error;
      }
    },

    async prepare(tx, riders) {
      const lockOrders = await orders.lockFreeSql();
      const rows = await tx.query<Payment>(
        lockFree(
          riders.map(({ key }) => key),
          lockOrders,
        ),
      );
      return async (isNew) => {
        const fresh = riders.filter(({ event }) => isNew(event.id));
        const moves = movesOf(fresh, rows);
        const written = moves.length === 0 ? [] : await write(tx, moves);
        await runFlows(tx, written);
        const applied = new Set(moves.map(({ cause }) => cause.eventId));
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
