import type Stripe from 'stripe';
import { hasArrived } from '../../core/states.js';
import type { Applied, EventHandler, Fetched, Told } from '../../inbox/handler.js';
import { assertSame, hintOf, ignored, processed } from '../../inbox/hints.js';
import type { Together } from '../../inbox/together.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Database, Tx } from '../../storage/database.js';
import type { Marks } from '../../stripe/marks.js';
import { endOfFacts, saidTwice } from '../../stripe/said-twice.js';
import { hidesReason, type PaymentSnapshot, paymentSnapshot } from '../../stripe/translate.js';
import type { PaymentTransitions } from './apply.js';
import type { PaymentAttempts } from './attempts.js';
import type { Payment } from './row.js';
import { findByIntentOrMark, findClaimed, lockIntent, type PaymentReference } from './rows.js';

/** The events of a payment intent that move a payment. Source: Stripe docs, "Types of events". */
export const PAYMENT_INTENT_EVENTS = [
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.processing',
  'payment_intent.requires_action',
  'payment_intent.canceled',
  'payment_intent.amount_capturable_updated',
] as const;

interface Parts {
  readonly database: Database;
  readonly transitions: PaymentTransitions;
  readonly attempts: Pick<PaymentAttempts, 'forgetUnknown'>;
  readonly connection: StripeConnection;
  readonly marks: Marks;
  readonly publish: (payment: Payment) => void;
  /** Whether the developer's flow wants to see duplicates. */
  readonly deliversDuplicates: boolean;
  /** How new events are applied together; without it each goes alone. */
  readonly together: Together | undefined;
}

const UNMATCHED = 'No payment of this installation has this payment intent.';

/** How a payment intent leads to our row: another installation's mark is no mark. */
export const referenceOf = (
  { intentId, owner, amount, currency, livemode }: PaymentSnapshot,
  marks: Marks,
): PaymentReference => ({
  intentId,
  paymentId: marks.rowOf(owner),
  amount,
  currency,
  livemode,
});

/** Money that nobody's row knows of must not be passed over. */
const assertNoMoney = ({ signal, intentId }: PaymentSnapshot, payment: Pick<Payment, 'id'>): void => {
  if (signal === 'succeed' || signal === 'hold')
    throw new Error(
      `Money came by ${intentId}, which carries the mark of payment ${payment.id}; that has another one.`,
    );
};

/** A locked payment with rows that hang on it, and the new versions to be announced. */
interface Held {
  readonly payment: Payment;
  readonly changed: { readonly payment: Payment | undefined };
}

/**
 * Brings a payment to Stripe's state before what hangs on it, its own flow first: before its money has arrived it can be neither
 * refunded nor disputed. Changes nothing once it has.
 */
export const settleFirst = async <H extends Held>(
  { tx, payments }: { readonly tx: Tx; readonly payments: Pick<PaymentTransitions, 'apply'> },
  held: H,
  { told: { event, actor }, fetched, intent }: { told: Told; fetched: Fetched; intent: Stripe.PaymentIntent },
): Promise<H> => {
  if (hasArrived(held.payment)) return held;
  const { kind, payment } = await payments.apply(tx, held.payment, {
    snapshot: paymentSnapshot(intent, fetched.answer.at),
    cause: { actor, eventId: event.id, body: { source: 'FETCH', event, object: intent }, current: true },
  });
  const changed = kind === 'changed' ? { ...held.changed, payment } : held.changed;
  return { ...held, payment, changed };
};

interface Arrived {
  readonly told: Told;
  readonly fetched: Fetched | undefined;
  readonly intent: Stripe.PaymentIntent;
  readonly snapshot: PaymentSnapshot;
}

/** An invoice's payment may just be made: then the event is its. */
const applyUnknown = async (
  { transitions, marks }: Parts,
  tx: Tx,
  { fetched, snapshot }: Arrived,
): Promise<Applied> => {
  const reference = referenceOf(snapshot, marks);
  await tx.query(lockIntent(snapshot.intentId));
  const made = await transitions.lockByReference(tx, reference);
  if (made) return { kind: 'ask', version: made.version };
  const [claimed] = await tx.query<Payment>(findClaimed(reference));
  if (!claimed) return ignored(UNMATCHED);
  if (!fetched) return { kind: 'ask', version: undefined };
  assertNoMoney(snapshot, claimed);
  return ignored(UNMATCHED);
};

const applyTo = async (
  { transitions, publish }: Parts,
  { tx, payment }: { readonly tx: Tx; readonly payment: Payment },
  { told: { event, actor }, fetched, intent, snapshot }: Arrived,
): Promise<Applied> => {
  // An answer that was read before the row was known may be older than the row.
  if (fetched && fetched.version !== payment.version) return { kind: 'ask', version: payment.version };
  // The bank's own reason is with the charge, which an event doesn't bring.
  if (!fetched && hidesReason(snapshot)) return { kind: 'ask', version: payment.version };
  const body = { source: fetched ? ('FETCH' as const) : ('EVENT' as const), event, object: intent };
  const cause = { actor, eventId: event.id, body, current: fetched !== undefined };
  const outcome = await transitions.apply(tx, payment, { snapshot, cause });
  if (outcome.kind === 'asked') return { kind: 'ask', version: payment.version };
  const changed = outcome.kind === 'changed' ? outcome.payment : undefined;
  return processed(() => changed && publish(changed));
};

/** Builds the handler of payment intents. */
export const createPaymentIntentEvents = (parts: Parts): EventHandler => {
  const { database, transitions, attempts, connection, marks, deliversDuplicates, together } = parts;

  return {
    unmatched: UNMATCHED,

    ignore: (event) =>
      marks.isAnothers(hintOf(event).ownerOf('payment'))
        ? 'The payment intent belongs to another installation on this Stripe account.'
        : undefined,

    async isKnown(on, event) {
      const hint = hintOf(event);
      return (await on.query(findByIntentOrMark(hint.id, marks.rowOf(hint.ownerOf('payment'))))).length > 0;
    },

    async prepare(tx, told, fetched) {
      const { event } = told;
      const intent = (fetched?.answer.object ?? event.data.object) as Stripe.PaymentIntent;
      const snapshot = paymentSnapshot(intent, fetched?.answer.at ?? event.created);
      if (fetched) assertSame(event, 'payment', { ...snapshot, id: snapshot.intentId });
      const payment = await transitions.lockByReference(tx, referenceOf(snapshot, marks));
      const arrived = { told, fetched, intent, snapshot };
      return () => (payment ? applyTo(parts, { tx, payment }, arrived) : applyUnknown(parts, tx, arrived));
    },

    deliversDuplicates,
    together,

    /** A row that names another intent than the one that carries its mark may be wrong: Stripe is asked about that one too. */
    async fetch(event) {
      const access = await connection.access();
      const read = () => access.gateway.retrievePaymentIntent(hintOf(event).id);
      const answer = await saidTwice(await read(), {
        endOf: ({ object, at }) => endOfFacts(paymentSnapshot(object, at)),
        read,
      });
      const reference = referenceOf(paymentSnapshot(answer.object, answer.at), marks);
      const [claimed] = await database.query<Payment>(findClaimed(reference));
      if (claimed) await attempts.forgetUnknown(claimed, access);
      return answer;
    },
  };
};
