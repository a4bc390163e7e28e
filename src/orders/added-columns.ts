import { AlreadyActivatedError } from '../core/errors.js';
import { writeAudit } from '../storage/audit.js';
import type { Tx } from '../storage/database.js';
import type { AmountUnit, OrderBinding } from '../storage/order-binding.js';
import { rowRulesSql } from '../storage/row-rules.js';
import type { BindableColumns } from './bindable-table.js';
import { readBinding } from './orders.js';

/** Columns that the binding lacks. */
export interface AddedColumns {
  readonly ownerColumn?: string;
  readonly amountColumn?: string;
  /** Of the amount that is added; `minor` unless told. */
  readonly amountUnit?: AmountUnit;
  readonly currencyColumn?: string;
  /** The currency of every order, in the place of a column. */
  readonly currency?: string;
}

/** What is checked of the table: the columns that are added, beside the currency that is bound already. */
export const withBound = (bound: OrderBinding, columns: AddedColumns): BindableColumns => {
  const isNamed = columns.currencyColumn !== undefined || columns.currency !== undefined;
  return {
    idColumn: bound.idColumn,
    ...(isNamed ? {} : { currencyColumn: bound.currencyColumn ?? undefined, currency: bound.currency ?? undefined }),
    ...columns,
  };
};

/** Writes only to columns that are null; a rule in the database refuses anything else. */
const writeColumns = (tx: Tx, columns: AddedColumns): Promise<object[]> =>
  tx.query({
    text: `update tollgate.order_binding set owner_column = coalesce(owner_column, $1),
      amount_unit = case when amount_column is null and $2::text is not null then $3 else amount_unit end,
      amount_column = coalesce(amount_column, $2), currency_column = coalesce(currency_column, $4),
      currency = coalesce(currency, $5)`,
    values: [
      columns.ownerColumn ?? null,
      columns.amountColumn ?? null,
      columns.amountUnit ?? 'minor',
      columns.currencyColumn ?? null,
      columns.currency ?? null,
    ],
  });

const isOtherCurrency = (bound: OrderBinding, { currency, currencyColumn }: AddedColumns): boolean =>
  (currency !== undefined && bound.currencyColumn !== null) ||
  (currencyColumn !== undefined && bound.currency !== null);

const words = (bound: OrderBinding, part: keyof AddedColumns): string =>
  `${{ amountUnit: 'amounts in the unit', currency: 'the currency' }[part as string] ?? 'the column'} ${bound[part]}`;

/**
 * Adds the columns to the binding and keeps who did it, in a transaction that holds the migrations' key and is alone among
 * activations. Twice the same changes nothing: `isBound` is true then.
 *
 * @throws AlreadyActivatedError where another column is bound in the place of one of them
 */
export const addColumns = async (
  tx: Tx,
  bound: OrderBinding,
  added: AddedColumns,
  actor: string,
): Promise<{ readonly binding: OrderBinding; readonly isBound: boolean }> => {
  const columns = {
    ...added,
    ...(added.currency !== undefined && { currency: added.currency.toUpperCase() }),
    ...(added.amountColumn !== undefined && { amountUnit: added.amountUnit ?? 'minor' }),
  };
  const wanted = (['ownerColumn', 'amountColumn', 'amountUnit', 'currencyColumn', 'currency'] as const).filter(
    (column) => columns[column] !== undefined && columns[column] !== bound[column],
  );
  const taken = wanted.find((column) => bound[column] !== null);
  if (taken) throw new AlreadyActivatedError(`${bound.tableName} with ${words(bound, taken)}`);
  if (isOtherCurrency(bound, columns))
    throw new AlreadyActivatedError(
      `${bound.tableName} with ${words(bound, bound.currency === null ? 'currencyColumn' : 'currency')}`,
    );
  if (wanted.length === 0) return { binding: bound, isBound: true };
  // The rules of an earlier version refuse what this one allows.
  for (const text of rowRulesSql(true)) await tx.query({ text });
  await writeColumns(tx, columns);
  const detail = Object.fromEntries(wanted.map((column) => [column, columns[column]]));
  await tx.query(writeAudit(actor, 'BINDING_EXTENDED', detail));
  const binding = await readBinding(tx);
  if (!binding) throw new Error('The binding is gone, although it is never removed.');
  return { binding, isBound: false };
};
