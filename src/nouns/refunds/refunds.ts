import { actorOf, type Caller, mayRead } from '../../core/caller.js';
import { DomainError, NotFoundError } from '../../core/errors.js';
import type { StripeConnection } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import { idempotentRequest } from '../../storage/idempotent-request.js';
import type { Payment } from '../payments/row.js';
import type { HeldRefunds } from './apply.js';
import type { RefundTiming } from './make.js';
import type { RefundReads } from './read.js';
import { checkReason, type RefundRequest, type RefundReservations } from './reserve.js';
import type { Refund } from './row.js';
import { claimUnknown, type DueRefund } from './rows.js';
import { type RefundAttempts, refundRefusal } from './settle.js';

/** Refunds: every rule of who, what and when lives behind these calls. */
export interface Refunds extends RefundReads {
  /**
   * Gives money of a payment back: its amount is reserved before Stripe is called, so that all refunds together never
   * exceed what was received, whoever asks at once. An unknown outcome is the PENDING refund. The same idempotency key
   * again gives the same refund as it is now.
   *
   * @throws NotFoundError, PaymentNotRefundableError, RefundExceedsPaymentError, PaymentDisputedError, StripeDeclinedError
   */
  refund(request: RefundRequest, caller: Caller): Promise<Refund>;
  /** Looks for the outcome of refunds that are due; gives how many. Every process may run it: each refund is taken once. */
  findOutcomes(): Promise<number>;
}

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly reservations: RefundReservations;
  readonly attempts: RefundAttempts;
  readonly reads: RefundReads;
  readonly publish: (changed: HeldRefunds['changed']) => void;
  readonly timing: Pick<RefundTiming, 'leaseMs'>;
  readonly log: { warn(detail: object, message: string): void };
}

const OUTCOMES_AT_ONCE = 8;

/** Stripe has not said yet whether it made the refund. */
const isUnknown = ({ status, stripeRefundId }: Refund): boolean => status === 'PENDING' && stripeRefundId === null;

/** Builds the calls over their parts: reservations lock and write, attempts call Stripe, reads read. */
export const createRefunds = (parts: Parts): Refunds => {
  const { database, connection, reservations, attempts, reads, publish, timing, log } = parts;

  /** The same key again: as it is now; one that Stripe had refused is refused again. */
  const repeat = async (refund: Refund, payment: Payment, actor: string): Promise<Refund> => {
    if (refund.status === 'FAILED' && refund.stripeRefundId === null) throw refundRefusal(refund);
    if (!isUnknown(refund)) return refund;
    return attempts.findOut({ refund, payment }, { access: await connection.access(), actor });
  };

  const findOutcome = async ({ id, paymentId }: DueRefund): Promise<void> => {
    try {
      const [[refund], payment, access] = await Promise.all([
        reads.readMany([id]),
        reads.paymentOf(paymentId),
        connection.access(),
      ]);
      if (!refund || !payment || !isUnknown(refund)) return;
      // Made with other keys: these can't know. It is looked at again when the lease has ended.
      if (payment.livemode !== access.livemode || payment.stripeAccount !== access.account) return;
      await attempts.findOut({ refund, payment }, { access, actor: 'job' });
    } catch (error) {
      if (error instanceof DomainError && error.code !== 'STRIPE_UNAVAILABLE' && error.code !== 'NOT_CONFIGURED')
        return;
      log.warn({ err: error, refundId: id }, 'the outcome of a refund was not found out, it is looked for again');
    }
  };

  return {
    ...reads,

    async refund(request, caller) {
      checkReason(request);
      const idempotency = idempotentRequest(caller, 'refund', request);
      const payment = await reads.paymentOf(request.paymentId);
      if (!payment || !mayRead(caller, payment, 'REFUND_READ_ANY'))
        throw new NotFoundError('payment', request.paymentId);
      const access = await connection.access();
      const actor = actorOf(caller);
      const { kind, refund, held } = await database.transaction(
        (tx) => reservations.reserve(tx, { request, payment, access, actor, idempotency }),
        payment.orderId,
      );
      if (kind === 'repeated') return repeat(refund, held.payment, actor);
      publish(held.changed);
      return attempts.make({ refund, payment: held.payment }, { access, actor });
    },

    async findOutcomes() {
      const due = await database.query<DueRefund>(claimUnknown(OUTCOMES_AT_ONCE, timing.leaseMs));
      await Promise.all(due.map(findOutcome));
      return due.length;
    },
  };
};
