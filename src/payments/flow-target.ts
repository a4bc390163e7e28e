import type { Queryable } from '../storage/database.js';
import type { OrderBinding } from '../storage/order-binding.js';
import type { FlowTarget } from './flow-templates.js';

interface Column {
  readonly name: string;
  /** As it goes into a statement. */
  readonly quoted: string;
  readonly type: string;
  readonly length: number | null;
  readonly required: boolean;
  readonly filled: boolean;
  readonly generated: boolean;
  readonly unique: boolean;
  readonly constrained: boolean;
}

const FIND_COLUMNS = `select a.attname as "name", quote_ident(a.attname) as "quoted", a.atttypid::regtype::text as "type",
    nullif(a.atttypmod, -1) - 4 as "length", a.attnotnull as "required",
    a.atthasdef or a.attidentity <> '' as "filled", a.attgenerated <> '' as "generated",
    exists (select from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indnkeyatts = 1
      and i.indkey[0] = a.attnum) as "unique",
    exists (select from pg_constraint c where c.conrelid = a.attrelid and c.contype in ('c', 'f')
      and a.attnum = any (c.conkey)) as "constrained"
  from pg_attribute a where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`;

/** The longest word that the generated flows write. */
const STATUS_LENGTH = 'partially_refunded'.length;

/** Text that nothing else constrains: an UPDATE that fails would keep the payment's event from being applied. */
const takesWords = ({ name, type, length, generated, constrained }: Column): boolean =>
  name === 'status' &&
  ['text', 'character varying'].includes(type) &&
  (length === null || length >= STATUS_LENGTH) &&
  !generated &&
  !constrained;

/** What a copied order gets in this column; undefined leaves it to its default, or empty. */
const copyOf = (column: Column, { tableName, ...binding }: OrderBinding): string | undefined => {
  const { name, quoted, type } = column;
  if (name === binding.amountColumn) return '$amount';
  if (name === binding.currencyColumn) return '$currency';
  if (column.filled || column.generated) return undefined;
  if (name === binding.idColumn)
    return type === 'uuid' ? 'gen_random_uuid()' : `(select max(${quoted}) + 1 from ${tableName})`;
  if (takesWords(column)) return `'pending'`;
  if (!column.unique) return quoted;
  if (!column.required) return undefined;
  return type === 'uuid' ? 'gen_random_uuid()' : type === 'text' ? 'gen_random_uuid()::text' : quoted;
};

/** Reads how the generated flows write to the bound table. */
export const readFlowTarget = async (database: Queryable, binding: OrderBinding): Promise<FlowTarget> => {
  const columns = await database.query<Column>({ text: FIND_COLUMNS, values: [binding.tableName] });
  const quotedOf = (name: string | null): string | undefined => columns.find((column) => column.name === name)?.quoted;
  const status = columns.find(takesWords);
  return {
    table: binding.tableName,
    id: quotedOf(binding.idColumn) ?? binding.idColumn,
    amount: quotedOf(binding.amountColumn) ?? null,
    status: status === undefined ? null : status.required ? 'status' : `coalesce(status, '')`,
    copy: Object.fromEntries(
      columns.flatMap((column) => {
        const value = copyOf(column, binding);
        return value === undefined ? [] : [[column.quoted, value]];
      }),
    ),
  };
};
