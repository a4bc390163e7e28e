import type Stripe from 'stripe';
import { lockIntent, type PaymentReference } from '../payments/payment-rows.js';
import type { PaymentTransitions } from '../payments/payment-transitions.js';
import type { StripeConnection } from '../payments/stripe-connection.js';
import type { Payment } from '../storage/payment.js';
import { type PaymentSnapshot, paymentSnapshot } from '../stripe/translate.js';
import type { Applied, EventHandler, Fetched } from './handler.js';

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
  readonly transitions: PaymentTransitions;
  readonly connection: StripeConnection;
  /** This installation's id. */
  readonly installation: () => string;
  readonly publish: (payment: Payment) => void;
  /** Whether the developer's flow wants to see duplicates. */
  readonly deliversDuplicates: boolean;
}

const UNMATCHED = 'No payment of this installation has this payment intent.';

/** How a payment intent leads to our row: another installation's mark is no mark. */
export const referenceOf = (
  { intentId, owner, amount, currency, livemode }: PaymentSnapshot,
  installation: string,
): PaymentReference => ({
  intentId,
  paymentId: owner?.installation === installation ? owner.id : null,
  amount,
  currency,
  livemode,
});

/** Builds the handler of payment intents. */
export const createPaymentIntentEvents = ({
  transitions,
  connection,
  installation,
  publish,
  deliversDuplicates,
}: Parts): EventHandler => {
  const intentOf = (event: Stripe.Event): Stripe.PaymentIntent => event.data.object as Stripe.PaymentIntent;

  return {
    ignore(event) {
      const { owner } = paymentSnapshot(intentOf(event), event.created);
      return owner && owner.installation !== installation()
        ? 'The payment intent belongs to another installation on this Stripe account.'
        : undefined;
    },

    async prepare(tx, event, actor) {
      const snapshot = paymentSnapshot(intentOf(event), event.created);
      const payment = await transitions.lockByReference(tx, referenceOf(snapshot, installation()));
      return async (fetched: Fetched | undefined): Promise<Applied> => {
        if (!payment) {
          // An invoice's payment may just be made: then the event is its.
          await tx.query(lockIntent(snapshot.intentId));
          const made = await transitions.lockByReference(tx, referenceOf(snapshot, installation()));
          return made
            ? { kind: 'ask', version: made.version }
            : { kind: 'ended', end: { status: 'IGNORED', reason: UNMATCHED }, publish: () => undefined };
        }
        // An answer that was read before the row was known may be older than the row.
        if (fetched && fetched.version !== payment.version) return { kind: 'ask', version: payment.version };
        const intent = fetched ? (fetched.answer.object as Stripe.PaymentIntent) : intentOf(event);
        const outcome = await transitions.apply(
          tx,
          payment,
          fetched ? paymentSnapshot(intent, fetched.answer.at) : snapshot,
          {
            actor,
            eventId: event.id,
            body: { source: fetched ? 'FETCH' : 'EVENT', event, object: intent },
            current: fetched !== undefined,
          },
        );
        if (outcome.kind === 'asked') return { kind: 'ask', version: payment.version };
        const changed = outcome.kind === 'changed' ? outcome.payment : undefined;
        return { kind: 'ended', end: { status: 'PROCESSED' }, publish: () => changed && publish(changed) };
      };
    },

    deliversDuplicates,

    fetch: async (event) => (await connection.access()).gateway.retrievePaymentIntent(intentOf(event).id),
  };
};
