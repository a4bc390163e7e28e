import { createBatch } from '../core/batch.js';
import { isNodeId } from '../core/node-id.js';
import type { Page, PageRequest } from '../core/page.js';
import type { Database } from './database.js';

/** Rows that belong to a row of another table. */
interface OwnedRows {
  /** The statement's name. */
  readonly name: string;
  readonly table: string;
  /** The column that names the owner. */
  readonly owner: string;
  /** The select list, for SQL that names the table `alias`. */
  readonly columns: string;
  readonly alias: string;
}

/** Gives a page of an owner's rows, newest first. */
export type PagesOf<Row> = (ownerId: string, page: PageRequest) => Promise<Page<Row>>;

interface Question extends PageRequest {
  readonly ownerId: string;
}

const NONE: Page<never> = { rows: [], hasNextPage: false };

/** Builds the reader of pages: asked for many owners at once, it is one query. */
export const createPagesOf = <Row extends { readonly id: string }>(
  database: Database,
  { name, table, owner, columns, alias }: OwnedRows,
): PagesOf<Row> => {
  const readPages = createBatch(async (questions: readonly Question[]): Promise<Page<Row>[]> => {
    const rows = await database.query<Row & { place: number }>({
      name,
      text: `select q.place::integer as "place", ${columns}
        from unnest($1::bigint[], $2::integer[], $3::bigint[]) with ordinality as q (owner_id, first, after, place)
        cross join lateral (select * from ${table}
          where ${owner} = q.owner_id and (q.after is null or id < q.after) order by id desc limit q.first + 1) ${alias}
        order by q.place, ${alias}.id desc`,
      values: [
        questions.map(({ ownerId }) => ownerId),
        questions.map(({ first }) => first),
        questions.map(({ after }) => after ?? null),
      ],
    });
    const found = questions.map((): Row[] => []);
    for (const { place, ...row } of rows) found[place - 1]?.push(row as unknown as Row);
    return questions.map(({ first }, index) => {
      const owned = found[index] ?? [];
      return { rows: owned.slice(0, first), hasNextPage: owned.length > first };
    });
  });
  return async (ownerId, page) => (isNodeId(ownerId) ? readPages({ ownerId, ...page }) : NONE);
};
