import { BadUserInputError } from '../core/errors.js';
import type { QuarantineReason } from '../core/states.js';
import { writeAudit } from '../storage/audit.js';
import type { Database, Queryable } from '../storage/database.js';
import { changeSetting, readSetting } from './setting-rows.js';

/** What may become of money that isn't what was asked for, or that comes after a cancel. */
export const MONEY_POLICIES = ['ASK', 'ACCEPT', 'REFUND'] as const;
export type MoneyPolicy = (typeof MONEY_POLICIES)[number];

/** What becomes of it by itself. */
export interface MoneyPolicies {
  /** Of a success after a cancel. */
  readonly latePayment: MoneyPolicy;
  /** Of another amount or currency; never ACCEPT. */
  readonly mismatch: MoneyPolicy;
}

const KEY = 'money-policy';
const ASKED: MoneyPolicies = { latePayment: 'ASK', mismatch: 'ASK' };

const policiesOf = (value: unknown): MoneyPolicies => ({ ...ASKED, ...(value as Partial<MoneyPolicies> | undefined) });

/** The policies in force, read where they are needed: such money is rare. ASK until something else is set. */
export const readMoneyPolicies = async (on: Queryable): Promise<MoneyPolicies> =>
  policiesOf(await readSetting(on, KEY));

/** The policy for money that is set aside for this reason. */
export const policyFor = (policies: MoneyPolicies, reason: QuarantineReason): MoneyPolicy =>
  reason === 'LATE' ? policies.latePayment : policies.mismatch;

/**
 * Sets one policy or both, and keeps who did it in the audit. They hold for money that comes from then on. The same again changes
 * nothing.
 *
 * @param actor `account:<id>` or `operator`
 * @throws BadUserInputError where neither is given, and for `mismatch: ACCEPT`
 */
export const setMoneyPolicies = (
  database: Database,
  given: { readonly [Policy in keyof MoneyPolicies]?: MoneyPolicy | undefined },
  actor: string,
): Promise<MoneyPolicies> => {
  const { latePayment, mismatch } = given;
  if (latePayment === undefined && mismatch === undefined)
    throw new BadUserInputError('Give latePayment, mismatch, or both.');
  if (mismatch === 'ACCEPT')
    throw new BadUserInputError(
      'Money of another amount or currency is never taken by itself: mismatch is ASK or REFUND. Single payments are accepted with decideQuarantined.',
    );
  return database.transaction(async (tx) => {
    const { before, after } = await changeSetting(tx, KEY, (value) => {
      const present = policiesOf(value);
      return { latePayment: latePayment ?? present.latePayment, mismatch: mismatch ?? present.mismatch };
    });
    const was = policiesOf(before);
    if (was.latePayment !== after.latePayment || was.mismatch !== after.mismatch)
      tx.send(writeAudit(actor, 'MONEY_POLICY_SET', { from: was, to: after }));
    return after;
  });
};
