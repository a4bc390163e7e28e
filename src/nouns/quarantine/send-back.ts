import type { Caller } from '../../core/caller.js';
import { DomainError } from '../../core/errors.js';
import { PERMISSIONS } from '../../core/permissions.js';
import type { Database } from '../../storage/database.js';
import type { Payment } from '../payments/row.js';
import { claimSendBack, clearSendBack } from '../payments/rows.js';
import type { Quarantine } from './decide.js';

interface Parts {
  readonly database: Database;
  readonly quarantine: Quarantine;
  readonly log: { info(detail: object, message: string): void; warn(detail: object, message: string): void };
}

const AT_ONCE = 8;
const LEASE_SECONDS = 60;

/** Who decides by the policy: the installation itself. */
const SELF: Caller = { accountId: null, roles: [], permissions: new Set(PERMISSIONS) };

/** What only time heals: the next turn tries again. */
const PASSING: ReadonlySet<string> = new Set(['STRIPE_UNAVAILABLE', 'NOT_CONFIGURED', 'UNAVAILABLE']);

/**
 * Sends back what the policy sets aside for that, and gives how many payments were looked at. Every process may run it: each is
 * taken once, and again after a crash. What can't go back, because it is disputed or was decided meanwhile, is left to an operator.
 */
export const createSendBack =
  ({ database, quarantine, log }: Parts): (() => Promise<number>) =>
  async () => {
    const due = await database.query<Payment>(claimSendBack(AT_ONCE, LEASE_SECONDS));
    const sendBack = async ({ id: paymentId }: Payment): Promise<void> => {
      try {
        await quarantine.decide({ paymentId, decision: 'REFUND', reason: 'By the money policy.' }, SELF, 'job');
        log.info({ paymentId }, 'money was sent back by the policy');
      } catch (error) {
        const isPassing = !(error instanceof DomainError) || PASSING.has(error.code);
        if (!isPassing) await database.query(clearSendBack(paymentId));
        log.warn({ err: error, paymentId }, isPassing ? 'money is sent back later' : 'money waits for an operator');
      }
    };
    await Promise.all(due.map(sendBack));
    return due.length;
  };
