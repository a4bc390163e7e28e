import { DomainError } from '../../core/errors.js';
import { isOpen } from '../../core/states.js';
import { assertReachable, type StripeConnection } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import type { UnpaidInvoices } from '../recurring/unpaid-invoices.js';
import type { PaymentAttempts } from './attempts.js';
import type { PaymentReservations } from './reserve.js';
import type { Payment } from './row.js';
import { claimMarked, clearMark } from './rows.js';

/** Takes back what is open and needed no more. */
export interface Withdrawals {
  /**
   * Cancels at Stripe the open attempts whose orders were covered otherwise meanwhile, voids the open invoices of recurring payments
   * that have ended, and gives how many payments were looked at. Every
   * process may run it: each is taken once, and again after a crash. What can't be stopped any more is looked at again.
   */
  withdrawDue(): Promise<number>;
}

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly reservations: Pick<PaymentReservations, 'review'>;
  readonly attempts: Pick<PaymentAttempts, 'cancel'>;
  readonly unpaid: Pick<UnpaidInvoices, 'voidOne'>;
  readonly log: { info(detail: object, message: string): void; warn(detail: object, message: string): void };
}

const AT_ONCE = 8;
const LEASE_SECONDS = 60;
const ACTOR = 'job';

export const createWithdrawals = ({
  database,
  connection,
  reservations,
  attempts,
  unpaid,
  log,
}: Parts): Withdrawals => {
  /** Made with other keys: these can't stop it, and it is looked at again when the lease has ended. */
  const accessOf = async (payment: Payment) => {
    const access = await connection.access();
    assertReachable('Payment', payment, access);
    return access;
  };

  const withdrawInvoice = async (payment: Payment): Promise<void> => {
    if (isOpen(payment)) await unpaid.voidOne(payment, await accessOf(payment), ACTOR);
    await database.query(clearMark(payment.id));
  };

  const withdrawAttempt = async (payment: Payment): Promise<void> => {
    const misfit = await database.transaction((tx) => reservations.review(tx, payment), payment.orderId);
    if (!misfit) {
      await database.query(clearMark(payment.id));
      return;
    }
    const after = await attempts.cancel(payment, { access: await accessOf(payment), actor: ACTOR });
    if (isOpen(after)) return;
    await database.query(clearMark(payment.id));
    log.info({ paymentId: payment.id, status: after.status, code: misfit.code }, 'an attempt was withdrawn');
  };

  return {
    async withdrawDue() {
      const due = await database.query<Payment>(claimMarked(AT_ONCE, LEASE_SECONDS));
      await Promise.all(
        due.map((payment) =>
          (payment.stripeInvoiceId === null ? withdrawAttempt : withdrawInvoice)(payment).catch((error: unknown) => {
            const expected = error instanceof DomainError;
            log.warn({ err: error, paymentId: payment.id, expected }, 'an attempt is withdrawn later');
          }),
        ),
      );
      return due.length;
    },
  };
};
