import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/storage/database.js';
import { createStatementNames } from '../../src/storage/statement-names.js';
import { createTestDatabase, type TestDatabase } from '../harness/postgres.js';

describe('statements that come without a name', () => {
  test('get one when they come again and again, and keep it', () => {
    const names = createStatementNames();
    const given = Array.from({ length: 8 }, () => names.of('select 1'));
    expect(given.slice(0, 5)).toEqual(Array(5).fill(undefined));
    expect(new Set(given.slice(5)).size).toBe(1);
    expect(given[5]).toMatch(/^t[0-9a-f]{24}$/);
  });

  test('get none when each differs, however many there are', () => {
    const names = createStatementNames();
    for (let value = 0; value < 3_000; value += 1) expect(names.of(`select ${value}`)).toBeUndefined();
  });
});

describe('a table that the app alters', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = createDatabase({ url: testDatabase.url, poolSize: 2 });
  });
  afterAll(async () => {
    await database.close();
    await testDatabase.drop();
  });

  test('is read with its new columns by a statement that was prepared before', async () => {
    await database.query({ text: 'create table public.wide (id integer)' });
    await database.query({ text: 'insert into public.wide values (1)' });
    const read = (): Promise<object[]> =>
      database.transaction((tx) => tx.query({ text: 'select * from public.wide where id = $1', values: [1] }));
    for (let time = 0; time < 10; time += 1) expect(await read()).toEqual([{ id: 1 }]);
    await database.query({ text: `alter table public.wide add column name text default 'new'` });
    expect(await read()).toEqual([{ id: 1, name: 'new' }]);
  });
});
