import { CURRENCIES } from '../core/currencies.js';
import { BadUserInputError } from '../core/errors.js';
import { findCurrency } from '../core/money.js';
import type { Queryable } from '../storage/database.js';
import { JOBS_SCHEMA } from '../storage/jobs.js';
import { type AmountUnit, ORDER_KEY_TYPES, type OrderKeyType, parseTableName } from '../storage/order-binding.js';

/** What is to be bound of it. */
export interface BindableColumns {
  readonly idColumn: string;
  readonly ownerColumn?: string | undefined;
  readonly amountColumn?: string | undefined;
  readonly amountUnit?: AmountUnit | undefined;
  readonly currencyColumn?: string | undefined;
  readonly currency?: string | undefined;
}

interface Found {
  readonly tableName: string;
  readonly kind: string;
  readonly persistence: string;
  readonly extension: string | null;
  readonly parent: string | null;
  readonly child: string | null;
}

const FIND_TABLE = `select format('%I.%I', n.nspname, c.relname) as "tableName", c.relkind::text as "kind",
    c.relpersistence::text as "persistence",
    (select e.extname::text from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
      where d.deptype = 'e' and d.classid = 'pg_class'::regclass and d.objid = c.oid) as "extension",
    (select format('%I.%I', pn.nspname, p.relname) from pg_inherits i join pg_class p on p.oid = i.inhparent
      join pg_namespace pn on pn.oid = p.relnamespace where i.inhrelid = c.oid and c.relispartition) as "parent",
    (select format('%I.%I', kn.nspname, k.relname) from pg_inherits i join pg_class k on k.oid = i.inhrelid
      join pg_namespace kn on kn.oid = k.relnamespace where i.inhparent = c.oid and not k.relispartition limit 1) as "child"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2 and c.relkind not in ('i', 'I', 'c', 't')`;

/** Tables of the same name but for capitals, or in another schema. */
const FIND_LIKE = `select format('%I.%I', n.nspname, c.relname) as "tableName" from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where lower(c.relname) = lower($2) and c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema$|tollgate)'
  order by lower(n.nspname) = lower($1) desc, 1 limit 3`;

const OWN_SCHEMAS: Readonly<Record<string, string>> = {
  tollgate: "is one of Tollgate's own tables",
  tollgate_guard: "is one of Tollgate's own tables",
  [JOBS_SCHEMA]: "belongs to Tollgate's queue of effects",
  graphile_worker: 'belongs to a job queue',
  information_schema: "is one of PostgreSQL's own",
};

const KINDS: Readonly<Record<string, string>> = {
  f: 'is a foreign table: its rows lie elsewhere, where no foreign key can hold them',
  v: 'is no table but a view: payments need a foreign key to the table behind it',
  m: 'is no table but a materialized view: payments need a foreign key to the table behind it',
};

/** Why orders can't be in a table of this schema; undefined where they can. */
const ownerOf = (schema: string): string | undefined => {
  if (/^pg_(toast_)?temp/.test(schema)) return 'is temporary: it is gone with its session';
  return OWN_SCHEMAS[schema] ?? (schema.startsWith('pg_') ? "is one of PostgreSQL's own" : undefined);
};

/** Why orders can't be in this table, each fault its own sentence; undefined where they can. */
const faultOf = ({ kind, persistence, extension, parent, child }: Found): string | undefined => {
  if (kind !== 'r' && kind !== 'p') return KINDS[kind] ?? 'is no table: payments need a foreign key to it';
  if (persistence === 'u')
    return 'is unlogged: a crash empties it, and standbys and backups lack it. Make it lasting first: alter table … set logged';
  if (extension !== null)
    return `is part of the extension ${extension}: it is not in a dump, and goes with the extension`;
  if (parent !== null) return `is a partition: orders of the other partitions could not be paid. Bind ${parent}`;
  if (child !== null) return `has a table that inherits from it (${child}): no foreign key holds orders there`;
  return undefined;
};

const missing = async (on: Queryable, schema: string, table: string, shown: string): Promise<string> => {
  const alike = await on.query<{ tableName: string }>({ text: FIND_LIKE, values: [schema, table] });
  if (alike.length === 0) return `There is no table ${shown}. Create it first, or check its schema.`;
  const names = alike.map(({ tableName }) => tableName);
  const quoted = names.some((name) => name.includes('"'))
    ? ' A name with capitals or other characters keeps its quotes.'
    : '';
  return `There is no table ${shown}. Did you mean ${names.map((name) => `'${name}'`).join(' or ')}?${quoted}`;
};

