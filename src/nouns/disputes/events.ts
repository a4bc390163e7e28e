import type Stripe from 'stripe';
import { hasArrived } from '../../core/states.js';
import type { Applied, EventHandler, Fetched, Told } from '../../inbox/handler.js';
import { hintOf, ignored, processed } from '../../inbox/hints.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Tx } from '../../storage/database.js';
import { type Answer, NotAnAnswerError, NotOursError } from '../../stripe/answer.js';
import type { Marks } from '../../stripe/marks.js';
import { idOf, paymentSnapshot } from '../../stripe/translate.js';
import type { PaymentTransitions } from '../payments/apply.js';
import { referenceOf } from '../payments/events.js';
import type { Payment } from '../payments/row.js';
import { lockIntent } from '../payments/rows.js';
import { type DisputeTransitions, type HeldDisputes, versionOf } from './apply.js';
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

/** Builds the handler of disputes. They carry no mark of ours: their payment is found by its intent, which does. */
export const createDisputeEvents = (parts: Parts): EventHandler => {
  const { payments, disputes, connection, marks, publish, deliversDuplicates } = parts;

  /** Brings the payment to Stripe's state, its own flow first: before its money has arrived nothing is disputed. */
  const settlePayment = async (held: HeldDisputes, fetched: Fetched, { event, actor }: Told, tx: Tx) => {
    if (hasArrived(held.payment)) return held;
    const { intent } = answerOf(fetched);
    const outcome = await payments.apply(tx, held.payment, {
      snapshot: paymentSnapshot(intent, fetched.answer.at),
      cause: { actor, eventId: event.id, body: { source: 'FETCH', event, object: intent }, current: true },
    });
    const { payment } = outcome;
    const changed = { ...held.changed, ...(outcome.kind === 'changed' && { payment }) };
    return { ...held, payment, changed };
  };

  const applyFetched = async (held: HeldDisputes, fetched: Fetched, told: Told, tx: Tx) => {
    const { event, actor } = told;
    const { dispute } = answerOf(fetched);
    const settled = await settlePayment(held, fetched, told, tx);
    const body = { source: 'FETCH' as const, event, object: dispute };
    const cause = { actor, eventId: event.id, body, current: true };
    return disputes.apply(tx, settled, disputeSnapshot(dispute, fetched.answer.at), cause);
  };

  const applyPayload = (held: HeldDisputes, { event, actor }: Told, tx: Tx) => {
    if (!hasArrived(held.payment)) return { kind: 'asked' as const, held };
    const { object } = event.data;
    const body = { source: 'EVENT' as const, event, object };
    return disputes.apply(tx, held, disputeSnapshot(object, event.created), {
      actor,
      eventId: event.id,
      body,
      current: false,
    });
  };

  const apply = async (payment: Payment, told: Told, fetched: Fetched | undefined, tx: Tx): Promise<Applied> => {
    const held = await disputes.hold(tx, payment);
    const version = versionOf(held);
    // An answer that was read before the rows were known may be older than they are.
    if (fetched && fetched.version !== version) return { kind: 'ask', version };
    const outcome = await (fetched ? applyFetched(held, fetched, told, tx) : applyPayload(held, told, tx));
    if (outcome.kind === 'asked') return { kind: 'ask', version };
    return processed(() => publish(outcome.held.changed));
  };

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
      return async () => {
        if (known) return apply(known, told, fetched, tx);
        // Our row may not have learned its intent's id yet: only the intent itself carries our mark.
        if (!intent) return { kind: 'ask', version: undefined };
        await tx.query(lockIntent(intentId));
        const reference = referenceOf(paymentSnapshot(intent, fetched.answer.at), marks);
        const marked = await payments.lockByReference(tx, reference);
        return marked ? apply(marked, told, fetched, tx) : ignored(UNMATCHED);
      };
    },

    deliversDuplicates,

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
