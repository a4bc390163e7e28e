import { actorOf, type Caller, mayRead } from '../../core/caller.js';
import {
  CurrencyMismatchError,
  NotFoundError,
  PaymentNotQuarantinedError,
  PaymentNotRefundableError,
} from '../../core/errors.js';
import { formatMoney } from '../../core/money.js';
import type { QuarantineDecision } from '../../core/states.js';
import type { StripeAccess, StripeConnection } from '../../installation/stripe-connection.js';
import { writeAudit } from '../../storage/audit.js';
import type { Database, Tx } from '../../storage/database.js';
import { type IdempotentRequest, idempotentRequest, recall, remember } from '../../storage/idempotent-request.js';
import type { PaymentTransitions } from '../payments/apply.js';
import { type Payment, receivedIn } from '../payments/row.js';
import { clearSendBack } from '../payments/rows.js';
import type { HeldRefunds, RefundTransitions } from '../refunds/apply.js';
import type { RefundReads } from '../refunds/read.js';
import { assertUndisputed, checkReason } from '../refunds/reserve.js';
import type { Refund } from '../refunds/row.js';
import type { RefundAttempts } from '../refunds/settle.js';

/** What is decided of which payment. */
export interface DecideRequest {
  readonly paymentId: string;
  readonly decision: QuarantineDecision;
  /** Why, at most 500 characters; for the audit, the timeline and the refund. */
  readonly reason?: string;
  readonly idempotencyKey?: string;
}

/** Decides of money that was set aside. */
export interface Quarantine {
  /**
   * ACCEPT: the payment is SUCCESSFUL with what was received, which counts for its order, and the payment callback runs in that
   * transaction. REFUND: all that is left of it goes back as a refund like any other, its unknown outcome included; the payment
   * stays QUARANTINED. Whoever decides at once, the first holds; the same key again gives the payment as it is now.
   *
   * @throws NotFoundError, PaymentNotQuarantinedError, CurrencyMismatchError for ACCEPT of another currency; of a REFUND:
   *   PaymentNotRefundableError, PaymentDisputedError, StripeDeclinedError
   */
  decide(request: DecideRequest, caller: Caller, actor?: string): Promise<Payment>;
}

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly payments: Pick<PaymentTransitions, 'accept'>;
  readonly refunds: RefundTransitions;
  readonly attempts: Pick<RefundAttempts, 'make'>;
  readonly reads: Pick<RefundReads, 'paymentOf'>;
  readonly publish: (changed: HeldRefunds['changed']) => void;
}

/** What is left of a quarantined payment's money, in minor units: refunds that are confirmed or under way are taken off. */
const leftOf = ({ amountReceived, amountRefunded, amountRefundPending }: Payment): number =>
  amountReceived - amountRefunded - amountRefundPending;

const assertUndecided = (payment: Payment): void => {
  if (payment.status !== 'QUARANTINED')
    throw new PaymentNotQuarantinedError(`Payment ${payment.id} is ${payment.status}: there is nothing to decide.`);
  if (leftOf(payment) <= 0)
    throw new PaymentNotQuarantinedError(`All money of payment ${payment.id} is sent back already.`);
};

/** Only money in the order's own currency can be counted for it. */
const assertCountable = (payment: Payment): void => {
  if (payment.receivedCurrency !== null)
    throw new CurrencyMismatchError(
      `Payment ${payment.id} asked for ${payment.currency} and received ${payment.receivedCurrency}, which can't be counted for its order: send it back.`,
    );
};

const assertReachable = ({ id, livemode, stripeAccount }: Payment, access: StripeAccess): void => {
  if (livemode !== access.livemode || stripeAccount !== access.account)
    throw new PaymentNotRefundableError(
      `Payment ${id} was made with the keys of another Stripe account or mode; refund it there.`,
    );
};

/** A decision as it is written. */
interface Decision {
  readonly payment: Payment;
  readonly request: DecideRequest;
  readonly actor: string;
  readonly idempotency: IdempotentRequest | undefined;
  /** With which keys money goes back; undefined where it is accepted. */
  readonly access: StripeAccess | undefined;
}

/** What the locks decided; `refund`: it is to be made at Stripe now. */
interface Decided {
  readonly held: HeldRefunds;
  readonly refund?: Refund;
}

/** Builds it over the payments' and refunds' own transitions. */
export const createQuarantine = (parts: Parts): Quarantine => {
  const { database, connection, payments, refunds, attempts, reads, publish } = parts;

  const accept = async (tx: Tx, held: HeldRefunds, { request, actor }: Decision): Promise<Decided> => {
    const { payment } = held;
    assertCountable(payment);
    const note = `${formatMoney(payment.amountReceived, payment.currency)} was accepted${request.reason ? `: ${request.reason}` : ''}`;
    const accepted = await payments.accept(tx, payment, { actor, note });
    return { held: { ...held, payment: accepted, changed: { payment: accepted, refunds: [] } } };
  };

  const sendBack = async (tx: Tx, held: HeldRefunds, { request, actor, access }: Decision): Promise<Decided> => {
    if (access) assertReachable(held.payment, access);
    await assertUndisputed(tx, held.payment);
    const reserved = await refunds.reserve(tx, held, {
      amount: leftOf(held.payment),
      reason: request.reason ?? null,
      stripeReason: null,
      actor,
    });
    const refund = reserved.refunds.at(-1);
    if (!refund) throw new Error('The reserved refund is missing.');
    return { held: reserved, refund };
  };

  const write = async (tx: Tx, decision: Decision): Promise<Decided> => {
    const { payment, request, actor, idempotency } = decision;
    const held = await refunds.lock(tx, payment);
    if ((await recall(tx, idempotency)) !== undefined) return { held };
    assertUndecided(held.payment);
    const decided = await (request.decision === 'ACCEPT' ? accept : sendBack)(tx, held, decision);
    const { paymentId, decision: kind, reason = null } = request;
    const amount = leftOf(held.payment);
    const currency = receivedIn(held.payment);
    tx.send(clearSendBack(paymentId));
    tx.send(writeAudit(actor, 'QUARANTINE_DECIDED', { paymentId, decision: kind, reason, amount, currency }));
    await remember(tx, idempotency, paymentId);
    return decided;
  };

  return {
    async decide(request, caller, actor = actorOf(caller)) {
      checkReason(request);
      const payment = await reads.paymentOf(request.paymentId);
      if (!payment || !mayRead(caller, payment, 'PAYMENT_READ_ANY'))
        throw new NotFoundError('payment', request.paymentId);
      const idempotency = idempotentRequest(caller, 'decideQuarantined', request);
      const access = request.decision === 'REFUND' ? await connection.access() : undefined;
      const { held, refund } = await database.transaction(
        (tx) => write(tx, { payment, request, actor, idempotency, access }),
        payment.orderId,
      );
      publish(held.changed);
      if (refund && access) await attempts.make({ refund, payment: held.payment }, { access, actor });
      return (await reads.paymentOf(payment.id)) ?? held.payment;
    },
  };
};
