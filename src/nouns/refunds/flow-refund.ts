import { BadUserInputError, NotFoundError } from '../../core/errors.js';
import { isNodeId } from '../../core/node-id.js';
import type { ReserveFlowRefund } from '../../flows/flow-refunds.js';
import type { Payment } from '../payments/row.js';
import { lockById } from '../payments/rows.js';
import type { HeldRefunds } from './apply.js';
import { checkReason, type RefundReservations } from './reserve.js';
import { wakeRefund } from './rows.js';

/** Who asks, in the timeline. */
const ACTOR = 'flow';

/**
 * Reserves what a flow gives back, in the flow's own transaction: it is there exactly if the change is. A job makes it at Stripe
 * afterwards, as it does any refund whose outcome isn't known. The order's lock must be held; payments of other orders are refused, for
 * their locks are not.
 *
 * @throws NotFoundError, PaymentNotRefundableError, RefundExceedsPaymentError, PaymentDisputedError, BadUserInputError
 */
export const createFlowRefund =
  (reservations: RefundReservations, publish: (changed: HeldRefunds['changed']) => void): ReserveFlowRefund =>
  async (tx, orderId, { paymentId, amount, reason }) => {
    const why = reason === undefined ? {} : { reason };
    checkReason(why);
    if (!Number.isSafeInteger(amount)) throw new BadUserInputError('An amount is a whole number of minor units.');
    const [payment] = isNodeId(paymentId) ? await tx.query<Payment>(lockById(paymentId)) : [];
    if (payment?.orderId !== orderId) throw new NotFoundError('payment', paymentId);
    const access = { livemode: payment.livemode, account: payment.stripeAccount };
    const request = { paymentId, amount, ...why };
    const reserved = await reservations.reserve(tx, { request, payment, access, actor: ACTOR, idempotency: undefined });
    const { refund, held } = reserved;
    await tx.query(wakeRefund(refund.id));
    tx.afterCommit(() => publish(held.changed));
    return { id: refund.id };
  };
