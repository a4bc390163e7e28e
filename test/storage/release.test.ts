import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { readProtection } from '../../src/storage/protection.js';
import { RELEASE } from '../../src/storage/release.js';
import { confirmUntil, pay } from '../harness/payments.js';
import { openTestBed, type TestBed } from '../harness/tollgate.js';

let bed: TestBed;
beforeAll(async () => {
  bed = await openTestBed();
});
afterAll(() => bed.close());

/** As a newer release leaves it: its number, a table, and its own wording of the rules. */
const comesFrom = async (release: number): Promise<void> => {
  await bed.sql.query(
    `insert into tollgate.setting (key, value) values ('release', to_jsonb($1::integer))
    on conflict (key) do update set value = excluded.value`,
    [release],
  );
};

const rules = async (): Promise<unknown> =>
  (await bed.sql.query(`select obj_description('tollgate.refuse()'::regprocedure, 'pg_proc') as rules`)).rows[0]?.rules;

const levelOf = async (): Promise<string> => {
  const database = createDatabase({ url: bed.database.url, poolSize: 1 });
  const { level } = await readProtection(database);
  await database.close();
  return level;
};

test('migrate notes the release, and never an older one', async () => {
  const { rows } = await bed.sql.query(`select value from tollgate.setting where key = 'release'`);
  expect(rows).toEqual([{ value: RELEASE }]);
});

test('a server runs on the tables of the next release, and neither it nor its migrate takes back what that one made', async () => {
  await comesFrom(RELEASE + 1);
  await bed.sql.query(`begin; select set_config('tollgate.migration', pg_current_xact_id()::text, true);
    comment on function tollgate.refuse() is 'of the next release'; commit`);
  const server = await bed.start();
  expect(await migrate(bed.database.url)).toEqual([]);
  expect(await rules()).toBe('of the next release');
  expect(await levelOf()).toBe('full');
  await confirmUntil(bed, server, await pay(server, await bed.createOrder()));
  await server.stop();
  const { rows } = await bed.sql.query(`select value from tollgate.setting where key = 'release'`);
  expect(rows).toEqual([{ value: RELEASE + 1 }]);
});

test('two releases ahead it refuses to start and to migrate, and says which release to run', async () => {
  await comesFrom(RELEASE + 2);
  const refusal = new RegExp(
    `database of release ${RELEASE + 2}, and this is release ${RELEASE}.*or the one before it`,
  );
  await expect(bed.start()).rejects.toThrow(refusal);
  await expect(migrate(bed.database.url)).rejects.toThrow(refusal);
});
