import type Stripe from 'stripe';
import type { EventHandler } from '../../inbox/handler.js';
import { assertSame, hintOf, ignored, processed } from '../../inbox/hints.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Orders } from '../../orders/orders.js';
import { writeChange } from '../../outbox/change-log.js';
import type { Tx } from '../../storage/database.js';
import { type ChargeSnapshot, chargeSnapshot } from '../../stripe/charge-snapshot.js';
import type { Marks } from '../../stripe/marks.js';
import type { PaymentTransitions } from './apply.js';
import { createTogetherByIntent } from './by-intent-events.js';
import { writeCharge } from './charge-rows.js';
import type { Payment } from './row.js';
import { findByIntentOrMark, lockIntent, type PaymentReference } from './rows.js';

/** The events of a charge that tell how a payment was paid, and its receipt. Source: Stripe docs, "Types of events". */
export const CHARGE_EVENTS = ['charge.succeeded', 'charge.updated'] as const;

const UNMATCHED = 'No payment of this installation has this charge.';

interface Parts {
  readonly transitions: Pick<PaymentTransitions, 'lockByReference'>;
  readonly connection: StripeConnection;
  readonly marks: Marks;
  readonly orders: Pick<Orders, 'lockFreeSql'>;
  readonly publish: (payment: Payment) => void;
}

/** A charge, and who brought it. */
interface Brought {
  readonly charge: ChargeSnapshot;
  readonly actor: string;
  readonly eventId: string;
}

/** What the payment's timeline says of it. */
const noteOf = ({ method, receiptUrl }: ChargeSnapshot): string =>
  [
    ...(method ? [`paid by ${[method.brand ?? method.type, method.last4].filter(Boolean).join(' ')}`] : []),
    ...(receiptUrl === null ? [] : ['the receipt is there']),
  ].join('; ');

/** Builds the handler of charges. They move no status: a payment intent's own events do that. */
export const createChargeEvents = ({ transitions, connection, marks, orders, publish }: Parts): EventHandler => {
  const write = async (tx: Tx, payment: Payment, { charge, ...cause }: Brought) => {
    const [row] = await tx.query<Payment & { isNew: boolean }>(writeCharge(payment, charge));
    if (!row) throw new Error(`Payment ${payment.id} is gone, although rows are never deleted.`);
    const { isNew, ...changed } = row;
    if (!isNew) return processed(() => undefined);
    const { id: nodeId, version, status } = changed;
    tx.send(
      writeChange({
        ...cause,
        nodeType: 'PAYMENT',
        nodeId,
        version,
        fromStatus: status,
        toStatus: status,
        note: noteOf(charge),
      }),
    );
    return processed(() => publish(changed));
  };

  const referenceOf = (charge: ChargeSnapshot, intentId: string): PaymentReference => {
    const { amount, currency, livemode, owner } = charge;
    return { intentId, paymentId: marks.rowOf(owner), amount, currency, livemode };
  };

  return {
    unmatched: UNMATCHED,

    ignore: (event) =>
      marks.isAnothers(hintOf(event).ownerOf('payment'))
        ? 'The charge belongs to another installation on this Stripe account.'
        : undefined,

    async isKnown(on, event) {
      const hint = hintOf(event);
      const paymentId = marks.rowOf(hint.ownerOf('payment'));
      return (await on.query(findByIntentOrMark(hint.intentId ?? '', paymentId))).length > 0;
    },

    async prepare(tx, { event, actor }, fetched) {
      const object = fetched?.answer.object ?? event.data.object;
      const charge = chargeSnapshot(object, fetched?.answer.at ?? event.created);
      if (fetched) assertSame(event, 'payment', { id: charge.chargeId, owner: charge.owner });
      const { intentId } = charge;
      if (intentId === null) return async () => ignored('No payment intent made the charge.');
      if (charge.hasFailed) return async () => ignored('The charge failed: its payment intent tells of that.');
      const reference = referenceOf(charge, intentId);
      const payment = await transitions.lockByReference(tx, reference);
      return async () => {
        if (payment) return write(tx, payment, { charge, actor, eventId: event.id });
        // An invoice's payment may just be made, or a page's learn its intent: then the event is its.
        await tx.query(lockIntent(intentId));
        const made = await transitions.lockByReference(tx, reference);
        return made ? { kind: 'ask', version: made.version } : ignored(UNMATCHED);
      };
    },

    deliversDuplicates: false,

    together: createTogetherByIntent({
      orders,
      intentOf(event) {
        const { intentId, hasFailed } = chargeSnapshot(event.data.object, event.created);
        return hasFailed ? null : intentId;
      },
      async apply({ tx }, payment, { event, actor }) {
        const charge = chargeSnapshot(event.data.object, event.created);
        // Whose it is that names another row, is asked alone.
        const isSure = [null, payment.id].includes(marks.rowOf(charge.owner));
        if (!isSure) return { kind: 'ask', version: payment.version };
        return write(tx, payment, { charge, actor, eventId: event.id });
      },
    }),

    fetch: async (event): Promise<{ object: Stripe.Charge; at: number }> =>
      (await connection.access()).gateway.retrieveCharge(hintOf(event).id),
  };
};
