import { DomainError, StripeUnavailableError } from '../../core/errors.js';
import { isLive } from '../../core/states.js';
import { assertReachable, type StripeConnection, type Who } from '../../installation/stripe-connection.js';
import type { Database } from '../../storage/database.js';
import type { RecurringTransitions } from './apply.js';
import type { RecurringAttempts } from './attempts.js';
import { restoringOf } from './change-writes.js';
import { untilFree } from './changes.js';
import { readPrice } from './prices.js';
import { type RecurringPayment, rememberedChangeOf } from './row.js';
import { claimRestoring, dropRestoring, endChange, stopRestoring, takeForChange, writeRestoring } from './rows.js';

/**
 * Lets a change that had waited when an end was scheduled wait again once that is taken back. Stripe takes both in two calls; the first
 * is made only once it is written down that the second is to follow.
 */
export interface Restoring {
  /** Writes down that what had waited is to wait again. Nothing where nothing had waited, or no end is scheduled; twice is as once. */
  begin(row: RecurringPayment, actor: string): Promise<void>;
  /**
   * Schedules what had waited again, where its end is taken back, and gives the row then. One that Stripe won't schedule any more is
   * dropped. One that somebody else is writing is waited for. Twice schedules it once.
   *
   * @throws StripeUnavailableError when the outcome is unknown: it is finished later
   */
  finish(row: RecurringPayment, who: Who): Promise<RecurringPayment>;
  /** Finishes what nobody finished, because they died or Stripe didn't answer, and gives how many were looked at. Every process may run it. */
  finishDue(): Promise<number>;
}

interface Parts {
  readonly database: Database;
  readonly connection: StripeConnection;
  readonly transitions: Pick<RecurringTransitions, 'lockById'>;
  readonly attempts: Pick<RecurringAttempts, 'write' | 'refresh'>;
  readonly log: { warn(detail: object, message: string): void };
}

const AT_ONCE = 8;
/** Longer than taking back an end and scheduling again may take. */
const LEASE_SECONDS = 90;

/** Builds the calls over their parts. */
export const createRestoring = ({ database, connection, transitions, attempts, log }: Parts): Restoring => {
  /** Schedules it, as the one who writes to it. */
  const schedule = async (row: RecurringPayment, who: Who): Promise<RecurringPayment> => {
    const remembered = rememberedChangeOf(row);
    const isStillTo = remembered !== null && row.currentPeriodEnd?.getTime() === remembered.at.getTime();
    if (isStillTo)
      try {
        const price = await readPrice(who.access.gateway, remembered.priceId);
        const { priceId, quantity } = remembered;
        return (await attempts.write(row, restoringOf({ ...who, price, terms: { priceId, quantity } })))
          .recurringPayment;
      } catch (error) {
        // The end is taken back all the same.
        if (!(error instanceof DomainError) || error instanceof StripeUnavailableError) throw error;
        log.warn({ err: error, recurringPaymentId: row.id }, 'a change that had waited could not be scheduled again');
      }
    await database.query(dropRestoring(row.id));
    return { ...row, restoringBy: null, pendingPriceId: null, pendingQuantity: null, pendingAt: null };
  };

  /** As the one who may write to it; `isBusy` where that is somebody else. */
  const finishNow = async (
    known: RecurringPayment,
    who: Who,
  ): Promise<{ readonly row: RecurringPayment; readonly isBusy: boolean }> => {
    if (known.restoringBy === null || known.cancelAtPeriodEnd || !isLive(known)) return { row: known, isBusy: false };
    const { row, change } = await database.transaction(async (tx) => {
      const present = await transitions.lockById(tx, known);
      const isOurs = present.restoringBy !== null && !present.cancelAtPeriodEnd && isLive(present);
      const [taken] = isOurs ? await tx.query<{ number: number }>(takeForChange(present.id, LEASE_SECONDS)) : [];
      return { row: present, change: taken };
    }, known.orderId);
    if (!change) return { row, isBusy: row.restoringBy !== null && !row.cancelAtPeriodEnd && isLive(row) };
    try {
      return { row: await schedule(row, who), isBusy: false };
    } finally {
      await database.query(endChange(row.id, change.number));
    }
  };

  const finishOne = async (row: RecurringPayment): Promise<void> => {
    const access = await connection.access();
    assertReachable('Recurring payment', row, access);
    const who = { access, actor: row.restoringBy ?? 'job' };
    const present = await attempts.refresh(row, who);
    if (present.cancelAtPeriodEnd) await database.query(stopRestoring(row.id));
    // Whoever is writing to it now is not waited for: a later round looks again.
    else await finishNow(present, who);
  };

  return {
    async begin(row, actor) {
      if (row.cancelAtPeriodEnd && rememberedChangeOf(row) !== null)
        await database.query(writeRestoring(row.id, actor));
    },

    async finish(known, who) {
      const { row, isBusy } = await finishNow(known, who);
      if (!isBusy) return row;
      await untilFree({ database }, row);
      return attempts.refresh(row, who);
    },

    async finishDue() {
      const due = await database.query<RecurringPayment>(claimRestoring(AT_ONCE, LEASE_SECONDS));
      await Promise.all(
        due.map((row) =>
          finishOne(row).catch((error: unknown) => {
            log.warn({ err: error, recurringPaymentId: row.id }, 'a change that had waited is scheduled again later');
          }),
        ),
      );
      return due.length;
    },
  };
};
