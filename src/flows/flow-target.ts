import type { Queryable } from '../storage/database.js';
import type { OrderTable } from '../storage/order-binding.js';
import { isForbidden } from '../storage/rights.js';
import type { FlowTarget, OrderStatus, Shelf, StatusWords } from './flow-templates.js';

interface Column {
  readonly name: string;
  /** As it goes into a statement. */
  readonly quoted: string;
  readonly type: string;
  /** `e`: an enum, `d`: a domain, `b`: a plain type. */
  readonly kind: string;
  readonly length: number | null;
  readonly required: boolean;
  readonly filled: boolean;
  readonly generated: boolean;
  readonly unique: boolean;
  /** CHECK constraints of this column alone, those of its domain included, as PostgreSQL prints them. */
  readonly checks: readonly string[];
  /** Whether a constraint is about this column and others together. */
  readonly isEntangled: boolean;
  /** SQL for the values of the table that it refers to; null where it refers to none. */
  readonly referred: string | null;
  readonly labels: readonly string[];
}

const FIND_COLUMNS = `select a.attname as "name", quote_ident(a.attname) as "quoted", a.atttypid::regtype::text as "type",
    t.typtype::text as "kind", nullif(a.atttypmod, -1) - 4 as "length", a.attnotnull as "required",
    a.atthasdef or a.attidentity <> '' as "filled", a.attgenerated <> '' as "generated",
    exists (select from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indnkeyatts = 1
      and i.indkey[0] = a.attnum) as "unique",
    array(select pg_get_constraintdef(c.oid) from pg_constraint c where c.contype = 'c'
      and ((c.conrelid = a.attrelid and c.conkey = array[a.attnum]) or (c.contypid = t.oid and t.typtype = 'd'))) as "checks",
    exists (select from pg_constraint c where c.conrelid = a.attrelid and c.contype in ('c', 'f')
      and a.attnum = any (c.conkey) and cardinality(c.conkey) > 1) as "isEntangled",
    (select format('select r.%I::text as "value" from %s r', k.attname, c.confrelid::regclass)
      from pg_constraint c join pg_attribute k on k.attrelid = c.confrelid and k.attnum = c.confkey[1]
      where c.conrelid = a.attrelid and c.contype = 'f' and c.conkey = array[a.attnum] limit 1) as "referred",
    array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as "labels"
  from pg_attribute a join pg_type t on t.oid = a.atttypid
  where a.attrelid = (select o.oid from pg_class o join pg_namespace n on n.oid = o.relnamespace
    where format('%I.%I', n.nspname, o.relname) = $1) and a.attnum > 0 and not a.attisdropped order by a.attnum`;

/** Columns that may hold an order's status, the likeliest first. */
const STATUS_NAMES = ['status', 'order_status', 'payment_status', 'state'];

/** What each state of an order is called in practice, the words of our own first. */
const CANDIDATES: Readonly<Record<keyof StatusWords, readonly string[]>> = {
  pending: ['pending', 'unpaid', 'open', 'new', 'created', 'placed', 'draft', 'waiting', 'awaitingpayment'],
  paid: ['paid', 'payed', 'settled', 'completed', 'complete', 'done', 'confirmed', 'success', 'succeeded', 'closed'],
  partiallyRefunded: ['partiallyrefunded', 'partialrefund', 'partlyrefunded'],
  refunded: ['refunded', 'fullyrefunded', 'returned', 'moneyback', 'reversed'],
  canceled: ['canceled', 'cancelled', 'void', 'voided', 'aborted', 'withdrawn'],
};

const OWN_WORDS: StatusWords = {
  pending: 'pending',
  paid: 'paid',
  partiallyRefunded: 'partially_refunded',
  refunded: 'refunded',
  canceled: 'canceled',
};

const TEXT_TYPES = ['text', 'character varying', 'character', 'citext'];
/** A referred table that is longer holds no states. */
const MOST_WORDS = 100;

/** The literals of a CHECK such as `CHECK ((status = ANY (ARRAY['open'::text, 'paid'::text])))`. */
const literalsOf = (check: string): string[] =>
  [...check.matchAll(/'((?:[^']|'')*)'/g)].map(([, literal = '']) => literal.replaceAll("''", "'"));

/** The values that the column takes; undefined where any text will do. */
const readAllowed = async (database: Queryable, column: Column): Promise<readonly string[] | undefined> => {
  if (column.kind === 'e') return column.labels;
  if (column.referred !== null) {
    const rows = await database
      .query<{ value: string | null }>({ text: `${column.referred} limit ${MOST_WORDS + 1}` })
      .catch((error: unknown) => {
        // The server's role needs no right on it: who activates does.
        if (isForbidden(error)) return undefined;
        throw error;
      });
    if (!rows) return undefined;
    return rows.length > MOST_WORDS ? [] : rows.flatMap(({ value }) => (value === null ? [] : [value]));
  }
  return column.checks.length === 0 ? undefined : column.checks.flatMap(literalsOf);
};

