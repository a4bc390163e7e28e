import { OPEN_GUARD } from '../../src/storage/definition-guard.js';
import { sql } from './sql.js';
import type { TestBed } from './tollgate.js';

/** Makes a row as old as a test needs it: the rule that keeps dates rests meanwhile, as none but a superuser may let it. */
export const makeOlder = async (
  { database }: Pick<TestBed, 'database'>,
  { table, column, id, by }: { table: string; column: string; id: string; by: string },
): Promise<void> => {
  await sql(
    database.url,
    `begin; ${OPEN_GUARD};
      alter table tollgate.${table} disable trigger keep_columns;
      update tollgate.${table} set ${column} = now() - interval '${by}' where id = '${id}';
      alter table tollgate.${table} enable always trigger keep_columns;
      commit`,
  );
};
