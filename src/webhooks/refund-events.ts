import type Stripe from 'stripe';
import { lockIntent } from '../payments/payment-rows.js';
import type { PaymentTransitions } from '../payments/payment-transitions.js';
import { type HeldRefunds, hasArrived, type RefundTransitions, versionOf } from '../payments/refund-transitions.js';
import type { StripeConnection } from '../payments/stripe-connection.js';
import type { Tx } from '../storage/database.js';
import type { Payment } from '../storage/payment.js';
import type { Answer } from '../stripe/answer.js';
import { ownerOf } from '../stripe/metadata.js';
import { refundSnapshot } from '../stripe/refund-snapshot.js';
import { idOf, paymentSnapshot } from '../stripe/translate.js';
import type { Applied, EventHandler, Fetched } from './handler.js';
import { referenceOf } from './payment-intent-events.js';

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
  /** This installation's id. */
  readonly installation: () => string;
  readonly publish: (changed: HeldRefunds['changed']) => void;
  /** Whether the developer's refund flow wants to see duplicates. */
  readonly deliversDuplicates: boolean;
}

/** A payment intent and all its refunds, as Stripe has them now. */
interface IntentWithRefunds {
  readonly object: 'payment_intent_with_refunds';
  readonly intent: Stripe.PaymentIntent;
  readonly refunds: readonly Stripe.Refund[];
}

/** Finds a payment by its intent's id alone. */
const NO_MARK = { paymentId: null, amount: 0, currency: '', livemode: false } as const;

/** An event, and who brought it. */
interface Told {
  readonly event: Stripe.Event;
  readonly actor: string;
}

const UNMATCHED = 'No payment of this installation was refunded by it.';
const ignored = (reason: string): Applied => ({
  kind: 'ended',
  end: { status: 'IGNORED', reason },
  publish: () => undefined,
});

const isRefund = (object: Stripe.Refund | Stripe.Charge): object is Stripe.Refund => object.object === 'refund';

/** Builds the handler of refunds. */
export const createRefundEvents = (parts: Parts): EventHandler => {
  const { payments, refunds, connection, installation, publish, deliversDuplicates } = parts;
  const objectOf = (event: Stripe.Event) => event.data.object as Stripe.Refund | Stripe.Charge;

  const causeOf = ({ event, actor }: Told, fetched: Fetched | undefined) => {
    const object = objectOf(event);
    return {
      actor,
      eventId: event.id,
      source: fetched ? ('FETCH' as const) : ('EVENT' as const),
      event,
      current: fetched !== undefined,
      installation: installation(),
      ...(isRefund(object) && { subject: object.id }),
    };
  };

  /** Brings the payment to Stripe's state, its own flow first: before its money has arrived it has no refunds. */
  const settlePayment = async (held: HeldRefunds, fetched: Fetched, { event, actor }: Told, tx: Tx) => {
    if (hasArrived(held.payment)) return held;
    const { intent } = fetched.answer.object as IntentWithRefunds;
    const outcome = await payments.apply(tx, held.payment, paymentSnapshot(intent, fetched.answer.at), {
      actor,
      eventId: event.id,
      body: { source: 'FETCH', event, object: intent },
      current: true,
    });
    const { payment } = outcome;
    const changed = { ...held.changed, ...(outcome.kind === 'changed' && { payment }) };
    return { ...held, payment, changed };
  };

  const applyFetched = async (held: HeldRefunds, fetched: Fetched, told: Told, tx: Tx) => {
    const { object, at } = fetched.answer;
    const settled = await settlePayment(held, fetched, told, tx);
    const snapshots = (object as IntentWithRefunds).refunds.map((refund) => refundSnapshot(refund, at));
    return refunds.apply(tx, settled, snapshots, causeOf(told, fetched));
  };

  const applyPayload = (held: HeldRefunds, told: Told, tx: Tx) => {
    const object = objectOf(told.event);
    if (!isRefund(object) || !hasArrived(held.payment)) return { kind: 'asked' as const, held };
    return refunds.apply(tx, held, [refundSnapshot(object, told.event.created)], causeOf(told, undefined));
  };

  const apply = async (payment: Payment, told: Told, fetched: Fetched | undefined, tx: Tx): Promise<Applied> => {
    const held = await refunds.hold(tx, payment);
    const version = versionOf(held);
    // An answer that was read before the rows were known may be older than they are.
    if (fetched && fetched.version !== version) return { kind: 'ask', version };
    const outcome = await (fetched ? applyFetched(held, fetched, told, tx) : applyPayload(held, told, tx));
    if (outcome.kind === 'asked') return { kind: 'ask', version };
    return { kind: 'ended', end: { status: 'PROCESSED' }, publish: () => publish(outcome.held.changed) };
  };

  return {
    ignore(event) {
      const object = objectOf(event);
      const owner = ownerOf(object.metadata, isRefund(object) ? 'refund' : 'payment');
      if (owner && owner.installation !== installation())
        return 'The refund belongs to another installation on this Stripe account.';
      return idOf(object.payment_intent) === null ? 'No payment intent took the refunded money.' : undefined;
    },

    async prepare(tx, event, actor) {
      const told = { event, actor };
      const intentId = idOf(objectOf(event).payment_intent) ?? '';
      const known = await payments.lockByReference(tx, { ...NO_MARK, intentId });
      return async (fetched) => {
        if (known) return apply(known, told, fetched, tx);
        // Our row may not have learned its intent's id yet: only the intent itself carries our mark.
        if (!fetched) return { kind: 'ask', version: undefined };
        const { intent } = fetched.answer.object as IntentWithRefunds;
        await tx.query(lockIntent(intentId));
        const marked = await payments.lockByReference(
          tx,
          referenceOf(paymentSnapshot(intent, fetched.answer.at), installation()),
        );
        return marked ? apply(marked, told, fetched, tx) : ignored(UNMATCHED);
      };
    },

    deliversDuplicates,

    async fetch(event): Promise<Answer<IntentWithRefunds>> {
      const { gateway } = await connection.access();
      const intentId = idOf(objectOf(event).payment_intent) ?? '';
      const intent = await gateway.retrievePaymentIntent(intentId);
      const list = await gateway.listRefunds(intentId);
      return {
        object: { object: 'payment_intent_with_refunds', intent: intent.object, refunds: list.refunds },
        at: Math.min(intent.at, list.at),
      };
    },
  };
};
