import {
  BadUserInputError,
  PaymentDisputedError,
  PaymentNotRefundableError,
  RefundExceedsPaymentError,
} from '../../core/errors.js';
import { assertRefundAmount, findCurrency, formatMoney, type MinorUnits } from '../../core/money.js';
import type { StripeAccess } from '../../installation/stripe-connection.js';
import type { Tx } from '../../storage/database.js';
import { type IdempotentRequest, recall, remember } from '../../storage/idempotent-request.js';
import type { StripeRefundReason } from '../../stripe/refund-reasons.js';
import type { Dispute } from '../disputes/row.js';
import { findBlocking } from '../disputes/rows.js';
import type { Payment } from '../payments/row.js';
import type { HeldRefunds, RefundTransitions } from './apply.js';
import { amountRefundable, isSettledOutOfBand } from './refundable.js';
import type { Refund } from './row.js';

/** What a client asks for with `refund`. */
export interface RefundRequest {
  readonly paymentId: string;
  readonly amount: MinorUnits;
  /** Free text, at most 500 characters. */
  readonly reason?: string;
  readonly stripeReason?: StripeRefundReason;
  readonly idempotencyKey?: string;
}

/** Everything a reservation depends on. */
export interface RefundReservation {
  readonly request: RefundRequest;
  /** The payment as it was read; it is read again under its lock. */
  readonly payment: Payment;
  readonly access: Pick<StripeAccess, 'livemode' | 'account'>;
  readonly actor: string;
  readonly idempotency: IdempotentRequest | undefined;
}

/** What the locks decided. `made`: a new PENDING refund. `repeated`: the key was used before for this one. */
export interface ReservedRefund {
  readonly kind: 'made' | 'repeated';
  readonly refund: Refund;
  readonly held: HeldRefunds;
}

/** Decides under the payment's locks whether a refund may be, and reserves its amount: nobody else can take it then. */
export interface RefundReservations {
  /** @throws PaymentNotRefundableError, PaymentDisputedError, AmountInvalidError, RefundExceedsPaymentError, IdempotencyConflictError */
  reserve(tx: Tx, reservation: RefundReservation): Promise<ReservedRefund>;
}

/** The longest value that Stripe's metadata takes. */
const REASON_LENGTH = 500;

/** Refuses what no payment could make right. */
export const checkReason = ({ reason }: Pick<RefundRequest, 'reason'>): void => {
  if (reason !== undefined && reason.length > REASON_LENGTH)
    throw new BadUserInputError(`A reason has at most ${REASON_LENGTH} characters.`);
};

/** @throws PaymentNotRefundableError, AmountInvalidError, RefundExceedsPaymentError */
export const assertRefundable = (payment: Payment, amount: MinorUnits, access: RefundReservation['access']): void => {
  if (payment.status !== 'SUCCESSFUL')
    throw new PaymentNotRefundableError(
      `Payment ${payment.id} is ${payment.status}; only a SUCCESSFUL one is refunded.`,
    );
  if (payment.amountReceived === 0)
    throw new PaymentNotRefundableError(
      isSettledOutOfBand(payment)
        ? `Payment ${payment.id} was settled out of band or from credit: Stripe received no money for it. Give it back the way it came.`
        : `Stripe received no money for payment ${payment.id}; nothing can be refunded.`,
    );
  if (payment.livemode !== access.livemode || payment.stripeAccount !== access.account)
    throw new PaymentNotRefundableError(
      `Payment ${payment.id} was made with the keys of another Stripe account or mode; refund it there.`,
    );
  assertRefundAmount(amount, findCurrency(payment.currency));
  const left = amountRefundable(payment);
  if (amount > left) {
    const [asked, rest] = [amount, left].map((value) => formatMoney(value, payment.currency));
    throw new RefundExceedsPaymentError(
      `Can't refund ${asked}: ${rest} is left of payment ${payment.id}, refunds under way counted.`,
      left,
    );
  }
};

/** Stripe refuses to refund a charge whose dispute has taken the money: known before, nothing is written. */
export const assertUndisputed = async (tx: Tx, { id }: Payment): Promise<void> => {
  const [dispute] = await tx.query<Dispute>(findBlocking(id));
  if (dispute) throw new PaymentDisputedError(id);
};

export const createRefundReservations = (transitions: RefundTransitions): RefundReservations => ({
  async reserve(tx, { request, payment, access, actor, idempotency }) {
    const held = await transitions.lock(tx, payment);
    const earlier = await recall(tx, idempotency);
    const repeated = held.refunds.find(({ id }) => id === earlier);
    if (repeated) return { kind: 'repeated', refund: repeated, held };
    await assertUndisputed(tx, held.payment);
    assertRefundable(held.payment, request.amount, access);
    const { amount, reason = null, stripeReason = null } = request;
    const reserved = await transitions.reserve(tx, held, { amount, reason, stripeReason, actor });
    const refund = reserved.refunds.at(-1);
    if (!refund) throw new Error('The reserved refund is missing.');
    await remember(tx, idempotency, refund.id);
    return { kind: 'made', refund, held: reserved };
  },
});
