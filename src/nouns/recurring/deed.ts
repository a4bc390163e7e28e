import type { Caller } from '../../core/caller.js';
import { NotFoundError } from '../../core/errors.js';
import { isLive } from '../../core/states.js';
import type { Database, Tx } from '../../storage/database.js';
import { type IdempotentRequest, recall, remember } from '../../storage/idempotent-request.js';
import type { RecurringTransitions } from './apply.js';
import type { RecurringReads } from './read.js';
import type { RecurringPayment } from './row.js';

/** Something that is done to one row. */
export interface Deed {
  /** The row that is meant. Throws where there is none for the caller. */
  find(): Promise<RecurringPayment>;
  /** Throws where it may not be done to the locked row; what it writes in the transaction is kept with the beginning. */
  assertAllowed(row: RecurringPayment, tx: Tx): void | Promise<void>;
  /** Does it, to a row that lives; again after a crash halfway. */
  act(row: RecurringPayment): Promise<RecurringPayment>;
}

/** What a deed is done with. */
export interface DeedParts {
  readonly database: Database;
  readonly reads: Pick<RecurringReads, 'readMany'>;
  readonly transitions: Pick<RecurringTransitions, 'lockById'>;
}

/**
 * Does something to one row, once per key. A key that was answered answers with its row as it is now, whatever was done to
 * it since; one whose answer was lost goes on with the row that it began with. What is refused binds nothing.
 */
export const doOnce = async (
  { database, reads, transitions }: DeedParts,
  idempotency: IdempotentRequest | undefined,
  { find, assertAllowed, act }: Deed,
): Promise<RecurringPayment> => {
  const beginning = idempotency && { ...idempotency, operation: `${idempotency.operation}:begun` };
  const [answered, begun] = await database.transaction((tx) =>
    Promise.all([recall(tx, idempotency), recall(tx, beginning)]),
  );
  const [known] = await reads.readMany([answered ?? begun].filter((id) => id !== undefined));
  if (known && answered !== undefined) return known;
  const found = known ?? (await find());
  const row = await database.transaction(async (tx) => {
    const locked = await transitions.lockById(tx, found);
    // Asked again under the lock: the same key may have begun meanwhile.
    if ((await recall(tx, beginning)) === undefined) await assertAllowed(locked, tx);
    await remember(tx, beginning, locked.id);
    return locked;
  }, found.orderId);
  const after = isLive(row) ? await act(row) : row;
  await database.transaction((tx) => remember(tx, idempotency, after.id));
  return after;
};

/** The recurring payment of this id. @throws NotFoundError where the caller may see none */
export const findById = async (
  reads: Pick<RecurringReads, 'find'>,
  id: string,
  caller: Caller,
): Promise<RecurringPayment> => {
  const found = await reads.find(id, caller);
  if (!found) throw new NotFoundError('recurring payment', id);
  return found;
};
