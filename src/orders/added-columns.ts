import { AlreadyActivatedError } from '../core/errors.js';
import { writeAudit } from '../storage/audit.js';
import type { Tx } from '../storage/database.js';
import type { OrderBinding } from '../storage/order-binding.js';
import { rowRulesSql } from '../storage/row-rules.js';
import { readBinding } from './orders.js';

/** Columns that the binding lacks. */
export interface AddedColumns {
  readonly ownerColumn?: string;
  readonly amountColumn?: string;
  readonly currencyColumn?: string;
}

/** Writes only to columns that are null; a rule in the database refuses anything else. */
const writeColumns = (tx: Tx, { ownerColumn, amountColumn, currencyColumn }: AddedColumns): Promise<object[]> =>
  tx.query({
    text: `update tollgate.order_binding set owner_column = coalesce(owner_column, $1),
      amount_column = coalesce(amount_column, $2), currency_column = coalesce(currency_column, $3)`,
    values: [ownerColumn ?? null, amountColumn ?? null, currencyColumn ?? null],
  });

/**
 * Adds the columns to the binding and keeps who did it, in a transaction that holds the migrations' key and is alone among
 * activations. Twice the same changes nothing: `isBound` is true then.
 *
 * @throws AlreadyActivatedError where another column is bound in the place of one of them
 */
export const addColumns = async (
  tx: Tx,
  bound: OrderBinding,
  columns: AddedColumns,
  actor: string,
): Promise<{ readonly binding: OrderBinding; readonly isBound: boolean }> => {
  const wanted = (['ownerColumn', 'amountColumn', 'currencyColumn'] as const).filter(
    (column) => columns[column] !== undefined && columns[column] !== bound[column],
  );
  const taken = wanted.find((column) => bound[column] !== null);
  if (taken) throw new AlreadyActivatedError(`${bound.tableName} with the column ${bound[taken]}`);
  if (wanted.length === 0) return { binding: bound, isBound: true };
  // The rules of an earlier version refuse what this one allows.
  for (const text of rowRulesSql(true)) await tx.query({ text });
  await writeColumns(tx, columns);
  const added = Object.fromEntries(wanted.map((column) => [column, columns[column]]));
  await tx.query(writeAudit(actor, 'BINDING_EXTENDED', added));
  const binding = await readBinding(tx);
  if (!binding) throw new Error('The binding is gone, although it is never removed.');
  return { binding, isBound: false };
};
