import { DomainError } from '../core/errors.js';
import { isOpen } from '../core/states.js';
import type { Database } from '../storage/database.js';
import type { Payment } from '../storage/payment.js';
import type { PaymentAttempts } from './payment-attempts.js';
import type { PaymentReservations } from './payment-reservations.js';
import { claimMarked, clearMark } from './payment-rows.js';
import type { StripeConnection } from './stripe-connection.js';

/** Takes back attempts that their orders need no more. */
export interface Withdrawals {
  /**
   * Cancels at Stripe the open attempts whose orders were covered otherwise meanwhile, and gives how many were looked at. Every
   * process may run it: each is taken once, and again after a crash. What can't be stopped any more is looked at again.
   */
  withdrawDue(): Promise<number>;
}

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly reservations: Pick<PaymentReservations, 'review'>;
  readonly attempts: Pick<PaymentAttempts, 'cancel'>;
  readonly log: { info(detail: object, message: string): void; warn(detail: object, message: string): void };
}

const AT_ONCE = 8;
const LEASE_SECONDS = 60;
const ACTOR = 'job';

/** Builds it. */
export const createWithdrawals = ({ database, connection, reservations, attempts, log }: Parts): Withdrawals => {
  const withdraw = async (payment: Payment): Promise<void> => {
    const misfit = await database.transaction((tx) => reservations.review(tx, payment));
    if (!misfit) {
      await database.query(clearMark(payment.id));
      return;
    }
    const access = await connection.access();
    // Made with other keys: these can't stop it. It is looked at again when the lease has ended.
    if (payment.livemode !== access.livemode || payment.stripeAccount !== access.account) return;
    const after = await attempts.cancel(payment, access, ACTOR);
    if (isOpen(after)) return;
    await database.query(clearMark(payment.id));
    log.info({ paymentId: payment.id, status: after.status, code: misfit.code }, 'an attempt was withdrawn');
  };

  return {
    async withdrawDue() {
      const due = await database.query<Payment>(claimMarked(AT_ONCE, LEASE_SECONDS));
      await Promise.all(
        due.map((payment) =>
          withdraw(payment).catch((error: unknown) => {
            const expected = error instanceof DomainError;
            log.warn({ err: error, paymentId: payment.id, expected }, 'an attempt is withdrawn later');
          }),
        ),
      );
      return due.length;
    },
  };
};