/** @throws BadUserInputError if it is not a table name */
const namesOf = (shown: string): { schema: string; table: string } => {
  const names = parseTableName(shown);
  if (names) return names;
  throw new BadUserInputError(
    `"${shown}" is no table name. Write schema.table, for example public.shop_order; a name with other characters than letters, digits and _ keeps its quotes: 'public."shop-order"'.`,
  );
};

/** The name as the database writes it: schema-qualified, quoted where SQL needs it. @throws BadUserInputError */
export const readTableName = async (on: Queryable, shown: string): Promise<string> => {
  const { schema, table } = namesOf(shown);
  const [row] = await on.query<{ name: string }>({
    text: `select format('%I.%I', $1::text, $2::text) as "name"`,
    values: [schema, table],
  });
  return row?.name ?? shown;
};

/**
 * Looks the table up in the catalogs, and gives its name as the database writes it.
 *
 * @throws BadUserInputError with the reason why orders can't be in it
 */
export const findBindable = async (on: Queryable, shown: string): Promise<string> => {
  const { schema, table } = namesOf(shown);
  const reason = ownerOf(schema);
  if (reason !== undefined) throw new BadUserInputError(`${shown} ${reason}. Bind the table of your app's orders.`);
  const [found] = await on.query<Found>({ text: FIND_TABLE, values: [schema, table] });
  if (!found) throw new BadUserInputError(await missing(on, schema, table, shown));
  const fault = faultOf(found);
  if (fault !== undefined) throw new BadUserInputError(`${shown} ${fault}.`);
  return found.tableName;
};

interface Column {
  readonly name: string;
  readonly type: string;
  /** What a domain is made of; otherwise the same as `type`. */
  readonly baseType: string;
  /** Of the base type: `S` text, `E` an enum. */
  readonly category: string;
  readonly labels: readonly string[];
  readonly isKey: boolean;
  /** False where different texts may be the same to its collation. */
  readonly isExact: boolean;
  /** What a partitioned table is divided by; null for other tables. */
  readonly partitionKey: string | null;
}

/** The table's columns with their types; `isKey`: a primary or unique key of that column alone, which a foreign key can lead to. */
const readColumns = (on: Queryable, tableName: string): Promise<Column[]> =>
  on.query<Column>({
    text: `with recursive base as (
        select a.attname, a.attrelid, a.attnum, a.attcollation, a.atttypid as "own", a.atttypmod as "ownMod",
          a.atttypid as "type", a.atttypmod as "mod"
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where format('%I.%I', n.nspname, c.relname) = $1 and a.attnum > 0 and not a.attisdropped
        union all
        select b.attname, b.attrelid, b.attnum, b.attcollation, b."own", b."ownMod", t.typbasetype, t.typtypmod
        from base b join pg_type t on t.oid = b."type" where t.typtype = 'd')
      select b.attname as "name", format_type(b."own", b."ownMod") as "type", format_type(b."type", b."mod") as "baseType",
        t.typcategory::text as "category",
        array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as "labels",
        exists (select from pg_index i where i.indrelid = b.attrelid and i.indisunique and i.indisvalid and i.indimmediate
          and i.indpred is null and i.indnkeyatts = 1 and i.indkey[0] = b.attnum) as "isKey",
        coalesce((select l.collisdeterministic from pg_collation l where l.oid = b.attcollation), true) as "isExact",
        pg_get_partkeydef(b.attrelid) as "partitionKey"
      from base b join pg_type t on t.oid = b."type" where t.typtype <> 'd' order by b.attnum`,
    values: [tableName],
  });

const columnNamed = (columns: readonly Column[], name: string, table: string): Column => {
  const column = columns.find((candidate) => candidate.name === name);
  if (!column)
    throw new BadUserInputError(
      `${table} has no column ${name}. It has: ${columns.map((candidate) => candidate.name).join(', ')}.`,
    );
  return column;
};