const lettersOf = (word: string): string => word.toLowerCase().replaceAll(/[^a-z]/g, '');

const chooseWords = (allowed: readonly string[] | undefined, length: number | null): StatusWords => {
  const choose = (word: keyof StatusWords): string | null => {
    const fits = (text: string): boolean => length === null || text.length <= length;
    if (!allowed) return fits(OWN_WORDS[word] ?? '') ? OWN_WORDS[word] : null;
    const found = CANDIDATES[word].flatMap((candidate) => allowed.filter((value) => lettersOf(value) === candidate));
    return found[0] ?? null;
  };
  return {
    pending: choose('pending'),
    paid: choose('paid'),
    partiallyRefunded: choose('partiallyRefunded'),
    refunded: choose('refunded'),
    canceled: choose('canceled'),
  };
};

const namesOf = (values: readonly string[]): string => values.map((value) => `"${value}"`).join(', ');

/** How the flows write the status, or in words why they can't say that an order is paid. */
const readStatus = async (
  database: Queryable,
  columns: readonly Column[],
  table: string,
): Promise<{ readonly status: OrderStatus | null; readonly why: string | null }> => {
  const named = STATUS_NAMES.flatMap((name) => columns.filter((column) => column.name === name));
  const reasons: string[] = [];
  for (const column of named) {
    const { quoted, type, kind, length, required, generated, isEntangled } = column;
    const isWord = kind === 'e' || kind === 'd' || TEXT_TYPES.includes(type);
    if (!isWord || generated || isEntangled) {
      reasons.push(
        `${table}.${quoted} ${isEntangled ? 'is constrained together with other columns' : generated ? 'is generated' : `is ${type}`}`,
      );
      continue;
    }
    const allowed = await readAllowed(database, column);
    const words = chooseWords(allowed, length);
    if (words.paid !== null)
      return {
        status: { column: quoted, cast: kind === 'b' ? '' : `::${type}`, isRequired: required, words },
        why: null,
      };
    reasons.push(`${table}.${quoted} takes ${allowed?.length ? `only ${namesOf(allowed)}` : 'no such word'}`);
  }
  return { status: null, why: reasons.join('; ') || `${table} has no column status` };
};

/** What a copied order gets in this column; undefined leaves it to its default, or empty. */
const copyOf = (
  column: Column,
  { tableName, ...binding }: OrderTable,
  status: OrderStatus | null,
): string | undefined => {
  const { name, quoted, type, kind } = column;
  if (column.generated) return undefined;
  if (name === binding.amountColumn) return '$amount';
  // an enum or a domain has the currency in its own spelling
  if (name === binding.currencyColumn) return kind === 'b' ? '$currency' : quoted;
  if (column.filled) return undefined;
  if (name === binding.idColumn)
    return type === 'uuid' ? 'gen_random_uuid()' : `(select max(${quoted}) + 1 from ${tableName})`;
  if (quoted === status?.column)
    return status.words.pending === null ? quoted : `'${status.words.pending.replaceAll("'", "''")}'${status.cast}`;
  if (!column.unique) return quoted;
  if (!column.required) return undefined;
  return type === 'uuid' ? 'gen_random_uuid()' : type === 'text' ? 'gen_random_uuid()::text' : quoted;
};

/** The sample shop's shelf. Of an app's own tables none is taken for one: what counts its stock already would count twice. */
const readShelf = async (database: Queryable, { tableName }: OrderTable): Promise<Shelf | null> => {
  if (tableName !== 'public.shop_order') return null;
  const found = await database.query({
    text: `select from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and not a.attisdropped
        and (c.relname, a.attname) in (('shop_order', 'product'), ('shop_stock', 'product'), ('shop_stock', 'pieces'))`,
  });
  return found.length === 3 ? { table: 'public.shop_stock', product: 'product' } : null;
};

/** Reads how the generated flows write to the bound table. */
export const readFlowTarget = async (database: Queryable, binding: OrderTable): Promise<FlowTarget> => {
  const columns = await database.query<Column>({ text: FIND_COLUMNS, values: [binding.tableName] });
  const quotedOf = (name: string | null): string | undefined => columns.find((column) => column.name === name)?.quoted;
  const { status, why } = await readStatus(database, columns, binding.tableName);
  const mustFill = columns.filter(({ required, filled, generated }) => required && !filled && !generated);
  return {
    table: binding.tableName,
    id: quotedOf(binding.idColumn) ?? binding.idColumn,
    amount: quotedOf(binding.amountColumn) ?? null,
    ...(binding.amountUnit === 'major' && { unit: 'major' }),
    ...(columns.some(({ name, generated }) => generated && name === binding.amountColumn) && { isComputed: true }),
    status,
    why,
    shelf: await readShelf(database, binding),
    copy: Object.fromEntries(
      columns.flatMap((column) => {
        const value = copyOf(column, binding, status);
        return value === undefined ? [] : [[column.quoted, value]];
      }),
    ),
    mustFill: mustFill.map(({ quoted }) => quoted),
  };
};
