import type { Page, PageOfBoth } from '../core/page.js';
import type { Queryable } from './database.js';

/** Gives the place of a value in a statement. */
export type Bind = (value: unknown) => string;
/** Something that must hold of the rows of a list, in SQL. */
export type Condition = (bind: Bind) => string;

/** A table as it is listed: newest first, by time and id. An index begins with what the conditions fix and goes on with these two. */
export interface Listing {
  readonly table: string;
  readonly alias: string;
  /** What is read of each row. */
  readonly columns: string;
  /** When it came. */
  readonly time: 'created_at' | 'received_at' | 'at';
  /** What its rows belong to, for conditions on that. */
  readonly join?: string;
  readonly id: 'bigint' | 'text';
}

/** The condition that a column is something; none where that isn't asked for. */
export const isEqual = (column: string, value: unknown): Condition[] =>
  value === undefined ? [] : [(bind) => `${column} = ${bind(value)}`];

/** The same for a status; that it isn't the one that most rows have is said too: an index knows the others alone. */
export const isOfStatus = (column: string, status: string | undefined, most: string): Condition[] => [
  ...isEqual(column, status),
  ...(status === undefined || status === most ? [] : [() => `${column} <> '${most}'`]),
];

/** The condition that a time is not before the one, and before the other. */
export const isWithin = (column: string, from: Date | undefined, to: Date | undefined): Condition[] => [
  ...(from === undefined ? [] : [(bind: Bind) => `${column} >= ${bind(from)}::timestamptz`]),
  ...(to === undefined ? [] : [(bind: Bind) => `${column} < ${bind(to)}::timestamptz`]),
];

/**
 * Reads a page by the keys of its neighbours, so that a page far behind costs what the first does. The statement holds the conditions that are
 * asked for and no others, and has no name: a plan that fits any of them would fit none.
 */
export const readPage = async <Row extends object>(
  on: Queryable,
  { table, alias, columns, time, join = '', id }: Listing,
  conditions: readonly Condition[],
  { first, after, before, fromEnd, skip }: PageOfBoth,
): Promise<Page<Row>> => {
  const values: unknown[] = [];
  const bind: Bind = (value) => `$${values.push(value)}`;
  const beyond = (than: '<' | '>', of: string): string => {
    const key = `${bind(of)}::${id}`;
    // Read as values, not as a row: an index is searched by the one alone.
    return `(${alias}.${time}, ${alias}.id) ${than} ((select ${time} from ${table} where id = ${key}), ${key})`;
  };
  const all = [
    ...conditions.map((condition) => condition(bind)),
    ...(after === undefined ? [] : [beyond('<', after)]),
    ...(before === undefined ? [] : [beyond('>', before)]),
  ];
  const direction = fromEnd ? 'asc' : 'desc';
  const found = await on.query<Row>({
    text: `select ${columns} from ${table} ${alias} ${join} ${all.length > 0 ? `where ${all.join(' and ')}` : ''}
      order by ${alias}.${time} ${direction}, ${alias}.id ${direction} limit ${bind(first + 1)}${skip === undefined ? '' : ` offset ${bind(skip)}`}`,
    values,
  });
  const rows = found.slice(0, first);
  const isMore = found.length > first;
  return fromEnd
    ? { rows: rows.reverse(), hasNextPage: before !== undefined, hasPreviousPage: isMore }
    : { rows, hasNextPage: isMore };
};
