import type { Caller } from './caller.js';
import { type Cell, csvLine } from './csv.js';
import { BadUserInputError, denial } from './errors.js';
import type { Page, PageOfBoth } from './page.js';
import type { Permission } from './permissions.js';

/** The most rows of one export. */
const MOST_ROWS = 100_000;
/** Of so many rows the server holds the text at a time. */
const PAGE_ROWS = 1_000;

/** How a list is narrowed, as it stands in an address or on a command line. */
export type AskedFilter = Readonly<Record<string, string>>;

/** A list as comma-separated values. */
export interface ExportList {
  readonly name: string;
  /** What it may be narrowed by. */
  readonly filters: readonly string[];
  /**
   * Begins to read it as the caller may: the lines in pieces, the heading first. `again` gives the caller anew before each piece.
   *
   * @throws UNAUTHENTICATED or FORBIDDEN without the permission of the list, BadUserInputError for a filter that it hasn't, and for more
   *   than MOST_ROWS rows: nothing is left out without a word
   */
  open(asked: AskedFilter, again: () => Promise<Caller>): Promise<AsyncIterable<string>>;
}

/** What a row has that a cell can hold as it is. */
type Plain<Row> = { [Name in keyof Row]: Row[Name] extends Cell ? Name : never }[keyof Row] & string;

/** A column: something of the row as it is, or made of it under a name. */
type Column<Row> = Plain<Row> | readonly [name: string, of: (row: Row) => Cell];

/** What a list is exported by. */
interface Exported<Row, Filter> {
  readonly name: string;
  readonly permission: Permission;
  readonly columns: readonly Column<Row>[];
  /** Reads one filter: its name among the list's own, and its value. */
  readonly filters: Readonly<Record<string, (text: string, name: string) => unknown>>;
  list(filter: Filter & PageOfBoth, caller: Caller): Promise<Page<Row>>;
}

/** A filter that takes any text. */
export const anyText = (text: string): string => text;

/** A filter that takes one of some words. */
export const oneOf =
  (words: readonly string[]) =>
  (text: string, name: string): string => {
    if (!words.includes(text)) throw new BadUserInputError(`"${name}" must be one of: ${words.join(', ')}.`);
    return text;
  };

const FORM = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A filter that takes a date (UTC) or a time. */
export const aTime = (text: string, name: string): Date => {
  const time = new Date(text);
  if (!FORM.test(text) || Number.isNaN(time.getTime()))
    throw new BadUserInputError(`"${name}" must be a time such as 2026-01-31T12:00:00Z, or a date.`);
  return time;
};

const readFilters = (
  filters: Exported<object, object>['filters'],
  asked: AskedFilter,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(asked).map(([name, text]) => {
      const read = Object.hasOwn(filters, name) ? filters[name] : undefined;
      if (!read)
        throw new BadUserInputError(`There is no filter "${name}". There are: ${Object.keys(filters).join(', ')}.`);
      return [name, read(text, name)];
    }),
  );

/** Builds the export of a list over what the list itself is read by. */
export const defineExport = <Row extends { readonly id: string }, Filter extends object>({
  name,
  permission,
  columns,
  filters,
  list,
}: Exported<Row, Filter>): ExportList => {
  const heading = columns.map((column) => (typeof column === 'string' ? column : column[0]));
  const cellsOf = (row: Row): Cell[] =>
    columns.map((column) => (typeof column === 'string' ? (row[column] as Cell) : column[1](row)));

  const assertMay = (caller: Caller): Caller => {
    if (!caller.permissions.has(permission)) throw denial(caller, permission);
    return caller;
  };

  async function* read(filter: Filter, again: () => Promise<Caller>): AsyncGenerator<string> {
    yield csvLine(heading);
    let after: string | undefined;
    let left = MOST_ROWS;
    while (left > 0) {
      const page = { first: Math.min(PAGE_ROWS, left), ...(after !== undefined && { after }) };
      const { rows, hasNextPage } = await list({ ...filter, ...page }, assertMay(await again()));
      yield rows.map((row) => csvLine(cellsOf(row))).join('');
      after = rows.at(-1)?.id;
      left -= rows.length;
      if (!hasNextPage || after === undefined) return;
    }
  }

  return {
    name,
    filters: Object.keys(filters),
    async open(asked, again) {
      const caller = assertMay(await again());
      const filter = readFilters(filters, asked) as Filter;
      const beyond = await list({ ...filter, first: 1, skip: MOST_ROWS }, caller);
      if (beyond.rows.length > 0)
        throw new BadUserInputError(
          `More than ${MOST_ROWS} rows fit. Narrow it, for example by createdFrom and createdTo, and export it in parts.`,
        );
      return read(filter, again);
    },
  };
};
