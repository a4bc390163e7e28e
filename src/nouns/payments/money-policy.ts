import { formatMoney } from '../../core/money.js';
import { type PaymentSignal, QUARANTINE_NEXT, quarantineReason } from '../../core/states.js';
import { policyFor, readMoneyPolicies } from '../../installation/money-policy.js';
import type { Tx } from '../../storage/database.js';
import type { PaymentFacts } from '../../stripe/translate.js';
import type { Payment } from './row.js';
import { type PaymentUpdate, writeQuarantine } from './rows.js';

/** What a version writes, and what its entry in the timeline says beside. */
export interface Intake {
  readonly update: PaymentUpdate;
  readonly note?: string | undefined;
}

const WHY = {
  LATE: 'came after the payment was cancelled',
  MISMATCH: 'is not what was asked for',
} as const;

/**
 * What becomes of the money that a snapshot brings: what was asked for passes; late money and another amount or currency are set
 * aside for an operator, taken, or set aside to be sent back, as the policy in force says. The payment must be locked.
 */
export const takeIn = async (
  tx: Tx,
  payment: Payment,
  { update, signal, snapshot }: { update: PaymentUpdate; signal: PaymentSignal; snapshot: PaymentFacts },
): Promise<Intake> => {
  const reason = quarantineReason(payment.status, signal);
  if (reason === undefined) return { update };
  const { amountReceived, currency } = snapshot;
  const policy = policyFor(await readMoneyPolicies(tx), reason);
  const arrived = `${formatMoney(amountReceived, currency)} ${WHY[reason]}`;
  if (policy === 'ACCEPT')
    return { update: { ...update, status: QUARANTINE_NEXT.ACCEPT }, note: `${arrived}; the policy takes it` };
  const sendsBack = policy === 'REFUND';
  tx.send(writeQuarantine(payment.id, { reason, currency, sendsBack }));
  return { update, note: `${arrived}; ${sendsBack ? 'the policy sends it back' : 'an operator decides'}` };
};
