import { createBatch } from '../core/batch.js';
import type { Queryable } from './database.js';
import { selectList } from './select-list.js';

/** Reads rows of one table by id without checking permissions; an id must have our format. */
export interface RowReads<Row> {
  /** The row, or undefined; as it is when it is asked for, or newer. Many asked for at once share a few statements. */
  one(id: string): Promise<Row | undefined>;
  /** The rows that there are, in any order. */
  many(ids: readonly string[]): Promise<Row[]>;
}

/** So many statements of single reads run at once: what is asked meanwhile shares the next, which costs less than one each. */
const AT_ONCE = 2;

/** Builds the reads of a table of the schema `tollgate`, of all columns that its entity selects. */
export const createRowReads = <Row extends { readonly id: string }>(
  database: Queryable,
  table: string,
  entity: abstract new () => Row,
): RowReads<Row> => {
  const many = async (ids: readonly string[]): Promise<Row[]> =>
    ids.length === 0
      ? []
      : database.query<Row>({
          name: `${table}_read_many`,
          text: `select ${selectList(entity, 'r')} from tollgate.${table} r where r.id = any($1::bigint[])`,
          values: [ids],
        });
  const one = createBatch(
    async (ids: readonly string[]) => {
      const byId = new Map((await many(ids)).map((row) => [row.id, row]));
      return ids.map((id) => byId.get(id));
    },
    { atOnce: AT_ONCE },
  );
  return { one, many };
};
