import type { DataSource, EntityMetadata } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { createDataSource, type Entities } from './data-source.js';

interface Found {
  readonly columns: readonly { table: string; name: string; type: string; required: boolean }[];
  readonly checks: readonly { table: string; name: string }[];
  /** `columns`: of a unique index without a condition, in the order of their names. */
  readonly indexes: readonly { table: string; name: string; unique: boolean; columns: string | null }[];
}

const FIND = `with ours as (select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'tollgate' and c.relkind = 'r')
  select
    (select json_agg(json_build_object('table', o.relname, 'name', a.attname, 'type',
        format_type(a.atttypid, null), 'required', a.attnotnull))
      from pg_attribute a join ours o on o.oid = a.attrelid where a.attnum > 0 and not a.attisdropped) as "columns",
    (select coalesce(json_agg(json_build_object('table', o.relname, 'name', c.conname)), '[]')
      from pg_constraint c join ours o on o.oid = c.conrelid where c.contype = 'c' and c.convalidated) as "checks",
    (select json_agg(json_build_object('table', o.relname, 'name', x.relname, 'unique', i.indisunique, 'columns',
        case when i.indisunique and i.indpred is null then (select string_agg(a.attname, ', ' order by a.attname)
          from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any (i.indkey)) end))
      from pg_index i join ours o on o.oid = i.indrelid join pg_class x on x.oid = i.indexrelid where i.indisvalid) as "indexes"`;

/** Its type is the bound key's. */
const ORDER = 'order_id';

const typeOf = (driver: DataSource['driver'], column: ColumnMetadata): string =>
  `${driver.normalizeType(column)}${column.isArray ? '[]' : ''}`;

const lacksOf = (entity: EntityMetadata, { driver }: DataSource, found: Found): string[] => {
  const { tableName: table, primaryColumns, uniques } = entity;
  const lacks: string[] = [];
  const tell = (what: string): void => void lacks.push(`tollgate.${table} ${what}`);
  for (const expected of entity.columns) {
    const name = expected.databaseName;
    const column = found.columns.find((one) => one.table === table && one.name === name);
    if (!column) tell(`lacks the column ${name}`);
    else if (name !== ORDER && column.type !== typeOf(driver, expected)) tell(`has a ${name} of another type`);
    else if (!expected.isNullable && !column.required) tell(`takes null for ${name}`);
  }
  for (const { name } of entity.checks)
    if (!found.checks.some((one) => one.table === table && one.name === name)) tell(`lacks the check ${name}`);
  for (const { name, isUnique } of entity.indices)
    if (!found.indexes.some((one) => one.table === table && one.name === name && (one.unique || !isUnique)))
      tell(`lacks the index ${name}`);
  for (const unique of [primaryColumns, ...uniques.map(({ columns }) => columns)]) {
    const columns = unique
      .map(({ databaseName }) => databaseName)
      .sort()
      .join(', ');
    if (!found.indexes.some((one) => one.table === table && one.columns === columns)) tell(`may hold ${columns} twice`);
  }
  return lacks;
};

const driftOf = async (source: DataSource): Promise<string[]> => {
  const [found] = await source.query<Found[]>(FIND);
  return found ? source.entityMetadatas.flatMap((entity) => lacksOf(entity, source, found)) : [];
};

/** What the tables lack of that which the migrations made, in words; it changes nothing. */
export const findDrift = async (url: string, entities: Entities): Promise<string[]> => {
  const source = await createDataSource(url, entities, 1).initialize();
  try {
    return await driftOf(source);
  } finally {
    await source.destroy();
  }
};
