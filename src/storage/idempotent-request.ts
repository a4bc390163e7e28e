import { createHash } from 'node:crypto';
import type { Caller } from '../core/caller.js';
import { BadUserInputError, IdempotencyConflictError } from '../core/errors.js';
import type { Tx } from './database.js';

/** A caller's key for one operation, and a hash of what is asked with it. */
export interface IdempotentRequest {
  readonly accountId: string | null;
  readonly operation: string;
  readonly key: string;
  readonly inputHash: string;
}

const MAXIMUM_LENGTH = 255;

/** Names the request by its key; undefined without one. The order of the input's fields does not matter. */
export const idempotentRequest = (
  caller: Caller,
  operation: string,
  input: { readonly idempotencyKey?: string },
): IdempotentRequest | undefined => {
  const { idempotencyKey: key, ...rest } = input;
  if (key === undefined) return undefined;
  if (key.length === 0 || key.length > MAXIMUM_LENGTH)
    throw new BadUserInputError(`An idempotency key has 1 to ${MAXIMUM_LENGTH} characters.`);
  const sorted = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const inputHash = createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
  return { accountId: caller.accountId, operation, key, inputHash };
};

/**
 * Gives the id of the row that answered this key before; undefined when the key is new.
 *
 * @throws IdempotencyConflictError when the key was used with other arguments
 */
export const recall = async (tx: Tx, request: IdempotentRequest | undefined): Promise<string | undefined> => {
  if (!request) return undefined;
  const [earlier] = await tx.query<{ inputHash: string; nodeId: string }>({
    text: `select input_hash as "inputHash", node_id::text as "nodeId" from tollgate.idempotency
      where account_id is not distinct from $1 and operation = $2 and key = $3`,
    values: [request.accountId, request.operation, request.key],
  });
  if (earlier && earlier.inputHash !== request.inputHash) throw new IdempotencyConflictError(request.key);
  return earlier?.nodeId;
};

/**
 * Binds the key to the row that answers it, in the transaction that makes the row; the same request may bind it anew.
 *
 * @throws IdempotencyConflictError when a request with other arguments took the key meanwhile
 */
export const remember = async (tx: Tx, request: IdempotentRequest | undefined, nodeId: string): Promise<void> => {
  if (!request) return;
  const rows = await tx.query({
    text: `insert into tollgate.idempotency as i (account_id, operation, key, input_hash, node_id)
      values ($1, $2, $3, $4, $5)
      on conflict (account_id, operation, key) do update set node_id = excluded.node_id
        where i.input_hash = excluded.input_hash returning i.id`,
    values: [request.accountId, request.operation, request.key, request.inputHash, nodeId],
  });
  if (rows.length === 0) throw new IdempotencyConflictError(request.key);
};
