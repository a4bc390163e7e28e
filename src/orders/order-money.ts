import pg from 'pg';
import { CURRENCIES } from '../core/currencies.js';
import type { OrderTable } from '../storage/order-binding.js';

const quote = pg.escapeIdentifier;

const codesOf = (decimals: number): string =>
  [...CURRENCIES.values()]
    .filter((currency) => currency.decimals === decimals)
    .map(({ code }) => `'${code}'`)
    .join(', ');

/** SQL for the currency of an order in upper case, from the alias of its table; null where the binding has none. */
export const currencySql = ({ currencyColumn, currency }: OrderTable, alias: string): string | null => {
  if (currency !== null) return pg.escapeLiteral(currency);
  return currencyColumn === null ? null : `upper(${alias}.${quote(currencyColumn)}::text)`;
};

/** How many smallest units one of the currency has. */
const scaleSql = (table: OrderTable, alias: string): string => {
  if (table.currency !== null) return String(10 ** (CURRENCIES.get(table.currency)?.decimals ?? 2));
  return `case when ${currencySql(table, alias)} in (${codesOf(0)}) then 1 when ${currencySql(table, alias)} in (${codesOf(3)}) then 1000 else 100 end`;
};

/**
 * SQL for what an order costs in its currency's smallest unit, exact: a fraction is left where the column has more digits than
 * the currency. Null where no amount is bound.
 */
export const amountSql = (table: OrderTable, alias: string): string | null => {
  const { amountColumn, amountUnit } = table;
  if (amountColumn === null) return null;
  const column = `${alias}.${quote(amountColumn)}`;
  return amountUnit === 'major' ? `trim_scale(${column}::numeric * (${scaleSql(table, alias)}))` : column;
};
