import type Stripe from 'stripe';
import { hasArrived } from '../../core/states.js';
import type { FlowTurn } from '../../flows/owed.js';
import type { Applied, EventHandler, Fetched, Told } from '../../inbox/handler.js';
import { type Hint, hintOf, ignored, processed } from '../../inbox/hints.js';
import type { Together } from '../../inbox/together.js';
import type { StripeAccess, StripeConnection } from '../../installation/stripe-connection.js';
import type { Orders } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import { type Answer, NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import { refundSnapshot } from '../../stripe/refund-snapshot.js';
import { idOf, paymentSnapshot } from '../../stripe/translate.js';
import type { PaymentTransitions } from '../payments/apply.js';
import { createTogetherByIntent } from '../payments/by-intent-events.js';
import { referenceOf, settleFirst } from '../payments/events.js';
import type { Payment } from '../payments/row.js';
import { lockIntent } from '../payments/rows.js';
import { type HeldRefunds, type RefundCause, type RefundOutcome, type RefundTransitions, versionOf } from './apply.js';
import { assertRefundOf } from './ours.js';
import { findRefunded } from './rows.js';

/** The events that tell of refunds; `charge.refunded` brings no refund, it only hints at them. Source: Stripe docs, "Types of events". */
export const REFUND_EVENTS = [
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.refund.updated',
  'charge.refunded',
] as const;

interface Parts {
  readonly payments: PaymentTransitions;
  readonly refunds: RefundTransitions;
  readonly connection: StripeConnection;
  readonly marks: Marks;
  readonly publish: (changed: HeldRefunds['changed']) => void;
  /** Whether the developer's refund flow wants to see duplicates. */
  readonly deliversDuplicates: boolean;
  readonly orders: Pick<Orders, 'lockFreeSql'>;
  /** Whether events may share a transaction. */
  readonly shares: boolean;
}

/** A payment intent and all its refunds, as Stripe has them now. */
interface IntentWithRefunds {
  readonly object: 'payment_intent_with_refunds';
  readonly intent: Stripe.PaymentIntent;
  readonly refunds: readonly Stripe.Refund[];
}

/** Finds a payment by its intent's id alone. */
const NO_MARK = { paymentId: null, amount: 0, currency: '', livemode: false } as const;

const UNMATCHED = 'No payment of this installation was refunded by it.';
const isRefund = (object: Stripe.Refund | Stripe.Charge): object is Stripe.Refund => object.object === 'refund';

const objectOf = (event: Stripe.Event) => event.data.object as Stripe.Refund | Stripe.Charge;

const causeOf = ({ event, actor }: Told, fetched: Fetched | undefined): RefundCause => {
  const object = objectOf(event);
  return {
    actor,
    eventId: event.id,
    source: fetched ? 'FETCH' : 'EVENT',
    event,
    current: fetched !== undefined,
    ...(isRefund(object) && { subject: object.id }),
  };
};

/** The parts in one transaction. */
interface Applying extends Parts {
  readonly tx: Tx;
  readonly turns?: FlowTurn[];
}

interface FetchedEvent {
  readonly told: Told;
  readonly fetched: Fetched;
}

const applyFetched = async (applying: Applying, held: HeldRefunds, read: FetchedEvent): Promise<RefundOutcome> => {
  const { object, at } = read.fetched.answer;
  const { intent, refunds } = object as IntentWithRefunds;
  const settled = await settleFirst(applying, held, { ...read, intent });
  const snapshots = refunds.map((refund) => refundSnapshot(refund, at));
  for (const snapshot of snapshots) assertRefundOf(settled.payment, snapshot);
  const listed = new Set(snapshots.map(({ refundId }) => refundId));
  const cause = { ...causeOf(read.told, read.fetched), listed };
  return applying.refunds.apply(applying.tx, settled, { snapshots, cause });
};

const applyPayload = async (
  { tx, turns, refunds }: Applying,
  held: HeldRefunds,
  told: Told,
): Promise<RefundOutcome> => {
  const object = objectOf(told.event);
  if (!isRefund(object) || !hasArrived(held.payment)) return { kind: 'asked', held };
  const snapshots = [refundSnapshot(object, told.event.created)];
  return refunds.apply(tx, held, { snapshots, cause: causeOf(told, undefined), turns });
};

const applyTo = async (
  applying: Applying,
  payment: Payment,
  { told, fetched }: { readonly told: Told; readonly fetched: Fetched | undefined },
): Promise<Applied> => {
  const { tx, refunds, publish } = applying;
  const held = await refunds.hold(tx, payment);
  const version = versionOf(held);
  // An answer that was read before the rows were known may be older than they are.
  if (fetched && fetched.version !== version) return { kind: 'ask', version };
  const outcome = await (fetched
    ? applyFetched(applying, held, { told, fetched })
    : applyPayload(applying, held, told));
  if (outcome.kind === 'asked') return { kind: 'ask', version };
  return processed(() => publish(outcome.held.changed));
};

const nounOf = ({ kind }: Hint) => (kind === 'refund' ? ('refund' as const) : ('payment' as const));

/** Our row may not have learned its intent's id yet: only the intent itself carries our mark. */
const applyUnknown = async (
  applying: Applying,
  intentId: string,
  { told, fetched }: { readonly told: Told; readonly fetched: Fetched | undefined },
): Promise<Applied> => {
  const { tx, payments, marks } = applying;
  await tx.query(lockIntent(intentId));
  if (fetched) {
    const { intent } = fetched.answer.object as IntentWithRefunds;
    const reference = referenceOf(paymentSnapshot(intent, fetched.answer.at), marks);
    const marked = await payments.lockByReference(tx, reference);
    return marked ? applyTo(applying, marked, { told, fetched }) : ignored(UNMATCHED);
  }
  const hint = hintOf(told.event);
  const isMarked = hint.ownerOf(nounOf(hint)) !== undefined;
  return isMarked ? { kind: 'ask', version: undefined } : ignored(UNMATCHED);
};

/** The refunded intent: as the event names it, else as Stripe's charge or refund does. */
const readIntentOf = async (event: Stripe.Event, { gateway }: StripeAccess): Promise<string> => {
  const { intentId, id, kind } = hintOf(event);
  if (intentId !== null) return intentId;
  const { object } = await (kind === 'refund' ? gateway.retrieveRefund(id) : gateway.retrieveCharge(id));
  if (object.id !== id) throw new NotOursError(`${object.id} in place of ${id}`);
  const found = idOf(object.payment_intent);
  if (found === null) throw new NotAnAnswerError(`${id} without its payment intent`);
  return found;
};

/** Null for a mere hint, and for what no payment intent took. */
const intentOf = (event: Stripe.Event): string | null => {
  const object = objectOf(event);
  if (!isRefund(object)) return null;
  refundSnapshot(object, event.created);
  return idOf(object.payment_intent);
};

const createBatchedRefunds = (parts: Parts): Together =>
  createTogetherByIntent({
    orders: parts.orders,
    intentOf,
    apply: (shared, payment, told) => applyTo({ ...parts, ...shared }, payment, { told, fetched: undefined }),
  });

/** Builds the handler of refunds. */
export const createRefundEvents = (parts: Parts): EventHandler => {
  const { payments, connection, marks, deliversDuplicates, shares } = parts;

  return {
    unmatched: UNMATCHED,

    ignore(event) {
      const hint = hintOf(event);
      return marks.isAnothers(hint.ownerOf(nounOf(hint)))
        ? 'The refund belongs to another installation on this Stripe account.'
        : undefined;
    },

    async isKnown(on, event) {
      const hint = hintOf(event);
      const { id, intentId, chargeId } = hint;
      const marked = [marks.rowOf(hint.ownerOf('refund')), marks.rowOf(hint.ownerOf('payment'))] as const;
      return (await on.query(findRefunded({ id, intentId, chargeId: chargeId ?? id }, marked))).length > 0;
    },

    async prepare(tx, told, fetched) {
      const given = fetched && (fetched.answer.object as IntentWithRefunds).intent;
      const object = objectOf(told.event);
      const intentId = given ? given.id : idOf(object.payment_intent);
      if (intentId === null) return async () => ignored('No payment intent took the refunded money.');
      if (!fetched && isRefund(object)) refundSnapshot(object, told.event.created);
      const known = await payments.lockByReference(tx, { ...NO_MARK, intentId });
      const applying = { ...parts, tx };
      return () =>
        known ? applyTo(applying, known, { told, fetched }) : applyUnknown(applying, intentId, { told, fetched });
    },

    deliversDuplicates,
    together: shares && !deliversDuplicates ? createBatchedRefunds(parts) : undefined,

    async fetch(event): Promise<Answer<IntentWithRefunds>> {
      const access = await connection.access();
      const { gateway } = access;
      const intentId = await readIntentOf(event, access);
      const intent = await gateway.retrievePaymentIntent(intentId);
      if (intent.object.id !== intentId) throw new NotOursError(`${intent.object.id} in place of ${intentId}`);
      const list = await gateway.listRefunds(intentId);
      return {
        object: { object: 'payment_intent_with_refunds', intent: intent.object, refunds: list.refunds },
        at: Math.min(intent.at, list.at),
      };
    },
  };
};
