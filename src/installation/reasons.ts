import { actorOf, type Caller } from '../core/caller.js';
import { readReason } from '../core/reason.js';
import type { AuditLog } from './audit-log.js';

/** Something that a person does, and why. */
export interface Reasoned {
  readonly caller: Caller;
  /** As the audit calls it. */
  readonly action: string;
  /** What it is done to. */
  readonly detail: object;
  readonly reason: string | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/**
 * Does it, and keeps an operator's reason in the audit once it is done; without one only the timeline tells of it.
 *
 * @throws BadUserInputError for too long a reason, before anything is done
 */
export const withReason = async <T>(
  audit: Pick<AuditLog, 'record'>,
  { caller, action, detail, reason, idempotencyKey }: Reasoned,
  work: () => Promise<T>,
): Promise<T> => {
  const why = readReason(reason);
  const done = await work();
  // An app's customers don't write into the audit, which nobody may shorten.
  if (why !== undefined && caller.permissions.has('PAYMENT_READ_ANY'))
    await audit.record({
      actor: actorOf(caller),
      action,
      detail: { ...detail, reason: why },
      key: idempotencyKey ?? undefined,
    });
  return done;
};