/** @throws BadUserInputError where the column can be no key of orders */
const keyTypeOf = ({ name, type, baseType, isKey, isExact, partitionKey }: Column, tableName: string): OrderKeyType => {
  const plain = /^character varying(\(\d+\))?$/.test(baseType) ? 'text' : baseType;
  const idType = ORDER_KEY_TYPES.find((known) => known === plain);
  const column = `${tableName}.${name}`;
  if (idType === undefined)
    throw new BadUserInputError(`${column} is ${type}; an order's key is integer, bigint, uuid, text or varchar.`);
  if (!isExact)
    throw new BadUserInputError(
      `${column} has a collation to which different texts are the same; an order's key needs a deterministic one.`,
    );
  if (isKey) return idType;
  if (partitionKey === null)
    throw new BadUserInputError(`${column} must be the primary key, or unique by itself and not deferrable.`);
  throw new BadUserInputError(
    `${column} must be unique by itself, and ${tableName} is partitioned by ${partitionKey}: PostgreSQL keeps a key unique in all partitions only where it is what they are divided by. Divide the table by ${name} (a uuid v7 or ulid begins with its time, so ranges of it are ranges of dates), or bind an undivided table that has one row for each order.`,
  );
};

const WHOLE_NUMBER = /^(smallint|integer|bigint|numeric\(\d+,0\))$/;
const EXACT_NUMBER = /^(smallint|integer|bigint|numeric(\(\d+,-?\d+\))?)$/;
const MAJOR = 'amounts such as 10.00';
const TO_NUMERIC =
  'Make it numeric (alter table … alter column … type numeric(12,2)), or add a generated column of that type and bind this one';

/** @throws BadUserInputError where amounts can't be read from the column exactly */
const checkAmount = ({ name, type, baseType }: Column, tableName: string, unit: AmountUnit): void => {
  if ((unit === 'major' ? EXACT_NUMBER : WHOLE_NUMBER).test(baseType)) return;
  const column = `${tableName}.${name} is ${type}`;
  if (/^(real|double precision)$/.test(baseType))
    throw new BadUserInputError(`${column}, which rounds; an amount must be exact. ${TO_NUMERIC}.`);
  if (baseType === 'money')
    throw new BadUserInputError(`${column}, whose decimals depend on the server's locale. ${TO_NUMERIC}.`);
  if (unit === 'minor' && EXACT_NUMBER.test(baseType))
    throw new BadUserInputError(
      `${column}; an amount is a whole number of the smallest unit (bigint: 10000 for 100.00 USD). For ${MAJOR} say so: --amount-unit major, amountUnit MAJOR.`,
    );
  throw new BadUserInputError(`${column}; an amount is a whole number of the smallest unit, or numeric for ${MAJOR}.`);
};

/** @throws BadUserInputError where the column says no currency */
const checkCurrency = ({ name, type, category, labels }: Column, tableName: string): void => {
  const column = `${tableName}.${name} is ${type}`;
  if (category === 'E' && !labels.some((label) => CURRENCIES.has(label.toUpperCase())))
    throw new BadUserInputError(`${column}, an enum of no currencies: ${labels.join(', ')}.`);
  if (category !== 'S' && category !== 'E')
    throw new BadUserInputError(
      `${column}; a currency is text or an enum: its ISO 4217 code. Where all orders are in one currency, name it (--currency EUR); where the code is in another table, add a column for it.`,
    );
};

/** The currency of all orders, upper case. @throws BadUserInputError, CurrencyUnsupportedError */
const checkOneCurrency = ({ currency, currencyColumn }: BindableColumns): void => {
  if (currency === undefined) return;
  if (currencyColumn !== undefined)
    throw new BadUserInputError('The currency is either in a column or the same for all orders, not both.');
  findCurrency(currency);
};

/**
 * Gives the key's type, once every column is one that can be bound.
 *
 * @throws BadUserInputError naming the column that can't, CurrencyUnsupportedError
 */
export const checkColumns = async (
  on: Queryable,
  tableName: string,
  wanted: BindableColumns,
): Promise<OrderKeyType> => {
  const { idColumn, ownerColumn, amountColumn, amountUnit = 'minor', currencyColumn } = wanted;
  const columns = await readColumns(on, tableName);
  const idType = keyTypeOf(columnNamed(columns, idColumn, tableName), tableName);
  if (ownerColumn !== undefined) columnNamed(columns, ownerColumn, tableName);
  if (amountColumn !== undefined) checkAmount(columnNamed(columns, amountColumn, tableName), tableName, amountUnit);
  if (currencyColumn !== undefined) checkCurrency(columnNamed(columns, currencyColumn, tableName), tableName);
  checkOneCurrency(wanted);
  if (amountUnit === 'major' && amountColumn === undefined)
    throw new BadUserInputError('The unit of amounts is told together with their column.');
  if (amountUnit === 'major' && currencyColumn === undefined && wanted.currency === undefined)
    throw new BadUserInputError(
      `How many digits ${MAJOR} have depends on the currency: bind its column (--currency-column), or name the one of all orders (--currency EUR).`,
    );
  return idType;
};
