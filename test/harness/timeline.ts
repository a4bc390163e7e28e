import type { TestBed } from './tollgate.js';

/** A row's timeline, oldest first, these columns of each line; of a payment's the lines alone whose note begins so, where that is given. */
export const readTimeline = async (
  { sql }: TestBed,
  { type, id }: { readonly type: string; readonly id: string },
  { columns, noted }: { readonly columns: string; readonly noted?: string },
): Promise<unknown[][]> => {
  const { rows } = await sql.query<Record<string, unknown>>(
    `select ${columns} from tollgate.change
      where node_type = $1 and node_id = $2 and ($3::text is null or node_type <> 'PAYMENT' or starts_with(note, $3)) order by id`,
    [type, id, noted ?? null],
  );
  return rows.map((row) => Object.values(row));
};
