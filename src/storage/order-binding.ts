/** The types that the bound table's key may have. */
export const ORDER_KEY_TYPES = ['integer', 'bigint', 'uuid', 'text'] as const;
export type OrderKeyType = (typeof ORDER_KEY_TYPES)[number];

/** How an amount column counts: whole smallest units (1000), or the currency's major unit with its decimals (10.00). */
export const AMOUNT_UNITS = ['minor', 'major'] as const;
export type AmountUnit = (typeof AMOUNT_UNITS)[number];

/** The bound table and its columns, as far as they are kept from being altered. */
export interface GuardedTable {
  /** Schema-qualified, quoted where SQL needs it. */
  readonly tableName: string;
  readonly idColumn: string;
  /** Bound columns besides the key. */
  readonly columns: readonly string[];
}

const PART = /^(?:"((?:[^"]|"")+)"|([A-Za-z_][A-Za-z0-9_$]*))$/;

/**
 * Splits `schema.table`, or `table` in the schema public, quoted parts included, as PostgreSQL reads identifiers; undefined
 * where it is no such name.
 */
export const parseTableName = (text: string): { schema: string; table: string } | undefined => {
  const parts = text.trim().match(/"(?:[^"]|"")+"|[^."]+/g) ?? [];
  const names = parts.map((part) => {
    const match = PART.exec(part);
    return match?.[1]?.replaceAll('""', '"') ?? match?.[2]?.toLowerCase();
  });
  const [first, second] = names;
  if (names.length > 2 || first === undefined || (names.length === 2 && second === undefined)) return undefined;
  return second === undefined ? { schema: 'public', table: first } : { schema: first, table: second };
};

/** The schema and the name of a bound table. */
export const namesOf = (tableName: string): { schema: string; table: string } => {
  const names = parseTableName(tableName);
  if (!names) throw new Error(`${tableName} is no name of a table, although payments are bound to it.`);
  return names;
};

/** An order table and the columns that orders are read by. */
export interface OrderTable {
  /** Schema-qualified, quoted where SQL needs it: goes into a statement as it stands. */
  readonly tableName: string;
  /** Column names as they are, unquoted. */
  readonly idColumn: string;
  readonly ownerColumn: string | null;
  readonly amountColumn: string | null;
  /** Null while no amount is bound. */
  readonly amountUnit: AmountUnit | null;
  readonly currencyColumn: string | null;
  /** The currency of every order, upper case, where no column says it. */
  readonly currency: string | null;
}

/**
 * The one binding to the app's order table; it is never changed or removed. Not an entity: TypeORM has no `regclass`,
 * which survives a dump and restore where an oid does not.
 */
export interface OrderBinding extends OrderTable {
  readonly idType: OrderKeyType;
  readonly boundAt: Date;
}
