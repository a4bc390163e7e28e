import type Stripe from 'stripe';
import { hasArrived } from '../../core/states.js';
import type { FlowTurn } from '../../flows/owed.js';
import type { Applied, EventHandler, Fetched, Told } from '../../inbox/handler.js';
import { hintOf, ignored, processed } from '../../inbox/hints.js';
import type { Together } from '../../inbox/together.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Orders } from '../../orders/orders.js';
import type { Tx } from '../../storage/database.js';
import { type Answer, NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import { idOf, paymentSnapshot } from '../../stripe/translate.js';
import type { PaymentTransitions } from '../payments/apply.js';
import { createTogetherByIntent } from '../payments/by-intent-events.js';
import { referenceOf, settleFirst } from '../payments/events.js';
import type { Payment } from '../payments/row.js';
import { lockIntent } from '../payments/rows.js';
import { type DisputeOutcome, type DisputeTransitions, type HeldDisputes, versionOf } from './apply.js';
import { findDisputed } from './rows.js';
import { disputeSnapshot } from './snapshot.js';

/** The events of a dispute. Source: Stripe docs, "Types of events". */
export const DISPUTE_EVENTS = [
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
] as const;

interface Parts {
  readonly payments: PaymentTransitions;
  readonly disputes: DisputeTransitions;
  readonly connection: StripeConnection;
  readonly marks: Marks;
  readonly publish: (changed: HeldDisputes['changed']) => void;
  /** Whether the developer's dispute flow wants to see duplicates. */
  readonly deliversDuplicates: boolean;
  readonly orders: Pick<Orders, 'lockFreeSql'>;
  /** Whether events may share a transaction. */
  readonly shares: boolean;
}

/** A dispute and the payment intent that it is about, as Stripe has them now. */
interface DisputedIntent {
  readonly object: 'disputed_payment_intent';
  readonly intent: Stripe.PaymentIntent;
  readonly dispute: Stripe.Dispute;
}

/** Finds a payment by its intent's id alone. */
const NO_MARK = { paymentId: null, amount: 0, currency: '', livemode: false } as const;

const UNMATCHED = 'No payment of this installation is disputed by it.';

const answerOf = ({ answer }: Fetched): DisputedIntent => answer.object as DisputedIntent;

/** The parts in one transaction. */
interface Applying extends Parts {
  readonly tx: Tx;
  readonly turns?: FlowTurn[];
}

interface FetchedEvent {
  readonly told: Told;
  readonly fetched: Fetched;
}

const applyFetched = async (applying: Applying, held: HeldDisputes, read: FetchedEvent): Promise<DisputeOutcome> => {
  const { event, actor } = read.told;
  const { dispute, intent } = answerOf(read.fetched);
  const settled = await settleFirst(applying, held, { ...read, intent });
  return applying.disputes.apply(applying.tx, settled, {
    snapshot: disputeSnapshot(dispute, read.fetched.answer.at),
    cause: { actor, eventId: event.id, body: { source: 'FETCH', event, object: dispute }, current: true },
  });
};

const applyPayload = async (
  { tx, turns, disputes }: Applying,
  held: HeldDisputes,
  { event, actor }: Told,
): Promise<DisputeOutcome> => {
  if (!hasArrived(held.payment)) return { kind: 'asked' };
  const { object } = event.data;
  return disputes.apply(tx, held, {
    snapshot: disputeSnapshot(object, event.created),
    cause: { actor, eventId: event.id, body: { source: 'EVENT', event, object }, current: false },
    turns,
  });
};

const applyTo = async (
  applying: Applying,
  payment: Payment,
  { told, fetched }: { readonly told: Told; readonly fetched: Fetched | undefined },
): Promise<Applied> => {
  const { tx, disputes, publish } = applying;
  const held = await disputes.hold(tx, payment);
  const version = versionOf(held);
  // An answer that was read before the rows were known may be older than they are.
  if (fetched && fetched.version !== version) return { kind: 'ask', version };
  const outcome = await (fetched
    ? applyFetched(applying, held, { told, fetched })
    : applyPayload(applying, held, told));
  if (outcome.kind === 'asked') return { kind: 'ask', version };
  return processed(() => publish(outcome.changed));
};

/** Our row may not have learned its intent's id yet: only the intent itself carries our mark. */
const applyUnknown = async (
  applying: Applying,
  intentId: string,
  { told, fetched }: FetchedEvent,
): Promise<Applied> => {
  const { tx, payments, marks } = applying;
  await tx.query(lockIntent(intentId));
  const reference = referenceOf(paymentSnapshot(answerOf(fetched).intent, fetched.answer.at), marks);
  const marked = await payments.lockByReference(tx, reference);
  return marked ? applyTo(applying, marked, { told, fetched }) : ignored(UNMATCHED);
};

const intentOf = (event: Stripe.Event): string | null => {
  disputeSnapshot(event.data.object, event.created);
  return hintOf(event).intentId;
};

const createBatchedDisputes = (parts: Parts): Together =>
  createTogetherByIntent({
    orders: parts.orders,
    intentOf,
    apply: (shared, payment, told) => applyTo({ ...parts, ...shared }, payment, { told, fetched: undefined }),
  });

/** Builds the handler of disputes. They carry no mark of ours: their payment is found by its intent, which does. */
export const createDisputeEvents = (parts: Parts): EventHandler => {
  const { payments, connection, deliversDuplicates, shares } = parts;

  return {
    unmatched: UNMATCHED,

    ignore: () => undefined,

    async isKnown(on, event) {
      const { id, intentId, chargeId } = hintOf(event);
      // Whose an intent is that no row knows, the intent alone tells.
      return intentId !== null || (await on.query(findDisputed(id, chargeId))).length > 0;
    },

    async prepare(tx, told, fetched) {
      const intent = fetched && answerOf(fetched).intent;
      if (!fetched) disputeSnapshot(told.event.data.object, told.event.created);
      const intentId = intent?.id ?? hintOf(told.event).intentId;
      if (intentId === null) return async () => ignored('No payment intent took the disputed money.');
      const known = await payments.lockByReference(tx, { ...NO_MARK, intentId });
      const applying = { ...parts, tx };
      return async () => {
        if (known) return applyTo(applying, known, { told, fetched });
        return fetched ? applyUnknown(applying, intentId, { told, fetched }) : { kind: 'ask', version: undefined };
      };
    },

    deliversDuplicates,
    together: shares && !deliversDuplicates ? createBatchedDisputes(parts) : undefined,

    async fetch(event): Promise<Answer<DisputedIntent>> {
      const { gateway } = await connection.access();
      const { id, intentId: named } = hintOf(event);
      const dispute = await gateway.retrieveDispute(id);
      if (dispute.object.id !== id) throw new NotOursError(`${dispute.object.id} in place of ${id}`);
      const intentId = idOf(dispute.object.payment_intent) ?? named;
      if (intentId === null) throw new NotAnAnswerError(`${id} without its payment intent`);
      const intent = await gateway.retrievePaymentIntent(intentId);
      if (intent.object.id !== intentId) throw new NotOursError(`${intent.object.id} in place of ${intentId}`);
      return {
        object: { object: 'disputed_payment_intent', intent: intent.object, dispute: dispute.object },
        at: Math.min(intent.at, dispute.at),
      };
    },
  };
};
